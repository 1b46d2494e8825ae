"""Which training rows are too much alike: to be kept both, or to be studied when one of them is held out."""

import hashlib

import polars as pl

from parts.curation import minhash


def drop_duplicates(ledger: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Return the rows; of those that tell nearly the same all but the first (by pair_id) are dropped.

    Two questions are compared when their answers are the same, and any two rows only when they name the same names and
    numbers: facts about near twins differ in one word.
    """
    kept = ledger.filter(pl.col("dropped").is_null()).sort("pair_id").to_dicts()
    texts = [row["prompt"] if row["kind"] == "qa" else row["completion"] for row in kept]
    answers = [row["completion"].lower() if row["kind"] == "qa" else None for row in kept]
    keys = [(answer, minhash.names(text)) for answer, text in zip(answers, texts, strict=True)]
    again = minhash.find_repeats(texts, keys, threshold)
    repeated = [row["pair_id"] for row, repeats in zip(kept, again, strict=True) if repeats]
    why = pl.when(pl.col("pair_id").is_in(repeated)).then(pl.lit("near duplicate")).otherwise("dropped")
    return ledger.with_columns(dropped=why)


def hold_out(ledger: pl.DataFrame, share: float, threshold: float) -> pl.DataFrame:
    """Return the rows with their split: about `share` of the questions are dev, with all that are nearly the same.

    The facts they ask about are studied all the same, in documents and in questions of other words.
    """
    asked = ledger.filter(pl.col("dropped").is_null(), pl.lit(share > 0), kind="qa")
    kept = asked.sort("pair_id").to_dicts()
    keys = [(row["doc_id"], row["completion"].lower(), minhash.numbers(row["prompt"])) for row in kept]
    first: dict[int, str] = {}
    dev = []
    for row, group in zip(
        kept, minhash.duplicate_groups([row["prompt"] for row in kept], keys, threshold), strict=True
    ):
        digest = hashlib.sha256(first.setdefault(group, row["pair_id"]).encode()).digest()
        if int.from_bytes(digest[:8], "big") < share * 2**64:
            dev.append(row["pair_id"])
    return ledger.with_columns(
        split=pl.when(pl.col("pair_id").is_in(dev)).then(pl.lit("dev")).otherwise(pl.lit("train"))
    )
