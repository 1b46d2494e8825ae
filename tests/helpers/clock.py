"""A clock that stands still until it is moved, for code that takes the time or waits."""


class Clock:
    """`clock()`, `clock.monotonic()` and `clock.perf_counter()` are its time in seconds; `sleep` moves it, and takes no time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    monotonic = perf_counter = __call__

    def move(self, seconds: float) -> None:
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)
