"""Run many jobs, so many at once, behind a progress bar that knows what they cost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any

from parts.llm.budget import BudgetExceeded, Meter
from parts.llm.transport import workers
from parts.project.progress import ProgressBar

Job = Callable[[], Awaitable[Any]]


async def each(jobs: Iterable[Job], total: int, what: str, meter: Meter) -> None:
    """Run `jobs`, drawn one by one as there is room.

    The first error ends them all; that of a used up budget says what is left to do.
    """
    ahead = iter(jobs)
    with ProgressBar(total=total, desc=what, unit="") as bar:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(workers(), total)):
                    group.create_task(_work(ahead, bar, meter))
        except BaseExceptionGroup as errors:
            first = errors.exceptions[0]
            if isinstance(first, BudgetExceeded):
                raise BudgetExceeded(f"{first}: {_left(bar, meter)}; raise it and run again") from None
            raise first from None
        finally:
            bar.set_postfix_str(_bill(bar, meter))


async def collect(jobs: Iterable[Job], total: int, what: str, meter: Meter) -> list:
    """Run `jobs` likewise and return their results, in the order of the jobs."""
    found = [None] * total

    async def one(number: int, job: Job) -> None:
        found[number] = await job()

    await each((partial(one, number, job) for number, job in enumerate(jobs)), total, what, meter)
    return found


async def _work(ahead: Iterator[Job], bar: ProgressBar, meter: Meter) -> None:
    for job in ahead:  # every worker draws from the same ones
        await job()
        if bar.update():
            bar.set_postfix_str(_bill(bar, meter), refresh=False)
        await asyncio.sleep(0)  # a job whose answers were all kept would let nobody else in


def _bill(bar: ProgressBar, meter: Meter) -> str:
    told = f"paid={meter.paid}, kept={max(0, meter.requests - meter.paid)}, tokens={meter.prompt_tokens + meter.new_tokens}"
    if meter.price is None:
        return told
    return f"{told}, ${meter.dollars_paid:.2f} of about ${meter.dollars_paid + _rest(bar, meter):.2f}"


def _rest(bar: ProgressBar, meter: Meter) -> float:
    """Return what the jobs that are left will cost, should they be like those that are done."""
    return (meter.dollars() or 0) * (bar.total - bar.n) / bar.n if bar.n else 0.0


def _left(bar: ProgressBar, meter: Meter) -> str:
    tokens = (meter.prompt_tokens + meter.new_tokens) * (bar.total - bar.n) // bar.n if bar.n else None
    about = f", about {tokens} tokens" if tokens else ""
    about += f" or ${_rest(bar, meter):.2f}" if tokens and meter.price else ""
    return f"{bar.total - bar.n} of {bar.total} are left to do in {bar.desc.rstrip(': ')}{about}"
