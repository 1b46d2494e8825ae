"""The transport under httpx, for libraries that bring their own prompts and ask by the openai package."""

import httpx

from parts.llm import network
from parts.llm.transport import Transport


class CachedHttpxTransport(httpx.AsyncBaseTransport):
    """Sends what is posted by `transport`: cached, retried, within the budget."""

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
