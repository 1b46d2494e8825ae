"""Count what is asked and what it takes, and stop before it is more than somebody meant to pay.

CLOSEDBOOK_BUDGET_DOLLARS and CLOSEDBOOK_BUDGET_TOKENS bound all that the answers in the cache were ever paid for, by
whichever stage or run: a run that was stopped cannot spend its budget a second time, and one with a higher budget goes on.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from parts.llm.response_cache import ResponseCache
from parts.project import prices
from schemas.errors import UserError

GUESS = 0.25  # prompt tokens in a byte, before the first answer tells


class BudgetExceeded(UserError):
    """The budget does not allow another request."""


@dataclass
class Meter:
    """What was asked and what it took, cached answers included: what the work costs whoever starts from nothing."""

    price: prices.Tokens | None = None
    requests: int = 0
    paid: int = 0
    """requests that went out, the others were in the cache"""
    prompt_tokens: int = 0
    new_tokens: int = 0
    dollars_paid: float = 0

    def add(self, prompt_tokens: int, new_tokens: int) -> None:
        """Count one answered request."""
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.new_tokens += new_tokens

    def pay(self, prompt_tokens: int, new_tokens: int) -> None:
        """Count one that went out."""
        self.paid += 1
        self.dollars_paid += self.price.of(prompt_tokens, new_tokens) if self.price else 0

    def again(self) -> None:
        """Forget what was asked, but not what was paid: all is asked once more."""
        self.requests = self.prompt_tokens = self.new_tokens = 0

    def dollars(self) -> float | None:
        """Return the price of all that was asked; None without a price in prices.yaml."""
        return self.price.of(self.prompt_tokens, self.new_tokens) if self.price else None

    def metrics(self) -> dict[str, int]:
        """Return the counts that do not depend on what the cache held."""
        return {"requests": self.requests, "prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens}


class Budget:
    """Lets a request through when all that was ever paid, all that is under way and this one are within the budget.

    How long an answer will be is not known before. Until the first is in, requests go one by one; from then on each is
    taken to be as long as the longest so far, so that only an answer longer than all before it can pass the budget.
    """

    def __init__(self, cache: ResponseCache, listed: prices.Prices):
        self.cache, self.listed = cache, listed
        self.dollars, self.tokens = _limit("DOLLARS"), _limit("TOKENS")
        self.rate, self.longest = None, None  # prompt tokens in a byte, new tokens in an answer: the most there were
        self.under_way: dict[object, tuple[str, int, int]] = {}
        self.settled = asyncio.Event()

    @contextlib.asynccontextmanager
    async def reserve(self, model: str, size: int, most_new: int | None) -> AsyncIterator[None]:
        """Hold a place in the budget for a request of `size` bytes that may be answered with `most_new` tokens.

        Waits while what is under way might leave enough. Raises Spent when nothing is.
        """
        if self.dollars is None and self.tokens is None:
            yield
            return
        while True:
            wanted = (model, round(size * (self.rate or GUESS)), most_new or self.longest or 0)
            alone = self.longest is None and self.under_way
            if not alone and self._fits(wanted):
                break
            if not self.under_way:
                raise BudgetExceeded(self._told())
            self.settled.clear()
            await self.settled.wait()
        mine = object()
        self.under_way[mine] = wanted
        try:
            yield
        finally:
            del self.under_way[mine]
            self.settled.set()

    def learn(self, size: int, prompt_tokens: int, new_tokens: int) -> None:
        """Take note of how long an answer was, and of how many tokens a request of `size` bytes had."""
        self.rate = max(self.rate or 0.0, prompt_tokens / size)
        self.longest = max(self.longest or 0, new_tokens)

    def afford(self, model: str, prompt_tokens: int, new_tokens: int) -> None:
        """Raise Spent when what is about to be asked, all together, is over the budget."""
        if not self._fits((model, prompt_tokens, new_tokens)):
            raise BudgetExceeded(
                f"{self._told()}; what is to be asked next takes about {prompt_tokens + new_tokens} tokens"
            )

    def _fits(self, wanted: tuple[str, int, int]) -> bool:
        rows = [*self.cache.spent(), *self.under_way.values(), wanted]
        dollars, tokens = self.dollars, self.tokens
        return (tokens is None or _tokens(rows) <= tokens) and (dollars is None or self._dollars(rows) <= dollars)

    def _dollars(self, rows: Iterable[tuple[str, int, int]]) -> float:
        found = 0.0
        for model, prompt_tokens, new_tokens in rows:
            price = self.listed.asked(model, prompt_tokens, new_tokens)
            if price is None:
                raise UserError(f"a budget in dollars needs the price of {model}: add it to {prices.PATH}")
            found += price
        return found

    def _told(self) -> str:
        paid = self.cache.spent()
        spent = [f"{_tokens(paid)} of {self.tokens:.0f} tokens"] if self.tokens is not None else []
        spent += [f"${self._dollars(paid):.4f} of ${self.dollars:g}"] if self.dollars is not None else []
        return f"the budget has no room for more: {' and '.join(spent)} paid for what is in {self.cache.folder}"


def _tokens(rows: Iterable[tuple[str, int, int]]) -> int:
    return sum(prompt_tokens + new_tokens for _, prompt_tokens, new_tokens in rows)


def _limit(unit: str) -> float | None:
    name = f"CLOSEDBOOK_BUDGET_{unit}"
    said = os.environ.get(name)
    try:
        return float(said) if said else None
    except ValueError as error:
        raise UserError(f"{name} is {said!r}: it must be a number") from error
