"""Fail when the verdict is worse than in earlier runs, by more than section `gate` of params.yaml allows.

python -m commands.gate [REVISION]    REVISION: a run to compare with, beside those of gate.against

`make repro` and continuous integration run it after `dvc repro`. It is no stage, for its result depends on the history.
A metric is compared with the run that has the highest; runs by another exam, scorer or judge are never compared. What
cannot be compared is printed and fails nothing.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
from pydantic import BaseModel, PositiveFloat, PositiveInt

from commands import git, paired_runs
from commands.answer_flips import revision_files
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.metrics import Value
from parts.text.numbers import p_value

VERDICT = "metrics/verdict.json"
SAME = ("exam_sha", "scorer", "scorer_version", "judge")
"""Keys of metrics/verdict.json in which runs that are compared agree."""
LEVEL = 0.05
"""The chance that a run of the same recipe fails, over all the runs that it is compared with."""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `gate` of params.yaml."""

    against: (
        PositiveInt | str
    )  # the best of so many last commits of metrics/verdict.json; or a git revision, such as a tag
    # key of metrics/verdict.json, where more is better -> a test on the answers, or the largest decrease that passes
    hold: dict[str, Literal["paired"] | PositiveFloat]


class Run(NamedTuple):
    """A committed run."""

    name: str  # as a reader types it
    verdict: Mapping[str, Value]  # metrics/verdict.json


class Outcome(NamedTuple):
    """What became of a metric."""

    is_worse: bool
    phrase: str


def committed_run(revision: str) -> Run:
    """Return the run of `revision`. Raises UserError when metrics/verdict.json is missing there or not JSON."""
    file = (git.commit(revision), VERDICT)
    try:
        return Run(revision, json.loads(git.read_files([file])[file]))
    except (KeyError, ValueError) as error:
        raise UserError(f"{revision} has no readable {VERDICT}") from error


def earlier_runs(against: int | str, revision: str) -> list[Run]:
    """Return the runs to compare with, newest first, without repeats. Raises UserError when one is missing."""
    names = [against] if isinstance(against, str) else [commit.name for commit in git.commits_of(VERDICT)[:against]]
    runs = [committed_run(name) for name in [*names, *([revision] if revision else [])]]
    return [run for index, run in enumerate(runs) if run.verdict not in [other.verdict for other in runs[:index]]]


def comparable(now: Mapping[str, Value], runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Return the runs that agree with `now` in SAME, and for each other run a line that says in what it does not."""
    alike, lines = [], []
    for earlier in runs:
        before = earlier.verdict
        differences = [
            f"{key} is {now.get(key)} here and {before.get(key)} there"
            for key in SAME
            if now.get(key) != before.get(key)
        ]
        if differences:
            lines.append(f"gate: not compared with {earlier.name}: {', '.join(differences)}")
        else:
            alike.append(earlier)
    return alike, lines


def check(metric: str, tolerance: str | float, now: Mapping[str, Value], runs: Sequence[Run]) -> Outcome:
    """Return whether `metric` regressed against the best of `runs`. Raises UserError for a key that `now` lacks."""
    if not isinstance(now.get(metric), int | float):
        raise UserError(f"params.yaml: gate.hold.{metric} is not a number in {VERDICT}")
    if tolerance == "paired" and not paired_runs.METRIC.fullmatch(metric):
        raise UserError(f"params.yaml: gate.hold.{metric} is no accuracy and no difference to rag: give a number")
    runs_with_it = [earlier for earlier in runs if isinstance(earlier.verdict.get(metric), int | float)]
    if not runs_with_it:
        return Outcome(False, f"{metric} did not exist")
    best = max(runs_with_it, key=lambda earlier: earlier.verdict[metric])
    change = f"{metric} is {now[metric]:.4g}, was {best.verdict[metric]:.4g} at {best.name}"
    if tolerance != "paired":
        least = best.verdict[metric] - tolerance
        is_worse = now[metric] < least - 1e-9  # metrics are rounded
        return Outcome(is_worse, f"{change}, must be at least {least:.4g}")
    try:
        pairs = paired_answers(metric, str(now["scorer"]), best.name)
    except (UserError, FileNotFoundError) as error:
        return by_interval(metric, now, best, f"{change} (by its interval: {error})")
    return by_pairs(pairs, LEVEL / len(runs), change)


def paired_answers(metric: str, scorer: str, revision: str) -> pl.DataFrame:
    """Return the values of `metric` by question, at `revision` and now. Raises UserError, FileNotFoundError for no tables."""
    now = paired_runs.question_values(lambda path: Path(path).read_bytes(), metric, scorer)
    with revision_files(git.commit(revision), revision) as read:
        return paired_runs.paired(paired_runs.question_values(read, metric, scorer), now)


def by_pairs(pairs: pl.DataFrame, level: float, change: str) -> Outcome:
    """Return whether the answers got worse by more than chance at `level` explains."""
    gain = pairs["value_now"] - pairs["value"]
    p = paired_runs.paired_p(pairs["value_now"].to_list(), pairs["value"].to_list())
    counts = f"{(gain < 0).sum()} of {len(pairs)} questions worse, {(gain > 0).sum()} better, {p_value(p)}"
    return Outcome(bool(gain.sum() < 0 and p < level), f"{change}: {counts}")


def by_interval(metric: str, now: Mapping[str, Value], best: Run, change: str) -> Outcome:
    """Return whether `metric` is below its 95% interval in `best`, which catches less than the answers would."""
    least = best.verdict.get(f"{metric}_lo")
    if least is None:
        return Outcome(False, f"{change}, and it has none")
    return Outcome(now[metric] < least, f"{change}, must be at least {least:.4g}")


def main(revision: str = "") -> None:
    """Compare metrics/verdict.json with earlier runs. Raises UserError when it is worse."""
    section, now = params.load("gate", Params), metrics.read("verdict")
    if not section.hold:
        print("gate: no metrics to compare (gate.hold in params.yaml is empty)")
        return
    try:
        runs, lines = comparable(now, earlier_runs(section.against, revision))
    except UserError as error:
        print(f"gate: nothing to compare with: {error}")
        return
    print(*lines, sep="\n", end="\n" if lines else "")
    if not runs:
        print("gate: nothing to compare with")
        return
    outcomes = [check(metric, tolerance, now, runs) for metric, tolerance in section.hold.items()]
    if worse := [outcome.phrase for outcome in outcomes if outcome.is_worse]:
        raise UserError(f"worse than before: {'; '.join(worse)} (gate.hold in params.yaml)")
    print("gate: nothing is worse than before: " + "; ".join(outcome.phrase for outcome in outcomes))


if __name__ == "__main__":
    run(main)
