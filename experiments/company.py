"""A made-up company made ready to be studied, by the pipeline's own stages."""

import asyncio
import importlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from invitro.world import corpus
from invitro.world.company import make_company
from parts.corpus import evidence, question_file, splitting
from parts.llm.client import connect
from parts.project import params
from parts.project.sections import Server, Student
from parts.retrieval import postgres
from parts.retrieval.retriever import retrieve
from parts.safety import detection, redaction
from parts.student.model import token_counter, tokenizer
from schemas.pairs import RawPairs
from stages import ingest, synthesize

PARAMS = Path("experiments/params.yaml")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `company` of experiments/params.yaml."""

    documents: int = Field(ge=8)
    questions: int = Field(ge=10)
    generators: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Company:
    """A company's tables: Chunks, Questions, what hybrid retrieval finds for them, and the RawPairs of all generators."""

    seed: int
    chunks: pl.DataFrame
    questions: pl.DataFrame
    contexts: pl.DataFrame
    raw: pl.DataFrame


def ready(
    seed: int,
    given: Params,
    plant: Callable[[pl.DataFrame], pl.DataFrame] = lambda documents: documents,
    private: detection.Params | None = None,
) -> Company:
    """Return the company of `seed`, read, cut, given an exam and put before the teacher.

    `plant` may add to its Documents; `private` is what leaves for the teacher, if not as in params.yaml.
    """
    with tempfile.TemporaryDirectory() as home:
        corpus.write(make_company(seed, "exam", given.documents), seed, given.questions, Path(home))
        documents = plant(ingest.ingest(Path(home, "raw"))[0])
        asked = list(question_file.questions(Path(home, "exam.jsonl")))
    max_tokens = params.load("chunk", splitting.ChunkParams).max_tokens
    chunks = splitting.split_documents(documents, max_tokens, lambda text: count([text])[0])
    questions, _ = evidence.build_exam(asked, documents, chunks)
    contexts = retrieve("hybrid", questions, chunks, params.load("retrieve", postgres.RetrieveParams))
    redacted, _ = redaction.redact(documents, chunks, private or params.load("redact", detection.Params))
    raw = asyncio.run(_teach(redacted, given.generators))
    return Company(seed, chunks, questions, contexts, raw)


async def _teach(chunks: pl.DataFrame, generators: Mapping[str, dict]) -> pl.DataFrame:
    found: list[dict] = []
    async with connect(params.load("teacher", Server)) as teacher:
        for name, section in generators.items():
            part = importlib.import_module(f"parts.generators.{name}")
            knobs = part.Params.model_validate(section)

            def generate(heading: str, text: str, part=part, knobs=knobs):
                return part.generate(heading, text, teacher.ask, knobs)

            await synthesize.synthesize(chunks, generate, name, teacher, found.extend)
    return RawPairs.frame(found).sort("pair_id")


def count(texts: list[str]) -> list[int]:
    """Return how many tokens of the student each of `texts` is."""
    return _counter()(texts)


@cache
def _counter() -> Callable[[list[str]], list[int]]:
    return token_counter(tokenizer(params.load("student", Student)))
