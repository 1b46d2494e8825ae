"""Count requests, tokens and dollars, and stop before a budget is exceeded.

CLOSEDBOOK_BUDGET_DOLLARS and CLOSEDBOOK_BUDGET_TOKENS bound all that was ever paid for the responses in the cache, by
whichever stage or run: a run that was stopped cannot spend its budget a second time, and one with a higher budget goes on.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from parts.llm import prices
from parts.llm.response_cache import ResponseCache
from parts.project.errors import UserError

TOKENS_PER_BYTE = 0.25  # of a prompt, until the first response tells


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

    def add(self, prompt_tokens: int, new_tokens: int) -> None:
        """Count one request, cached or sent."""
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.new_tokens += new_tokens

    def pay(self, prompt_tokens: int, new_tokens: int) -> None:
        """Count one request as sent."""
        self.paid += 1
        self.dollars_paid += self.price.cost(prompt_tokens, new_tokens) if self.price else 0

    def reset_requests(self) -> None:
        """Forget all requests, but not what was paid: they are all made again."""
        self.requests = self.prompt_tokens = self.new_tokens = 0

    def dollars(self) -> float | None:
        """Return the dollars that all requests cost, cached ones included; None without a price in prices.yaml."""
        return self.price.cost(self.prompt_tokens, self.new_tokens) if self.price else None

    def metrics(self) -> dict[str, int]:
        """Return the counts that do not depend on the state of the cache."""
        return {"requests": self.requests, "prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens}


class Budget:
    """Lets a request through when the tokens ever paid, those of requests in flight and its own are within the budget.

    The length of a response is not known before. Until the first has come, requests go one by one; then each is taken to
    be as long as the longest so far, so that only a response longer than all before it can exceed the budget.
    """

    def __init__(self, cache: ResponseCache, price_list: prices.Prices):
        self.cache, self.price_list = cache, price_list
        self.dollars, self.tokens = _limit("DOLLARS"), _limit("TOKENS")
        self.tokens_per_byte, self.max_new_tokens = None, None  # the most so far: of a prompt, in a response
        self.in_flight: dict[object, tuple[str, int, int]] = {}  # model, prompt tokens, new tokens
        self.released = asyncio.Event()

    @contextlib.asynccontextmanager
    async def reserve(self, model: str, size: int, max_new_tokens: int | None) -> AsyncIterator[None]:
        """Reserve budget for a request of `size` bytes with up to `max_new_tokens`.

        Waits while requests in flight may leave enough. Raises BudgetExceeded when there are none.
        """
        if self.dollars is None and self.tokens is None:
            yield
            return
        while True:
            prompt_tokens = round(size * (self.tokens_per_byte or TOKENS_PER_BYTE))
            request = (model, prompt_tokens, max_new_tokens or self.max_new_tokens or 0)
            must_wait = self.max_new_tokens is None and self.in_flight  # for the first response
            if not must_wait and self._fits(request):
                break
            if not self.in_flight:
                raise BudgetExceeded(self._message())
            self.released.clear()
            await self.released.wait()
        key = object()
        self.in_flight[key] = request
        try:
            yield
        finally:
            del self.in_flight[key]
            self.released.set()

    def learn(self, size: int, prompt_tokens: int, new_tokens: int) -> None:
        """Note the tokens of a request of `size` bytes and of its response, for later reservations."""
        self.tokens_per_byte = max(self.tokens_per_byte or 0.0, prompt_tokens / size)
        self.max_new_tokens = max(self.max_new_tokens or 0, new_tokens)

    def check(self, model: str, prompt_tokens: int, new_tokens: int) -> None:
        """Raise BudgetExceeded when requests of so many tokens, all together, are over the budget."""
        if not self._fits((model, prompt_tokens, new_tokens)):
            raise BudgetExceeded(f"{self._message()}; the next requests take about {prompt_tokens + new_tokens} tokens")

    def _fits(self, request: tuple[str, int, int]) -> bool:
        rows = [*self.cache.tokens_paid(), *self.in_flight.values(), request]
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
