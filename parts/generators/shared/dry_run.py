"""Dry run: run a generator against a stub, without a teacher, and count its requests and tokens.

Cached replies are used as they are. A request that is not cached is estimated by its bytes and by the mean length of
the cached replies of its kind, and answered by a placeholder, so that the generator's next requests can be counted. The
estimate assumes a length where no reply of a kind is cached, and lists as long as requested.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from parts.generators.shared.base import Generator, Source, evenly_spread
from parts.llm import structured_output
from parts.llm.budget import Meter
from parts.llm.client import Client
from parts.llm.failures import Failures
from parts.llm.request import Request
from parts.llm.response_cache import ResponseCache
from parts.llm.server import NO_KEY
from parts.llm.server_reply import ServerReply, token_usage
from parts.llm.transport import Transport
from parts.project.sections import Server

PILOT = 20  # sources whose replies the estimate in metrics/ is based on
SAMPLE = 100  # sources that are estimated, at most; the estimate is scaled to all
ASSUMED_NEW_TOKENS = 300  # of a reply, where no reply of its kind is cached
ASSUMED_TOKENS_PER_BYTE = 0.25  # of a prompt, likewise


@dataclass
class Kind:
    """Requests with one response schema: the cached ones, with their tokens, and the missing ones."""

    n_cached: int = 0
    cached_bytes: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    n_missing: int = 0
    missing_bytes: int = 0

    def missing_tokens(self) -> tuple[int, int]:
        """Return the estimated prompt tokens and new tokens of the missing requests."""
        per_byte = self.prompt_tokens / self.cached_bytes if self.n_cached else ASSUMED_TOKENS_PER_BYTE
        per_reply = self.new_tokens / self.n_cached if self.n_cached else ASSUMED_NEW_TOKENS
        return round(self.missing_bytes * per_byte), round(self.n_missing * per_reply)


@dataclass
class Estimate:
    """Requests and tokens of a generator's run, by name of the response schema."""

    kinds: dict[str, Kind] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """Return the sum of a count over all kinds."""
        return sum(getattr(kind, name) for kind in self.kinds.values())

    def missing_tokens(self) -> tuple[int, int]:
        """Return the estimated prompt tokens and new tokens of the missing requests."""
        tokens = [kind.missing_tokens() for kind in self.kinds.values()]
        return sum(prompt for prompt, _ in tokens), sum(new for _, new in tokens)

    def tokens(self) -> int:
        """Return the tokens of all requests, cached and missing."""
        return self.total("prompt_tokens") + self.total("new_tokens") + sum(self.missing_tokens())

    def n_assumed(self) -> int:
        """Return the number of missing replies whose length is assumed."""
        return sum(kind.n_missing for kind in self.kinds.values() if not kind.n_cached)


class DryRunTransport(Transport):
    """A transport that sends nothing: a request that is not cached gets a placeholder, with lists of `length`."""

    def __init__(self, cache: ResponseCache, length: int):
        self.cache, self.length, self.meter, self.estimate = cache, length, Meter(), Estimate()
        self.failures = Failures("", NO_KEY, self.meter)
        self.ignore_cache = False
        self.placeholders: dict[str, ServerReply] = {}

    def cached(self, request: Request) -> ServerReply | None:
        """Return the cached reply to `request` and count it; None if there is none."""
        reply = None if self.ignore_cache else super().cached(request)
        if reply:
            (kind, _), size = self._kind(request), len(request.content)
            usage = token_usage(reply.json, size, len(reply.body))
            kind.n_cached += 1
            kind.cached_bytes += size
            kind.prompt_tokens += usage.prompt_tokens
            kind.new_tokens += usage.new_tokens
        return reply

    async def post(self, request: Request, hints: dict | None = None) -> ServerReply:
        """Return the cached reply or a placeholder, and count it."""
        if reply := self.cached(request):
            return reply
        kind, placeholder = self._kind(request)
        kind.n_missing += 1
        kind.missing_bytes += len(request.content)
        return placeholder

    def _kind(self, request: Request) -> tuple[Kind, ServerReply]:
        """Return the kind of a request and the placeholder for its reply."""
        name = request.schema_name or ""
        if name not in self.placeholders:
            message = {"content": structured_output.stub_answer(request.body.get("response_format"), self.length)}
            self.placeholders[name] = ServerReply(json={"choices": [{"message": message}]})
            self.estimate.kinds[name] = Kind()
        return self.estimate.kinds[name], self.placeholders[name]


async def estimate(
    sources: Sequence[Source],
    generator: Generator,
    server: Server,
    cache: ResponseCache,
    pilot: Collection[int] | None = None,
) -> Estimate:
    """Return the requests and tokens of `generator` on `sources`.

    Cached replies count only for the sources with an index in `pilot`; None: for all.
    """
    transport = DryRunTransport(cache, structured_output.list_length(generator.params))
    client = Client(server, transport, None)
    for index, source in enumerate(sources):
        transport.ignore_cache = pilot is not None and index not in pilot
        await generator.rows(source, client.ask)
    return transport.estimate


async def pilot_estimate(
    sources: Sequence[Source], generator: Generator, server: Server, cache: ResponseCache
) -> float:
    """Return the tokens of `generator` on all of `sources`, as estimated from PILOT of them."""
    sample = [sources[index] for index in sorted(evenly_spread(len(sources), SAMPLE))]
    sample_estimate = await estimate(sample, generator, server, cache, evenly_spread(len(sample), PILOT))
    return sample_estimate.tokens() * len(sources) / max(1, len(sample))
