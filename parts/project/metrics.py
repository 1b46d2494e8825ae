"""Write metrics files: JSON with sorted keys, rounded, never NaN, so that runs can be diffed; no clocks (machine.py)."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from parts.project.files import write_json

DIGITS = 4
"""significant ones: a fixed number after the point would make 0.0 of $0.00005"""
DUST = 12
"""digits after the point, behind which there is nothing but errors of floating point"""

Value = float | int | str | None | list["Value"] | dict[str, "Value"]


def write(path: str, values: Mapping[str, Value]) -> None:
    """Write `values` to metrics/`path`.json; a NaN becomes null. All or nothing."""
    write_json(Path("metrics", f"{path}.json"), _plain(values), indent=2)


def read(path: str) -> dict[str, Value]:
    """Return metrics/`path`.json."""
    return json.loads(Path("metrics", f"{path}.json").read_text())


def key(text: str) -> str:
    """Return `text` as a part of a key: small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def rounded(value: float) -> float | None:
    """Return a number as it is written: with DIGITS significant digits; None for NaN and the infinities.

    What the arithmetic leaves of a difference of 0, such as -2.8e-17, is 0.
    """
    return float(f"{round(value, DUST):.{DIGITS}g}") + 0.0 if math.isfinite(value) else None


def by_arm(values: Mapping[str, Value], arms: Iterable[str]) -> dict[str, dict[str, Value]]:
    """Return `values` of keys KEY_ARM by arm and KEY; a key belongs to the longest arm that it ends with."""
    longest_first = sorted(arms, key=len, reverse=True)
    split: dict[str, dict[str, Value]] = {arm: {} for arm in arms}
    for key, value in values.items():
        arm = next((arm for arm in longest_first if key.endswith(f"_{arm}")), None)
        if arm:
            split[arm][key.removesuffix(f"_{arm}")] = value
    return split


def _plain(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return rounded(value)
    return value
