"""A teacher with latency and faults that costs little CPU: HTTP/1.1 by hand, one process.

python -m benchmarks.baselines.server --port 8000 --latency 0.2 --faults

GET /v1/stats returns what came in: requests, distinct ones, answers, seconds from the first request to the last answer.
"""

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from collections import Counter

FAULTS = {429: 0.10, 500: 0.05, "drop": 0.02, "hang": 0.02}  # by chance, for any request
FLAWS = {"broken": 0.05, "cut off": 0.02}  # by request: the answer that one has, however often it is asked for


def completion(content: bytes, flaws: bool = False) -> bytes:
    """Return the answer to a request: one question, its own, with about the length that a teacher's has."""
    name = hashlib.sha256(content).hexdigest()
    row = {"question": f"What is {name}?", "reasoning": "It is told in the passage. " * 8, "answer": f"It is {name}."}
    text, finish, chance = json.dumps({"questions": [row]}), "stop", random.Random(name).random()
    if flaws and chance < sum(FLAWS.values()):
        text, finish = text[:90], "stop" if chance < FLAWS["broken"] else "length"
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": len(content) // 4, "completion_tokens": len(text) // 4}
    usage["total_tokens"] = sum(usage.values())
    choice = {"index": 0, "message": message, "finish_reason": finish}
    head = {"id": name[:12], "object": "chat.completion", "created": 0, "model": "bench"}
    return json.dumps(head | {"choices": [choice], "usage": usage}).encode()


class Stats:
    def __init__(self):
        self.requests, self.answered, self.first, self.last = Counter(), 0, 0.0, 0.0

    def to_json(self) -> bytes:
        counts = {"requests": self.requests.total(), "distinct": len(self.requests), "answered": self.answered}
        return json.dumps(counts | {"seconds": self.last - self.first}).encode()


class Teacher(asyncio.Protocol):
    def __init__(self, latency: float, faults: bool, stats: Stats, rng: random.Random):
        self.latency, self.faults, self.stats, self.rng, self.buffer = latency, faults, stats, rng, b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"GET"):
            self.buffer = rest
            self._write(200, self.stats.to_json())
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        if len(rest) >= length:
            self.buffer = rest[length:]
            self._take(rest[:length])

    def _take(self, content: bytes) -> None:
        stats, loop = self.stats, asyncio.get_running_loop()
        stats.requests[hashlib.sha256(content).digest()] += 1
        stats.first = stats.first or time.monotonic()
        loop.call_later(self.latency, self._answer, content)

    def _answer(self, content: bytes) -> None:
        stats, fault = self.stats, self._fault()
        if fault == "drop":
            self.transport.abort()
        elif fault == 429:
            self._write(429, b"{}", b"Retry-After: 0.02\r\n")
        elif fault == 500:
            self._write(500, b"{}")
        elif fault != "hang":
            self._write(200, completion(content, self.faults))
            stats.answered += 1
            stats.last = time.monotonic()

    def _fault(self) -> object:
        if not self.faults:
            return None
        return self.rng.choices([*FAULTS, None], [*FAULTS.values(), 1 - sum(FAULTS.values())])[0]

    def _write(self, status: int, body: bytes, more: bytes = b"") -> None:
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head % (status, more, len(body)) + body)


async def serve(port: int, latency: float, faults: bool) -> None:
    stats, rng = Stats(), random.Random(1)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Teacher(latency, faults, stats, rng), "127.0.0.1", port, backlog=1024)
    await asyncio.to_thread(sys.stdin.read)  # whoever started the server holds its other end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--faults", action="store_true")
    args = parser.parse_args()
    asyncio.run(serve(args.port, args.latency, args.faults))


if __name__ == "__main__":
    main()
