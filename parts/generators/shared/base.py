"""What the generators share: what they write about, their rows, and how one is loaded by name."""

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from pydantic import BaseModel

from parts.generators.shared.corpus import Corpus
from parts.llm.reply import Reply
from parts.project import params
from parts.safety import quoting

Ask = Callable[..., Awaitable[Reply]]
"""`parts.llm.client.Client.ask`"""


REJECTED = {"answered", "one passage"}
"""Reasons of a generator's own checks: nothing of these was lost, and a document may leave nothing else."""


@dataclass(frozen=True)
class Source:
    """What a generator writes about at once: a passage, and for some generators others that go with it.

    Passages are rows of Redacted.
    """

    passage: dict
    others: tuple[dict, ...] = ()
    link: str = ""
    """what the passages have to do with each other, where it is a name"""
    corpus: Corpus | None = None
    """all passages, for a generator that looks among them for what a question asks"""

    @property
    def chunk_ids(self) -> list[str]:
        """The ids of all its passages."""
        return [chunk["chunk_id"] for chunk in (self.passage, *self.others)]

    def quoted(self) -> str:
        """Return the passage between its tags."""
        return quote([self.passage])

    def quoted_others(self) -> str:
        """Return the other passages between their tags."""
        return quote(self.others)


@dataclass(frozen=True)
class Row:
    """A question with reasoning and answer, a document (`completion` only), or a request without a result."""

    kind: str
    """qa or document"""
    prompt: str = ""
    reasoning: str = ""
    completion: str = ""
    dropped: str | None = None
    """reason why the request has no result; None: a row"""
    answerable: bool = True
    """false: a question that no passage answers, and `completion` says so"""


class Generator(NamedTuple):
    """A module of parts/generators with its section of params.yaml."""

    name: str
    generate: Callable[[Source, Ask, BaseModel], Awaitable[list[Row]]]
    choose_sources: Callable[[Corpus, BaseModel], list[Source]]
    params: BaseModel

    @property
    def is_about_each_passage(self) -> bool:
        """Whether it has something to write of any document; others take passages that go together, which may be none."""
        return self.choose_sources is _each_passage

    def sources(self, corpus: Corpus) -> list[Source]:
        """Return what the generator writes about."""
        return self.choose_sources(corpus, self.params)

    async def rows(self, source: Source, ask: Ask) -> list[Row]:
        """Return the rows about `source`."""
        return await self.generate(source, ask, self.params)


def load_generator(name: str, section: dict | None = None) -> Generator:
    """Return the generator `name` with its section of params.yaml, or with `section`.

    One whose module chooses no `sources` writes about each passage by itself.
    """
    module = importlib.import_module(f"parts.generators.{name}")
    knobs = params.load(f"synthesize.{name}", module.Params) if section is None else module.Params(**section)
    return Generator(name, module.generate, getattr(module, "sources", _each_passage), knobs)


def beside_alike(corpus: Corpus, characters: int, count: int) -> list[Source]:
    """Return each document, or each part of up to `characters` of a longer one, with the `count` that are most like it."""
    return [
        Source(own[0], (*own[1:], *chain.from_iterable(others)), corpus=corpus)
        for own, others in corpus.alike(characters, count)
    ]


def quote(chunks: Sequence[dict]) -> str:
    """Return passages between their tags, an empty line between two."""
    return "\n\n".join(quoting.passage(chunk["heading"], chunk["text"]) for chunk in chunks)


def evenly_spread(total: int, count: int) -> set[int]:
    """Return `count` indices below `total`, evenly spread; all of them where `total` is smaller."""
    count = min(count, total)
    return {n * total // count for n in range(count)}


def _each_passage(corpus: Corpus, _params: BaseModel) -> list[Source]:
    return [Source(chunk) for chunk in corpus.chunks]
