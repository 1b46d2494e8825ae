"""Count requests, tokens and dollars, and stop before a budget is exceeded.

CLOSEDBOOK_BUDGET_DOLLARS and CLOSEDBOOK_BUDGET_TOKENS bound all that was ever paid for the responses in the cache, by
whichever stage or run: a run that was stopped cannot spend its budget a second time, and one with a higher budget goes on.
Runs beside each other on one cache see each other's requests in flight.
"""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from parts.llm import prices
from parts.llm.response_cache import Reservation, ResponseCache
from parts.llm.server_reply import Usage
from parts.project.errors import UserError

TOKENS_PER_BYTE = 0.25  # of a prompt, until the first response tells
LOOK_AGAIN = 0.2  # seconds until what other processes reserved is looked at again


class BudgetExceeded(UserError):
    """The budget does not allow another request."""


@dataclass
class Meter:
    """Counts of requests and tokens, cached ones included: what the work costs with an empty cache."""

    price: prices.Tokens | None = None
    requests: int = 0
    paid: int = 0
    """requests that were sent; the others were cached"""
    prompt_tokens: int = 0
    new_tokens: int = 0
    dollars_paid: float = 0
    estimated: int = 0
    """requests whose tokens the server does not say"""
    unanswered: Counter[str] = field(default_factory=Counter)
    """requests that were given up, though they may be answered later, by problem"""

    def add(self, usage: Usage) -> None:
        """Count one request, cached or sent."""
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens
        self.new_tokens += usage.new_tokens
        self.estimated += usage.is_estimated

    def pay(self, prompt_tokens: int, new_tokens: int) -> None:
        """Count one request as sent."""
        self.paid += 1
        self.dollars_paid += self.price.cost(prompt_tokens, new_tokens) if self.price else 0

    def reset_requests(self) -> None:
        """Forget all requests, but not what was paid: they are all made again."""
        self.requests = self.prompt_tokens = self.new_tokens = self.estimated = 0

    def dollars(self) -> float | None:
        """Return the dollars that all requests cost, cached ones included; None without a price in prices.yaml."""
        return self.price.cost(self.prompt_tokens, self.new_tokens) if self.price else None

    def metrics(self) -> dict[str, int]:
        """Return the counts that do not depend on the state of the cache."""
        counts = {"requests": self.requests, "prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens}
        return counts | ({"tokens_estimated": self.estimated} if self.estimated else {})


class Budget:
    """Lets a request through when the tokens ever paid, those of requests in flight and its own are within the budget.

    The length of a response is not known before. Until the first has come, requests go one by one; then each is taken to
    be as long as the longest so far, so that only a response longer than all before it can exceed the budget.
    """

    def __init__(self, cache: ResponseCache, price_list: prices.Prices):
        self.cache, self.price_list = cache, price_list
        self.dollars, self.tokens = _limit("DOLLARS"), _limit("TOKENS")
        self.tokens_per_byte, self.max_new_tokens = None, None  # the most so far: of a prompt, in a response
        self.released = asyncio.Event()

    @contextlib.asynccontextmanager
    async def reserve(self, model: str, size: int, max_new_tokens: int | None) -> AsyncIterator[None]:
        """Reserve budget for a request of `size` bytes with up to `max_new_tokens`.

        Waits while requests in flight may leave enough. Raises BudgetExceeded when there are none.
        """
        if self.dollars is None and self.tokens is None:
            yield
            return
        while (number := self._try_to_reserve(model, size, max_new_tokens)) is None:
            self.released.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self.released.wait()
        try:
            yield
        finally:
            self.cache.release(number)
            self.released.set()

    def _try_to_reserve(self, model: str, size: int, max_new_tokens: int | None) -> int | None:
        """Return the number of a reservation; None where requests in flight have to end before."""
        prompt_tokens = round(size * (self.tokens_per_byte or TOKENS_PER_BYTE))
        with self.cache.reservations() as in_flight:
            lengths = [length for _, _, length in in_flight if length is not None]
            longest = max([self.max_new_tokens, *lengths] if self.max_new_tokens is not None else lengths, default=None)
            request = Reservation(model, prompt_tokens, max_new_tokens or longest)
            if in_flight and longest is None:  # the first response is on its way
                return None
            if self._fits(request, in_flight):
                return self.cache.reserve(request)
        if not in_flight:
            raise BudgetExceeded(self._message())
        return None

    def learn(self, size: int, prompt_tokens: int, new_tokens: int) -> None:
        """Note the tokens of a request of `size` bytes and of its response, for later reservations."""
        self.tokens_per_byte = max(self.tokens_per_byte or 0.0, prompt_tokens / size)
        self.max_new_tokens = max(self.max_new_tokens or 0, new_tokens)

    def check(self, model: str, prompt_tokens: int, new_tokens: int) -> None:
        """Raise BudgetExceeded when requests of so many tokens, all together, are over the budget."""
        with self.cache.reservations() as in_flight:
            fits = self._fits(Reservation(model, prompt_tokens, new_tokens), in_flight)
        if not fits:
            raise BudgetExceeded(f"{self._message()}; the next requests take about {prompt_tokens + new_tokens} tokens")

    def _fits(self, request: Reservation, in_flight: list[Reservation]) -> bool:
        reserved = [
            (model, prompt_tokens, new_tokens or 0) for model, prompt_tokens, new_tokens in [*in_flight, request]
        ]
        rows = [*self.cache.tokens_paid(), *reserved]
        dollars, tokens = self.dollars, self.tokens
        return (tokens is None or _tokens(rows) <= tokens) and (dollars is None or self._dollars(rows) <= dollars)

    def _dollars(self, rows: Iterable[tuple[str, int, int]]) -> float:
        total = 0.0
        for model, prompt_tokens, new_tokens in rows:
            price = self.price_list.cost_of_tokens(model, prompt_tokens, new_tokens)
            if price is None:
                raise UserError(f"a budget in dollars needs the price of {model}: add it to {prices.PATH}")
            total += price
        return total

    def _message(self) -> str:
        paid = self.cache.tokens_paid()
        amounts = [f"{_tokens(paid)} of {self.tokens:.0f} tokens"] if self.tokens is not None else []
        amounts += [f"${self._dollars(paid):.4f} of ${self.dollars:g}"] if self.dollars is not None else []
        return f"the budget has no room for more: {' and '.join(amounts)} paid for what is in {self.cache.folder}"


def _tokens(rows: Iterable[tuple[str, int, int]]) -> int:
    return sum(prompt_tokens + new_tokens for _, prompt_tokens, new_tokens in rows)


def _limit(unit: str) -> float | None:
    name = f"CLOSEDBOOK_BUDGET_{unit}"
    value = os.environ.get(name)
    try:
        return float(value) if value else None
    except ValueError as error:
        raise UserError(f"{name} is {value!r}: it must be a number") from error
