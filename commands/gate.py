"""Fail when the verdict is worse than at a revision, by more than section `gate` of params.yaml allows.

python -m commands.gate [REVISION]    REVISION: gate.against of params.yaml

`make repro` and continuous integration run it after `dvc repro`. It is no stage: its result depends on where HEAD is. A
revision that is not there, or a metric that was not there then, fails nothing and is printed.
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


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `gate` of params.yaml."""

    against: str  # a git revision
    # by key of metrics/verdict.json, where more is better: how much less passes
    hold: dict[str, Literal["interval"] | PositiveFloat]


def gate(
    now: Mapping[str, Value], then: Mapping[str, Value], hold: Mapping[str, str | float]
) -> tuple[list[str], list[str]]:
    """Return what regressed, and what could not be compared, a phrase each.

    `interval`: below the lower end of its 95% interval as it was then. Raises Mistake for a key that `now` does not have.
    """
    worse, untold = [], []
    for name, room in hold.items():
        if not isinstance(now.get(name), int | float):
            raise UserError(f"params.yaml: gate.hold names {name}, which is no number of metrics/verdict.json")
        if room == "interval" and f"{name}_lo" not in now:
            raise UserError(f"params.yaml: gate.hold: {name} has no interval: give a number")
        least = then.get(f"{name}_lo") if room == "interval" else then.get(name)
        if not isinstance(least, int | float):
            untold.append(f"{name} was not there")
            continue
        least -= 0 if room == "interval" else room
        if now[name] < round(least, 4):  # as metrics are written
            worse.append(f"{name} is {now[name]:g}, was {_was(then, name)}, may be {least:.4g}")
    return worse, untold


def verdict(revision: str) -> dict[str, Value]:
    """Return metrics/verdict.json as committed at `revision`. Raises Mistake when it is not there, or no JSON."""
    at = (git.commit(revision), "metrics/verdict.json")
    try:
        return json.loads(git.read_files([at])[at])
    except (KeyError, ValueError) as error:
        raise UserError(f"{revision} has no {at[1]} that can be read") from error


def _was(then: Mapping[str, Value], name: str) -> str:
    lo, hi = then.get(f"{name}_lo"), then.get(f"{name}_hi")
    return f"{then[name]:g}" + (f" ({lo:g} to {hi:g})" if lo is not None and hi is not None else "")


def main(revision: str = "") -> None:
    """Hold metrics/verdict.json to what was committed. Raises Mistake when it is worse."""
    given, now = params.load("gate", Params), metrics.read("verdict")
    against = revision or given.against
    if not given.hold:
        print("gate: nothing to hold (gate.hold in params.yaml is empty)")
        return
    try:
        then = verdict(against)
    except UserError as why:
        print(f"gate: nothing to compare with: {why}")
        return
    if then.get("scorer") != now["scorer"]:
        print(f"gate: not compared: right by {now['scorer']} here, by {then.get('scorer')} at {against}")
        return
    worse, untold = gate(now, then, given.hold)
    if worse:
        raise UserError(f"worse than at {against}: {'; '.join(worse)} (gate.hold in params.yaml)")
    print(f"gate: nothing is worse than at {against}" + "".join(f"; {phrase}" for phrase in untold))


if __name__ == "__main__":
    run(main)
