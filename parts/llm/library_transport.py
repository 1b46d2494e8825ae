"""The client's transport under the openai package, for libraries that bring their own prompts and read the replies."""

import json

import httpx

from parts.llm import structured_output
from parts.llm.reply import read_reply
from parts.llm.transport import CachedHttpxTransport, ServerReply

_DECODER = json.JSONDecoder(strict=False)


class LostReply(Exception):
    """A reply with a problem, which the library must not take for a result."""

    def __init__(self, problem: str):
        super().__init__(problem)
        self.problem = problem


class LibraryTransport(CachedHttpxTransport):
    """Hands a library the text of a chat reply as the client reads it: without thoughts, and only the JSON where there is any."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response to `request`. Raises LostReply for a reply with a problem."""
        response = await super().handle_async_request(request)
        if not request.url.path.endswith("/chat/completions") or response.status_code != 200:
            return response
        body = json.loads(response.content)
        reply = read_reply(ServerReply(json=body))
        if reply.problem:
            raise LostReply(reply.problem)
        values = structured_output.json_values(reply.text, _DECODER)
        content = json.dumps(values[0]) if values else reply.text
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return httpx.Response(200, json=body | {"choices": [choice]})
