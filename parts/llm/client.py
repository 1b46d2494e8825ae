"""The one client of the OpenAI protocol, for teacher and judge: cached, retried, metered, within a budget.

Every response is cached under a hash of its request (model, messages, sampling, schema, sample), so that a run that was
stopped, or follows an edit, pays for nothing twice. Settings that change no result come from the environment, and are in
neither the hash nor the cache: OPENAI_API_KEY, OPENAI_BASE_URL, CLOSEDBOOK_WORKERS (64 requests at once, at most),
CLOSEDBOOK_TIMEOUT (300 seconds for one), CLOSEDBOOK_CACHE (a folder), and the budgets of parts/llm/budget.py.
"""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from parts.llm import network, prices, structured_output
from parts.llm.batch_api import BatchTransport
from parts.llm.budget import Budget, Meter
from parts.llm.dialect import JSON_OBJECT
from parts.llm.response_cache import ResponseCache
from parts.llm.server import running_server
from parts.llm.transport import CachedHttpxTransport, ServerReply, Transport
from parts.project.errors import UserError
from parts.project.sections import Server

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CHAT = "/chat/completions"
OPENAI = "https://api.openai.com/v1"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Reply:
    """The reply to one prompt: its text, and what is wrong with it."""

    text: str
    problem: str | None = None
    """refused, cut off, filtered, declined; None: no problem"""

    def parse(self, model: type[Model]) -> tuple[Model | None, str | None]:
        """Return the text as a `model` and None; or None and why: the problem, or "unparsed" where it does not validate."""
        if self.problem:
            return None, self.problem
        try:
            return model.model_validate_json(self.text), None
        except ValidationError:
            return None, "unparsed"


class Client:
    """Sends prompts to one server."""

    def __init__(self, server: Server, transport: Transport, make_openai: "Callable[[], AsyncOpenAI] | None" = None):
        self.server, self.transport, self.meter, self._make_openai = server, transport, transport.meter, make_openai
        self.schema_in_prompt = False  # for a server that does not support response_format

    @cached_property
    def openai(self) -> "AsyncOpenAI":
        """A client of the openai package that goes through the same transport, for libraries that bring their own prompts."""
        return self._make_openai()

    async def ask(
        self, prompt: str, *, schema: type[BaseModel] | None = None, sample: int = 0, **sampling: Any
    ) -> Reply:
        """Return the reply to `prompt`, of the structure `schema` where one is given; `sample` numbers several replies.

        Raises UserError when the server cannot be reached, does not know the model or refuses the key, as every other
        request would fail likewise; and BudgetExceeded.
        """
        if schema is None:
            return _reply(await self.transport.post(CHAT, request_body(self.server.model, prompt, sample, sampling)))
        with_format = request_body(
            self.server.model, prompt, sample, sampling | {"response_format": structured_output.response_format(schema)}
        )
        if not self.schema_in_prompt and (cached := self.transport.cached(CHAT, with_format)):
            return _reply(cached)
        prompt = structured_output.prompt_with_schema(prompt, schema)
        with_schema = request_body(self.server.model, prompt, sample, sampling)
        response = self.transport.cached(CHAT, with_schema)
        if not response and not self.schema_in_prompt:
            response = await self.transport.post(CHAT, with_format)
            if not structured_output.is_unsupported(response.status, response.body):
                return _reply(response)
            self.schema_in_prompt, response = True, None
        reply = _reply(response or await self.transport.post(CHAT, with_schema, JSON_OBJECT))
        return replace(reply, text=structured_output.without_fence(reply.text))


def request_body(model: str, prompt: str, sample: int, sampling: dict[str, Any]) -> bytes:
    """Return the body of a request: the same arguments, the same bytes."""
    body = {"messages": [{"role": "user", "content": prompt}], "model": model, "seed": sample} | sampling
    return json.dumps(dict(sorted(body.items())), ensure_ascii=False, separators=(",", ":")).encode()


def _reply(response: ServerReply) -> Reply:
    if response.problem:
        return Reply("", response.problem)
    choice = response.json["choices"][0]
    problem = {"length": "cut off", "content_filter": "filtered"}.get(choice.get("finish_reason"))
    if choice["message"].get("refusal"):
        problem = "declined"
    return Reply(choice["message"].get("content") or "", problem)


@contextlib.asynccontextmanager
async def connect(server: Server, batches: bool = False) -> AsyncIterator[Client]:
    """Yield a client of `server`, started here when the section says how and OPENAI_BASE_URL is not set.

    With `batches`, requests are deferred until `client.transport.settle()`; the caller then makes them again.
    """
    url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    async with contextlib.AsyncExitStack() as stack:
        if server.serve and not url:
            url = stack.enter_context(running_server(server.serve))
        if not key and not url:
            raise UserError(
                f"no way to reach {server.model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server"
            )
        url, key, price_list = url or OPENAI, key or network.NO_KEY, prices.load()
        cache = stack.enter_context(contextlib.closing(ResponseCache.open()))
        session = await stack.enter_async_context(network.session(url, key))
        arguments = (url, session, cache, Budget(cache, price_list), Meter(price_list.models.get(server.model)))
        if batches:
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient

            direct = DefaultAsyncHttpxClient(**network.httpx_options(url))
            openai = AsyncOpenAI(**network.openai_options(url, key), http_client=direct)
            await stack.enter_async_context(openai)
            transport = BatchTransport(openai, *arguments)
        else:
            transport = Transport(*arguments)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=CachedHttpxTransport(transport)))
        yield Client(server, transport, lambda: _openai(url, key, http))


def _openai(url: str, key: str, http: httpx.AsyncClient) -> "AsyncOpenAI":
    from openai import AsyncOpenAI  # takes longer to import than most stages take to run

    return AsyncOpenAI(**network.openai_options(url, key), http_client=http, max_retries=0)
