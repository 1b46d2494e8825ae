"""Limit how many requests are under way at once: additive increase, multiplicative decrease, as in TCP."""

import asyncio
import email.utils
import time
from collections.abc import Awaitable, Callable, Mapping

LONGEST_WAIT = 30 * 24 * 3600  # seconds; more is no time to wait for
BACKOFF = 0.7  # of the limit is left after a 429 or a time-out; a half would leave more of the server idle


class ConcurrencyLimit:
    """Starts at the maximum; an overload cuts it to 70%, every full round adds one (AIMD).

    `async with limit:` around a request, then `on_success`, or `on_rate_limited` after a 429 or a time-out. `clock` and
    `sleep` are in seconds.
    """

    def __init__(
        self,
        maximum: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self.maximum, self.limit = maximum, float(maximum)
        self.clock, self.sleep = clock, sleep
        self.semaphore = asyncio.Semaphore(maximum)
        self.withheld = 0  # places taken out of `semaphore`
        self.last_cut, self.not_before = 0.0, 0.0  # when the limit was last cut; when the server takes requests again

    async def __aenter__(self) -> float:
        """Wait for a place, and until the server takes requests again; return the time."""
        await self.semaphore.acquire()
        try:
            while (wait := self.not_before - self.clock()) > 0:
                await self.sleep(wait)
        except BaseException:
            self.semaphore.release()
            raise
        return self.clock()

    async def __aexit__(self, *error: object) -> None:
        """Release the place, unless there are now more than the limit."""
        if self.withheld < self.maximum - int(self.limit):
            self.withheld += 1
        else:
            self.semaphore.release()

    def on_success(self) -> None:
        """Raise the limit by one for every full round of answers."""
        self.limit = min(self.maximum, self.limit + 1 / self.limit)
        if self.withheld > self.maximum - int(self.limit):
            self.withheld -= 1
            self.semaphore.release()

    def on_rate_limited(self, sent: float, wait: float | None) -> None:
        """Cut the limit, once for all requests that were under way together, and send nothing for `wait` seconds."""
        if sent >= self.last_cut:
            self.limit = max(1.0, self.limit * BACKOFF)
            self.last_cut = self.clock()
        if wait:
            self.not_before = max(self.not_before, self.clock() + wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the header Retry-After, which has seconds or a date; None where it asks for no wait."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return seconds if 0 < seconds <= LONGEST_WAIT else None  # NaN is neither


def _seconds_until(date: str) -> float:
    try:
        parsed = email.utils.parsedate_tz(date)
        return email.utils.mktime_tz(parsed) - time.time() if parsed else 0.0
    except (ValueError, OverflowError):  # a year that no calendar has
        return 0.0
