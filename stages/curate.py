"""Keep the training rows that are grounded, new, balanced and not in the exam; add rows to replay.

reads   RawPairs            one row per prompt and completion, all generators
        Redacted            one row per passage, as the teacher saw it
        Questions           one row per exam question (to keep its questions out)
        curate.replay       a JSONL file of prompts and completions
writes  Pairs               one row per training row kept
        Ledger              one row per raw row, with the reason it was dropped for
"""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
from pydantic import BaseModel, Field

from parts import answers, metrics, params
from parts.errors import Mistake, run
from parts.queries import query
from parts.student import Student, tokenizer
from schemas.pairs import Ledger, Pairs, RawPairs
from schemas.questions import Questions
from schemas.redacted import Redacted


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `curate` of params.yaml."""

    documents: float = Field(gt=0, lt=1)  # share of the tokens in documents, the rest in questions
    dev: float = Field(ge=0, lt=1)  # share of the rows held out to watch the loss
    reasoning: bool  # keep the reasoning in the answers
    replay: Path  # rows of general text, one JSON object with prompt and completion a line
    replay_share: float = Field(ge=0, lt=1)  # of all tokens


Count = Callable[[list[str]], list[int]]
"""texts -> tokens in each"""


def curate(
    raw: pl.DataFrame, chunks: pl.DataFrame, questions: pl.DataFrame, documents: float, count: Count
) -> pl.DataFrame:
    """Return the ledger: every raw row with its length in tokens and why it was dropped (null: kept)."""
    texts = [f"{row['prompt']} {answers.write(row['reasoning'], row['completion'])}" for row in raw.to_dicts()]
    raw = raw.with_columns(n_tokens=pl.Series(count(texts) if texts else [], dtype=pl.Int64))
    with duckdb.connect() as sql:
        for name, table in {"raw": raw, "chunks": chunks, "questions": questions}.items():
            sql.register(name, table.to_arrow())
        sql.execute(f"CREATE TABLE ledger AS {query('curate')}")
        balanced = sql.sql(query("balance"), params={"documents": documents})
        return pl.DataFrame(balanced.to_arrow_table()).select(Ledger.types().keys())


def replayed(path: Path, tokens: float, count: Count) -> pl.DataFrame:
    """Return rows to replay from `path`, in order, up to `tokens` in all."""
    rows, used = [], 0
    for number, line in enumerate(filter(str.strip, path.read_text(encoding="utf-8").split("\n"))):
        row = json.loads(line)
        n_tokens = count([row["prompt"] + row["completion"]])[0]
        if (used := used + n_tokens) > tokens:
            break
        named = {
            "pair_id": f"replay-{number:06}",
            "chunk_id": None,
            "doc_id": None,
            "generator": "replay",
            "reasoning": "",
        }
        kind = "qa" if row["prompt"] else "document"
        rows.append(row | named | {"kind": kind, "teacher": "", "split": "train", "n_tokens": n_tokens})
    return Pairs.frame(rows)


def keep(ledger: pl.DataFrame, given: Params, count: Count) -> pl.DataFrame:
    """Return the training rows: what the ledger kept, some held out for dev, and rows to replay."""
    rows = ledger.filter(pl.col("dropped").is_null()).drop("dropped").sort("pair_id")
    held_out = pl.col("pair_id").str.slice(0, 8).str.to_integer(base=16) < round(given.dev * 16**8)
    rows = rows.with_columns(split=pl.when(held_out).then(pl.lit("dev")).otherwise(pl.lit("train")))
    if not given.reasoning:
        rows = rows.with_columns(reasoning=pl.lit(""))
    room = rows["n_tokens"].sum() * given.replay_share / (1 - given.replay_share)
    return pl.concat([rows.select(Pairs.types().keys()), replayed(given.replay, room, count)])


def main() -> None:
    """Write Pairs and Ledger."""
    given = params.load("curate", Params)
    encode = tokenizer(params.load("student", Student))

    def count(texts: list[str]) -> list[int]:
        return [len(ids) for ids in encode(texts, add_special_tokens=False).input_ids]

    raw = pl.concat([RawPairs.read(name) for name in params.names("synthesize")])
    ledger = curate(raw, Redacted.read(), Questions.read(), given.documents, count)
    pairs = keep(ledger, given, count)
    if not (pairs["split"] == "train").any():
        raise Mistake("no training row was kept: `make ledger` shows what was dropped and why")
    Ledger.write(ledger)
    Pairs.write(pairs)
    found = {
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
