"""Put a share of the training questions open book: with the passages that retrieval finds for them, as rag is asked.

A student that learns closed book alone reads worse than before. The passages are the retriever's own, so that the right one
stands among others, and now and then is missing (RAFT, arXiv 2403.10131). No exam question is among the training rows.

reads   Pairs               one row per training row
        Chunks              one row per passage
        metrics/tune_retrieval.json   how passages are retrieved and how many are shown
writes  OpenBook            one row per question chosen and rank
"""

import hashlib

import polars as pl
from pydantic import BaseModel, Field

from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres, tuned_settings
from parts.retrieval.retriever import retrieve
from schemas.chunks import Chunks
from schemas.open_book import OpenBook
from schemas.pairs import Pairs


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `open_book` of params.yaml."""

    share: float = Field(ge=0, le=1)  # of the training questions
    retriever: str  # a module of parts/retrieval/retrievers


def choose(pairs: pl.DataFrame, share: float) -> pl.DataFrame:
    """Return question_id and question of about the `share` of the training questions, by a hash of their ids."""
    rows = pairs.filter(pl.col("generator") != "replay", kind="qa", split="train")
    chosen = [pair_id for pair_id in rows["pair_id"] if _lot(pair_id) < share]
    return rows.filter(pl.col("pair_id").is_in(chosen)).select(question_id="pair_id", question="prompt")


def _lot(pair_id: str) -> float:
    """Return a pseudorandom number, 0..1: not the id itself, by which rows are dropped and held out."""
    return int.from_bytes(hashlib.sha256(f"open book {pair_id}".encode()).digest()[:8], "big") / 2**64


def main() -> None:
    """Write OpenBook and metrics/open_book.json."""
    section, chunks, pairs = params.load("open_book", Params), Chunks.read(), Pairs.read()
    questions, shown = choose(pairs, section.share), OpenBook.frame([])
    if len(questions):
        contexts = retrieve(section.retriever, questions, chunks, params.load("retrieve", postgres.RetrieveParams))
        best = contexts.filter(pl.col("rank") <= tuned_settings.read().passages)
        shown = best.select("rank", "chunk_id", pair_id="question_id").select(OpenBook.types().keys())
    OpenBook.write(shown)
    gold = shown.join(pairs.select("pair_id", gold="chunk_id"), "pair_id").filter(pl.col("chunk_id") == pl.col("gold"))
    values = {"questions": len(questions), "with_gold": len(gold) / max(1, len(questions))}
    metrics.write("open_book", values)
    print(f"{len(questions)} training questions open book, {values['with_gold']:.0%} of them with their own passage")


if __name__ == "__main__":
    run(main)
