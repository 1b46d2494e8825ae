"""Do the trainings that a run lacks, several at once: `dvc repro` does one after the other.

A training has train.threads threads; there are as many at once as the cores have threads for. Their bytes are those of
one after the other. On a GPU, in the processes of CLOSEDBOOK_ACCELERATE and without train.threads nothing is done here.
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.pipeline import inputs, maker
from parts.project.seeds import seeds_of
from parts.student import processes
from parts.student.recipe import Recipe

MODELS = {"train": "tuned", "train_raw": "raw"}
"""Which of the models each stage trains, by seed."""


def at_once() -> int:
    """Return how many trainings may run at once."""
    import torch

    threads = params.load("train", Recipe).threads
    if not threads or processes.config() or torch.cuda.is_available():
        return 1
    return max(1, len(os.sched_getaffinity(0)) // threads)


def needed() -> list[str]:
    """Return the stages that make what the trainings read."""
    return sorted({maker(Path(path)) for stage in MODELS for path in inputs(stage)} - {""})


def lacking() -> list[str]:
    """Return the trainings that are to be done: what they read is not as in dvc.lock, or what they made is not there."""
    names = [f"{stage}@{seed}" for stage, model in MODELS.items() for seed in seeds_of(model)]
    status = subprocess.run(["dvc", "status", "--json", *names], check=True, stdout=subprocess.PIPE)
    return [name for name in names if name in json.loads(status.stdout)]


def reproduce(*words: str, bar: int = 0) -> int:
    """Have DVC reproduce `words`, with a stage's bar at the line `bar`; return its exit status, after it has said why."""
    return subprocess.run(
        ["dvc", "--wait-for-lock", "repro", *words],
        env=os.environ | {"TQDM_POSITION": str(bar)}, preexec_fn=processes.end_with_parent, check=False,
    ).returncode  # fmt: skip


def main() -> None:
    """Do what the trainings need, then the trainings; where one fails, end with status 1 when the others have ended."""
    most = at_once()
    if most == 1:
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
