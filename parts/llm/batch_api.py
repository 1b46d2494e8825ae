"""Ask by the OpenAI Batch API, for those who can wait: what is not kept is collected, written to a file, submitted and
polled for; the answers go into the same cache as those of a live run.

CLOSEDBOOK_BATCH=1 chooses it. A batch that was submitted is waited for by whoever runs next, and never paid for again.
Where one answer leads to the next question, whoever asks goes over everything once more for each round.
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

from openai import AsyncOpenAI, OpenAIError
from openai.types import Batch

from parts.llm.response_cache import CachedResponse
from parts.llm.transport import RETRIABLE, ServerReply, Transport, parse_body, token_usage
from parts.project.progress import ProgressBar
from schemas.errors import UserError

POLL = 30  # seconds
LARGEST = 10_000  # requests in one batch; OpenAI takes 50,000 and 200 MB
ROUNDS = 3  # in which what may pass is asked again
ANSWER = 300  # tokens that an answer is taken to have, for the budget
OVER = {"completed", "expired", "cancelled", "failed"}
RECENT = 3 * 24 * 3600  # seconds after which a batch is looked for no longer: OpenAI gives it one day


def is_enabled() -> bool:
    """Tell whether the environment asks for batches."""
    return os.environ.get("CLOSEDBOOK_BATCH", "0") not in ("", "0")


class BatchTransport(Transport):
    """A transport that lets questions wait, and has them answered when `settle` is called."""

    def __init__(self, openai: AsyncOpenAI, *transport: object):
        super().__init__(*transport)
        self.openai = openai
        self.failed: dict[str, ServerReply] = {}
        self.tries: Counter[str] = Counter()
        self.waiting = sqlite3.connect("", isolation_level=None)  # on disk, without a name
        self.waiting.execute("CREATE TABLE asked (id TEXT PRIMARY KEY, path TEXT, content BLOB) WITHOUT ROWID")
        where = f"{platform.node()} {self.cache.folder.resolve()}"
        self.mark = hashlib.sha256(where.encode()).hexdigest()[:16]  # what we know our batches by

    async def post(self, path: str, content: bytes) -> ServerReply:
        """Return the answer to `content` if it is there, or let it wait."""
        name = self.cache.key(path, content).hex()
        if known := self.cached(path, content) or self.failed.get(name):
            return known
        self.waiting.execute("INSERT OR IGNORE INTO asked VALUES (?, ?, ?)", (name, path, content))
        return ServerReply(status=0, problem="waiting")

    async def settle(self) -> bool:
        """Have all that waits answered, what was submitted before first; tell whether it is worth asking again.

        Raises Mistake when the server does not take the batches, and Spent when the budget does not allow them.
        """
        try:
            found = await self._collect()
            if not found:
                self._afford()
                for lines in self._files():
                    await self._submit(lines)
                found = await self._collect()
        except OpenAIError as error:
            raise UserError(
                f"batches at {self.url}: {error}; what was submitted is waited for by the next run"
            ) from error
        self.waiting.execute("DELETE FROM asked")
        if found:
            self.meter.again()
        return found

    def _afford(self) -> None:
        for content, count, size in self.waiting.execute("SELECT content, count(*), sum(length(content)) FROM asked"):
            if count:
                self.budget.afford(json.loads(content)["model"], size // 4, count * ANSWER)

    def _files(self) -> Iterator[list[tuple[str, str, bytes]]]:
        found = self.waiting.execute("SELECT id, path, content FROM asked ORDER BY id")
        while lines := found.fetchmany(LARGEST):
            yield lines

    async def _submit(self, lines: list[tuple[str, str, bytes]]) -> None:
        """Upload a file of requests and have it worked on."""
        path = "/v1" + lines[0][1]
        rows = [
            json.dumps({"custom_id": name, "method": "POST", "url": path, "body": json.loads(content)})
            for name, _, content in lines
        ]
        file = await self.openai.files.create(file=("closedbook.jsonl", "\n".join(rows).encode()), purpose="batch")
        about = {"closedbook": self.mark, "model": json.loads(lines[0][2])["model"]}
        await self.openai.batches.create(input_file_id=file.id, endpoint=path, completion_window="24h", metadata=about)

    async def _collect(self) -> bool:
        """Wait for our batches that were not collected yet, and keep their answers; tell whether there were any."""
        seen = self.cache.collected()
        ours = [one async for one in self._recent() if (one.metadata or {}).get("closedbook") == self.mark]
        ours = [batch for batch in ours if batch.id not in seen]
        for batch in ours:
            await self._keep_all(await self._wait(batch))
        return bool(ours)

    async def _recent(self) -> AsyncIterator[Batch]:
        async for batch in self.openai.batches.list():
            if batch.created_at < time.time() - RECENT:
                return  # the latest come first
            yield batch

    async def _wait(self, batch: Batch) -> Batch:
        with ProgressBar(desc=f"batch {batch.id}", unit="") as bar:
            while batch.status not in OVER:
                await asyncio.sleep(POLL)
                batch = await self.openai.batches.retrieve(batch.id)
                if counts := batch.request_counts:
                    bar.total = counts.total
                    bar.update(counts.completed + counts.failed - bar.n)
        return batch

    async def _keep_all(self, batch: Batch) -> None:
        """Keep the answers of a batch, all or none, and note what came to nothing."""
        kept = []
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            async with self.openai.files.with_streaming_response.content(file) as lines:
                async for line in lines.iter_lines():
                    if line.strip() and (answer := self._read(json.loads(line), batch.metadata["model"])):
                        kept.append(answer)
        self.cache.keep(*kept, batch=batch.id)
        for one in kept:
            self.meter.pay(one.prompt_tokens, one.new_tokens)
        if batch.status == "failed":
            told = batch.errors.data[0].message if batch.errors and batch.errors.data else "no reason given"
            raise UserError(f"{batch.id} at {self.url} failed: {told}")

    def _read(self, line: dict, model: str) -> CachedResponse | None:
        """Return what is to be kept of a line of results; None, and a note, for a request that came to nothing."""
        name, response = line["custom_id"], line.get("response") or {}
        status, body = response.get("status_code", 504), json.dumps(response.get("body")).encode()
        answer = parse_body(body) if status == 200 else ServerReply(body, {}, status, f"refused ({status})")
        if not answer.problem:
            return CachedResponse(bytes.fromhex(name), body, model, *token_usage(answer.json))
        self.tries[name] += 1
        if answer.status not in RETRIABLE or self.tries[name] == ROUNDS:
            self.failed[name] = answer
        return None
