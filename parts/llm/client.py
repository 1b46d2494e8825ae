"""The one client of the OpenAI protocol: for teacher, examiner and judge; cached, paced, retried, metered, budgeted.

Every answered request is kept under a hash of what was sent (model, messages, sampling, schema, sample), so that a run
that was stopped, or follows an edit, pays for nothing twice. What changes no result comes from the environment and is
in neither the hash nor the cache: OPENAI_API_KEY, OPENAI_BASE_URL, CLOSEDBOOK_WORKERS (64 requests at once, at most),
CLOSEDBOOK_TIMEOUT (300 seconds for one), CLOSEDBOOK_CACHE (a folder), and the budgets of parts/llm/budget.py.
"""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import aiohttp
import httpx
from openai import AsyncOpenAI
from pydantic import BaseModel, ValidationError

from parts.llm import structured_output
from parts.llm.batch_api import BatchTransport
from parts.llm.budget import Budget, Meter
from parts.llm.response_cache import ResponseCache
from parts.llm.server import running_server
from parts.llm.transport import CachedHttpxTransport, ServerReply, Transport
from parts.project import prices
from parts.project.sections import Server
from schemas.errors import UserError

CHAT = "/chat/completions"
OPENAI = "https://api.openai.com/v1"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Reply:
    """What came of one request: the text, or the reason there is none."""

    text: str
    problem: str | None = None
    """refused, cut off, filtered, declined; None: all is well"""

    def parse(self, model: type[Model]) -> tuple[Model | None, str | None]:
        """Return the text as a `model` and None; or None and why: the problem, or "unparsed" where it does not validate."""
        if self.problem:
            return None, self.problem
        try:
            return model.model_validate_json(self.text), None
        except ValidationError:
            return None, "unparsed"


class Client:
    """Asks one server. `openai` is the same way there for libraries that bring their own prompts."""

    def __init__(self, server: Server, transport: Transport, openai: AsyncOpenAI):
        self.server, self.transport, self.openai, self.meter = server, transport, openai, transport.meter
        self.in_words = False  # the server does not know response_format

    async def ask(
        self, prompt: str, *, schema: type[BaseModel] | None = None, sample: int = 0, **sampling: Any
    ) -> Reply:
        """Return the reply to `prompt`; `sample` sets apart several answers to one prompt.

        Raises Mistake when the server cannot be reached, does not know the model or refuses the key: then no other
        request would fare better. Raises Spent, a Mistake too, when the budget does not allow it.
        """
        if schema is None:
            return _reply(await self.transport.post(CHAT, request_body(self.server.model, prompt, sample, sampling)))
        formed = request_body(
            self.server.model, prompt, sample, sampling | {"response_format": structured_output.response_format(schema)}
        )
        if not self.in_words and (known := self.transport.cached(CHAT, formed)):
            return _reply(known)
        worded = request_body(self.server.model, structured_output.prompt_with_schema(prompt, schema), sample, sampling)
        answer = self.transport.cached(CHAT, worded)
        if not answer and not self.in_words:
            answer = await self.transport.post(CHAT, formed)
            if not structured_output.is_unsupported(answer.status, answer.body):
                return _reply(answer)
            self.in_words, answer = True, None
        reply = _reply(answer or await self.transport.post(CHAT, worded))
        return replace(reply, text=structured_output.without_fence(reply.text))


def request_body(model: str, prompt: str, sample: int, sampling: dict[str, Any]) -> bytes:
    """Return a request, the same bytes for the same question."""
    asked = {"messages": [{"role": "user", "content": prompt}], "model": model, "seed": sample} | sampling
    return json.dumps(dict(sorted(asked.items())), ensure_ascii=False, separators=(",", ":")).encode()


def _reply(answer: ServerReply) -> Reply:
    if answer.problem:
        return Reply("", answer.problem)
    choice = answer.json["choices"][0]
    problem = {"length": "cut off", "content_filter": "filtered"}.get(choice.get("finish_reason"))
    if choice["message"].get("refusal"):
        problem = "declined"
    return Reply(choice["message"].get("content") or "", problem)


@contextlib.asynccontextmanager
async def connect(server: Server, batches: bool = False) -> AsyncIterator[Client]:
    """Yield a client of `server`, started here when the section says how and OPENAI_BASE_URL is not set.

    With `batches`, questions wait until the caller has `client.transport.settle()` answer them, and asks again.
    """
    url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    async with contextlib.AsyncExitStack() as stack:
        if server.serve and not url:
            url = stack.enter_context(running_server(server.serve))
        if not key and not url:
            raise UserError(
                f"no way to reach {server.model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server"
            )
        url, key, listed = url or OPENAI, key or "none", prices.load()
        kept = stack.enter_context(contextlib.closing(ResponseCache.open()))
        session = await stack.enter_async_context(_session(key))
        parts = (url, session, kept, Budget(kept, listed), Meter(listed.models.get(server.model)))
        if batches:
            plain = await stack.enter_async_context(AsyncOpenAI(base_url=url, api_key=key))
            transport = BatchTransport(plain, *parts)
        else:
            transport = Transport(*parts)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=CachedHttpxTransport(transport)))
        yield Client(server, transport, AsyncOpenAI(base_url=url, api_key=key, http_client=http, max_retries=0))


def _session(key: str) -> aiohttp.ClientSession:
    """Return what requests go out by: as many connections as it takes, a time limit on each, the key on each."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=httpx.create_ssl_context()),
        timeout=aiohttp.ClientTimeout(total=float(os.environ.get("CLOSEDBOOK_TIMEOUT", "300")), sock_connect=10),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
