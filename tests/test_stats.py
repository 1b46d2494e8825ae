"""Intervals hold what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts import stats

RIGHT = st.lists(st.integers(0, 1), min_size=1, max_size=60)


@given(RIGHT)
def test_the_interval_of_a_share_holds_it_and_stays_within_nought_and_one(right):
    value, lo, hi = stats.share(right)
    assert value == pytest.approx(np.mean(right))
    assert 0 <= lo <= value + 1e-12
    assert value - 1e-12 <= hi <= 1
    assert lo < hi


def test_the_interval_of_a_share_is_wilsons():
    assert stats.share([1] * 8 + [0] * 2)[1:] == pytest.approx((0.4902, 0.9433), abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=60))
def test_the_difference_turns_its_sign_with_its_sides(pairs):
    one, two = zip(*pairs, strict=True)
    there, back = stats.difference(one, two, 500, 1), stats.difference(two, one, 500, 1)
    assert there.value == pytest.approx(-back.value)
    assert there.lo <= there.value + 1e-12
    assert there.value - 1e-12 <= there.hi
    assert (there.lo, there.hi) == pytest.approx((-back.hi, -back.lo), abs=0.12)
    assert stats.difference(one, two, 500, 1) == there


def test_the_bootstrap_holds_the_truth_about_as_often_as_it_says():
    rng, held = np.random.default_rng(1), 0
    for trial in range(200):
        one, two = rng.random(120) < 0.6, rng.random(120) < 0.5
        found = stats.difference(one, two, 400, trial)
        held += found.lo <= 0.1 <= found.hi
    assert 0.90 <= held / 200 <= 0.99


def test_mcnemar_looks_at_the_pairs_that_differ():
    assert stats.mcnemar([1, 0, 1], [1, 0, 1]) == 1
    assert stats.mcnemar([1] * 10, [0] * 10) == pytest.approx(2 / 2**10)
    assert stats.mcnemar([1] * 10 + [0] * 90, [0] * 10 + [0] * 90) == pytest.approx(2 / 2**10)


def test_further_questions_would_decide_it():
    rng = np.random.default_rng(3)
    one, two = (rng.random(60) < 0.6).astype(int), (rng.random(60) < 0.5).astype(int)
    more = stats.further_questions(one, two)
    times = -(-(60 + more) // 60)
    decided = stats.difference(np.tile(one, times), np.tile(two, times), 2000, 1)
    assert more > 0
    assert decided.lo > 0 or decided.hi < 0
    assert stats.further_questions([1, 0], [0, 1]) is None
    assert stats.further_questions([1] * 50, [0] * 50) == 0
