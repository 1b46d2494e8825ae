"""Decode many prompts at once, greedily: a row that ends leaves the batch, and waiting prompts take its place.

Prefill takes a few prompts at a time, the longest first, and decoding takes many: prefill is bound by arithmetic, of which
a few prompts make enough, and decoding by the cost of a step, which all rows share. transformers' `generate` prefills and
decodes the same batch until its longest answer ends (LOG.md has the figures).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

PREFILL_TOKENS = {"cpu": 2048, "cuda": 16_384}
"""Tokens to prefill at once, by the device: more fall out of a CPU's caches and are no faster; fewer leave a GPU idle."""


@dataclass(frozen=True)
class DecodingBatch:
    """The answers being decoded, one a row."""

    rows: list[int]
    """index of each row's prompt"""
    next_tokens: object
    """(rows,): the token decoded last, not in the cache yet"""
    logprobs: object
    """(rows,): its log-probability"""
    position_ids: object
    """(rows, 1): position of the last token in the cache, padding not counted"""
    mask: object
    """(rows, width): 1 for a token in the cache, 0 for padding, which is on the left"""
    cache: object
    """keys and values, a transformers Cache"""

    def step(self, model) -> "DecodingBatch":
        """Return the batch with one more token in each row."""
        import torch

        mask, position_ids = torch.nn.functional.pad(self.mask, (0, 1), value=1), self.position_ids + 1
        cache, next_tokens, logprobs = _forward(model, self.next_tokens[:, None], mask, position_ids, self.cache)
        return replace(
            self, next_tokens=next_tokens, logprobs=logprobs, position_ids=position_ids, mask=mask, cache=cache
        )

    def select(self, indices: list[int]) -> "DecodingBatch":
        """Return the batch with the rows at `indices` alone; the others leave the cache."""
        import torch

        if len(indices) == len(self.rows):
            return self
        index = torch.tensor(indices, device=self.next_tokens.device)
        self.cache.batch_select_indices(index)
        rows = [self.rows[n] for n in indices]
        tensors = (getattr(self, name)[index] for name in ("next_tokens", "logprobs", "position_ids", "mask"))
        return DecodingBatch(rows, *tensors, self.cache)

    def join(self, other: "DecodingBatch") -> "DecodingBatch":
        """Return the rows of both batches, in the cache of this one."""
        import torch

        batches, pad = (self, other), torch.nn.functional.pad
        width = max(batch.mask.shape[1] for batch in batches)
        mask = torch.cat([pad(batch.mask, (width - batch.mask.shape[1], 0)) for batch in batches])
        start = int(mask.argmax(1).min())  # the columns before it belong to rows that have left
        for layer, other_layer in zip(self.cache.layers, other.cache.layers, strict=True):
            for name in ("keys", "values"):
                states = [getattr(layer, name), getattr(other_layer, name)]
                states = torch.cat([pad(state, (0, 0, width - state.shape[-2], 0)) for state in states])
                setattr(layer, name, states[..., start:, :])
        joined = {
            name: torch.cat([getattr(self, name), getattr(other, name)])
            for name in ("next_tokens", "logprobs", "position_ids")
        }
        return DecodingBatch(self.rows + other.rows, mask=mask[:, start:], cache=self.cache, **joined)

    def mergeable(self) -> bool:
        """Tell whether another batch can join: every layer caches all tokens, not a window of them or a state."""
        from transformers.cache_utils import DynamicLayer

        return all(type(layer) is DynamicLayer for layer in self.cache.layers)


def greedy(
    model, tokenizer, prompts: list[list[int]], ends: set[int], max_new_tokens: int, max_rows: int
) -> Iterator[tuple[int, int, float]]:
    """Yield (row, token, its log-probability) as they are decoded: the greedy answer to each of `prompts`.

    An answer ends with one of `ends`, or at the limit. `prompts` and `ends` are token ids. At most `max_rows` rows are
    decoded at once.
    """
    prefill_tokens = PREFILL_TOKENS.get(model.device.type, PREFILL_TOKENS["cpu"])
    waiting = list(length_batches([len(ids) for ids in prompts], max_rows, prefill_tokens))
    lengths, unended, batch = [0] * len(prompts), set(range(len(prompts))), None

    def new_tokens(latest: DecodingBatch) -> Iterator[tuple[int, int, float]]:
        columns = latest.rows, latest.next_tokens.tolist(), latest.logprobs.tolist()
        for row, token, logprob in zip(*columns, strict=True):
            if row in unended:
                lengths[row] += 1
                if token in ends or lengths[row] == max_new_tokens:
                    unended.remove(row)
                yield row, token, logprob

    while unended:
        live = [index for index, row in enumerate(batch.rows) if row in unended] if batch else []
        if waiting and (not live or (batch.mergeable() and len(live) + len(waiting[0]) <= max_rows)):
            started = prefill(model, tokenizer, prompts, waiting.pop(0))
            yield from new_tokens(started)
            batch = batch.select(live).join(started) if live else started
        else:
            batch = batch.select(live) if len(live) <= len(batch.rows) / 2 else batch  # selecting takes a copy
            batch = batch.step(model)
            yield from new_tokens(batch)


def prefill(model, tokenizer, prompts: list[list[int]], rows: list[int]) -> DecodingBatch:
    """Return the batch of the prompts at `rows`, each with its first token decoded."""
    inputs = tokenizer.pad({"input_ids": [prompts[row] for row in rows]}, return_tensors="pt").to(model.device)
    mask = inputs["attention_mask"]
    position_ids = (mask.cumsum(1) - 1).clamp(min=0)
    cache, next_tokens, logprobs = _forward(model, inputs["input_ids"], mask, position_ids, None)
    return DecodingBatch(rows, next_tokens, logprobs, position_ids[:, -1:], mask, cache)


def _forward(model, input_ids, mask, position_ids, cache):
    """Return the cache with `input_ids` in it, and the likeliest next token of each row with its log-probability."""
    outputs = model(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=position_ids,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits = outputs.logits[:, -1].float()
    next_tokens = logits.argmax(-1)
    logprobs = logits.gather(-1, next_tokens[:, None])[:, 0] - logits.logsumexp(-1)
    return outputs.past_key_values, next_tokens, logprobs


def length_batches(lengths: Sequence[int], max_rows: int, max_tokens: int) -> Iterator[list[int]]:
    """Yield batches of indices of `lengths`, the longest first.

    A batch has at most `max_rows` and, padded, at most `max_tokens` tokens; an index that is longer has its own.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    while order:
        size = max(1, min(max_rows, max_tokens // max(1, lengths[order[0]])))
        yield order[:size]
        order = order[size:]
