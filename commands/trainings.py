"""Do the trainings that a run lacks, several at once: `dvc repro` does one after the other.

A small student is trained by one thread, which is slower than by two and leaves the other cores to other trainings: as many
as there are cores, or CLOSEDBOOK_JOBS. Their bytes are those of one after the other. A larger student, a GPU and the
processes of CLOSEDBOOK_ACCELERATE are left to `dvc repro`.
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.pipeline import inputs, maker
from parts.project.sections import Student
from parts.project.seeds import seeds_of
from parts.student import processes
from parts.student.model import is_small

MODELS = {"train": "tuned", "train_raw": "raw"}
"""Which of the models each stage trains, by seed."""


def at_once() -> int:
    """Return how many trainings may run at once."""
    import torch

    if processes.config() or torch.cuda.is_available() or not is_small(params.load("student", Student)):
        return 1
    return int(os.environ.get("CLOSEDBOOK_JOBS") or len(os.sched_getaffinity(0)))


def needed() -> list[str]:
    """Return the stages that make what the trainings read."""
    return sorted({maker(Path(path)) for stage in MODELS for path in inputs(stage)} - {""})


def lacking(*words: str) -> list[str]:
    """Return the trainings that are to be done, as `dvc status` says with `words`; with --with-deps, also what they need."""
    names = [f"{stage}@{seed}" for stage, model in MODELS.items() for seed in seeds_of(model)]
    status = subprocess.run(["dvc", "status", "--json", *words, *names], check=True, stdout=subprocess.PIPE)
    return sorted(json.loads(status.stdout))


def reproduce(*words: str, bar: int = 0) -> int:
    """Have DVC reproduce `words`, with a stage's bar at the line `bar`; return its exit status, after it has said why."""
    return subprocess.run(
        ["dvc", "--wait-for-lock", "repro", *words],
        env=os.environ | {"TQDM_POSITION": str(bar)}, preexec_fn=processes.end_with_parent, check=False,
    ).returncode  # fmt: skip


def main() -> None:
    """Do what the trainings need, then the trainings; where one fails, end with status 1 when the others have ended."""
    if not lacking("--with-deps") or (most := at_once()) == 1:
        return
    if reproduce(*needed()):
        raise SystemExit(1)
    names = lacking()
    with ThreadPoolExecutor(most) as pool:
        trainings = [pool.submit(reproduce, "--single-item", name, bar=n % most) for n, name in enumerate(names)]
    if any(training.result() for training in trainings):
        raise SystemExit(1)


if __name__ == "__main__":
    run(main)
