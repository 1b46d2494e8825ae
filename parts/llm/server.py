"""Run a model's server on loopback for as long as it is needed."""

import contextlib
import ipaddress
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

import httpx

from parts.project.errors import UserError

STARTUP_TIMEOUT = 600  # seconds to load a model


@contextlib.contextmanager
def running_server(command: str, withheld: Collection[str] = ()) -> Iterator[str]:
    """Start `command` with {port} filled in, wait until it responds, yield its base URL, and end it afterwards.

    Its environment lacks the variables `withheld`, such as another server's key. `python` in the command is this
    interpreter. Its standard input is a pipe that closes when this process ends, so that a server that watches it never
    outlives us. Raises UserError when it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [
        sys.executable if word == "python" else word.replace("{port}", str(port)) for word in shlex.split(command)
    ]
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
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


def _wait(child: subprocess.Popen, command: str, url: str) -> None:
    for _ in range(STARTUP_TIMEOUT * 20):
        if child.poll() is not None:
            raise UserError(f"{command!r} ended with status {child.returncode} before it answered")
        with contextlib.suppress(httpx.ConnectError, httpx.TimeoutException, httpx.ReadError):
            httpx.get(f"{url}/models", timeout=5, trust_env=False)
            return  # any status will do
        time.sleep(0.05)
    raise UserError(f"{command!r} did not answer at {url} within {STARTUP_TIMEOUT} s")
