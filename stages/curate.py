"""Keep the training rows that are grounded, new, balanced and not in the exam; add rows to replay.

reads   RawPairs            one row per prompt and completion, all generators
        Redacted            one row per passage, as the teacher saw it
        Questions           one row per exam question (to keep its questions out)
        curate.replay       a JSONL file of prompts and completions
writes  Pairs               one row per training row kept
        Ledger              one row per raw row, with the reason it was dropped for
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.curation import grounding, replay
from parts.curation.deduplication import drop_duplicates, hold_out
from parts.project import answer_format, metrics, params
from parts.project.command import run
from parts.project.queries import query, select
from parts.project.sections import Student
from parts.student.model import token_counter, tokenizer
from schemas.errors import UserError
from schemas.pairs import Ledger, Pairs, RawPairs
from schemas.questions import Questions
from schemas.redacted import Redacted


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `curate` of params.yaml."""

    grounding: Literal["lexical", "judge"]  # who checks answers against their passages: a rule on words, or a model
    duplicate_threshold: float = Field(gt=0, le=1)  # likeness from which a row repeats another
    exam_overlap_threshold: float = Field(gt=0, le=1)  # share of an exam question from which a row gives it away
    dev_similarity_threshold: float = Field(gt=0, le=1)  # likeness from which questions are held out together
    unstudied: float = Field(ge=0, lt=1)  # share of the documents that nothing is studied of
    tokens_per_source: dict[str, float]  # by generator: the most tokens for each token of a document
    documents: float = Field(gt=0, lt=1)  # share of the tokens in documents, the rest in questions
    dev: float = Field(ge=0, lt=1)  # share of the questions held out to watch the loss
    reasoning: bool  # keep the reasoning in the answers
    replay: Path  # rows of general text, one JSON object with prompt and completion a line
    replay_share: float = Field(ge=0, lt=1)  # of all tokens


ALLOWED = {"generator": pl.String, "tokens_per_source": pl.Float64}

Count = Callable[[list[str]], list[int]]
"""texts -> tokens in each"""


def curate(
    raw: pl.DataFrame, chunks: pl.DataFrame, questions: pl.DataFrame, given: Params, count: Count
) -> pl.DataFrame:
    """Return the ledger: every raw row with its length in tokens, its split, and why it was dropped (null: kept)."""
    texts = [
        f"{row['prompt']} {answer_format.format_answer(row['reasoning'], row['completion'])}" for row in raw.to_dicts()
    ]
    raw = raw.with_columns(n_tokens=pl.Series(count(texts), dtype=pl.Int64))
    close = select(query("exam"), {"near": given.exam_overlap_threshold}, raw=raw, questions=questions)
    knobs = {"unstudied": given.unstudied, "lexical": given.grounding == "lexical"}
    ledger = select(query("curate"), knobs, raw=raw, chunks=chunks, close=close)
    ledger = hold_out(drop_duplicates(ledger, given.duplicate_threshold), given.dev, given.dev_similarity_threshold)
    allowed = pl.DataFrame(list(given.tokens_per_source.items()), ALLOWED, orient="row")
    ledger = select(query("allowance"), ledger=ledger, chunks=chunks, allowed=allowed)
    ledger = select(query("balance"), {"documents": given.documents}, ledger=ledger)
    return ledger.with_columns(split=pl.when(pl.col("dropped").is_null()).then("split")).select(Ledger.types().keys())


def keep(ledger: pl.DataFrame, given: Params, count: Count) -> pl.DataFrame:
    """Return the training rows: what the ledger kept, and rows to replay."""
    rows = ledger.filter(pl.col("dropped").is_null()).sort("pair_id")
    if not given.reasoning:
        rows = rows.with_columns(reasoning=pl.lit(""))
    room = rows["n_tokens"].sum() * given.replay_share / (1 - given.replay_share)
    return pl.concat([rows.select(Pairs.types().keys()), replay.rows(given.replay, room, count)])


def main() -> None:
    """Write Pairs and Ledger."""
    given = params.load("curate", Params)
    generators = params.names("synthesize")
    if strange := set(given.tokens_per_source) - set(generators):
        raise UserError(f"params.yaml: curate.tokens_per_source names {min(strange)}, which synthesize does not have")
    count = token_counter(tokenizer(params.load("student", Student)))
    raw = pl.concat([RawPairs.read(name) for name in generators])
    chunks, found = Redacted.read(), {}
    if given.grounding == "judge":
        raw, meter = grounding.check_grounding(raw, chunks, given.reasoning)
        found = {f"judge_{name}": value for name, value in meter.metrics().items()}
    ledger = curate(raw, chunks, Questions.read(), given, count)
    pairs = keep(ledger, given, count)
    if not (pairs["split"] == "train").any():
        raise UserError("no training row was kept: `make ledger` shows what was dropped and why")
    Ledger.write(ledger)
    Pairs.write(pairs)
    found |= {
        f"dropped_{reason.replace(' ', '_')}": rows
        for reason, rows in ledger["dropped"].drop_nulls().value_counts().rows()
    }
    tokens = dict(pairs.group_by("kind").agg(pl.col("n_tokens").sum()).rows())
    found |= {"asked": len(ledger), "kept": len(pairs.filter(pl.col("generator") != "replay"))}
    found |= {"tokens_qa": tokens.get("qa", 0), "tokens_document": tokens.get("document", 0)}
    metrics.write("curate", found | {"replayed": len(pairs) - found["kept"]})
    print(f"kept {found['kept']} of {found['asked']} rows, {pairs['n_tokens'].sum():,} tokens with those replayed")


if __name__ == "__main__":
    run(main)
