"""Run a series of trainings, several at once, behind a bar in tokens with rate and time left.

Small models gain little from a second core, so CLOSEDBOOK_JOBS (2) trainings run at once, each with its share of them.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from parts.project.progress import ProgressBar
from parts.student.processes import end_with_parent


def at_once() -> int:
    """Return how many trainings may run at once."""
    return int(os.environ.get("CLOSEDBOOK_JOBS", "2"))


def threads() -> int:
    """Return how many threads each of them has."""
    return max(1, (os.cpu_count() or 1) // at_once())


def trainings(train: Callable, jobs: Sequence[tuple], tokens: Sequence[int]) -> list:
    """Return what `train(*job)` returns for each of `jobs`, worth `tokens` each on the bar, in order.

    The first error ends them all, and so does a kill. `train` and the jobs go to other processes, so they must be picklable.
    """
    pool = ProcessPoolExecutor(at_once(), get_context("spawn"), _limit, (threads(),))
    with pool, ProgressBar(total=sum(tokens), desc=f"{len(jobs)} trainings", unit="tokens", unit_scale=True) as bar:
        running = {pool.submit(train, *job): worth for job, worth in zip(jobs, tokens, strict=True)}
        try:
            for done in as_completed(running):
                done.result()
                bar.update(running[done])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [done.result() for done in running]


def _limit(threads: int) -> None:
    end_with_parent()
    os.environ["OMP_NUM_THREADS"] = str(threads)  # torch is not imported yet, and will read it
