"""Go through all passages as a generator would, without asking, and count what it would take.

What is in the cache is taken as it is. A request that is not is priced by its own bytes and by the mean length of the
kept answers of its kind; what a generator would ask next, it asks about a stand-in. It cannot know how long the answers
are when none of their kind is kept, nor that a teacher returns fewer things than it was asked for.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from parts.generators.shared.base import evenly_spread, load_generator
from parts.llm import structured_output
from parts.llm.budget import Meter
from parts.llm.client import Client
from parts.llm.response_cache import ResponseCache
from parts.llm.transport import ServerReply, Transport, token_usage
from parts.project.sections import Server

PILOT = 20  # passages whose answers the estimate in metrics/ is made from
SAMPLE = 200  # passages that it is made for, at most: the others are taken to be like them
ASSUMED = 300  # new tokens of an answer of which nothing is known
PER_BYTE = 0.25  # prompt tokens, likewise


@dataclass
class Kind:
    """Requests of one structure: those whose answers are kept, and those that are still to be asked."""

    kept: int = 0
    kept_bytes: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    ahead: int = 0
    ahead_bytes: int = 0

    def rest(self) -> tuple[int, int]:
        """Return the prompt tokens and new tokens that are still to be paid."""
        rate = self.prompt_tokens / self.kept_bytes if self.kept else PER_BYTE
        return round(self.ahead_bytes * rate), round(
            self.ahead * (self.new_tokens / self.kept if self.kept else ASSUMED)
        )


@dataclass
class Estimate:
    """What a generator's run takes, by kind of request."""

    kinds: dict[str, Kind] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """Return the sum of a count over all kinds."""
        return sum(getattr(kind, name) for kind in self.kinds.values())

    def rest(self) -> tuple[int, int]:
        """Return the prompt tokens and new tokens that are still to be paid."""
        found = [kind.rest() for kind in self.kinds.values()]
        return sum(prompt for prompt, _ in found), sum(new for _, new in found)

    def tokens(self) -> int:
        """Return all tokens, kept and still to be paid."""
        return self.total("prompt_tokens") + self.total("new_tokens") + sum(self.rest())

    def assumed(self) -> int:
        """Return how many answers are of a length that had to be assumed."""
        return sum(kind.ahead for kind in self.kinds.values() if not kind.kept)


class DryRunTransport(Transport):
    """A transport that sends nothing: what is not kept is answered by a stand-in, with lists of `length`."""

    def __init__(self, cache: ResponseCache, length: int):
        self.cache, self.length, self.meter, self.seen, self.blind = cache, length, Meter(), Estimate(), False
        self.stand_ins: dict[str, ServerReply] = {}

    def cached(self, path: str, content: bytes) -> ServerReply | None:
        """Return the answer to `content` if it is in the cache, and count it."""
        answer = None if self.blind else super().cached(path, content)
        if answer:
            (kind, _), (prompt, new) = self._kind(content), token_usage(answer.json)
            kind.kept, kind.kept_bytes = kind.kept + 1, kind.kept_bytes + len(content)
            kind.prompt_tokens, kind.new_tokens = kind.prompt_tokens + prompt, kind.new_tokens + new
        return answer

    async def post(self, path: str, content: bytes) -> ServerReply:
        """Return the kept answer or a stand-in, and count it."""
        if answer := self.cached(path, content):
            return answer
        kind, stand_in = self._kind(content)
        kind.ahead, kind.ahead_bytes = kind.ahead + 1, kind.ahead_bytes + len(content)
        return stand_in

    def _kind(self, content: bytes) -> tuple[Kind, ServerReply]:
        """Return the kind that a request is of, and what stands in for its answer."""
        wanted = json.loads(content).get("response_format") or {}
        name = wanted.get("json_schema", {}).get("name", "")
        if name not in self.stand_ins:
            message = {"content": structured_output.stub_answer(wanted, self.length)}
            self.stand_ins[name] = ServerReply(json={"choices": [{"message": message}]})
            self.seen.kinds[name] = Kind()
        return self.seen.kinds[name], self.stand_ins[name]


async def estimate(
    chunks: pl.DataFrame, name: str, server: Server, kept: ResponseCache, known: Collection[int] | None = None
) -> Estimate:
    """Return what the generator `name` asks about `chunks`; only the answers on passages of these numbers are `known`."""
    generate, knobs = load_generator(name)
    transport = DryRunTransport(kept, structured_output.list_length(knobs))
    client = Client(server, transport, None)
    for number, chunk in enumerate(chunks.iter_rows(named=True)):
        transport.blind = known is not None and number not in known
        await generate(chunk["heading"], chunk["text"], client.ask, knobs)
    return transport.seen


async def pilot_estimate(chunks: pl.DataFrame, name: str, server: Server, kept: ResponseCache) -> float:
    """Return the tokens that a pilot of PILOT passages would have foretold for all of `chunks`."""
    sample = chunks[sorted(evenly_spread(len(chunks), SAMPLE))]
    found = await estimate(sample, name, server, kept, evenly_spread(len(sample), PILOT))
    return found.tokens() * len(chunks) / max(1, len(sample))
