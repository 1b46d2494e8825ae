"""Write metrics files: JSON with sorted keys, rounded, never NaN, so that runs can be diffed."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from schemas.files import write_json

Value = float | int | str | None | list["Value"] | dict[str, "Value"]


def write(path: str, values: Mapping[str, Value]) -> None:
    """Write `values` to metrics/`path`.json; a NaN becomes null. All or nothing."""
    write_json(Path("metrics", f"{path}.json"), _plain(values), indent=2)


def read(path: str) -> dict[str, Value]:
    """Return metrics/`path`.json."""
    return json.loads(Path("metrics", f"{path}.json").read_text())


def _plain(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
