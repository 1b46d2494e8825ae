"""Send requests to a server of the OpenAI protocol: cached, within the budget, under a concurrency limit, with retries.

The one place where requests go out and responses are cached.
"""

import asyncio
import json
import os
import random
import weakref
from dataclasses import dataclass, field

import aiohttp
import httpx

from parts.llm.budget import Budget, Meter
from parts.llm.concurrency_limit import ConcurrencyLimit, retry_after
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.project.errors import UserError

RETRIES = 8  # of a transient failure, over a minute and a half
FIRST_RETRIES = 2  # while the server has not responded to anything yet
MAX_BACKOFF = 30  # seconds between two tries, unless the server says otherwise
MAX_RETRY_AFTER = 600  # seconds; when a server asks for more, the run ends
RETRIABLE = {408, 409, 429, *range(500, 600)}
FATAL = {401, 402, 403, 404}  # every other request would fail likewise

DROPPED, LATE, BROKEN = "dropped", "timed out", "broken answer"


@dataclass(frozen=True)
class ServerReply:
    """The response to a request: its body, parsed, or the reason there is none."""

    body: bytes = b""
    json: dict = field(default_factory=dict)
    status: int = 200
    problem: str | None = None
    """refused (400), dropped, timed out, broken answer; None: no problem"""
    wait: float | None = None
    """seconds, of Retry-After"""


class Transport:
    """Sends requests to one server. `session` carries its key and its timeout."""

    def __init__(self, url: str, session: aiohttp.ClientSession, cache: ResponseCache, budget: Budget, meter: Meter):
        self.url, self.session, self.cache, self.budget, self.meter = url.rstrip("/"), session, cache, budget, meter
        self.concurrency = ConcurrencyLimit(workers())
        self.n_responses = 0  # of any status
        self.locks: weakref.WeakValueDictionary[bytes, asyncio.Lock] = weakref.WeakValueDictionary()

    def cached(self, path: str, content: bytes) -> ServerReply | None:
        """Return the cached response to `content`; None when there is none."""
        body = self.cache.get(self.cache.key(path, content))
        if body is None:
            return None
        response = json.loads(body)
        self.meter.add(*token_usage(response))
        return ServerReply(body, response)

    async def post(self, path: str, content: bytes) -> ServerReply:
        """Return the response to `content`, cached or from the server; the same request is sent once at a time.

        Raises UserError when the server cannot be reached, does not know the model, refuses the key or wants money, and
        BudgetExceeded.
        """
        if cached := self.cached(path, content):
            return cached
        key = self.cache.key(path, content)
        async with self.locks.setdefault(key, asyncio.Lock()):
            if cached := self.cached(path, content):
                return cached
            request = json.loads(content)
            max_new_tokens = request.get("max_completion_tokens") or request.get("max_tokens")
            async with self.budget.reserve(request["model"], len(content), max_new_tokens):
                reply = await self._send_with_retries(path, content, request["model"])
                if not reply.problem:
                    self._store(key, request["model"], reply, len(content))
            return reply

    async def settle(self) -> bool:
        """Tell whether deferred requests were answered: never, for none is deferred here."""
        return False

    def _store(self, key: bytes, model: str, reply: ServerReply, size: int) -> None:
        tokens = token_usage(reply.json)
        self.cache.store(CachedResponse(key, reply.body, model, *tokens))
        self.budget.learn(size, *tokens)
        self.meter.add(*tokens)
        self.meter.pay(*tokens)

    async def _send_with_retries(self, path: str, content: bytes, model: str) -> ServerReply:
        """Send `content` until it is answered, or fails for good."""
        n_responses = self.n_responses
        for attempt in range(RETRIES + 1):
            async with self.concurrency as sent:
                reply = await self._send_once(path, content)
            if not reply.problem:
                self.concurrency.on_success()
                return reply
            if reply.status in FATAL or b"insufficient_quota" in reply.body:
                raise unreachable(model, self.url, reply.status)
            if reply.wait and reply.wait > MAX_RETRY_AFTER:
                raise UserError(f"{model} at {self.url}: takes no requests for {reply.wait:.0f} s: run again then")
            if reply.status == 429 or (reply.status == 503 and reply.wait):
                self.concurrency.on_rate_limited(sent, reply.wait)
            if reply.status not in RETRIABLE or attempt == (RETRIES if self.n_responses else FIRST_RETRIES):
                break
            backoff = min(MAX_BACKOFF, 2**attempt / 2) * random.uniform(0.75, 1)
            await asyncio.sleep(backoff if reply.wait is None else reply.wait)
        if reply.problem in (DROPPED, LATE) and self.n_responses == n_responses:  # no other request was answered either
            raise unreachable(model, self.url, "no answer")
        return reply

    async def _send_once(self, path: str, content: bytes) -> ServerReply:
        """Send `content` once. A failed connection gets the status that a gateway would give it."""
        try:
            async with self.session.post(self.url + path, data=content) as response:
                body = await response.read()
        except TimeoutError:
            return ServerReply(status=504, problem=LATE)
        except (aiohttp.ClientError, OSError):
            return ServerReply(status=502, problem=DROPPED)
        self.n_responses += 1
        if response.status != 200:
            return ServerReply(body, {}, response.status, f"refused ({response.status})", retry_after(response.headers))
        return parse_body(body)


def parse_body(body: bytes) -> ServerReply:
    """Return the reply in `body`; broken for a proxy's page, half a document or an error with status 200."""
    try:
        response = json.loads(body)
    except ValueError:
        response = None
    if isinstance(response, dict) and (response.get("choices") or response.get("data")):
        return ServerReply(body, response)
    return ServerReply(body, {}, 502, BROKEN)


def token_usage(response: dict) -> tuple[int, int]:
    """Return the prompt tokens and new tokens of a response."""
    usage = response.get("usage") or {}
    return usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0


def unreachable(model: str, url: str, cause: int | str) -> UserError:
    """Return the error for a server that answers no request."""
    return UserError(
        f"{model} at {url}: {cause}: check OPENAI_BASE_URL, OPENAI_API_KEY, your account and the model's name in "
        "params.yaml; what was answered so far is kept"
    )


class CachedHttpxTransport(httpx.AsyncBaseTransport):
    """The same transport under the openai package, for libraries that bring their own prompts."""

    def __init__(self, transport: Transport):
        self.transport, self.inner = transport, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response to `request`; only a POST is cached."""
        if request.method != "POST":
            return await self.inner.handle_async_request(request)
        path = request.url.path.removeprefix(httpx.URL(self.transport.url).path)
        reply = await self.transport.post(path, await request.aread())
        return httpx.Response(reply.status, content=reply.body, headers={"content-type": "application/json"})

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


def workers() -> int:
    """Return how many requests may be under way at once."""
    return int(os.environ.get("CLOSEDBOOK_WORKERS", "64"))
