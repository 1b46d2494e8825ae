"""A model's server: one run on loopback for as long as it is needed, and what of an address and an error may be printed."""

import contextlib
import ipaddress
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from parts.project.errors import UserError

SECRETS = {"OPENAI_API_KEY", "CLOSEDBOOK_ENGINE_KEY", "CLOSEDBOOK_DSN"}
"""Variables of the environment that a server started here does not see, unless one is its own."""

STARTUP_TIMEOUT = 600  # seconds to load a model
NO_KEY = "none"
"""in place of a key"""


@contextlib.contextmanager
def running_server(command: str, own_key: str = "") -> Iterator[str]:
    """Start `command` with {port} filled in, wait until it responds, yield its base URL, and end it afterwards.

    Of SECRETS its environment has `own_key` alone, for a command may start a proxy that needs it. `python` in the command is
    this interpreter. Its standard input is a pipe that closes when this process ends, so that a server that watches it never
    outlives us. Raises UserError when it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [
        sys.executable if word == "python" else word.replace("{port}", str(port)) for word in shlex.split(command)
    ]
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS - {own_key}}
    try:
        child = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, env=environment
        )
    except OSError as error:
        raise UserError(f"cannot start {command!r}: {error.strerror}") from error
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait(child, command, url)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()


def is_loopback(url: str) -> bool:
    """Tell whether the server at `url` is on this machine: its prompts must not go to a proxy."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def split(url: str) -> tuple[str, str]:
    """Return an address without its query and without a slash at its end, and the query, with its question mark."""
    base, mark, query = url.partition("?")
    return base.rstrip("/"), f"{mark}{query}" if query else ""


def shown(url: str) -> str:
    """Return an address as it may be printed: without a query, a user or a password."""
    return str(httpx.URL(split(url)[0]).copy_with(userinfo=b""))


def without_key(words: str, key: str) -> str:
    """Return a server's words without the key, should they have it, or begin it where they were cut off."""
    if key == NO_KEY:
        return words
    words, end = words.replace(key, "***"), words.endswith("…")
    start = words.removesuffix("…")
    cut = next((size for size in range(len(key), 3, -1) if start.endswith(key[:size])), 0)
    return f"{start[: len(start) - cut]}***" if end and cut else words


def _wait(child: subprocess.Popen, command: str, url: str) -> None:
    for _ in range(STARTUP_TIMEOUT * 20):
        if child.poll() is not None:
            raise UserError(f"{command!r} ended with status {child.returncode} before it answered")
        with contextlib.suppress(httpx.ConnectError, httpx.TimeoutException, httpx.ReadError):
            httpx.get(f"{url}/models", timeout=5, trust_env=False)
            return  # any status will do
        time.sleep(0.05)
    raise UserError(f"{command!r} did not answer at {url} within {STARTUP_TIMEOUT} s")
