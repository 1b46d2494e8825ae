"""Print a benchmark's figures, one a line, and write them as JSON with the machine and the versions."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

from parts.project.machine import description

RESULTS = Path(__file__).parent.parent / "results"


class Figures:
    """The figures of one benchmark; `add` prints, `write` writes `results`/NAME.json.

    With `others`, figures of the file that are not measured now stay in it.
    """

    def __init__(self, name: str, results: Path, *packages: str, others: bool = False):
        self.path = results / f"{name}.json"
        self.values: dict[str, float | str | None] = (
            json.loads(self.path.read_text()) if others and self.path.exists() else {}
        )
        self.values |= {"machine": machine(), "python": platform.python_version()}
        self.values |= {f"version_{package}": version(package) for package in packages}

    def add(self, key: str, value: float | bool | None, goal: str = "") -> None:
        """Print and note one figure; None: it could not be measured here."""
        digits = 3 if value and abs(value) >= 0.1 else 6  # behind the point
        self.values[key] = round(value, digits) if isinstance(value, float) else value
        text = "not measured" if value is None else self.values[key]
        print(f"{key}  {text}" + (f"  (goal: {goal})" if goal else ""), flush=True)

    def write(self) -> None:
        """Write the figures."""
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.values, indent=2, sort_keys=True) + "\n")


def machine() -> str:
    """Return the cores, the processor and the load of this machine."""
    return "{threads} cores of {cpu}, load {load:.1f}".format_map(description())
