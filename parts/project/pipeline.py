"""Which stage of dvc.yaml makes a file, and which files a stage reads."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

PIPELINE = Path("dvc.yaml")


def maker(path: Path) -> str:
    """Return the stage that has `path` among its outs, without the @ of one of several; "" where none has."""
    outs = {
        re.sub(r"\$\{.*?\}", "*", out if isinstance(out, str) else next(iter(out))): name
        for name, stage in _stages().items()
        for out in stage.get("do", stage).get("outs", ())
    }
    similar = (name for pattern, name in outs.items() if fnmatchcase(path.as_posix(), pattern))
    return outs.get(path.as_posix()) or next(similar, "")


def inputs(stage: str) -> list[str]:
    """Return the deps of `stage`, which has no @; of several, with * for what differs."""
    stages = _stages()
    return [re.sub(r"\$\{.*?\}", "*", dep) for dep in stages[stage].get("do", stages[stage])["deps"]]


def _stages() -> dict[str, dict]:
    return yaml.safe_load(PIPELINE.read_text())["stages"] if PIPELINE.exists() else {}
