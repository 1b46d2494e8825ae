"""Tokenise training rows: input ids, labels, and the order of the rows in training."""

import math
import random
from collections.abc import Callable, Iterable, Sequence

from parts.text import answer_format

IGNORED = -100  # label of a token without loss: PyTorch's ignore_index

Encoded = dict[str, list[int]]
"""input_ids and labels of a row, of equal length"""

Count = Callable[[list[str]], list[int]]
"""texts -> tokens in each, special tokens not included"""


def encode(rows: Iterable[dict], tokenizer, max_length: int, completion_only_loss: bool = True) -> list[Encoded]:
    """Return input_ids and labels of each of `rows` (of Pairs), cut to `max_length` tokens.

    The loss is on the completion and its end token; on the prompt too where `completion_only_loss` is false. A row of
    kind document is plain text, all of it completion. A qa row has the prompt of a closed-book arm; a replayed qa row
    its own prompt and completion, unchanged.
    """
    encoded = []
    for row in rows:
        prompt: list[int] = []
        if messages := _messages(row):
            prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        completion = [*tokenizer(_completion(row), add_special_tokens=False).input_ids, tokenizer.eos_token_id]
        labels = ([IGNORED] * len(prompt) if completion_only_loss else prompt) + completion
        encoded.append({"input_ids": (prompt + completion)[:max_length], "labels": labels[:max_length]})
    return encoded


def trained_tokens(rows: Sequence[dict], count: Count) -> list[int]:
    """Return the tokens of each of `rows` (of Pairs) as trained: of its prompt, and of its completion and their end token.

    Left out are the system prompt and the marks of the chat template: they are the same in every row, and nothing is
    learnt from them. A row without a completion, which is never trained on, has 0.
    """
    prompts, completions = count([row["prompt"] for row in rows]), count([_completion(row) for row in rows])
    return [
        n_prompt + n_completion + 1 if row["completion"] else 0
        for row, n_prompt, n_completion in zip(rows, prompts, completions, strict=True)
    ]


def count_ended(encoded: list[Encoded], ends: set[int], max_length: int) -> dict[str, int]:
    """Return the number of `rows`, of `rows_ended` with a loss on one of `ends` as their last token, and of `rows_cut`.

    A cut row has `max_length` tokens and no end; a row with neither would teach the student never to stop.
    """
    ended = [row["labels"][-1] in ends and row["input_ids"][-1] == row["labels"][-1] for row in encoded]
    cut = sum(not is_ended and len(row["labels"]) >= max_length for is_ended, row in zip(ended, encoded, strict=True))
    return {"rows": len(encoded), "rows_ended": sum(ended), "rows_cut": cut}


def _messages(row: dict) -> list[dict[str, str]]:
    """Return the chat messages before the completion of `row`; none for a document."""
    if row["kind"] == "document":
        return []
    if row["generator"] == "replay":
        return [{"role": "user", "content": row["prompt"]}]
    return answer_format.build_messages(row["prompt"], [])


def _completion(row: dict) -> str:
    if row["kind"] == "document" or row["generator"] == "replay":
        return row["completion"]
    return answer_format.format_answer(row["reasoning"], row["completion"])


def order(lengths: list[int], batch: int, epochs: float, seed: int) -> list[int]:
    """Return the indices of the rows over all `epochs` in training order, from their `lengths` in tokens.

    A batch has `batch` rows of similar length; batches are shuffled, and rows that fill no batch are left out of that
    epoch. The order is fixed before training, so that a run resumed from a checkpoint reads the same rows.
    """
    rng, batches = random.Random(seed), []
    for _ in range(math.ceil(epochs)):
        rows = rng.sample(range(len(lengths)), len(lengths))
        by_length = [
            row
            for start in range(0, len(rows), batch * 50)
            for row in sorted(rows[start : start + batch * 50], key=lengths.__getitem__)
        ]
        epoch = [by_length[start : start + batch] for start in range(0, len(by_length) - batch + 1, batch)]
        epoch = epoch or [by_length]
        batches += rng.sample(epoch, len(epoch))
    n_batches = max(1, round(len(batches) * epochs / math.ceil(epochs)))
    return [row for rows in batches[:n_batches] for row in rows]
