"""Fail when the verdict is worse than at a revision, by more than section `gate` of params.yaml allows.

python -m commands.gate [REVISION]    REVISION: gate.against of params.yaml

`make repro` and continuous integration run it after `dvc repro`. It is no stage, for its result depends on HEAD. A
missing revision, or a metric that the revision lacks, is printed and fails nothing.
"""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, PositiveFloat

from commands import git
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.metrics import Value

VERDICT = "metrics/verdict.json"


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `gate` of params.yaml."""

    against: str  # a git revision
    # key of metrics/verdict.json, where more is better -> the largest decrease that passes
    hold: dict[str, Literal["interval"] | PositiveFloat]


def gate(
    now: Mapping[str, Value], before: Mapping[str, Value], hold: Mapping[str, str | float]
) -> tuple[list[str], list[str]]:
    """Return a phrase for each metric that regressed, and one for each that `before` lacks.

    `interval`: a metric regressed when it is below the lower end of its 95% interval in `before`. Raises UserError for a
    key that `now` lacks.
    """
    worse, missing = [], []
    for name, tolerance in hold.items():
        if not isinstance(now.get(name), int | float):
            raise UserError(f"params.yaml: gate.hold.{name} is not a number in {VERDICT}")
        if tolerance == "interval" and f"{name}_lo" not in now:
            raise UserError(f"params.yaml: gate.hold.{name}: the metric has no interval, so give a number")
        least = before.get(f"{name}_lo") if tolerance == "interval" else before.get(name)
        if not isinstance(least, int | float):
            missing.append(f"{name} did not exist")
            continue
        least -= 0 if tolerance == "interval" else tolerance
        if now[name] < metrics.rounded(least):  # as metrics are written
            worse.append(f"{name} is {now[name]:g}, was {_with_interval(before, name)}, must be at least {least:.4g}")
    return worse, missing


def committed_verdict(revision: str) -> dict[str, Value]:
    """Return metrics/verdict.json as of `revision`. Raises UserError when it is missing or not JSON."""
    file = (git.commit(revision), VERDICT)
    try:
        return json.loads(git.read_files([file])[file])
    except (KeyError, ValueError) as error:
        raise UserError(f"{revision} has no readable {VERDICT}") from error


def _with_interval(verdict: Mapping[str, Value], name: str) -> str:
    lo, hi = verdict.get(f"{name}_lo"), verdict.get(f"{name}_hi")
    return f"{verdict[name]:g}" + (f" ({lo:g} to {hi:g})" if lo is not None and hi is not None else "")


def main(revision: str = "") -> None:
    """Compare metrics/verdict.json with that of `revision`. Raises UserError when it is worse."""
    section, now = params.load("gate", Params), metrics.read("verdict")
    against = revision or section.against
    if not section.hold:
        print("gate: no metrics to compare (gate.hold in params.yaml is empty)")
        return
    try:
        before = committed_verdict(against)
    except UserError as error:
        print(f"gate: nothing to compare with: {error}")
        return
    if before.get("scorer") != now["scorer"]:
        print(f"gate: not compared: scored by {now['scorer']} here and by {before.get('scorer')} at {against}")
        return
    worse, missing = gate(now, before, section.hold)
    if worse:
        raise UserError(f"worse than at {against}: {'; '.join(worse)} (gate.hold in params.yaml)")
    print(f"gate: nothing is worse than at {against}" + "".join(f"; {phrase}" for phrase in missing))


if __name__ == "__main__":
    run(main)
