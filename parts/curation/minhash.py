"""Find near-duplicate texts: MinHash over runs of three words proposes pairs, Jaccard over the runs confirms them.

Jaccard similarity is |A and B| / |A or B| of the two texts' runs, 0..1. Two texts are compared only if their keys are
equal: what separates facts about similar things (a name, a number, an answer) belongs in the key. queries/words.sql has
the same runs for SQL.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

from parts.text.words import words

RUN_LENGTH = 3  # words
_PERMUTATIONS = 128


def runs(text: str) -> frozenset[str]:
    """Return the runs of three words of `text`, in lower case; all words as one run if there are fewer than three."""
    row = words(text)
    return frozenset(" ".join(row[start : start + RUN_LENGTH]) for start in range(max(1, len(row) - RUN_LENGTH + 1)))


def earlier_duplicates(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[list[int]]:
    """Return for each text the indices of earlier texts with the same key and a similarity of at least `threshold`."""
    from datasketch import MinHash, MinHashLSH  # takes most of a second to import

    key_counts = Counter(keys)
    rows = [i for i, key in enumerate(keys) if key_counts[key] > 1]
    run_sets = {i: runs(texts[i]) for i in rows}
    digests = MinHash.bulk(([run.encode() for run in run_sets[i]] for i in rows), num_perm=_PERMUTATIONS, seed=1)
    index = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(threshold))
    duplicates: list[list[int]] = [[] for _ in texts]
    for i, digest in zip(rows, digests, strict=True):
        candidates = (j for j in index.query(digest) if keys[j] == keys[i])
        duplicates[i] = sorted(
            j for j in candidates if len(run_sets[i] & run_sets[j]) >= threshold * len(run_sets[i] | run_sets[j])
        )
        index.insert(i, digest)
    return duplicates


def _bands(threshold: float) -> tuple[int, int]:
    """Return (bands, hashes per band): the longest bands that miss fewer than one pair in a thousand at `threshold`."""
    for rows in range(_PERMUTATIONS // 2, 1, -1):
        if (1 - threshold**rows) ** (_PERMUTATIONS // rows) < 0.001:
            return _PERMUTATIONS // rows, rows
    return _PERMUTATIONS, 1


def find_repeats(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[bool]:
    """Return for each text whether it is a near-duplicate of an earlier one that is itself no repeat."""
    repeats: list[bool] = []
    for duplicates in earlier_duplicates(texts, keys, threshold):
        repeats.append(any(not repeats[j] for j in duplicates))
    return repeats


def duplicate_groups(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[int]:
    """Return for each text the number of its group: the connected components of the near-duplicate pairs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    duplicates = earlier_duplicates(texts, keys, threshold)
    edges = [(i, j) for i, earlier in enumerate(duplicates) for j in earlier]
    ends = [[edge[side] for edge in edges] for side in (0, 1)]
    graph = coo_array(([True] * len(edges), ends), shape=(len(texts), len(texts)))
    return connected_components(graph, directed=False)[1].tolist()
