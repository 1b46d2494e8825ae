"""Run the whole pipeline by a profile: params.yaml with the few lines that params/NAME.yaml changes.

python -m experiments.profile NAME        (make repro PROFILE=NAME)

The run is a DVC experiment, NAME-COMMIT, in a copy of the repository: params.yaml and the shipped run stay as they are. Its
params and what it measured are kept in experiments/NAME, for git. A run that was stopped goes on from the stages that it
finished, and its minutes are those of all calls. What it needs of the machine is checked before it begins.
"""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from commands import git, verdict
from experiments import needs
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.files import replacing, write_json

FOLDER = Path("params")
KEPT = Path("experiments")
SPENT = Path(".cache/profiles")  # minutes of runs that did not come to their end
OF_NAMES = ("synthesize", "arms")  # sections of which a profile takes a name out by null


def load(name: str) -> dict:
    """Return the sections that the profile `name` changes. Raises UserError when there is no such profile or section."""
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(each.stem for each in FOLDER.glob("*.yaml")))
        raise UserError(f"there is no profile {path}: the profiles are {names}")
    sections = yaml.safe_load(path.read_text())
    if unknown := sections.keys() - yaml.safe_load(Path("params.yaml").read_text()):
        raise UserError(f"{path}: params.yaml has no section {min(unknown)}")
    return sections


def merged(values: dict, changes: dict) -> dict:
    """Return params.yaml, parsed as `values`, with the `changes` of a profile in it, key by key."""
    result = dict(values)
    for key, change in changes.items():
        if isinstance(change, dict):
            result[key] = merged(values.get(key) or {}, change)
        else:
            result[key] = change
    for section in OF_NAMES:
        if section in changes:
            result[section] = {name: value for name, value in result[section].items() if value is not None}
    return result


def sections_of(name: str) -> dict:
    """Return all sections of params.yaml as the profile `name` has them. Raises UserError as `load` does."""
    return merged(yaml.safe_load(Path("params.yaml").read_text()), load(name))


def overrides(values: dict, prefix: str = "") -> Iterator[str]:
    """Yield ++KEY=VALUE, as `dvc exp run --set-param` takes it, for each value of a nested dictionary; ~KEY for a name taken out.

    The signs have it add the key of a table that is open, such as curate.tokens_per_source; a stage refuses any other.
    """
    for key, value in values.items():
        if isinstance(value, dict):
            yield from overrides(value, f"{prefix}{key}.")
        elif value is None and prefix.removesuffix(".") in OF_NAMES:
            yield f"~{prefix}{key}"
        else:
            yield f"++{prefix}{key}={json.dumps(value)}"


def keep(revision: str, folder: Path, minutes: float) -> None:
    """Write params.yaml and metrics/ of an experiment to `folder`, and the `minutes` it took, all or nothing."""
    files = [(revision, path) for path in ["params.yaml", *git.list_files(revision, "metrics")]]
    with replacing(folder) as partial:
        for (_, path), text in git.read_files(files).items():
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            (partial / path).write_text(text)
        write_json(partial / "run.json", {"minutes": minutes})


@contextlib.contextmanager
def adding_minutes(path: Path) -> Iterator[None]:
    """Add to the number in `path` the minutes that the block takes, however it ends: a kill interrupts it, too."""
    start, handler = time.monotonic(), signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        before = json.loads(path.read_text()) if path.exists() else 0
        write_json(path, before + (time.monotonic() - start) / 60)


def main(name: str) -> None:
    """Run the profile, keep what it measured in experiments/`name`, and print its verdict."""
    needs.check(name, sections_of(name))
    words = [word for override in overrides(load(name)) for word in ("--set-param", override)]
    experiment = f"{name}-{git.commit('HEAD')[:7]}"
    if experiment in {each.name for each in git.experiments()}:  # a second one of the name would be refused
        subprocess.run(["dvc", "exp", "remove", "--quiet", experiment], check=True)
    spent = SPENT / f"{name}.json"
    with adding_minutes(spent):
        done = subprocess.run(["dvc", "exp", "run", "--temp", "--name", experiment, *words], check=False)
    if done.returncode:
        raise UserError(f"the profile {name} did not come to its end: see above; run again to go on")
    keep(git.resolve(experiment), KEPT / name, json.loads(spent.read_text()))
    spent.unlink()
    with contextlib.chdir(KEPT / name):
        print(f"\n{verdict.text()}")


if __name__ == "__main__":
    run(main)
