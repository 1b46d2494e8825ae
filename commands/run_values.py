"""What changed between two runs: their params and their metrics, read from git or from the working tree."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from commands import git
from parts.project.errors import UserError
from parts.text.numbers import with_interval

WORKING = "working tree"
PARAMS = ("params.yaml", "experiments/params.yaml")
WORLD = "world."  # of experiments/params.yaml, all that bears on a run of the pipeline

Flat = dict[str, object]
"""Values by their dotted names."""


@dataclass(frozen=True)
class Change:
    """A value that is not what it was; None: it is not there."""

    name: str
    old: object
    new: object


def params(texts: Mapping[str, str]) -> Flat:
    """Return the params of a run from the `texts` of the files of PARAMS; what bears on other experiments is left out."""
    from dvc.utils.flatten import flatten

    found: Flat = {}
    for path in PARAMS:
        here = flatten(yaml.load(texts.get(path, ""), Loader=yaml.CSafeLoader) or {})
        found |= {name: value for name, value in here.items() if path == PARAMS[0] or name.startswith(WORLD)}
    return found


def metrics(texts: Mapping[str, str]) -> Flat:
    """Return the metrics of a run from the `texts` of the files of metrics/, by file and name: "score/rag.exact".

    What is nested deeper is an experiment's own table, which `dvc metrics diff` shows.
    """
    found: Flat = {}
    for path, text in texts.items():
        if path.startswith("metrics/"):
            stem = path.removeprefix("metrics/").removesuffix(".json")
            here = json.loads(text)
            found |= {f"{stem}.{name}": here[name] for name in here if not isinstance(here[name], dict | list)}
    return found


def texts(revision: str) -> dict[str, str]:
    """Return the files of params and metrics of `revision`, a commit's hash or WORKING, by path. Raises Mistake."""
    if revision == WORKING:
        there = [*filter(Path.exists, map(Path, PARAMS)), *Path("metrics").rglob("*.json")]
        found = {path.as_posix(): path.read_text() for path in there}
    else:
        listed = [path for path in git.list_files(revision, "metrics") if path.endswith(".json")]
        read = git.read_files((revision, path) for path in [*PARAMS, *listed])
        found = {path: text for (_, path), text in read.items()}
    if PARAMS[0] not in found:
        raise UserError(f"{revision} has no {PARAMS[0]}: run from the repository's root, against a revision of it")
    return found


def changes_between(old: Flat, new: Flat) -> list[Change]:
    """Return what changed, by name; a whole section or file that came or went is one change."""
    gone, come = (_tops(one) - _tops(other) for one, other in ((old, new), (new, old)))
    found = [Change(top, "there", None) for top in gone] + [Change(top, None, "new") for top in come]
    for name in old.keys() | new.keys():
        if _top(name) not in gone | come and old.get(name) != new.get(name):
            found.append(Change(name, old.get(name), new.get(name)))
    return sorted(found, key=lambda change: change.name)


def _top(name: str) -> str:
    """Return the section of a param, or the file of a metric."""
    return name.split(".")[0]


def _tops(flat: Flat) -> set[str]:
    return {_top(name) for name in flat}


def intervals(flat: Flat) -> dict[str, str]:
    """Return every value as it is shown, one that has an interval (NAME_lo, NAME_hi) together with it."""
    found = {}
    for name, value in flat.items():
        ends = [flat.get(f"{name}_{end}") for end in ("lo", "hi")]
        stem = name.removesuffix("_lo").removesuffix("_hi")
        if stem == name or f"{stem}_lo" not in flat or f"{stem}_hi" not in flat:
            found[name] = with_interval(value, *ends, shown)
    return found


def shown(value: object) -> str:
    """Return a metric for a reader: three digits after the point, two that count where it is small."""
    if isinstance(value, float):
        return f"{value + 0.0:.3f}" if abs(value) >= 0.01 or not value else f"{value:.2g}"  # + 0.0: no -0
    return exact(value)


def exact(value: object, most: int = 60) -> str:
    """Return a value with all its digits, cut to `most` characters; - for none."""
    text = "-" if value is None else str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def gap(change: Change) -> str:
    """Return the difference of two numbers with its sign; nothing for what is no number."""
    pair = (change.old, change.new)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in pair):
        return ""
    less = change.new < change.old
    return ("-" if less else "+") + shown(abs(change.new - change.old))


def brief(changes: Sequence[Change]) -> str:
    """Return changes of params in one line."""
    said = []
    for change in changes:
        if change.new is None:
            said.append(f"{change.name} gone")
        elif change.old is None:
            said.append(f"{change.name} new" + (f": {exact(change.new, 30)}" if "." in change.name else ""))
        else:
            said.append(f"{change.name} {exact(change.old, 30)} -> {exact(change.new, 30)}")
    return ", ".join(said)
