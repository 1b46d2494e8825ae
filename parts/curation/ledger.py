"""Decide which raw rows become training rows: grounded, new, balanced and not in the exam."""

import math
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.curation import replay
from parts.curation.deduplication import drop_duplicates, hold_out
from parts.project.queries import query, select
from parts.safety.detection import PLACEHOLDER
from parts.student.dataset import Count, trained_tokens
from schemas.pairs import Ledger, Pairs

SLICE = 20_000  # rows that are tokenised, and compared with their passages and the exam, at once: ten kilobytes a row

_ALLOWED = {"generator": pl.String, "tokens_per_source": pl.Float64}


class CurateParams(BaseModel, extra="forbid", frozen=True):
    """Section `curate` of params.yaml."""

    grounding: Literal["lexical", "judge"]  # checks answers against their passages: a rule on words, or a model
    trusted: list[str]  # generators whose answers are not checked, such as rows that people wrote
    duplicate_threshold: float = Field(gt=0, le=1)  # similarity from which a row repeats another
    exam_overlap_threshold: float = Field(gt=0, le=1)  # share of an exam question from which a row gives it away
    dev_similarity_threshold: float = Field(gt=0, le=1)  # similarity from which questions are held out together
    unstudied: float = Field(ge=0, lt=1)  # share of the documents without training rows
    tokens_per_source: dict[str, float]  # by generator: the most tokens for each token of a document
    documents: float = Field(gt=0, lt=1)  # share of the tokens in documents, the rest in questions
    dev: float = Field(ge=0, lt=1)  # share of the questions held out to watch the loss
    reasoning: list[str]  # generators whose answers keep their reasoning
    replay: Path  # rows of general text, one JSON object with prompt and completion a line
    replay_of: str | None = None  # the student whose text they are
    replay_share: float = Field(ge=0, lt=1)  # of all tokens to train on


def curate(
    raw: pl.DataFrame, chunks: pl.DataFrame, questions: pl.DataFrame, params: CurateParams, count: Count
) -> pl.DataFrame:
    """Return the Ledger: every raw row with its length in tokens, its split, and why it was dropped (null: kept).

    The length is that of the row as trained, or as it would be trained: without the reasoning where it is left out.
    """
    slices = list(raw.iter_slices(SLICE)) or [raw]
    tokens = [n for part in slices for n in trained_tokens(_as_trained(part, params).to_dicts(), count)]
    ledger = raw.with_columns(n_tokens=pl.Series(tokens, dtype=pl.Int64))
    unstudied = select(query("unstudied"), {"share": params.unstudied}, chunks=chunks)
    ledger = _with_reasons(ledger, pl.concat([_judged(part, chunks, questions, unstudied, params) for part in slices]))
    ledger = _with_reasons(ledger, select(query("duplicates"), ledger=ledger))
    ledger = hold_out(drop_duplicates(ledger, params.duplicate_threshold), params.dev, params.dev_similarity_threshold)
    allowed = pl.DataFrame(list(params.tokens_per_source.items()), _ALLOWED, orient="row")
    sources = chunks.select("doc_id", n_tokens=pl.Series(count(chunks["text"].to_list()), dtype=pl.Int64))
    weighed = ledger.select("pair_id", "doc_id", "generator", "kind", "n_tokens", "split", "dropped")
    weighed = _with_reasons(weighed, select(query("allowance"), ledger=weighed, chunks=sources, allowed=allowed))
    ledger = _with_reasons(ledger, select(query("balance"), {"documents": params.documents}, ledger=weighed))
    return ledger.with_columns(split=pl.when(pl.col("dropped").is_null()).then("split")).select(Ledger.types().keys())


def _judged(
    rows: pl.DataFrame, chunks: pl.DataFrame, questions: pl.DataFrame, unstudied: pl.DataFrame, params: CurateParams
) -> pl.DataFrame:
    """Return pair_id and `dropped` of `rows`, raw ones, by each row, its passages and the exam alone."""
    close = select(query("exam"), {"near": params.exam_overlap_threshold}, raw=rows, questions=questions)
    cited = pl.concat([rows["chunk_id"], rows["other_chunk_ids"].explode()]).unique()
    settings = {"lexical": params.grounding == "lexical", "trusted": params.trusted, "reasoning": params.reasoning}
    settings |= {"placeholder": PLACEHOLDER.pattern}
    passages = chunks.filter(pl.col("chunk_id").is_in(cited.implode()))
    return select(query("curate"), settings, raw=rows, chunks=passages, close=close, unstudied=unstudied)


def _with_reasons(rows: pl.DataFrame, reasons: pl.DataFrame) -> pl.DataFrame:
    """Return those of `rows` that `reasons` has, each `dropped` for the reason there, null for a kept one."""
    return rows.drop("dropped").join(reasons, on="pair_id", validate="1:1", maintain_order="left")


def training_rows(ledger: pl.DataFrame, params: CurateParams, count: Count) -> pl.DataFrame:
    """Return Pairs: the kept rows of `ledger`, and rows to replay."""
    rows = _as_trained(ledger, params).filter(pl.col("dropped").is_null()).sort("pair_id")
    replayed = replay.rows(params.replay, _replay_tokens(rows, params), count)
    return pl.concat([rows.select(Pairs.types().keys()), replayed])


def _as_trained(rows: pl.DataFrame, params: CurateParams) -> pl.DataFrame:
    """Return `rows` without their reasoning where it is not trained on."""
    is_trained = pl.col("generator").is_in(params.reasoning)
    return rows.with_columns(reasoning=pl.when(is_trained).then("reasoning").otherwise(pl.lit("")))


def _replay_tokens(rows: pl.DataFrame, params: CurateParams) -> float:
    """Return the tokens to replay beside the train rows of `rows`, so that they are the share asked for of both."""
    return rows.filter(split="train")["n_tokens"].sum() * params.replay_share / (1 - params.replay_share)


def summary(ledger: pl.DataFrame, pairs: pl.DataFrame, params: CurateParams) -> dict[str, float]:
    """Return the counts of rows asked, kept, replayed and dropped_REASON, and the tokens to train on.

    tokens_qa and tokens_document are of the rows made from the documents, tokens_replay of the rows replayed;
    replay_share is the share of the latter, and replay_tokens_missing what the file lacks to the share asked for.
    """
    own, replayed = pairs.filter(pl.col("generator") != "replay"), pairs.filter(generator="replay")
    tokens = {kind: own.filter(kind=kind, split="train")["n_tokens"].sum() for kind in ("qa", "document")}
    tokens["replay"] = replayed["n_tokens"].sum()
    missing = max(0, math.ceil(_replay_tokens(own, params) - tokens["replay"]))
    counts = {"asked": len(ledger), "kept": len(own), "replayed": len(replayed), "replay_tokens_missing": missing}
    counts |= {f"tokens_{kind}": total for kind, total in tokens.items()}
    counts["replay_share"] = tokens["replay"] / max(1, sum(tokens.values()))
    reasons = ledger["dropped"].drop_nulls().value_counts().rows()
    return counts | {f"dropped_{reason.replace(' ', '_')}": rows for reason, rows in reasons}
