"""Drop near-duplicate training rows, and hold out development questions together with their near-duplicates."""

import hashlib

import polars as pl

from parts.curation import minhash
from parts.text.words import names, numbers


def drop_duplicates(ledger: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Return `ledger` with near-duplicates dropped, all but the first by pair_id; `threshold` is Jaccard, 0..1.

    Two rows are compared only if they have the same names and numbers, and two questions only if their answers are the
    same too: facts about similar things differ in one word.
    """
    left = ledger.filter(pl.col("dropped").is_null()).select("pair_id", "kind", "prompt", "completion")
    rows = left.sort("pair_id").to_dicts()
    texts = [row["prompt"] if row["kind"] == "qa" else row["completion"] for row in rows]
    answers = [row["completion"].lower() if row["kind"] == "qa" else None for row in rows]
    keys = [(answer, names(text)) for answer, text in zip(answers, texts, strict=True)]
    repeats = minhash.find_repeats(texts, keys, threshold)
    pair_ids = [row["pair_id"] for row, is_repeat in zip(rows, repeats, strict=True) if is_repeat]
    reason = pl.when(pl.col("pair_id").is_in(pair_ids)).then(pl.lit("near duplicate")).otherwise("dropped")
    return ledger.with_columns(dropped=reason)


def hold_out(ledger: pl.DataFrame, share: float, threshold: float) -> pl.DataFrame:
    """Return `ledger` with `split`: about `share` (0..1) of the questions are dev, each with its near-duplicates.

    The facts of dev questions stay in training, in documents and in questions of other words. `threshold` is Jaccard,
    0..1.
    """
    questions = ledger.filter(pl.col("dropped").is_null(), pl.lit(share > 0), kind="qa")
    rows = questions.select("pair_id", "doc_id", "prompt", "completion").sort("pair_id").to_dicts()
    keys = [(row["doc_id"], row["completion"].lower(), numbers(row["prompt"])) for row in rows]
    groups = minhash.duplicate_groups([row["prompt"] for row in rows], keys, threshold)
    first_ids: dict[int, str] = {}
    dev = []
    for row, group in zip(rows, groups, strict=True):
        digest = hashlib.sha256(first_ids.setdefault(group, row["pair_id"]).encode()).digest()
        if int.from_bytes(digest[:8], "big") < share * 2**64:
            dev.append(row["pair_id"])
    return ledger.with_columns(
        split=pl.when(pl.col("pair_id").is_in(dev)).then(pl.lit("dev")).otherwise(pl.lit("train"))
    )
