"""Show how far a series of trainings is: a bar in tokens, with rate and time left."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

Job = TypeVar("Job")


def trainings(jobs: Sequence[Job], tokens: Sequence[int]) -> Iterator[Job]:
    """Yield `jobs`, each worth its number of `tokens` on the bar once the next is asked for."""
    with tqdm(total=sum(tokens), desc=f"{len(jobs)} trainings", unit="tokens", unit_scale=True) as bar:
        for job, worth in zip(jobs, tokens, strict=True):
            yield job
            bar.update(worth)
