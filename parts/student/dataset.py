"""Tokenise what a training reads, and lay down its order: the training rows, or the documents themselves."""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from parts.project.errors import UserError
from parts.student.chat_format import ChatFormat
from parts.student.packing import IGNORED, Encoded, read_tokens
from parts.student.recipe import Recipe
from parts.text import answer_format

Count = Callable[[list[str]], list[int]]
"""texts -> tokens in each, special tokens not included"""


class Encoding(NamedTuple):
    """Rows in tokens."""

    rows: list[Encoded]
    too_long: int
    """questions that are longer than a row may be, and are left out"""


class TrainingData(NamedTuple):
    """What a training reads."""

    train: list[Encoded]
    dev: list[Encoded]
    order: list[int]
    """indices of `train` over all epochs, batch after batch"""
    batch: int
    """rows in a step"""
    too_long: int
    """questions that are longer than a row may be, and are left out"""

    @property
    def steps(self) -> list[list[Encoded]]:
        """The rows of each step, over all epochs."""
        starts = range(0, len(self.order), self.batch)
        return [[self.train[row] for row in self.order[start : start + self.batch]] for start in starts]

    @property
    def tokens(self) -> int:
        """The number of tokens that the training reads, over all epochs; a beginning that a step shares counts once."""
        return sum(map(read_tokens, self.steps))


def pairs_data(rows: list[dict], chat: ChatFormat, recipe: Recipe, seed: int) -> TrainingData:
    """Return what a training on `rows` (of Pairs) reads. Raises UserError where no row is short enough."""
    train, dev = (_encode_split(rows, split, chat, recipe) for split in ("train", "dev"))
    if not train.rows:
        raise UserError(
            f"no training row is left: {train.too_long:,} are longer than train.max_length in params.yaml "
            f"({recipe.max_length} tokens)"
        )
    size = recipe.per_device_train_batch_size
    row_order = order(_lengths(train.rows), size, recipe.num_train_epochs, seed)
    return TrainingData(train.rows, dev.rows, row_order, size, train.too_long + dev.too_long)


def raw_data(passages: list[dict], rows: list[dict], chat: ChatFormat, recipe: Recipe, seed: int) -> TrainingData:
    """Return what a training on the documents themselves reads: as many tokens as one on `rows` (of Pairs) does.

    The student reads the `passages` (of Chunks) over and over, as plain text below their headings. The replayed of
    `rows` have the same share of the tokens as in a training on `rows`, and a row of theirs comes in every few passes.
    """
    studied = pairs_data(rows, chat, recipe, seed)
    replay = _encode_split([row for row in rows if row["generator"] == "replay"], "train", chat, recipe).rows
    documents = encode(map(_document, passages), chat, recipe.max_length).rows
    train = documents + replay
    lengths, n_documents, size = _lengths(train), len(documents), recipe.per_device_train_batch_size
    tokens_of_a_pass = studied.tokens * len(studied.train) / len(studied.order)
    synthetic_tokens = max(1, tokens_of_a_pass - sum(lengths[n_documents:]))
    n_replayed = round(len(replay) * sum(lengths[:n_documents]) / synthetic_tokens)  # in a pass over the documents
    rng = random.Random(seed)
    replayed = itertools.cycle(rng.sample(range(n_documents, len(train)), len(replay)))
    passes = ([*range(n_documents), *itertools.islice(replayed, n_replayed)] for _ in itertools.count())
    row_order, tokens, budget = [], 0, studied.tokens
    for batch in (batch for rows in passes for batch in _batches(rows, lengths, size, rng)):
        if tokens >= budget:
            break
        row_order += batch
        tokens += sum(lengths[row] for row in batch)
    row_order += _unread(n_documents, row_order, size)
    return TrainingData(train, studied.dev, row_order, size, studied.too_long)


def open_book(rows: Iterable[dict], shown: Iterable[dict], chunks: Iterable[dict]) -> list[dict]:
    """Return `rows` (of Pairs), those that `shown` (of OpenBook) names with their `passages`, the best last, as an arm has them.

    `chunks` are of Redacted: where the loss is on prompts too, a private value would be learnt.
    """
    texts = {chunk["chunk_id"]: (chunk["heading"], chunk["text"]) for chunk in chunks}
    passages: dict[str, list[tuple[str, str]]] = {}
    for row in sorted(shown, key=lambda row: (row["pair_id"], -row["rank"])):
        passages.setdefault(row["pair_id"], []).append(texts[row["chunk_id"]])
    return [row | {"passages": passages.get(row["pair_id"], [])} for row in rows]


