"""The params and metrics of a run, from git or the working tree, and what changed between two runs."""

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
MACHINE, MACHINE_PLOTS = "metrics/machine/", "metrics/machine/plots/"
WORLD = "world."  # the only section of experiments/params.yaml that a run of the pipeline depends on

Flat = dict[str, object]
"""dotted name -> value"""


@dataclass(frozen=True)
class Change:
    """A value that differs between two runs; None: the run does not have it."""

    name: str
    old: object
    new: object


def params(texts: Mapping[str, str]) -> Flat:
    """Return the params of a run from the `texts` of the files of PARAMS, by path; of the experiments', only WORLD."""
    from dvc.utils.flatten import flatten

    flat: Flat = {}
    for path in PARAMS:
        values = flatten(yaml.load(texts.get(path, ""), Loader=yaml.CSafeLoader) or {})
        flat |= {name: value for name, value in values.items() if path == PARAMS[0] or name.startswith(WORLD)}
    return flat


def metrics(texts: Mapping[str, str], with_machine: bool = False) -> Flat:
    """Return the metrics of a run from the `texts` of its files, by path: {"score/rag.exact": 0.7}.

    Those of the machine, which differ between two runs of one commit, only `with_machine`. Nested values, which only
    experiments have, are left out: `dvc metrics diff` shows them.
    """
    flat: Flat = {}
    for path, text in texts.items():
        is_wanted = with_machine and not path.startswith(MACHINE_PLOTS) if path.startswith(MACHINE) else True
        if path.startswith("metrics/") and is_wanted:
            stem = path.removeprefix("metrics/").removesuffix(".json")
            values = json.loads(text).items()
            flat |= {f"{stem}.{name}": value for name, value in values if not isinstance(value, dict | list)}
    return flat


def texts(revision: str) -> dict[str, str]:
    """Return the files of params and metrics of `revision`, a commit's hash or WORKING, by path.

    Raises UserError for a revision without params.yaml.
    """
    if revision == WORKING:
        paths = [*filter(Path.exists, map(Path, PARAMS)), *Path("metrics").rglob("*.json")]
        files = {path.as_posix(): path.read_text() for path in paths}
    else:
        metric_paths = [path for path in git.list_files(revision, "metrics") if path.endswith(".json")]
        by_revision = git.read_files((revision, path) for path in [*PARAMS, *metric_paths])
        files = {path: text for (_, path), text in by_revision.items()}
    if PARAMS[0] not in files:
        raise UserError(f"{revision} has no {PARAMS[0]}: run from the repository's root, against a revision of it")
    return files


def changes_between(old: Flat, new: Flat) -> list[Change]:
    """Return what changed, by name; a section or file that was removed or added is one change."""
    removed, added = _tops(old) - _tops(new), _tops(new) - _tops(old)
    changes = [Change(top, "present", None) for top in removed] + [Change(top, None, "new") for top in added]
    for name in old.keys() | new.keys():
        if _top(name) not in removed | added and old.get(name) != new.get(name):
            changes.append(Change(name, old.get(name), new.get(name)))
    return sorted(changes, key=lambda change: change.name)


def _top(name: str) -> str:
    """Return the section of a param, or the file of a metric."""
    return name.split(".")[0]


def _tops(flat: Flat) -> set[str]:
    return {_top(name) for name in flat}


def intervals(flat: Flat) -> dict[str, str]:
    """Return every value as a reader sees it; one with an interval (NAME_lo, NAME_hi) has it in its text."""
    texts = {}
    for name, value in flat.items():
        ends = [flat.get(f"{name}_{end}") for end in ("lo", "hi")]
        stem = name.removesuffix("_lo").removesuffix("_hi")
        if stem == name or f"{stem}_lo" not in flat or f"{stem}_hi" not in flat:
            texts[name] = with_interval(value, *ends, shown)
    return texts


def shown(value: object) -> str:
    """Return a metric for a reader: three decimals, or two significant digits below 0.01."""
    if isinstance(value, float):
        return f"{value + 0.0:.3f}" if abs(value) >= 0.01 or not value else f"{value:.2g}"  # + 0.0: no -0
    return exact(value)


def exact(value: object, most: int = 60) -> str:
    """Return a value with all its digits, cut to `most` characters; "-" for None."""
    text = "-" if value is None else str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def gap(change: Change) -> str:
    """Return the difference of two numbers with its sign; "" for other values."""
    values = (change.old, change.new)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return ""
    return ("-" if change.new < change.old else "+") + shown(abs(change.new - change.old))


def brief(changes: Sequence[Change]) -> str:
    """Return changes of params in one line."""
    phrases = []
    for change in changes:
        if change.new is None:
            phrases.append(f"{change.name} removed")
        elif change.old is None:
            phrases.append(f"{change.name} new" + (f": {exact(change.new, 30)}" if "." in change.name else ""))
        else:
            phrases.append(f"{change.name} {exact(change.old, 30)} -> {exact(change.new, 30)}")
    return ", ".join(phrases)
