"""Put the rows of a training step into one sequence in which they share their beginning.

Every question begins with the same system prompt: most of a short row. It is read once a step instead of once a row. A
token attends to the shared prefix and to its own row, at the positions of the row alone, so that the loss is that of the
rows one by one.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile

IGNORED = -100  # label of a token without loss: PyTorch's ignore_index

WORTH = 0.3  # share of a step's tokens that must be saved: attention over all rows at once costs, too
MOST = 4096  # tokens of a sequence: its mask has a byte for each pair of them
TOLERANCE = {True: 1e-3, False: 2e-2}  # of the loss, relative: sums are in another order; by whether it is in float32

Encoded = dict[str, list[int]]
"""input_ids and labels of a row, of equal length"""

Collate = Callable[[Sequence[Encoded]], dict]
"""rows of a step -> inputs of the model"""


def sharing(collate: Collate, model, steps: Sequence[Sequence[Encoded]]) -> Collate:
    """Return a collator that shares prefixes where that saves enough, and else is `collate`, which pads.

    It is tried on the longest of `steps` that share. A model that reads more than its mask tells it (a state, a window)
    has another loss there, and every step of it is padded; so is one whose weights DeepSpeed has spread already.
    """
    longest = max((step for step in steps if is_worth_it(step)), key=lambda step: _length(step), default=None)
    is_spread = any(weight.numel() == 0 for weight in model.parameters())
    if longest is None or is_spread or not _is_same(model, collate(longest), pack(longest)):
        return collate
    return lambda rows: pack(rows) if is_worth_it(rows) else collate(rows)


def is_worth_it(rows: Sequence[Encoded]) -> bool:
    """Tell whether the shared prefix of `rows` saves the share WORTH of their tokens, in a sequence of MOST or fewer."""
    n_tokens = sum(len(row["input_ids"]) for row in rows)
    return _length(rows) <= min(MOST, (1 - WORTH) * n_tokens)


def read_tokens(rows: Sequence[Encoded]) -> int:
    """Return the tokens of `rows` that a step reads: a prefix that is shared counts once."""
    return _length(rows) if is_worth_it(rows) else sum(len(row["input_ids"]) for row in rows)


def pack(rows: Sequence[Encoded]) -> dict:
    """Return one sequence of all `rows`: input_ids, labels and position_ids (1, n), and attention_mask (1, 1, n, n).

    The mask is true where a token attends. The shared prefix has no label; neither has the first token of a row, which
    nothing before it predicts.
    """
    import torch

    prefix = shared_prefix(rows)
    input_ids, labels = list(prefix), [IGNORED] * len(prefix)
    positions, segments, shares = list(range(len(prefix))), [0] * len(prefix), [True] * len(prefix)
    for number, row in enumerate(rows, start=1):
        ids = row["input_ids"]
        start = len(prefix) if _shares(row, prefix) else 0
        input_ids += ids[start:]
        labels += [IGNORED, *row["labels"][start + 1 :]]
        positions += range(start, len(ids))
        segments += [number] * (len(ids) - start)
        shares += [start > 0] * (len(ids) - start)
    segment, has_prefix = torch.tensor(segments), torch.tensor(shares)
    attends = (segment[:, None] == segment) | ((segment == 0) & has_prefix[:, None])
    sequence = {"input_ids": input_ids, "labels": labels, "position_ids": positions}
    return {key: torch.tensor([ids]) for key, ids in sequence.items()} | {"attention_mask": attends.tril()[None, None]}


def shared_prefix(rows: Sequence[Encoded]) -> list[int]:
    """Return the beginning of several of `rows` whose sharing saves the most tokens; empty where none do.

    It ends two tokens before a label at the latest: the first token of a row's own part has none.
    """
    beginnings = sorted(row["input_ids"][: _unlabelled(row)] for row in rows)
    best, most = [], 0
    for first, second in pairwise(beginnings):
        prefix = [
            token for token, other in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
        ]
        saved = len(prefix) * (sum(ids[: len(prefix)] == prefix for ids in beginnings) - 1)
        if saved > most:
            best, most = prefix, saved
    return best


def _shares(row: Encoded, prefix: list[int]) -> bool:
    return _unlabelled(row) >= len(prefix) and row["input_ids"][: len(prefix)] == prefix


def _unlabelled(row: Encoded) -> int:
    """Return how many tokens of `row` may be shared: all before its first label, but for the last of them."""
    n_before = next((n for n, label in enumerate(row["labels"]) if label != IGNORED), len(row["labels"]))
    return max(0, n_before - 1)


def _length(rows: Sequence[Encoded]) -> int:
    """Return the length of the packed sequence of `rows`."""
    prefix = shared_prefix(rows)
    n_sharing = sum(_shares(row, prefix) for row in rows) if prefix else 0
    return sum(len(row["input_ids"]) for row in rows) - len(prefix) * max(0, n_sharing - 1)


def _is_same(model, padded: dict, packed: dict) -> bool:
    """Tell whether `model` has the same loss on both; a model that takes no such mask has not."""
    was_training = model.training
    try:
        model.eval()  # dropout would differ
        losses = [_loss(model, inputs) for inputs in (padded, packed)]
    except (RuntimeError, TypeError, ValueError):
        return False
    finally:
        model.train(was_training)
    tolerance = TOLERANCE[str(model.dtype) == "torch.float32"]
    return abs(losses[0] - losses[1]) <= tolerance * abs(losses[0])


def _loss(model, inputs: dict) -> float:
    import torch

    with torch.no_grad():
        return float(model(**{key: tensor.to(model.device) for key, tensor in inputs.items()}).loss)
