"""Training rows as tokens: the labels, and the order in which they are read."""

import math
import random
from collections.abc import Iterable

from parts.project import answer_format

IGNORED = -100  # label of a token that bears no loss


def encode(
    rows: Iterable[dict], tokenizer, max_length: int, completion_only_loss: bool = True
) -> list[dict[str, list[int]]]:
    """Return input_ids and labels of each of `rows` (of Pairs): the loss is on the completion and its end token.

    A row of kind document is plain text, all of it completion. A qa row is put as an arm is asked it, closed book; a
    replayed one as it stands.
    """
    found = []
    for row in rows:
        said = (
            answer_format.format_answer(row["reasoning"], row["completion"])
            if row["kind"] == "qa"
            else row["completion"]
        )
        if row["generator"] == "replay":
            said = row["completion"]
        before: list[int] = []
        if row["kind"] == "qa":
            asked = (
                [{"role": "user", "content": row["prompt"]}]
                if row["generator"] == "replay"
                else answer_format.build_messages(row["prompt"], [])
            )
            before = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
        after = [*tokenizer(said, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
        ids, labels = before + after, ([IGNORED] * len(before) if completion_only_loss else before) + after
        found.append({"input_ids": ids[:max_length], "labels": labels[:max_length]})
    return found


def order(lengths: list[int], batch: int, epochs: float, seed: int) -> list[int]:
    """Return which row stands where over all epochs: rows of like length in one batch, batches shuffled, each full.

    One sequence instead of a sampler's whim, so that a run that goes on from a checkpoint reads the same rows.
    """
    rng, found = random.Random(seed), []
    for _ in range(math.ceil(epochs)):
        rows = rng.sample(range(len(lengths)), len(lengths))
        near = [
            row
            for at in range(0, len(rows), batch * 50)
            for row in sorted(rows[at : at + batch * 50], key=lengths.__getitem__)
        ]
        batches = [near[at : at + batch] for at in range(0, len(near) - batch + 1, batch)] or [near]
        found += rng.sample(batches, len(batches))
    return [row for rows in found[: max(1, round(len(found) * epochs / math.ceil(epochs)))] for row in rows]


Encoded = dict[str, list[int]]
"""input_ids and labels of a row"""
