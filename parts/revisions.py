"""Read what git holds at a revision."""

import json
import subprocess
from pathlib import Path

from parts.metrics import Value


class Absent(Exception):
    """There is nothing to read at a revision. The message says why, in a few words."""


def metrics(path: str, revision: str) -> dict[str, Value]:
    """Return metrics/`path`.json as committed at `revision`. Raises Absent."""
    try:
        commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except FileNotFoundError as error:
        raise Absent("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise Absent(
            f"there is no revision {revision} in this clone (a shallow one? `git fetch --unshallow`)"
        ) from error
    name = f"metrics/{path}.json"
    try:
        return json.loads(_git("show", f"{commit.strip()}:./{name}"))
    except subprocess.CalledProcessError as error:
        raise Absent(f"{revision} has no {name}") from error
    except ValueError as error:
        raise Absent(f"{name} at {revision} is not JSON") from error


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=Path.cwd(), capture_output=True, text=True, check=True).stdout
