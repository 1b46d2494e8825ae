"""Ask a server of the OpenAI protocol until it answers: from the cache, within the budget, at the pace it bears.

The one place where requests go out, are tried again and are kept.
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
from schemas.errors import UserError

RETRIES = 8  # of what may pass, over a minute and a half
HELLOS = 2  # tries of a server that never answered anything
LONGEST = 30  # seconds between two tries, unless the server says otherwise
PATIENCE = 600  # seconds that a server may ask us to stay away; when it wants more, the run is over for now
RETRIABLE = {408, 409, 429, *range(500, 600)}
FINAL = {401, 402, 403, 404}  # no other request would fare better

DROPPED, LATE, BROKEN = "dropped", "timed out", "broken answer"


@dataclass(frozen=True)
class ServerReply:
    """What came of a request: its body, parsed, or the reason there is none."""

    body: bytes = b""
    json: dict = field(default_factory=dict)
    status: int = 200
    problem: str | None = None
    """refused (400), dropped, timed out, broken answer; None: all is well"""
    wait: float | None = None
    """seconds that the server asks us to stay away"""


class Transport:
    """The way to one server. `session` carries its key and its timeout."""

    def __init__(self, url: str, session: aiohttp.ClientSession, cache: ResponseCache, budget: Budget, meter: Meter):
        self.url, self.session, self.cache, self.budget, self.meter = url.rstrip("/"), session, cache, budget, meter
        self.concurrency = ConcurrencyLimit(workers())
        self.heard = 0  # answers of any kind
        self.asking: weakref.WeakValueDictionary[bytes, asyncio.Lock] = weakref.WeakValueDictionary()

    def cached(self, path: str, content: bytes) -> ServerReply | None:
        """Return the answer to `content` if it is in the cache."""
        body = self.cache.get(self.cache.key(path, content))
        if body is None:
            return None
        found = json.loads(body)
        self.meter.add(*token_usage(found))
        return ServerReply(body, found)

    async def post(self, path: str, content: bytes) -> ServerReply:
        """Return the answer to `content`, asked of the server when it is not in the cache, and once at a time.

        Raises Mistake when the server cannot be reached, does not know the model, refuses the key or wants money, and
        Spent when the budget does.
        """
        if known := self.cached(path, content):
            return known
        key = self.cache.key(path, content)
        async with self.asking.setdefault(key, asyncio.Lock()):
            if known := self.cached(path, content):
                return known
            asked = json.loads(content)
            most = asked.get("max_completion_tokens") or asked.get("max_tokens")
            async with self.budget.reserve(asked["model"], len(content), most):
                answer = await self._insist(path, content, asked["model"])
                if not answer.problem:
                    self._keep(key, asked["model"], answer, len(content))
            return answer

    async def settle(self) -> bool:
        """Tell whether answers that were waited for have come: never, for every question is answered at once."""
        return False

    def _keep(self, key: bytes, model: str, answer: ServerReply, size: int) -> None:
        tokens = token_usage(answer.json)
        self.cache.keep(CachedResponse(key, answer.body, model, *tokens))
        self.budget.learn(size, *tokens)
        self.meter.add(*tokens)
        self.meter.pay(*tokens)

    async def _insist(self, path: str, content: bytes, model: str) -> ServerReply:
        """Send `content` until it is answered or there is no hope."""
        heard = self.heard
        for attempt in range(RETRIES + 1):
            async with self.concurrency as sent:
                answer = await self._send(path, content)
            if not answer.problem:
                self.concurrency.on_success()
                return answer
            if answer.status in FINAL or b"insufficient_quota" in answer.body:
                raise unreachable(model, self.url, answer.status)
            if answer.wait and answer.wait > PATIENCE:
                raise UserError(f"{model} at {self.url}: asks to be left alone for {answer.wait:.0f} s: run again then")
            if answer.status == 429 or (answer.status == 503 and answer.wait):
                self.concurrency.on_rate_limited(sent, answer.wait)
            if answer.status not in RETRIABLE or attempt == (RETRIES if self.heard else HELLOS):
                break
            again = min(LONGEST, 2**attempt / 2) * random.uniform(0.75, 1)
            await asyncio.sleep(again if answer.wait is None else answer.wait)
        if answer.problem in (DROPPED, LATE) and self.heard == heard:  # not this request's fault: nobody was answered
            raise unreachable(model, self.url, "no answer")
        return answer

    async def _send(self, path: str, content: bytes) -> ServerReply:
        """Send `content` once. What is no HTTP answer gets the status a gateway would give it."""
        try:
            async with self.session.post(self.url + path, data=content) as response:
                body = await response.read()
        except TimeoutError:
            return ServerReply(status=504, problem=LATE)
        except (aiohttp.ClientError, OSError):
            return ServerReply(status=502, problem=DROPPED)
        self.heard += 1
        if response.status != 200:
            return ServerReply(body, {}, response.status, f"refused ({response.status})", retry_after(response.headers))
        return parse_body(body)


def parse_body(body: bytes) -> ServerReply:
    """Return the answer that `body` holds; a proxy's page, half a document or an error with status 200 is none."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and (found.get("choices") or found.get("data")):
        return ServerReply(body, found)
    return ServerReply(body, {}, 502, BROKEN)


def token_usage(found: dict) -> tuple[int, int]:
    """Return the prompt tokens and new tokens that an answer took."""
    usage = found.get("usage") or {}
    return usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0


def unreachable(model: str, url: str, cause: int | str) -> UserError:
    """Return the line for a server that answers nobody."""
    return UserError(
        f"{model} at {url}: {cause}: check OPENAI_BASE_URL, OPENAI_API_KEY, your account and the model's name in "
        "params.yaml; what was answered so far is kept"
    )


class CachedHttpxTransport(httpx.AsyncBaseTransport):
    """The same transport for libraries that bring their own prompts through the openai package."""

    def __init__(self, transport: Transport):
        self.transport, self.inner = transport, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to `request`; what is no question goes straight to the server."""
        if request.method != "POST":
            return await self.inner.handle_async_request(request)
        path = request.url.path.removeprefix(httpx.URL(self.transport.url).path)
        answer = await self.transport.post(path, await request.aread())
        return httpx.Response(answer.status, content=answer.body, headers={"content-type": "application/json"})

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


def workers() -> int:
    """Return how many requests may be under way at once."""
    return int(os.environ.get("CLOSEDBOOK_WORKERS", "64"))
