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
    rows = ledger.filter(pl.col("dropped").is_null()).select("pair_id", "kind", "prompt", "completion").sort("pair_id")
    texts = rows.select(pl.when(kind="qa").then("prompt").otherwise("completion")).to_series().to_list()
    answers = rows.select(pl.when(kind="qa").then("completion")).to_series()
    keys = [_key(answer and answer.lower(), names(text)) for answer, text in zip(answers, texts, strict=True)]
    repeats = rows.filter(pl.Series(minhash.find_repeats(texts, keys, threshold), dtype=pl.Boolean))["pair_id"]
    reason = pl.when(pl.col("pair_id").is_in(repeats.implode())).then(pl.lit("near duplicate")).otherwise("dropped")
    return ledger.with_columns(dropped=reason)


def hold_out(ledger: pl.DataFrame, share: float, threshold: float) -> pl.DataFrame:
    """Return `ledger` with `split`: about `share` (0..1) of the questions are dev, each with its near-duplicates.

    The facts of dev questions stay in training, in documents and in questions of other words. `threshold` is Jaccard,
    0..1.
    """
    questions = ledger.filter(pl.col("dropped").is_null(), pl.lit(share > 0), kind="qa")
    rows = questions.select("pair_id", "doc_id", "prompt", "completion").sort("pair_id")
    keys = [_key(doc_id, answer.lower(), numbers(prompt)) for _, doc_id, prompt, answer in rows.iter_rows()]
    groups = minhash.duplicate_groups(rows["prompt"].to_list(), keys, threshold)
    first_ids: dict[int, str] = {}
    dev = []
    for pair_id, group in zip(rows["pair_id"], groups, strict=True):
        digest = hashlib.sha256(first_ids.setdefault(group, pair_id).encode()).digest()
        if int.from_bytes(digest[:8], "big") < share * 2**64:
            dev.append(pair_id)
    return ledger.with_columns(
        split=pl.when(pl.col("pair_id").is_in(dev)).then(pl.lit("dev")).otherwise(pl.lit("train"))
    )


def _key(*parts: str | frozenset[str] | None) -> bytes:
    """Return a hash of what two rows must have in common: a tenth of the memory of the words themselves."""
    texts = [sorted(part) if isinstance(part, frozenset) else part for part in parts]
    return hashlib.blake2b(repr(texts).encode(), digest_size=16).digest()
