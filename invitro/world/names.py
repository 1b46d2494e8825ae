"""Invent names in three disjoint splits.

A hash of its letters assigns a name to its split: `known` names occur in the worlds whose facts the base model was
trained on, `fresh` names in the passages it learnt to read, `exam` names in the companies it is examined on. So a model
that answers about an `exam` name has learnt it after it was shipped.
"""

import random
import zlib

SPLITS = ("exam", "known", "fresh", "fresh")

_HEADS = (
    "bra bri cal cor dal del dor fal fen gal gor hal har ken kor lan lor mar mel mor nar nel nor ol "
    "par pel quin ral ren ros sal sel sten tal tar tel tor ul val ven vor wal wen yar zel zor bel"
).split()
_MIDDLES = "a e i o u an en in on un ar er ir or ur al el il ol ul av ev iv ov".split()
_TAILS = (
    "ba bik da den dir don fa fer ga gan kin la len lin lo lus ma mer mir na nen nor ra rek ric rin ro "
    "sa sen sha son ta tan ten tin to tos va ven vik vo wick zan"
).split()


def split_of(word: str) -> str:
    """Return the split that `word` belongs to: exam, known or fresh (1 : 1 : 2)."""
    return SPLITS[zlib.crc32(word.lower().encode()) % len(SPLITS)]


def word(rng: random.Random, split: str) -> str:
    """Return one capitalised made-up word of two or three syllables from `split`."""
    while True:
        parts = [rng.choice(_HEADS), rng.choice(_MIDDLES) if rng.random() < 0.5 else "", rng.choice(_TAILS)]
        name = "".join(parts).capitalize()
        if split_of(name) == split:
            return name


def words(rng: random.Random, split: str):
    """Yield distinct made-up words of `split`."""
    seen: set[str] = set()
    while True:
        name = word(rng, split)
        if name not in seen:
            seen.add(name)
            yield name