def _encode_split(rows: list[dict], split: str, chat: ChatFormat, recipe: Recipe) -> Encoding:
    split_rows = (row for row in rows if row["split"] == split)
    return encode(split_rows, chat, recipe.max_length, recipe.completion_only_loss)


def _document(passage: dict) -> dict:
    """Return a row of kind document with the text of a passage."""
    return {"kind": "document", "generator": "raw", "completion": f"{passage['heading']}\n{passage['text']}"}


def _lengths(encoded: list[Encoded]) -> list[int]:
    return [len(row["input_ids"]) for row in encoded]


def encode(rows: Iterable[dict], chat: ChatFormat, max_length: int, completion_only_loss: bool = True) -> Encoding:
    """Return input_ids and labels of `rows` (of Pairs), each of up to `max_length` tokens.

    The loss is on the completion and its end; on the prompt too where `completion_only_loss` is false. A row of kind
    document is plain text, all of it completion; a longer one is split. A qa row has the prompt of a closed-book arm, or of
    one that is shown its `passages`; a replayed qa row its own prompt and completion, unchanged. A longer one is left out:
    cut, it would lack its answer.
    """
    encoded, too_long = [], 0
    for row in rows:
        if row["kind"] == "document":
            encoded += [{"input_ids": ids, "labels": ids} for ids in chat.pieces(_completion(row), max_length)]
            continue
        prompt, completion = chat.row(_messages(row), _completion(row))
        if len(prompt + completion) > max_length:
            too_long += 1
            continue
        labels = ([IGNORED] * len(prompt) if completion_only_loss else prompt) + completion
        encoded.append({"input_ids": prompt + completion, "labels": labels})
    return Encoding(encoded, too_long)


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

    A cut row, a piece of a document, has `max_length` tokens and no end; one with neither would teach the student never
    to stop.
    """
    ended = [row["labels"][-1] in ends and row["input_ids"][-1] == row["labels"][-1] for row in encoded]
    cut = sum(not is_ended and len(row["labels"]) >= max_length for is_ended, row in zip(ended, encoded, strict=True))
    return {"rows": len(encoded), "rows_ended": sum(ended), "rows_cut": cut}


def _messages(row: dict) -> list[dict[str, str]]:
    """Return the chat messages before the completion of `row`, a question."""
    if row["generator"] == "replay":
        return [{"role": "user", "content": row["prompt"]}]
    return answer_format.build_messages(row["prompt"], row.get("passages", []))


def _completion(row: dict) -> str:
    if row["kind"] == "document" or row["generator"] == "replay":
        return row["completion"]
    return answer_format.format_answer(row["reasoning"], row["completion"])


def order(lengths: list[int], batch: int, epochs: float, seed: int) -> list[int]:
    """Return the indices of the rows over all `epochs` in training order, from their `lengths` in tokens.

    A batch has `batch` rows of similar length; batches are shuffled, and rows that fill no batch are left out of that
    epoch. Rows that were left out of every epoch come in a smaller batch, the last. The order is fixed before training, so
    that a run resumed from a checkpoint reads the same rows.
    """
    rng, batches = random.Random(seed), []
    for _ in range(math.ceil(epochs)):
        batches += _batches(range(len(lengths)), lengths, batch, rng)
    n_batches = max(1, round(len(batches) * epochs / math.ceil(epochs)))
    row_order = [row for rows in batches[:n_batches] for row in rows]
    return row_order + (_unread(len(lengths), row_order, batch) if epochs >= 1 else [])


def _unread(n_rows: int, row_order: list[int], batch: int) -> list[int]:
    """Return those of `n_rows` that `row_order` lacks, where they are fewer than a batch: by lot they filled none."""
    unread = sorted(set(range(n_rows)) - set(row_order))
    return unread if len(unread) < batch else []


def _batches(rows: Sequence[int], lengths: list[int], batch: int, rng: random.Random) -> list[list[int]]:
    """Return `rows` in batches of similar length, shuffled; rows that fill no batch, drawn by lot, are left out."""
    n_rows = len(rows) - len(rows) % batch or len(rows)
    shuffled = rng.sample(rows, n_rows)
    by_length = [
        row
        for start in range(0, n_rows, batch * 50)
        for row in sorted(shuffled[start : start + batch * 50], key=lengths.__getitem__)
    ]
    batches = [by_length[start : start + batch] for start in range(0, n_rows, batch)]
    return rng.sample(batches, len(batches))
