"""Near-duplicates are those that a comparison of all pairs finds, and repeats and groups follow from them."""

import random
import time

import pytest

from parts.curation import minhash

WORDS = "the lamp of old mill weighs costs opens lasts before after spring town".split()


def texts(seed: int) -> list[str]:
    """Return texts that resemble each other more or less: some words of a few are exchanged."""
    rng = random.Random(seed)
    stems = [rng.choices(WORDS, k=40) for _ in range(3)]
    return [
        " ".join(rng.choice(WORDS) if rng.random() < n % 10 / 20 else word for word in rng.choice(stems))
        for n in range(60)
    ]


def similarity(one: str, other: str) -> float:
    runs = minhash.runs(one), minhash.runs(other)
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


@pytest.mark.parametrize("few", [0, 100])
@pytest.mark.parametrize("threshold", [0.15, 0.3, 0.5, 0.9, 1.0])
def test_duplicates_are_those_of_all_pairs_with_one_key(monkeypatch, threshold, few):
    monkeypatch.setattr(minhash, "FEW", few)
    rows, n_pairs = texts(seed=1), 0
    keys = [n % 2 for n in range(len(rows))]
    for i, earlier in enumerate(minhash.earlier_duplicates(rows, keys, threshold)):
        wanted = [j for j in range(i) if keys[i] == keys[j] and similarity(rows[i], rows[j]) >= threshold]
        assert earlier == wanted
        n_pairs += len(wanted)
    assert n_pairs > 0


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99])
def test_bands_miss_fewer_than_a_pair_in_a_thousand_and_are_no_shorter_than_that_takes(threshold):
    def missed(bands: int, rows: int) -> float:
        return (1 - threshold**rows) ** bands

    bands, rows = minhash._bands(threshold)
    assert bands * rows <= 128
    assert missed(bands, rows) < 0.001 or rows == 1
    assert rows == 64 or missed(128 // (rows + 1), rows + 1) >= 0.001


def test_time_grows_with_the_texts_where_those_of_many_keys_have_one_form():
    def seconds(count: int) -> float:
        rows = [f"what is the price of the lamp {n // 2} today" for n in range(count)]
        start = time.process_time()
        assert minhash.earlier_duplicates(rows, [n // 2 for n in range(count)], 0.5)[1] == [0]
        return time.process_time() - start

    seconds(10)
    assert seconds(16_000) < 8 * max(seconds(4_000), 0.02)


def test_runs_are_of_three_words_or_of_all_there_are():
    assert minhash.runs("A b, c d.") == {"a b c", "b c d"}
    assert minhash.runs("A b") == {"a b"}


LONG = "one two three four five six seven eight nine ten"
CHAIN = [
    LONG,
    LONG.replace("one", "eleven"),
    LONG.replace("one", "eleven").replace("ten", "twelve"),
    "another text altogether",
]


def test_a_text_like_a_repeat_alone_is_none_and_is_in_its_group_all_the_same():
    assert [round(similarity(CHAIN[0], text), 2) for text in CHAIN] == [1, 0.78, 0.6, 0]
    assert minhash.find_repeats(CHAIN, [""] * 4, 0.7) == [False, True, False, False]
    groups = minhash.duplicate_groups(CHAIN, [""] * 4, 0.7)
    assert groups[0] == groups[1] == groups[2] != groups[3]
