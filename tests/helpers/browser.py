"""Drive Chromium, headless, by its own protocol: open a page, click, type, read the console and what it asks the network."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from websockets.sync.client import connect

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--hide-scrollbars",
    "--disable-background-networking", "--remote-debugging-port=0", "--disable-dev-shm-usage",
)  # fmt: skip


class Tab:
    """A tab: `said` is what the console showed, `asked` the addresses the page asked for, itself left out."""

    def __init__(self, socket):
        self.socket, self.numbers = socket, itertools.count(1)
        self.said: list[str] = []
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params) -> dict:
        """Return what the browser answers to `method`."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self.socket.recv(timeout=20))
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]
            self._heard(told)

    def _heard(self, told: dict) -> None:
        method, params = told.get("method"), told.get("params")
        if method == "Runtime.consoleAPICalled":
            self.said.append(json.dumps(params["args"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and params["type"] != "Document":
            self.asked.append(params["request"]["url"])

    def open(self, path: Path) -> None:
        self.call("Page.navigate", url=path.as_uri())
        ends = time.monotonic() + 20
        while self.js("document.readyState") != "complete" or self.js("location.href") == "about:blank":
            assert time.monotonic() < ends, f"{path} does not load"
            time.sleep(0.02)

    def js(self, expression: str):
        """Return the value of `expression` in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press and let go of a key, named as in KeyboardEvent.key."""
        for kind in ("keyDown", "keyUp"):
            code = {"Enter": 13}.get(key, 0)
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def window(self, width: int, height: int, dark: bool = False) -> None:
        """Make the window so large, in CSS pixels, on a system that is light or dark."""
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, to: Path, whole: bool = False) -> None:
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        to.write_bytes(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """Yield a tab of a Chromium of its own, and end it."""
    flags = [*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    child = subprocess.Popen([PROGRAM, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        told, ends = profile / "DevToolsActivePort", time.monotonic() + 30
        while not (told.exists() and told.read_text().count("\n")):
            assert child.poll() is None and time.monotonic() < ends, "Chromium does not start"
            time.sleep(0.05)
        port = told.read_text().split()[0]
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/json/new", method="PUT")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
            address = json.load(answer)["webSocketDebuggerUrl"]
        with connect(address, max_size=None, proxy=None) as socket:
            yield Tab(socket)
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
