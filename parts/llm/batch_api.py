"""Send requests by the OpenAI Batch API, for runs that can wait: those that are not cached are written to a file, submitted
and polled for; the responses go into the same cache as those of a live run.

CLOSEDBOOK_BATCH=1 chooses it. The next run waits for a batch that was submitted before, and it is never paid for twice.
Where a request follows from a response, the caller makes all requests once more for each round.
"""

import asyncio
import hashlib
import json
import os
import platform
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from parts.llm import dialect, jobs
from parts.llm.request import Request
from parts.llm.response_cache import CachedResponse
from parts.llm.server_reply import RETRIABLE, ServerReply, error_text, parse_body, printable, token_usage
from parts.llm.transport import MOST_RUNS, Transport
from parts.project.errors import UserError
from parts.project.progress import ProgressBar

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

POLL = 30  # seconds
MAX_REQUESTS = 10_000  # in one batch; OpenAI takes 50,000 and 200 MB
ROUNDS = 3  # in which a request with a transient failure is sent
ASSUMED_NEW_TOKENS = 300  # of a response, for the budget
FINISHED = {"completed", "expired", "cancelled", "failed"}
MAX_AGE = 3 * 24 * 3600  # seconds; older batches are ignored: OpenAI finishes one within a day

Row = tuple[str, str, bytes]
"""id, path and content of a deferred request"""


def is_enabled() -> bool:
    """Tell whether the environment chooses batches."""
    return os.environ.get("CLOSEDBOOK_BATCH", "0") not in ("", "0")


