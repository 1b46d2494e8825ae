"""The one client of the OpenAI protocol, for teacher and judge: cached, retried, metered, within a budget.

Every response is cached under a hash of its request (model, messages, sampling, schema, sample), so that a run that was
stopped, or follows an edit, pays for nothing twice. Settings that change no result come from the environment, and are in
neither the hash nor the cache: OPENAI_API_KEY, OPENAI_BASE_URL, CLOSEDBOOK_WORKERS (64 requests at once, at most),
CLOSEDBOOK_TIMEOUT (300 seconds for one), CLOSEDBOOK_CACHE (a folder), and the budgets of parts/llm/budget.py.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel

from parts.llm import network, prices, structured_output
from parts.llm.batch_api import BatchTransport
from parts.llm.budget import Budget, Meter
from parts.llm.dialect import JSON_OBJECT
from parts.llm.library_transport import LibraryTransport
from parts.llm.reply import Reply, read_reply
from parts.llm.request import Request, chat
from parts.llm.response_cache import ResponseCache
from parts.llm.server import NO_KEY, running_server
from parts.llm.transport import ServerReply, Transport
from parts.project.errors import UserError
from parts.project.sections import Server

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPENAI = "https://api.openai.com/v1"
FIRST, MOST_UNHEEDED = 4, 3  # replies that tell whether a server pays heed to response_format


class Client:
    """Sends prompts to one server."""

    def __init__(self, server: Server, transport: Transport, make_openai: "Callable[[], AsyncOpenAI] | None" = None):
        self.server, self.transport, self.meter, self._make_openai = server, transport, transport.meter, make_openai
        self.schema_in_prompt = False  # for a server that does not support response_format, or pays no heed to it
        self.heeded: list[bool] = []  # by the first replies to requests with it
        self.n_first, self.n_ended, self.decided = 0, 0, asyncio.Event()

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
            return read_reply(await self.transport.post(chat(self.server.model, prompt, sample, sampling)))
        with_format = chat(self.server.model, prompt, sample, sampling, schema)
        formatted = self.transport.cached(with_format)
        if formatted and (reply := self._read_formatted(formatted, schema)):
            return reply
        prompt = structured_output.prompt_with_schema(prompt, schema)
        with_schema = chat(self.server.model, prompt, sample, sampling)
        in_words = self.transport.cached(with_schema)
        if not formatted and not in_words and (reply := await self._ask_formatted(with_format, schema)):
            return reply
        return read_reply(in_words or await self.transport.post(with_schema, JSON_OBJECT))

    async def _ask_formatted(self, request: Request, schema: type[BaseModel]) -> Reply | None:
        """Return the reply to a request with response_format; None where it must be asked in words.

        The first few go alone, and all others wait: where most of them are of another structure, the server pays no heed
        to response_format, and the others are asked in words at once. That decides which requests are sent, and never
        which of the cached replies to a request is taken.
        """
        if self.n_first == FIRST:
            await self.decided.wait()
            return await self._post_formatted(request, schema)
        self.n_first += 1
        try:
            return await self._post_formatted(request, schema)
        finally:  # however it ended: the others wait for all of the first
            self.n_ended += 1
            if self.n_ended == FIRST:
                self.decided.set()

    async def _post_formatted(self, request: Request, schema: type[BaseModel]) -> Reply | None:
        return None if self.schema_in_prompt else self._read_formatted(await self.transport.post(request), schema)

    def _read_formatted(self, response: ServerReply, schema: type[BaseModel]) -> Reply | None:
        """Return the reply to a request with response_format; None where the server does not do as that says."""
        if structured_output.is_unsupported(response.status, response.body):
            self.schema_in_prompt = True
            return None
        reply = read_reply(response)
        is_heeded = bool(reply.problem) or reply.is_read(schema)
        if len(self.heeded) < FIRST:
            self.heeded.append(is_heeded)
            self.schema_in_prompt |= self.heeded.count(False) >= MOST_UNHEEDED
        return reply if is_heeded else None


@contextlib.asynccontextmanager
async def connect(server: Server, batches: bool = False) -> AsyncIterator[Client]:
    """Yield a client of `server`, started here when the section says how and OPENAI_BASE_URL is not set.

    With `batches`, requests are deferred until `client.transport.settle()`; the caller then makes them again.
    """
    url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    async with contextlib.AsyncExitStack() as stack:
        if server.serve and not url:
            url = stack.enter_context(running_server(server.serve, "OPENAI_API_KEY"))
        if not key and not url:
            raise UserError(
                f"no way to reach {server.model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server"
            )
        url, key, price_list = url or OPENAI, key or NO_KEY, prices.load()
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
        http = await stack.enter_async_context(httpx.AsyncClient(transport=LibraryTransport(transport)))
        yield Client(server, transport, lambda: _openai(url, key, http))


def _openai(url: str, key: str, http: httpx.AsyncClient) -> "AsyncOpenAI":
    from openai import AsyncOpenAI  # takes longer to import than most stages take to run

    return AsyncOpenAI(**network.openai_options(url, key), http_client=http, max_retries=0)
