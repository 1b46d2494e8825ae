"""Prepare a made-up company for training and evaluation, by the pipeline's own stages."""

import asyncio
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
from parts.generators.shared.base import load_generator
from parts.generators.shared.corpus import Corpus
from parts.llm.client import connect
from parts.project import params
from parts.project.sections import Server, Student
from parts.retrieval import postgres, tuned_settings
from parts.retrieval.embedder import Embedder, EmbedderParams
from parts.retrieval.retriever import retrieve
from parts.safety import detection, redaction
from parts.student.model import token_counter, tokenizer
from schemas.open_book import OpenBook
from schemas.pairs import RawPairs
from stages import ingest, synthesize

PARAMS = Path("experiments/params.yaml")


class CompanyParams(BaseModel, extra="forbid", frozen=True):
    """Section `company` of experiments/params.yaml."""

    documents: int = Field(ge=8)
    questions: int = Field(ge=10)
    generators: dict[str, dict[str, float]]


Params = CompanyParams


@dataclass(frozen=True)
class Company:
    """A company's tables: Chunks, Questions, their Contexts by hybrid retrieval, and the RawPairs of all generators."""

    seed: int
    chunks: pl.DataFrame
    questions: pl.DataFrame
    contexts: pl.DataFrame
    raw: pl.DataFrame
    shown: pl.DataFrame
    """OpenBook of all questions in `raw`: of which some may be put with passages"""


def prepare(
    seed: int,
    settings: CompanyParams,
    plant: Callable[[pl.DataFrame], pl.DataFrame] = lambda documents: documents,
    private: detection.Params | None = None,
) -> Company:
    """Return the company of `seed`, ingested, chunked, examined, retrieved for and synthesized from.

    `plant` may add to its Documents; `private` replaces section redact of params.yaml.
    """
    with tempfile.TemporaryDirectory() as workdir:
        corpus.write(make_company(seed, "exam", settings.documents), seed, settings.questions, Path(workdir))
        documents = plant(ingest.ingest(Path(workdir, "raw"))[0])
        drafts = list(question_file.questions(Path(workdir, "exam.jsonl")))
    max_tokens = params.load("chunk", splitting.ChunkParams).max_tokens
    embed = Embedder(params.load("retrieve", EmbedderParams).embedder)
    chunks = splitting.split_documents(documents, max_tokens, embed.count_tokens)
    questions, _ = evidence.build_exam(drafts, documents, chunks)
    contexts = retrieve("hybrid", questions, chunks, params.load("retrieve", postgres.RetrieveParams))
    redacted, _ = redaction.redact(documents, chunks, private or params.load("redact", detection.Params))
    raw = asyncio.run(_synthesize(Corpus(redacted.to_dicts(), embed), settings.generators))
    return Company(seed, chunks, questions, contexts, raw, _shown(raw, chunks))


def _shown(raw: pl.DataFrame, chunks: pl.DataFrame) -> pl.DataFrame:
    asked = raw.filter(pl.col("dropped").is_null(), kind="qa").select(question_id="pair_id", question="prompt")
    contexts = retrieve("hybrid", asked, chunks, params.load("retrieve", postgres.RetrieveParams))
    best = contexts.filter(pl.col("rank") <= tuned_settings.read().passages)
    return best.select("rank", "chunk_id", pair_id="question_id").select(OpenBook.types().keys())


async def _synthesize(corpus: Corpus, generators: Mapping[str, dict]) -> pl.DataFrame:
    rows: list[dict] = []
    async with connect(params.load("teacher", Server)) as teacher:
        for name, section in generators.items():
            generator = load_generator(name, section)
            await synthesize.synthesize(generator.sources(corpus), generator, teacher, rows.extend)
    return RawPairs.frame(rows).sort("pair_id")


def count(texts: list[str]) -> list[int]:
    """Return the number of tokens of each of `texts`, by the student's tokenizer."""
    return _counter(params.load("student", Student).model_dump_json())(texts)


@cache
def _counter(student: str) -> Callable[[list[str]], list[int]]:
    return token_counter(tokenizer(Student.model_validate_json(student)))
