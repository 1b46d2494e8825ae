"""Decode many prompts at once, greedily: an answer that ends leaves, and the next prompts take its place.

Prompts are read a few at a time, the longest first, and decoded many at a time: reading is bound by arithmetic, of which
a few make enough, and decoding by what every step costs, however many share it. transformers' `generate` reads and
decodes the same batch until its longest answer ends (LOG.md has the figures).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

READ = 2048
"""Tokens to read at once: more of them fall out of a CPU's caches, and win nothing."""


@dataclass(frozen=True)
class DecodingBatch:
    """The answers under way. `mask` is of all the tokens in `cache`, (rows, width), padded on the left."""

    rows: list[int]
    tokens: object
    """(rows,) said last, not in the cache yet"""
    position_ids: object
    """(rows, 1) of the token before, in its own text"""
    mask: object
    cache: object

    def last_tokens(self) -> list[tuple[int, int]]:
        """Return (row, token) of what was said last."""
        return list(zip(self.rows, self.tokens.tolist(), strict=True))

    def step(self, model) -> "DecodingBatch":
        """Return the answers with one more token each."""
        import torch

        mask, position_ids = torch.nn.functional.pad(self.mask, (0, 1), value=1), self.position_ids + 1
        cache, tokens = _next(model, self.tokens[:, None], mask, position_ids, self.cache)
        return replace(self, tokens=tokens, position_ids=position_ids, mask=mask, cache=cache)

    def keep(self, at: list[int]) -> "DecodingBatch":
        """Return the answers at the position_ids `at`; the others leave the cache."""
        import torch

        if len(at) == len(self.rows):
            return self
        kept = torch.tensor(at, device=self.tokens.device)
        self.cache.batch_select_indices(kept)
        return DecodingBatch(
            [self.rows[n] for n in at], self.tokens[kept], self.position_ids[kept], self.mask[kept], self.cache
        )

    def join(self, other: "DecodingBatch") -> "DecodingBatch":
        """Return these answers and the `other` ones, which are read into one cache."""
        import torch

        width = max(self.mask.shape[1], other.mask.shape[1])
        both, pad = (self, other), torch.nn.functional.pad
        mask = torch.cat([pad(one.mask, (width - one.mask.shape[1], 0)) for one in both])
        start = int(mask.argmax(1).min())  # columns before it belong to answers that have left
        for mine, *layers in zip(self.cache.layers, *(one.cache.layers for one in both), strict=True):
            for name in ("keys", "values"):
                held = [getattr(layer, name) for layer in layers]
                held = torch.cat([pad(one, (0, 0, width - one.shape[-2], 0)) for one in held])
                setattr(mine, name, held[..., start:, :])
        tokens, position_ids = (torch.cat([getattr(one, name) for one in both]) for name in ("tokens", "position_ids"))
        return DecodingBatch(self.rows + other.rows, tokens, position_ids, mask[:, start:], self.cache)

    def mergeable(self) -> bool:
        """Tell whether others can join: where every layer's cache is of all tokens, and not of a window or a state."""
        from transformers.cache_utils import DynamicLayer

        return all(type(layer) is DynamicLayer for layer in self.cache.layers)


def greedy(
    model, tokenizer, read: list[list[int]], ends: set[int], limit: int, max_rows: int
) -> Iterator[tuple[int, int]]:
    """Yield (row, token), in the order they are decoded: the answer to each of `read`, up to its end or `limit` tokens.

    At max_rows `max_rows` rows are under way at once.
    """
    waiting, made = list(length_batches([len(ids) for ids in read], max_rows, READ)), [0] * len(read)
    unended, batch = set(range(len(read))), None

    def news(now: DecodingBatch) -> Iterator[tuple[int, int]]:
        for row, token in now.last_tokens():
            if row in unended:
                made[row] += 1
                if token in ends or made[row] == limit:
                    unended.remove(row)
                yield row, token

    while unended:
        live = [at for at, row in enumerate(batch.rows) if row in unended] if batch else []
        if waiting and (not live or (batch.mergeable() and len(live) + len(waiting[0]) <= max_rows)):
            now = _read(model, tokenizer, read, waiting.pop(0))
            yield from news(now)
            batch = batch.keep(live).join(now) if live else now
        else:
            batch = batch.keep(live) if len(live) <= len(batch.rows) / 2 else batch  # to leave, too, takes a copy
            batch = batch.step(model)
            yield from news(batch)


def _read(model, tokenizer, read: list[list[int]], rows: list[int]) -> DecodingBatch:
    told = tokenizer.pad({"input_ids": [read[at] for at in rows]}, return_tensors="pt").to(model.device)
    mask = told["attention_mask"]
    position_ids = (mask.cumsum(1) - 1).clamp(min=0)
    cache, tokens = _next(model, told["input_ids"], mask, position_ids, None)
    return DecodingBatch(rows, tokens, position_ids[:, -1:], mask, cache)


def _next(model, ids, mask, position_ids, cache):
    """Return the cache with `ids` in it, and the likeliest token after each row."""
    made = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position_ids,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return made.past_key_values, made.logits[:, -1].argmax(-1)


def length_batches(lengths: Sequence[int], max_rows: int, max_tokens: int) -> Iterator[list[int]]:
    """Yield the indices of `lengths`, longest first: at most `max_rows` at once and, padded, `max_tokens`, or one alone."""
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    while order:
        size = max(1, min(max_rows, max_tokens // max(1, lengths[order[0]])))
        yield order[:size]
        order = order[size:]
