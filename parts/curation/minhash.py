"""Find near-duplicate texts: by Jaccard over runs of three words; among many of one key, MinHash proposes the pairs.

Jaccard similarity is |A and B| / |A or B| of the two texts' runs, 0..1. Two texts are compared only if their keys are
equal: what separates facts about similar things (a name, a number, an answer) belongs in the key. queries/words.sql has
the same runs for SQL.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from parts.text.words import words

RUN_LENGTH = 3  # words
FEW = 100  # texts of one key, up to which every pair of them is compared
_PERMUTATIONS = 128

Runs = frozenset[str]


def runs(text: str) -> Runs:
    """Return the runs of three words of `text`, in lower case; all words as one run if there are fewer than three."""
    row = words(text)
    return frozenset(" ".join(row[start : start + RUN_LENGTH]) for start in range(max(1, len(row) - RUN_LENGTH + 1)))


def earlier_duplicates(texts: Sequence[str], keys: Sequence[Hashable], threshold: float) -> list[list[int]]:
    """Return for each text the indices of earlier texts with the same key and a similarity of at least `threshold`.

    Key by key: in an index of all texts, every question of one form is a candidate for every other, whatever it is about.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        groups[key].append(i)
    duplicates: list[list[int]] = [[] for _ in texts]
    for group in groups.values():
        if len(group) == 1:
            continue
        run_sets = {i: runs(texts[i]) for i in group}
        pairs = _earlier(group) if len(group) <= FEW else _candidates(run_sets, threshold)
        for i, candidates in pairs:
            duplicates[i] = sorted(
                j for j in candidates if len(run_sets[i] & run_sets[j]) >= threshold * len(run_sets[i] | run_sets[j])
            )
    return duplicates


def _earlier(group: Sequence[int]) -> Iterator[tuple[int, Iterable[int]]]:
    """Yield each text of a group and all those before it."""
    for number, i in enumerate(group):
        yield i, group[:number]


def _candidates(run_sets: Mapping[int, Runs], threshold: float) -> Iterator[tuple[int, Iterable[int]]]:
    """Yield each text and those before it that MinHash takes to be like it."""
    from datasketch import MinHash, MinHashLSH  # takes most of a second to import

    digests = MinHash.bulk(
        ([run.encode() for run in each] for each in run_sets.values()), num_perm=_PERMUTATIONS, seed=1
    )
    index = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(threshold))
    for i, digest in zip(run_sets, digests, strict=True):
        yield i, index.query(digest)
        index.insert(i, digest)


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
