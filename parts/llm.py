"""The one client of the OpenAI protocol: for teacher, examiner and judge; cached, retried, metered.

Every answered request is kept under a hash of what was sent (model, messages, sampling, schema, draw), so that a run
that was stopped, or follows an edit, pays for nothing twice. Keys, addresses and worker counts come from the
environment and are in neither the hash nor the cache: OPENAI_API_KEY, OPENAI_BASE_URL, CLOSEDBOOK_WORKERS (16
requests at once), CLOSEDBOOK_CACHE (a folder).
"""

import asyncio
import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncOpenAI,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
)
from pydantic import BaseModel
from tqdm import tqdm

from parts.errors import Mistake
from parts.serving import serving

RETRIES = 5  # of what may pass: dropped connections, 408, 409, 429 and 5xx, after what Retry-After says


class Server(BaseModel, extra="forbid", frozen=True):
    """A model that speaks the OpenAI protocol: section `teacher` or `judge` of params.yaml."""

    model: str
    embedding: str | None = None  # its embeddings model, where one is needed
    serve: str | None = None  # a command that serves it on loopback at {port}; not used when OPENAI_BASE_URL is set


@dataclass(frozen=True)
class Reply:
    """What came of one request: the text, or the reason there is none."""

    text: str
    problem: str | None = None
    """refused, cut off, filtered; None: all is well"""


@dataclass
class Meter:
    """What was asked and what it took, cached answers included: what the work costs whoever starts from nothing."""

    requests: int = 0
    paid: int = 0
    """requests that went out, the others were in the cache"""
    prompt_tokens: int = 0
    new_tokens: int = 0

    def add(self, body: bytes, paid: bool) -> None:
        """Count one answered request."""
        usage = json.loads(body).get("usage") or {}
        self.requests += 1
        self.paid += paid
        self.prompt_tokens += usage.get("prompt_tokens", 0)
        self.new_tokens += usage.get("completion_tokens", 0)

    def metrics(self) -> dict[str, int]:
        """Return the counts that do not depend on what the cache held."""
        return {"requests": self.requests, "prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens}


class Remembering(httpx.AsyncBaseTransport):
    """Answers a request from the cache, or lets `inner` answer it and keeps a good answer before returning it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, folder: Path, meter: Meter):
        folder.mkdir(parents=True, exist_ok=True)
        self.inner, self.meter = inner, meter
        self.kept = sqlite3.connect(folder / "llm.sqlite", isolation_level=None, timeout=60)
        self.kept.execute("PRAGMA journal_mode = WAL")
        self.kept.execute("PRAGMA synchronous = NORMAL")
        self.kept.execute("CREATE TABLE IF NOT EXISTS answers (request BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to `request`."""
        path = request.url.path.rpartition("/v1")[2]
        key = hashlib.sha256(f"{request.method} {path}\n".encode() + request.content).digest()
        row = self.kept.execute("SELECT body FROM answers WHERE request = ?", (key,)).fetchone()
        if row:
            self.meter.add(row[0], paid=False)
            return httpx.Response(200, content=row[0], headers={"content-type": "application/json"}, request=request)
        response = await self.inner.handle_async_request(request)
        if response.status_code == 200:
            body = await response.aread()
            self.meter.add(body, paid=True)
            self.kept.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (key, body))
        return response

    async def aclose(self) -> None:
        """Close the cache and the connections."""
        self.kept.close()
        await self.inner.aclose()


class Client:
    """Asks one server. `openai` is the same client for libraries that bring their own prompts."""

    def __init__(self, server: Server, openai: AsyncOpenAI, meter: Meter):
        self.server, self.openai, self.meter = server, openai, meter

    async def ask(self, prompt: str, *, schema: type[BaseModel] | None = None, draw: int = 0, **sampling: Any) -> Reply:
        """Return the reply to `prompt`; `draw` sets apart several answers to one prompt.

        Raises Mistake when the server cannot be reached, does not know the model or refuses the key: then no other
        request would fare better.
        """
        if schema:
            wanted = {"name": schema.__name__, "schema": schema.model_json_schema(), "strict": True}
            sampling["response_format"] = {"type": "json_schema", "json_schema": wanted}
        try:
            found = await self.openai.chat.completions.create(
                model=self.server.model, messages=[{"role": "user", "content": prompt}], seed=draw, **sampling
            )
        except (AuthenticationError, PermissionDeniedError, NotFoundError, APIConnectionError) as error:
            raise unreachable(self.server, self.openai, error) from error
        except APIStatusError as error:
            return Reply("", f"refused ({error.status_code})")
        choice = found.choices[0]
        problem = {"length": "cut off", "content_filter": "filtered"}.get(choice.finish_reason)
        return Reply(choice.message.content or "", problem)


def unreachable(server: Server, openai: AsyncOpenAI, error: Exception) -> Mistake:
    """Return the line for a server that answers nobody."""
    cause = getattr(error, "status_code", None) or "no answer"
    return Mistake(
        f"{server.model} at {openai.base_url}: {cause}: check OPENAI_BASE_URL, OPENAI_API_KEY and the model's name in "
        "params.yaml; what was answered so far is kept"
    )


@contextlib.asynccontextmanager
async def connect(server: Server) -> AsyncIterator[Client]:
    """Yield a client of `server`, started here when the section says how and OPENAI_BASE_URL is not set."""
    url = os.environ.get("OPENAI_BASE_URL")
    with contextlib.ExitStack() as stack:
        if server.serve and not url:
            url = stack.enter_context(serving(server.serve))
        key = os.environ.get("OPENAI_API_KEY")
        if not key and not url:
            raise Mistake(f"no way to reach {server.model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server")
        meter = Meter()
        folder = Path(os.environ.get("CLOSEDBOOK_CACHE", ".cache"))
        transport = Remembering(httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=workers())), folder, meter)
        http = httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(300, connect=10))
        async with AsyncOpenAI(base_url=url, api_key=key or "none", http_client=http, max_retries=RETRIES) as openai:
            yield Client(server, openai, meter)


def workers() -> int:
    """Return how many requests may be under way at once."""
    return int(os.environ.get("CLOSEDBOOK_WORKERS", "16"))


async def each(jobs: Iterable[Callable[[], Awaitable]], total: int, what: str, meter: Meter) -> list:
    """Run `jobs`, a few at a time, behind a progress bar; return their results in order.

    The first error ends them all.
    """
    room = asyncio.Semaphore(workers())
    with tqdm(total=total, desc=what, unit="", mininterval=1) as bar:

        async def one(job: Callable[[], Awaitable]):
            async with room:
                result = await job()
            bar.update()
            bar.set_postfix(paid=meter.paid, cached=meter.requests - meter.paid, tokens=meter.new_tokens, refresh=False)
            return result

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(job)) for job in jobs]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]
