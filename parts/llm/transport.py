"""Send requests to a server of the OpenAI protocol: cached, within the budget, under a concurrency limit, with retries.

The one place where requests go out and responses are cached.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
import weakref
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from parts.llm import dialect, network, structured_output
from parts.llm.budget import Budget, Meter
from parts.llm.concurrency_limit import ConcurrencyLimit, retry_after
from parts.llm.failures import Failures
from parts.llm.request import Request
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.llm.server import split
from parts.llm.server_reply import (
    BROKEN,
    DROPPED,
    LATE,
    NO_TEXT,
    RETRIABLE,
    ServerReply,
    error_text,
    parse_body,
    printable,
    token_usage,
)
from parts.project.errors import UserError
from parts.project.progress import ProgressBar

RETRIES = 8  # of a transient failure, over a minute and a half
FIRST_RETRIES = 2  # while the server has not responded to anything yet
MOST_RUNS = 3  # in which a request is given up; then it is one that this server never answers, and counts as lost
LOOK_AGAIN = 0.2  # seconds, whether another process has the answer
MAX_BACKOFF = 30  # seconds between two tries, unless the server says otherwise


class Transport:
    """Sends requests to one server. `session` carries its key and its timeout."""

    def __init__(self, url: str, session: aiohttp.ClientSession, cache: ResponseCache, budget: Budget, meter: Meter):
        self.url, self.query = split(url)
        self.session, self.cache, self.budget, self.meter = session, cache, budget, meter
        self.concurrency = ConcurrencyLimit(workers())
        # no more are claimed and have budget reserved than are sent soon; those that wait for another try are among them
        self.places = asyncio.Semaphore(2 * workers())
        self.n_responses = 0  # of any status
        self.changes: dialect.Changes = {}  # what this server does not take
        self.failures = Failures(url, session.headers["Authorization"].removeprefix("Bearer "), meter)
        self.locks: weakref.WeakValueDictionary[bytes, asyncio.Lock] = weakref.WeakValueDictionary()

    def cached(self, request: Request) -> ServerReply | None:
        """Return the cached response to `request`; None when there is none, or one that is of no use."""
        body = self.cache.get(request.key)
        if body is None:
            return None
        reply = parse_body(body)
        if reply.problem:
            self.cache.remove(request.key)
            return None
        self.meter.add(token_usage(reply.json, len(request.content), len(body)))
        self.failures.accepted.add(request.shape)
        return reply

    async def post(self, request: Request, hints: dict[str, Any] | None = None) -> ServerReply:
        """Return the response to `request`, cached or from the server; the same request is sent once at a time.

        `hints` are parameters that are sent, but are not in the cache's key. Raises UserError when the server cannot be
        reached, does not know the model, refuses the key, the first requests or all, or wants money, and BudgetExceeded.
        """
        if cached := self.cached(request):
            return cached
        async with self._claimed(request.key):
            if cached := self.cached(request):
                return cached
            max_new_tokens = request.body.get("max_completion_tokens") or request.body.get("max_tokens")
            async with self.budget.reserve(request.model, len(request.content), max_new_tokens):
                n_answers = self.failures.n_answers
                reply = await self._send(request, request.body | (hints or {}))
                if not reply.problem:
                    self._store(request, reply)
                elif reply.may_pass and not (self.n_responses and self.cache.give_up(request.key) >= MOST_RUNS):
                    self.failures.on_given_up(reply, request.model, n_answers, self.n_responses)
            return reply

    @contextlib.asynccontextmanager
    async def _claimed(self, key: bytes) -> AsyncIterator[None]:
        """Wait while a coroutine of this process, or another process, has the request under way."""
        async with self.locks.setdefault(key, asyncio.Lock()):
            while True:
                async with self.places:
                    if self.cache.claim(key):
                        try:
                            yield
                        finally:
                            self.cache.give_back(key)
                        return
                await asyncio.sleep(LOOK_AGAIN)

    async def settle(self) -> bool:
        """Tell whether deferred requests were answered: never, for none is deferred here."""
        return False

    def _store(self, request: Request, reply: ServerReply) -> None:
        size = len(request.content)
        usage = token_usage(reply.json, size, len(reply.body))
        self.cache.store(CachedResponse(request.key, reply.body, request.model, usage.prompt_tokens, usage.new_tokens))
        self.budget.learn(size, usage.prompt_tokens, usage.new_tokens)
        self.meter.add(usage)
        self.meter.pay(usage.prompt_tokens, usage.new_tokens)

    async def _send(self, request: Request, body: dict) -> ServerReply:
        """Send `body` for `request` until it is answered, or fails for good: without what the server's errors name."""
        changes = self.changes
        while True:
            reply = await self._send_with_retries(request.path, dialect.sent(body, changes), request.model)
            if not reply.problem:
                self.failures.accepted.add(request.shape)
                self._adopt(changes, request.model)
                return reply
            learned = dialect.learn(body, changes, reply.status, reply.body)
            if learned is None:
                break
            changes = learned
        if request.schema_name and structured_output.is_unsupported(reply.status, reply.body):
            self._adopt(dialect.IN_WORDS, request.model)
        elif reply.problem != NO_TEXT and not reply.may_pass:
            self.failures.on_refused(reply, request.shape, request.model)
        return reply

    def _adopt(self, changes: dialect.Changes, model: str) -> None:
        """Keep to what a request was accepted with, and tell."""
        if what := dialect.describe(changes, self.changes):
            self.changes = self.changes | changes
            line = f"{model} at {self.failures.address}: {what}, for the server refused it"
            ProgressBar.write(line, file=sys.stderr)

    async def _send_with_retries(self, path: str, body: dict, model: str) -> ServerReply:
        """Send `body` until it is answered, or given up."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        for attempt in range(RETRIES + 1):
            async with self.concurrency as sent:
                reply = await self._send_once(path, content, model)
            if not reply.problem:
                self.concurrency.on_success()
                self.failures.on_answer()
                return reply
            self.failures.raise_what_is_final(path, reply, model)
            if reply.problem in (BROKEN, NO_TEXT) and reply.json.get("usage"):  # of no use, but paid for
                usage = token_usage(reply.json, len(content), len(reply.body))
                self.cache.spend(model, usage.prompt_tokens, usage.new_tokens)
                self.meter.pay(usage.prompt_tokens, usage.new_tokens)
            if reply.status == 429 or reply.problem == LATE or (reply.status == 503 and reply.wait):
                self.concurrency.on_rate_limited(sent, reply.wait)
            is_hopeless = not self.n_responses or reply.problem == NO_TEXT
            if reply.status not in RETRIABLE or attempt == (FIRST_RETRIES if is_hopeless else RETRIES):
                break
            backoff = min(MAX_BACKOFF, 2**attempt / 2) * random.uniform(0.75, 1)
            await asyncio.sleep(max(backoff, reply.wait or 0))
        return reply

    async def _send_once(self, path: str, content: bytes, model: str) -> ServerReply:
        """Send `content` once. A failed connection gets the status that a gateway would give it."""
        try:
            async with self.session.post(
                f"{self.url}{path}{self.query}", data=content, allow_redirects=False
            ) as response:
                body = await response.read()
        except aiohttp.ConnectionTimeoutError:
            return ServerReply(status=504, problem=LATE, words=f"no connection within {network.CONNECT_TIMEOUT} s")
        except TimeoutError:
            return ServerReply(status=504, problem=LATE, words=network.late())
        except (aiohttp.ClientError, OSError) as error:
            if cause := network.barred(error):
                raise UserError(f"{model} at {self.failures.address}: {cause}") from error
            words = printable(str(error)) if isinstance(error, aiohttp.ClientConnectorError) else ""
            return ServerReply(status=502, problem=DROPPED, words=words)
        self.n_responses += 1
        if response.status == 200:
            return parse_body(body)
        wait, words = retry_after(response.headers), printable(error_text(body))
        if location := response.headers.get("location"):
            words = f"to {printable(location)}"
        return ServerReply(body, {}, response.status, f"refused ({response.status})", wait, words)


def workers() -> int:
    """Return how many requests may be under way at once."""
    return int(os.environ.get("CLOSEDBOOK_WORKERS", "64"))
