"""Run many jobs, so many at once, behind a progress bar that shows what they cost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any

from parts.llm.budget import BudgetExceeded, Meter
from parts.llm.server_reply import LATE
from parts.llm.transport import workers
from parts.project.errors import UserError
from parts.project.progress import ProgressBar

Job = Callable[[], Awaitable[Any]]


async def run_all(jobs: Iterable[Job], total: int, what: str, meter: Meter) -> None:
    """Run `jobs`, `total` of them, `workers()` at once.

    The first error ends them all; BudgetExceeded says how many are left to do. Raises UserError at the end where
    requests were not answered that may be later.
    """
    queue = iter(jobs)
    with ProgressBar(total=total, desc=what, unit="") as bar:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(workers(), total)):
                    group.create_task(_work(queue, bar, meter))
        except BaseExceptionGroup as errors:
            first = errors.exceptions[0]
            if isinstance(first, BudgetExceeded):
                raise BudgetExceeded(f"{first}: {_work_left(bar, meter)}; raise it and run again") from None
            raise first from None
        finally:
            bar.set_postfix_str(_postfix(bar, meter))
    raise_unanswered(what, meter)


def raise_unanswered(what: str, meter: Meter) -> None:
    """Raise UserError where requests were given up that may be answered later: the stage that needs them is not done."""
    if meter.unanswered:
        reasons = ", ".join(f"{count} {problem}" for problem, count in sorted(meter.unanswered.items()))
        advice = (
            "; for what timed out raise CLOSEDBOOK_TIMEOUT, or lower CLOSEDBOOK_WORKERS"
            if meter.unanswered[LATE]
            else ""
        )
        raise UserError(
            f"{what}: requests were not answered ({reasons}); all others are kept: run the same command again, which asks "
            f"for these alone{advice}"
        )


async def collect(jobs: Iterable[Job], total: int, what: str, meter: Meter) -> list:
    """Run `jobs` likewise and return their results, in the order of the jobs."""
    results = [None] * total

    async def fill(number: int, job: Job) -> None:
        results[number] = await job()

    await run_all((partial(fill, number, job) for number, job in enumerate(jobs)), total, what, meter)
    return results


async def _work(queue: Iterator[Job], bar: ProgressBar, meter: Meter) -> None:
    for job in queue:  # shared by all workers
        await job()
        if bar.update():
            bar.set_postfix_str(_postfix(bar, meter), refresh=False)
        await asyncio.sleep(0)  # a job with cached answers alone never waits, and no other would run


def _postfix(bar: ProgressBar, meter: Meter) -> str:
    counts = f"paid={meter.paid}, kept={max(0, meter.requests - meter.paid)}, tokens={meter.prompt_tokens + meter.new_tokens}"
    if meter.price is None:
        return counts
    return f"{counts}, ${meter.dollars_paid:.2f} of about ${meter.dollars_paid + _dollars_left(bar, meter):.2f}"


def _dollars_left(bar: ProgressBar, meter: Meter) -> float:
    """Return the dollars that the jobs left will cost if they are like those done."""
    return (meter.dollars() or 0) * (bar.total - bar.n) / bar.n if bar.n else 0.0


def _work_left(bar: ProgressBar, meter: Meter) -> str:
    tokens = (meter.prompt_tokens + meter.new_tokens) * (bar.total - bar.n) // bar.n if bar.n else None
    about = f", about {tokens} tokens" if tokens else ""
    about += f" or ${_dollars_left(bar, meter):.2f}" if tokens and meter.price else ""
    return f"{bar.total - bar.n} of {bar.total} are left to do in {bar.desc.rstrip(': ')}{about}"
