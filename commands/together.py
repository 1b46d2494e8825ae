"""Do the trainings and the scores that a run lacks, several at once: `dvc repro` does one after the other.

A small student is trained by one thread, which is slower than by two and leaves the other cores to other trainings; an arm
is scored by one thread, and a judge that is served here is started once for all. As many run at once as there are cores, or
CLOSEDBOOK_JOBS, and their bytes are those of one after the other. A larger student, a GPU, the processes of
CLOSEDBOOK_ACCELERATE and a judge elsewhere, whose rate is limited, are left to `dvc repro`.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from parts.llm.server import running_server
from parts.project import params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.pipeline import inputs, maker
from parts.project.sections import Server, Student
from parts.project.seeds import seeds_of
from parts.student import processes
from parts.student.model import is_small

MODELS = {"train": "tuned", "train_raw": "raw"}
"""Which of the models each stage trains, by seed."""


def cores() -> int:
    """Return how many stages may run at once."""
    return int(os.environ.get("CLOSEDBOOK_JOBS") or len(os.sched_getaffinity(0)))


def trainings() -> list[str]:
    """Return the trainings that may run at once."""
    import torch

    if processes.config() or torch.cuda.is_available() or not is_small(params.load("student", Student)):
        return []
    return [f"{stage}@{seed}" for stage, model in MODELS.items() for seed in seeds_of(model)]


def scores() -> list[str]:
    """Return the scores that may be made at once."""
    served_here = params.load("judge", Server).serve and not os.environ.get("OPENAI_BASE_URL")
    return [f"score@{arm}" for arm in load_arms()] if served_here else []


def needed(names: list[str]) -> list[str]:
    """Return the stages that make what `names` read."""
    stages = {name.partition("@")[0] for name in names}
    return sorted({maker(Path(path)) for stage in stages for path in inputs(stage)} - {""})


def lacking(*words: str) -> list[str]:
    """Return the stages that are to be done, as `dvc status` says with `words`; with --with-deps, also what they need.

    Raises SystemExit where DVC cannot tell, after it has said why.
    """
    command = ["dvc", "--wait-for-lock", "status", "--json", *words]
    status = subprocess.run(command, preexec_fn=processes.end_with_parent, check=False, stdout=subprocess.PIPE)
    if status.returncode:
        raise SystemExit(1)
    return sorted(json.loads(status.stdout))


def reproduce(*words: str, **variables: str) -> int:
    """Have DVC reproduce `words` with `variables` in its environment; return its exit status, after it has said why."""
    return subprocess.run(
        ["dvc", "--wait-for-lock", "repro", *words], env=os.environ | variables, preexec_fn=processes.end_with_parent, check=False
    ).returncode  # fmt: skip


@contextmanager
def judge() -> Iterator[dict[str, str]]:
    """Serve the judge; yield the variables by which stages reach it."""
    with running_server(params.load("judge", Server).serve, "OPENAI_API_KEY") as url:
        yield {"OPENAI_BASE_URL": url}


def do(
    names: list[str], most: int, server: Callable[[], AbstractContextManager[dict]] = lambda: nullcontext({})
) -> None:
    """Do what `names` need, then `names`, `most` at once, with the variables of a `server` that runs meanwhile.

    Raises SystemExit where one fails, when the others have ended.
    """
    if not names or not lacking("--with-deps", *names):
        return
    if reproduce(*needed(names)):
        raise SystemExit(1)
    if not (names := lacking(*names)):
        return
    hands = [names[n::most] for n in range(min(most, len(names)))]
    words = ("--single-item", "--keep-going")
    with server() as variables, ThreadPoolExecutor(most) as pool:
        statuses = [
            pool.submit(reproduce, *words, *hand, TQDM_POSITION=str(n), **variables) for n, hand in enumerate(hands)
        ]
    if any(status.result() for status in statuses):
        raise SystemExit(1)


def main() -> None:
    """Do the trainings, then the scores."""
    if (most := cores()) > 1:
        do(trainings(), most)
        do(scores(), most, judge)


if __name__ == "__main__":
    run(main)