class BatchTransport(Transport):
    """A transport that defers requests until `settle` is called."""

    def __init__(self, openai: "AsyncOpenAI", *transport: object):
        super().__init__(*transport)
        self.openai = openai
        self.failed: dict[str, ServerReply] = {}
        self.tries: Counter[str] = Counter()
        self.submitted_with: dialect.Changes = {}  # what the batches under way leave out
        self.deferred = sqlite3.connect("", isolation_level=None)  # on disk, without a name
        self.deferred.execute("CREATE TABLE requests (id TEXT PRIMARY KEY, path TEXT, content BLOB) WITHOUT ROWID")
        where = f"{platform.node()} {self.cache.folder.resolve()}"
        self.owner = hashlib.sha256(where.encode()).hexdigest()[:16]  # in the metadata of our batches

    async def post(self, request: Request, hints: dict[str, Any] | None = None) -> ServerReply:
        """Return the response to `request`, cached or failed; otherwise defer it, with the problem "waiting"."""
        name = request.key.hex()
        if reply := self.cached(request) or self.failed.get(name):
            return reply
        content = json.dumps(request.body | (hints or {}), ensure_ascii=False).encode()
        self.deferred.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", (name, request.path, content))
        return ServerReply(status=0, problem="waiting")

    async def settle(self) -> bool:
        """Submit the deferred requests, or collect batches submitted before; tell whether there are new responses.

        Raises UserError when the server refuses the batches, or has not answered requests that it may answer later; and
        BudgetExceeded.
        """
        from openai import OpenAIError

        try:
            any_collected = await self._collect()
            if not any_collected:
                self._check_budget()
                for requests in self._split():
                    await self._submit(requests)
                any_collected = await self._collect()
        except OpenAIError as error:
            words = self.failures.without_key(printable(str(error)))
            raise UserError(f"batches at {self.url}: {words}; the next run waits for what was submitted") from error
        self.deferred.execute("DELETE FROM requests")
        if any_collected:
            self.meter.reset_requests()
        else:
            self.meter.unanswered.update(
                reply.problem
                for name, reply in self.failed.items()
                if reply.may_pass and self.cache.give_up(bytes.fromhex(name)) < MOST_RUNS
            )
            jobs.raise_unanswered(f"batches at {self.url}", self.meter)
        return any_collected

    def _check_budget(self) -> None:
        query = "SELECT content, count(*), sum(length(content)) FROM requests"
        for content, count, size in self.deferred.execute(query):
            if count:
                self.budget.check(json.loads(content)["model"], size // 4, count * ASSUMED_NEW_TOKENS)

    def _split(self) -> Iterator[list[Row]]:
        cursor = self.deferred.execute("SELECT id, path, content FROM requests ORDER BY id")
        while requests := cursor.fetchmany(MAX_REQUESTS):
            yield requests

    async def _submit(self, requests: list[Row]) -> None:
        """Upload a file of requests and create a batch of it."""
        path, self.submitted_with = "/v1" + requests[0][1], self.changes
        rows = [
            json.dumps({"custom_id": name, "method": "POST", "url": path, "body": self._sent(content)})
            for name, _, content in requests
        ]
        file = await self.openai.files.create(file=("closedbook.jsonl", "\n".join(rows).encode()), purpose="batch")
        metadata = {"closedbook": self.owner, "model": json.loads(requests[0][2])["model"]}
        await self.openai.batches.create(
            input_file_id=file.id, endpoint=path, completion_window="24h", metadata=metadata
        )

    def _sent(self, content: bytes) -> dict:
        return dialect.sent(json.loads(content), self.changes)

    async def _collect(self) -> bool:
        """Wait for our batches that were not collected yet, and store their responses; tell whether there were any."""
        collected = self.cache.collected_batches()
        ours = [batch async for batch in self._recent() if (batch.metadata or {}).get("closedbook") == self.owner]
        ours = [batch for batch in ours if batch.id not in collected]
        for batch in ours:
            await self._store_results(await self._wait(batch))
        return bool(ours)

    async def _recent(self) -> AsyncIterator["Batch"]:
        async for batch in self.openai.batches.list():
            if batch.created_at < time.time() - MAX_AGE:
                return  # the latest come first
            yield batch

    async def _wait(self, batch: "Batch") -> "Batch":
        with ProgressBar(desc=f"batch {batch.id}", unit="") as bar:
            while batch.status not in FINISHED:
                await asyncio.sleep(POLL)
                batch = await self.openai.batches.retrieve(batch.id)
                if counts := batch.request_counts:
                    bar.total = counts.total
                    bar.update(counts.completed + counts.failed - bar.n)
        return batch

    async def _store_results(self, batch: "Batch") -> None:
        """Store the responses of a batch, all or none, and note its failed requests."""
        responses = []
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            async with self.openai.files.with_streaming_response.content(file) as lines:
                async for line in lines.iter_lines():
                    if line.strip() and (response := self._parse(json.loads(line), batch.metadata["model"])):
                        responses.append(response)
        self.cache.store(*responses, batch=batch.id)
        for response in responses:
            self.meter.pay(response.prompt_tokens, response.new_tokens)
        if batch.status == "failed":
            reason = batch.errors.data[0].message if batch.errors and batch.errors.data else "no reason given"
            raise UserError(f"{batch.id} at {self.url} failed: {self.failures.without_key(printable(reason))}")

    def _parse(self, line: dict, model: str) -> CachedResponse | None:
        """Return the response in a line of results; None for a failed request, which is noted."""
        name, response = line["custom_id"], line.get("response") or {}
        status, body = response.get("status_code", 504), json.dumps(response.get("body")).encode()
        (content,) = self.deferred.execute("SELECT content FROM requests WHERE id = ?", (name,)).fetchone() or (b"{}",)
        if status == 200:
            reply = parse_body(body)
        else:
            reply = ServerReply(body, {}, status, f"refused ({status})", words=printable(error_text(body)))
        if not reply.problem:
            usage = token_usage(reply.json, len(content), len(body))
            return CachedResponse(bytes.fromhex(name), body, model, usage.prompt_tokens, usage.new_tokens)
        self.tries[name] += 1
        if learned := dialect.learn(json.loads(content), self.submitted_with, status, body):
            self._adopt(learned, model)
        if not (learned or reply.status in RETRIABLE) or self.tries[name] == ROUNDS:
            self.failed[name] = reply
            self.failures.note(reply)
        return None
