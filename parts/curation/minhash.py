"""Find texts that are nearly alike: MinHash over runs of three words finds them, their runs themselves confirm it.

Likeness is Jaccard's: of the runs that stand in either text, the share that stands in both. Two texts are compared only
when their keys are equal, so that what tells near-twins apart (a name, a number, an answer) belongs into the key.
"""

import re
from collections import Counter
from collections.abc import Hashable, Sequence

_WORD = re.compile(r"[^\W_]+")
_RUN = 3  # words
_PERMUTATIONS = 128


def names(text: str) -> frozenset[str]:
    """Return the words of `text` that have a capital or a digit: what two texts that tell the same have in common."""
    return frozenset(word for word in _WORD.findall(text) if word != word.lower() or not word.isalpha())


def numbers(text: str) -> frozenset[str]:
    """Return the words of `text` that have a digit."""
    return frozenset(word for word in _WORD.findall(text) if not word.isalpha())


def runs(text: str) -> frozenset[str]:
    """Return the runs of three words of `text`; of a shorter text the whole."""
    words = _WORD.findall(text.lower())
    return frozenset(" ".join(words[at : at + _RUN]) for at in range(max(1, len(words) - _RUN + 1)))


def earlier_duplicates(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[list[int]]:
    """Return for each text the indices of the texts before it that have its key and are at least `threshold` alike."""
    from datasketch import MinHash, MinHashLSH  # takes most of a second to import

    shared = Counter(keys)
    rows = [at for at, key in enumerate(keys) if shared[key] > 1]
    cut = {at: runs(texts[at]) for at in rows}
    digests = MinHash.bulk(([run.encode() for run in cut[at]] for at in rows), num_perm=_PERMUTATIONS, seed=1)
    index = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(threshold))
    found: list[list[int]] = [[] for _ in texts]
    for at, digest in zip(rows, digests, strict=True):
        near = (other for other in index.query(digest) if keys[other] == keys[at])
        found[at] = sorted(n for n in near if len(cut[at] & cut[n]) >= threshold * len(cut[at] | cut[n]))
        index.insert(at, digest)
    return found


def _bands(threshold: float) -> tuple[int, int]:
    """Return how many bands of how many hashes: the longest that miss no more than one pair in a thousand."""
    for rows in range(_PERMUTATIONS // 2, 1, -1):
        if (1 - threshold**rows) ** (_PERMUTATIONS // rows) < 0.001:
            return _PERMUTATIONS // rows, rows
    return _PERMUTATIONS, 1


def find_repeats(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[bool]:
    """Tell for each text whether one before it, itself no repeat, is nearly the same."""
    found: list[bool] = []
    for near in earlier_duplicates(texts, keys, threshold):
        found.append(any(not found[other] for other in near))
    return found


def duplicate_groups(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[int]:
    """Return for each text the number of its group: no two texts of different groups are nearly the same."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    near = [(at, other) for at, found in enumerate(earlier_duplicates(texts, keys, threshold)) for other in found]
    ends = [[pair[side] for pair in near] for side in (0, 1)]
    links = coo_array(([True] * len(near), ends), shape=(len(texts), len(texts)))
    return connected_components(links, directed=False)[1].tolist()
