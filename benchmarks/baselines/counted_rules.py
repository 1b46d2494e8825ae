"""The rules teacher and judge, which notes when it has answered which request.

python -m benchmarks.baselines.counted_rules FILE --port 8000

A line of FILE for each answer: the time, by the clock that all processes of a machine share, and the request's hash.
"""

import argparse
import asyncio
import hashlib
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from invitro.rules import server


def counted(file: Path) -> web.Application:
    """Return the server; `file` gets a line for each answer."""

    @web.middleware
    async def note(request: web.Request, handler: Callable[[web.Request], Awaitable[web.Response]]) -> web.Response:
        response = await handler(request)
        if request.method == "POST":
            with file.open("a") as lines:
                lines.write(f"{time.monotonic()} {hashlib.sha256(await request.read()).hexdigest()}\n")
        return response

    app = server.app()
    app.middlewares.append(note)
    return app


async def serve(file: Path, port: int) -> None:
    """Serve until standard input closes."""
    runner = web.AppRunner(counted(file), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.file, options.port))
