"""Decide which raw rows become training rows: grounded, new, balanced and not in the exam."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.curation import replay
from parts.curation.deduplication import drop_duplicates, hold_out
from parts.project.queries import query, select
from parts.text import answer_format
from schemas.pairs import Ledger, Pairs

Count = Callable[[list[str]], list[int]]
"""texts -> tokens in each"""

_ALLOWED = {"generator": pl.String, "tokens_per_source": pl.Float64}


class CurateParams(BaseModel, extra="forbid", frozen=True):
    """Section `curate` of params.yaml."""

    grounding: Literal["lexical", "judge"]  # checks answers against their passages: a rule on words, or a model
    duplicate_threshold: float = Field(gt=0, le=1)  # similarity from which a row repeats another
    exam_overlap_threshold: float = Field(gt=0, le=1)  # share of an exam question from which a row gives it away
    dev_similarity_threshold: float = Field(gt=0, le=1)  # similarity from which questions are held out together
    unstudied: float = Field(ge=0, lt=1)  # share of the documents without training rows
    tokens_per_source: dict[str, float]  # by generator: the most tokens for each token of a document
    documents: float = Field(gt=0, lt=1)  # share of the tokens in documents, the rest in questions
    dev: float = Field(ge=0, lt=1)  # share of the questions held out to watch the loss
    reasoning: bool  # keep the reasoning in the answers
    replay: Path  # rows of general text, one JSON object with prompt and completion a line
    replay_share: float = Field(ge=0, lt=1)  # of all tokens


def curate(
    raw: pl.DataFrame, chunks: pl.DataFrame, questions: pl.DataFrame, params: CurateParams, count: Count
) -> pl.DataFrame:
    """Return the Ledger: every raw row with its length in tokens, its split, and why it was dropped (null: kept)."""
    texts = [
        f"{row['prompt']} {answer_format.format_answer(row['reasoning'], row['completion'])}" for row in raw.to_dicts()
    ]
    raw = raw.with_columns(n_tokens=pl.Series(count(texts), dtype=pl.Int64))
    close = select(query("exam"), {"near": params.exam_overlap_threshold}, raw=raw, questions=questions)
    settings = {"unstudied": params.unstudied, "lexical": params.grounding == "lexical"}
    ledger = select(query("curate"), settings, raw=raw, chunks=chunks, close=close)
    ledger = hold_out(drop_duplicates(ledger, params.duplicate_threshold), params.dev, params.dev_similarity_threshold)
    allowed = pl.DataFrame(list(params.tokens_per_source.items()), _ALLOWED, orient="row")
    ledger = select(query("allowance"), ledger=ledger, chunks=chunks, allowed=allowed)
    ledger = select(query("balance"), {"documents": params.documents}, ledger=ledger)
    return ledger.with_columns(split=pl.when(pl.col("dropped").is_null()).then("split")).select(Ledger.types().keys())


def training_rows(ledger: pl.DataFrame, params: CurateParams, count: Count) -> pl.DataFrame:
    """Return Pairs: the kept rows of `ledger`, and rows to replay."""
    rows = ledger.filter(pl.col("dropped").is_null()).sort("pair_id")
    if not params.reasoning:
        rows = rows.with_columns(reasoning=pl.lit(""))
    replay_tokens = rows["n_tokens"].sum() * params.replay_share / (1 - params.replay_share)
    return pl.concat([rows.select(Pairs.types().keys()), replay.rows(params.replay, replay_tokens, count)])


def summary(ledger: pl.DataFrame, pairs: pl.DataFrame) -> dict[str, int]:
    """Return the counts of rows asked, kept, replayed and dropped_REASON, and the training tokens by kind."""
    tokens = dict(pairs.group_by("kind").agg(pl.col("n_tokens").sum()).rows())
    kept = len(pairs.filter(pl.col("generator") != "replay"))
    counts = {"asked": len(ledger), "kept": kept, "replayed": len(pairs) - kept}
    counts |= {"tokens_qa": tokens.get("qa", 0), "tokens_document": tokens.get("document", 0)}
    reasons = ledger["dropped"].drop_nulls().value_counts().rows()
    return counts | {f"dropped_{reason.replace(' ', '_')}": rows for reason, rows in reasons}
