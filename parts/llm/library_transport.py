"""The client's transport under the openai package, for libraries that bring their own prompts and read the replies."""

import json

import httpx

from parts.llm import network, structured_output
from parts.llm.reply import read_reply
from parts.llm.request import CHAT, of_library
from parts.llm.transport import Transport

_DECODER = json.JSONDecoder(strict=False)


class LostReply(Exception):
    """A reply with a problem, which the library must not take for a result."""

    def __init__(self, problem: str):
        super().__init__(problem)
        self.problem = problem


class LibraryTransport(httpx.AsyncBaseTransport):
    """Hands a library the text of a chat reply as the client reads it: without thoughts, and only the JSON where there is any."""

    def __init__(self, transport: Transport):
        self.transport = transport
        self.inner = httpx.AsyncHTTPTransport(**network.httpx_options(transport.url))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response to `request`; only a POST is cached. Raises LostReply for a chat reply with a problem."""
        if request.method != "POST":
            return await self.inner.handle_async_request(request)
        path = request.url.path.removeprefix(httpx.URL(self.transport.url).path)
        response = await self.transport.post(of_library(path, await request.aread()))
        if path != CHAT:
            return httpx.Response(response.status, content=response.body, headers={"content-type": "application/json"})
        reply = read_reply(response)
        if reply.problem:
            raise LostReply(reply.problem)
        values = structured_output.json_values(reply.text, _DECODER)
        content = json.dumps(values[0]) if values else reply.text
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return httpx.Response(200, json=response.json | {"choices": [choice]})

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()
