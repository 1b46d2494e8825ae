"""Find out how many requests at once a server bears: one more with every round, fewer when it says 429, as TCP does."""

import asyncio
import email.utils
import time
from collections.abc import Awaitable, Callable, Mapping

BACKOFF = 0.7  # of the limit is left after a 429; a half would leave more of the server idle


class ConcurrencyLimit:
    """`async with pace:` around a request; then `answered` or `on_rate_limited`. Never more than `most` at once.

    The limit starts at `most`: a server that bears it is never kept waiting, and one that does not says so at once.
    `clock` and `sleep` are in seconds.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self.most, self.limit = most, float(most)
        self.clock, self.sleep = clock, sleep
        self.room = asyncio.Semaphore(most)
        self.held_back = 0  # places taken out of `room`
        self.cut, self.open = 0.0, 0.0  # when the limit last fell, when the server wants to be asked again

    async def __aenter__(self) -> float:
        """Wait for a place, and until the server wants to be asked; return the time."""
        await self.room.acquire()
        try:
            while (wait := self.open - self.clock()) > 0:
                await self.sleep(wait)
        except BaseException:
            self.room.release()
            raise
        return self.clock()

    async def __aexit__(self, *error: object) -> None:
        """Give the place back, unless there are now more than the limit."""
        if self.held_back < self.most - int(self.limit):
            self.held_back += 1
        else:
            self.room.release()

    def on_success(self) -> None:
        """Allow one more for every full round of answers."""
        self.limit = min(self.most, self.limit + 1 / self.limit)
        if self.held_back > self.most - int(self.limit):
            self.held_back -= 1
            self.room.release()

    def on_rate_limited(self, sent: float, wait: float | None) -> None:
        """Allow fewer, once for all that was under way together, and ask nothing for `wait` seconds."""
        if sent >= self.cut:
            self.limit = max(1.0, self.limit * BACKOFF)
            self.cut = self.clock()
        if wait:
            self.open = max(self.open, self.clock() + wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asks us to wait, if it does: Retry-After in seconds or as a date."""
    said = headers.get("retry-after")
    if said is None:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        date = email.utils.parsedate_tz(said)
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
