"""Send requests to a server of the OpenAI protocol: cached, within the budget, under a concurrency limit, with retries.

The one place where requests go out and responses are cached.
"""

import asyncio
import json
import os
import random
import sys
import weakref
from collections import Counter
from typing import Any

import aiohttp
import httpx

from parts.llm import dialect, network, structured_output
from parts.llm.budget import Budget, Meter
from parts.llm.concurrency_limit import ConcurrencyLimit, retry_after
from parts.llm.reply import (
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
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.project.errors import UserError
from parts.project.progress import ProgressBar

RETRIES = 8  # of a transient failure, over a minute and a half
FIRST_RETRIES = 2  # while the server has not responded to anything yet
MAX_BACKOFF = 30  # seconds between two tries, unless the server says otherwise
MAX_RETRY_AFTER = 600  # seconds; when a server asks for more, the run ends
FATAL = {401, 402, 403, 404}  # every other request would fail likewise
FIRST_REFUSALS = 5  # of requests of one shape, none of which was answered: the others would be refused, too
GIVEN_UP = 3  # requests, one after the other, with no answer to any other meanwhile: the run ends

EMBEDDINGS = "/embeddings"


class Transport:
    """Sends requests to one server. `session` carries its key and its timeout."""

    def __init__(self, url: str, session: aiohttp.ClientSession, cache: ResponseCache, budget: Budget, meter: Meter):
        self.url, self.query = network.split(url)
        self.session, self.cache, self.budget, self.meter = session, cache, budget, meter
        self.concurrency = ConcurrencyLimit(workers())
        self.n_responses = 0  # of any status
        self.n_answers = 0
        self.n_given_up = 0  # since the last answer
        self.changes: dialect.Changes = {}  # what this server does not take
        self.refusals: Counter[tuple] = Counter()  # by the shape of the request
        self.accepted: set[tuple] = set()  # shapes
        self.refusal = ""  # the server's words of the last one
        self.locks: weakref.WeakValueDictionary[bytes, asyncio.Lock] = weakref.WeakValueDictionary()

    def cached(self, path: str, content: bytes) -> ServerReply | None:
        """Return the cached response to `content`; None when there is none, or one that is of no use."""
        key = self.cache.key(path, content)
        body = self.cache.get(key)
        if body is None:
            return None
        reply = parse_body(body)
        if reply.problem:
            self.cache.remove(key)
            return None
        self.meter.add(token_usage(reply.json, len(content), len(body)))
        return reply

    async def post(self, path: str, content: bytes, hints: dict[str, Any] | None = None) -> ServerReply:
        """Return the response to `content`, cached or from the server; the same request is sent once at a time.

        `hints` are parameters that are sent, but are not in the cache's key. Raises UserError when the server cannot be
        reached, does not know the model, refuses the key, the first requests or all, or wants money, and BudgetExceeded.
        """
        request = json.loads(content)
        if cached := self.cached(path, content):
            self.accepted.add(_shape(path, request))
            return cached
        key = self.cache.key(path, content)
        async with self.locks.setdefault(key, asyncio.Lock()):
            if cached := self.cached(path, content):
                return cached
            max_new_tokens = request.get("max_completion_tokens") or request.get("max_tokens")
            async with self.budget.reserve(request["model"], len(content), max_new_tokens):
                reply = await self._send(path, request | (hints or {}))
                if not reply.problem:
                    self._store(key, request["model"], reply, len(content))
            return reply

    async def settle(self) -> bool:
        """Tell whether deferred requests were answered: never, for none is deferred here."""
        return False

    def _store(self, key: bytes, model: str, reply: ServerReply, size: int) -> None:
        usage = token_usage(reply.json, size, len(reply.body))
        self.cache.store(CachedResponse(key, reply.body, model, usage.prompt_tokens, usage.new_tokens))
        self.budget.learn(size, usage.prompt_tokens, usage.new_tokens)
        self.meter.add(usage)
        self.meter.pay(usage.prompt_tokens, usage.new_tokens)

    async def _send(self, path: str, request: dict) -> ServerReply:
        """Send `request` until it is answered, or fails for good: without what the server's errors name."""
        changes, shape, n_answers = self.changes, _shape(path, request), self.n_answers
        while True:
            reply = await self._send_with_retries(path, dialect.sent(request, changes), request["model"])
            if not reply.problem:
                self.accepted.add(shape)
                self._adopt(changes, request["model"])
                return reply
            learned = dialect.learn(request, changes, reply.status, reply.body)
            if learned is None:
                break
            changes = learned
        if reply.may_pass:
            self._give_up(reply, request["model"], self.n_answers > n_answers)
        elif _is_schema_refused(request, reply):
            self._adopt(dialect.IN_WORDS, request["model"])
        elif reply.problem != NO_TEXT:
            self._count_refusal(reply, shape, request["model"])
        return reply

    def _adopt(self, changes: dialect.Changes, model: str) -> None:
        """Keep to what a request was accepted with, and tell."""
        if what := dialect.describe(changes, self.changes):
            self.changes = self.changes | changes
            line = f"{model} at {network.shown(self.url)}: {what}, for the server refused it"
            ProgressBar.write(line, file=sys.stderr)

    def _count_refusal(self, reply: ServerReply, shape: tuple, model: str) -> None:
        """Note a refusal. Raises UserError where no request of its shape was accepted."""
        self.refusal = self._clean(reply.words)
        self.refusals[shape] += not dialect.is_of_the_prompt(reply.status, reply.body)
        if self.refusals[shape] >= FIRST_REFUSALS and shape not in self.accepted:
            raise UserError(
                f"{model} at {network.shown(self.url)} refuses these requests ({reply.status}), nothing more was asked: "
                f"{self.refusal or 'it does not say why'}"
            )

    def _give_up(self, reply: ServerReply, model: str, are_others_answered: bool) -> None:
        """Count a request that was not answered. Raises UserError where no other is, either."""
        if reply.problem in (DROPPED, LATE) and not self.n_responses:
            raise self._unreachable(model, f"no answer{reply.words}")
        self.n_given_up += not are_others_answered
        self.meter.unanswered[reply.problem] += 1
        if self.n_given_up >= GIVEN_UP:
            raise UserError(
                f"{model} at {network.shown(self.url)} answers no more: {self.n_given_up} requests in a row were given up, "
                f"the last one {reply.problem}{reply.words and ': '}{self._clean(reply.words)}; what was answered is kept: "
                "run the same command again later"
            )

    async def _send_with_retries(self, path: str, request: dict, model: str) -> ServerReply:
        """Send `request` until it is answered, or given up."""
        content = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
        for attempt in range(RETRIES + 1):
            async with self.concurrency as sent:
                reply = await self._send_once(path, content, model)
            if not reply.problem:
                self.concurrency.on_success()
                self.n_answers, self.n_given_up = self.n_answers + 1, 0
                return reply
            self._raise_what_is_final(path, reply, model)
            if reply.json.get("usage"):  # of no use, but paid for
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

    def _raise_what_is_final(self, path: str, reply: ServerReply, model: str) -> None:
        """Raise UserError for a reply that every other request would get likewise."""
        if path == EMBEDDINGS and reply.status == 404:
            raise UserError(
                f"{model} at {network.shown(self.url)}: there are no embeddings of that model (404): name one that the server "
                "has in judge.embedding of params.yaml, or set score.ragas: false"
            )
        if reply.status in FATAL or b"insufficient_quota" in reply.body:
            raise self._unreachable(model, reply.status, reply.words)
        if 300 <= reply.status < 400:
            raise self._unreachable(model, f"moved ({reply.status})", reply.words)
        if reply.wait and reply.wait > MAX_RETRY_AFTER:
            shown = network.shown(self.url)
            raise UserError(f"{model} at {shown}: takes no requests for {reply.wait:.0f} s: run again then")

    async def _send_once(self, path: str, content: bytes, model: str) -> ServerReply:
        """Send `content` once. A failed connection gets the status that a gateway would give it."""
        try:
            async with self.session.post(
                f"{self.url}{path}{self.query}", data=content, allow_redirects=False
            ) as response:
                body = await response.read()
        except aiohttp.ConnectionTimeoutError:
            return ServerReply(status=504, problem=LATE, words=" (no connection within 10 s)")
        except TimeoutError:
            return ServerReply(status=504, problem=LATE, words=network.late())
        except (aiohttp.ClientError, OSError) as error:
            if cause := network.barred(error):
                raise UserError(f"{model} at {network.shown(self.url)}: {cause}") from error
            return ServerReply(status=502, problem=DROPPED)
        self.n_responses += 1
        if response.status == 200:
            return parse_body(body)
        wait, words = retry_after(response.headers), printable(error_text(body))
        if location := response.headers.get("location"):
            words = f"to {printable(location)}"
        return ServerReply(body, {}, response.status, f"refused ({response.status})", wait, words)

    def _unreachable(self, model: str, cause: int | str, words: str = "") -> UserError:
        """Return the error for a server that answers no request."""
        says = f"; it says: {self._clean(words)}" if words else ""
        return UserError(
            f"{model} at {network.shown(self.url)}: {cause}: check OPENAI_BASE_URL, OPENAI_API_KEY, your account and the "
            f"model's name in params.yaml; what was answered so far is kept{says}"
        )

    def _clean(self, words: str) -> str:
        """Return a server's words without the key, should they have it."""
        key = self.session.headers["Authorization"].removeprefix("Bearer ")
        return words.replace(key, "***") if key != network.NO_KEY else words


def _shape(path: str, request: dict) -> tuple:
    """Return what requests have in common that a server refuses together."""
    schema = (request.get("response_format") or {}).get("json_schema") or {}
    return path, request["model"], schema.get("name"), *sorted(request)


def _is_schema_refused(request: dict, reply: ServerReply) -> bool:
    """Tell whether a schema in words may be taken in place of this one."""
    has_schema = "json_schema" in (request.get("response_format") or {})
    return has_schema and structured_output.is_unsupported(reply.status, reply.body)


class CachedHttpxTransport(httpx.AsyncBaseTransport):
    """The same transport under the openai package, for libraries that bring their own prompts."""

    def __init__(self, transport: Transport):
        self.transport = transport
        self.inner = httpx.AsyncHTTPTransport(**network.httpx_options(transport.url))

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
