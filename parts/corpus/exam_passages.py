"""Choose the passages that an exam is written on: spread over all documents, in pairs that share a name, or alike."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import regex

_NAME = regex.compile(r"\p{Lu}[\p{L}\p{N}'-]*(?: (?:\p{Lu}|\p{N})[\p{L}\p{N}'-]*)*")
_PER_NAME = 10  # passages on either side of a name that are paired: a name of many passages makes no more pairs


class Pair(NamedTuple):
    """Two passages of different documents: the first mentions `name`, and the second does too, or is about it."""

    name: str
    first: dict
    second: dict


def spread(chunks: Sequence[dict], count: int) -> dict[int, int]:
    """Return how many of `count` questions each passage is asked for, by index: all alike, one more or less.

    With fewer questions than passages, every document has one first, as far as they go, and the rest are evenly spread.
    """
    if count >= len(chunks):
        return Counter(number * len(chunks) // count for number in range(count))
    indices: dict[str, list[int]] = defaultdict(list)
    for index, chunk in enumerate(chunks):
        indices[chunk["doc_id"]].append(index)
    documents = evenly(list(indices.values()), count)
    firsts = [passages[number % len(passages)] for number, passages in enumerate(documents)]
    others = sorted(set(range(len(chunks))) - set(firsts))
    return dict.fromkeys(sorted([*firsts, *evenly(others, count - len(firsts))]), 1)


def evenly(items: list, count: int) -> list:
    """Return `count` of `items`, evenly spread; all of them where there are fewer."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def linked_pairs(chunks: Sequence[dict], count: int) -> list[Pair]:
    """Return at most `count` pairs, those first whose second passage is about the name, and few of any one document."""
    candidates = sorted(_candidates(chunks), key=lambda candidate: candidate[0])
    uses: Counter[str] = Counter()
    pairs: list[Pair] = []
    heap = [(is_by_mention, 0, index) for index, ((is_by_mention, _), _) in enumerate(candidates)]
    while heap and len(pairs) < count:
        is_by_mention, n_uses, index = heap[0]
        _, pair = candidates[index]
        if (uses_now := sum(uses[chunk["doc_id"]] for chunk in pair[1:])) > n_uses:
            heapq.heapreplace(heap, (is_by_mention, uses_now, index))
            continue
        heapq.heappop(heap)
        uses.update(chunk["doc_id"] for chunk in pair[1:])
        pairs.append(pair)
    return pairs


def _candidates(chunks: Sequence[dict]) -> Iterator[tuple[tuple[bool, int], Pair]]:
    """Yield pairs, each with its rank: (whether the second passage is not about the name, documents with the name)."""
    ordinary = {word for chunk in chunks for word in regex.findall(r"\p{Ll}+", chunk["text"])}
    mentions: dict[str, list[dict]] = defaultdict(list)
    abouts: dict[str, list[dict]] = defaultdict(list)
    for chunk in chunks:
        abouts[title(chunk)].append(chunk)
        for name in sorted(_names(chunk["text"], ordinary) - {title(chunk)}):
            mentions[name].append(chunk)
    most = max(5, len({chunk["doc_id"] for chunk in chunks}) // 10)  # a name of more documents links nothing
    paired: set[tuple[str, str]] = set()  # two passages make one pair, however many names they share
    for name, firsts in sorted(mentions.items()):
        n_documents = len({chunk["doc_id"] for chunk in firsts})
        seconds = abouts[name] or firsts
        if n_documents <= most:
            for first in evenly(firsts, _PER_NAME):
                for second in evenly(seconds, _PER_NAME):
                    ids = (first["chunk_id"], second["chunk_id"])
                    if first["doc_id"] != second["doc_id"] and ids not in paired:
                        paired.add(ids)
                        yield (not abouts[name], n_documents), Pair(name, first, second)


def _names(text: str, ordinary: set[str]) -> set[str]:
    """Return the names in `text`: runs of words with capitals, without a sentence's first word if it is an ordinary one."""
    names = set()
    for match in _NAME.finditer(text):
        words = match[0].split()
        starts = not text[: match.start()].strip(" \"'(") or text[: match.start()].rstrip(" \"'(")[-1] in ".!?:;|\n\f"
        if starts and (len(words) == 1 or words[0].lower() in ordinary):
            words = words[1:]
        if len(name := " ".join(words)) > 3:
            names.add(name)
    return names


def title(chunk: dict) -> str:
    """Return the title of the document that a passage is from."""
    return chunk["heading"].split(" > ")[0].strip()


def nearest(vector: np.ndarray, vectors: np.ndarray, among: np.ndarray, count: int) -> list[int]:
    """Return the indices of the `count` nearest of `vectors`, the nearest first; only those where `among` is true."""
    similarities = np.where(among, vectors @ vector, -np.inf)
    return [int(index) for index in np.argsort(-similarities, kind="stable")[: min(count, int(among.sum()))]]
