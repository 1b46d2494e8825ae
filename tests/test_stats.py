"""Intervals cover the true value as often as they claim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.verdict import stats

RIGHT = st.lists(st.integers(0, 1), min_size=1, max_size=60)


@given(RIGHT)
def test_the_interval_of_a_proportion_contains_it_and_stays_within_0_and_1(right):
    value, lo, hi = stats.proportion_ci(right)
    assert value == pytest.approx(np.mean(right))
    assert 0 <= lo <= value + 1e-12
    assert value - 1e-12 <= hi <= 1
    assert lo < hi


def test_the_interval_of_a_proportion_is_wilsons():
    assert stats.proportion_ci([1] * 8 + [0] * 2)[1:] == pytest.approx((0.4902, 0.9433), abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=8, max_size=60))
def test_the_difference_turns_its_sign_with_its_sides(pairs):
    first, second = zip(*pairs, strict=True)
    there, back = stats.paired_difference_ci(first, second, 500, 1), stats.paired_difference_ci(second, first, 500, 1)
    assert there.value == pytest.approx(-back.value)
    assert there.lo <= there.value + 1e-12
    assert there.value - 1e-12 <= there.hi
    assert (there.lo, there.hi) == pytest.approx((-back.hi, -back.lo), abs=0.12)
    assert stats.paired_difference_ci(first, second, 500, 1) == there


def test_the_bootstrap_interval_covers_the_true_difference_about_95_percent_of_the_time():
    rng, covered = np.random.default_rng(1), 0
    for trial in range(200):
        first, second = rng.random(120) < 0.6, rng.random(120) < 0.5
        interval = stats.paired_difference_ci(first, second, 400, trial)
        covered += interval.lo <= 0.1 <= interval.hi
    assert 0.90 <= covered / 200 <= 0.99


def test_mcnemar_depends_on_the_pairs_that_differ_alone():
    assert stats.mcnemar([1, 0, 1], [1, 0, 1]) == 1
    assert stats.mcnemar([1] * 10, [0] * 10) == pytest.approx(2 / 2**10)
    assert stats.mcnemar([1] * 10 + [0] * 90, [0] * 10 + [0] * 90) == pytest.approx(2 / 2**10)


def test_additional_questions_would_decide_it():
    rng = np.random.default_rng(3)
    first, second = (rng.random(60) < 0.6).astype(int), (rng.random(60) < 0.5).astype(int)
    more = stats.additional_sample_size(first, second)
    times = -(-(60 + more) // 60)
    decided = stats.paired_difference_ci(np.tile(first, times), np.tile(second, times), 2000, 1)
    assert more > 0
    assert decided.lo > 0 or decided.hi < 0
    assert stats.additional_sample_size([1, 0], [0, 1]) is None
    assert stats.additional_sample_size([1] * 50, [0] * 50) == 0


def test_an_interval_has_a_length_even_where_all_pairs_differ_by_the_same():
    for right, other in (([1] * 30, [1] * 30), ([1] * 30, [0] * 30), ([0] * 30, [1] * 30)):
        interval = stats.paired_difference_ci(right, other, 2000, 1)
        assert interval.lo <= interval.value <= interval.hi
        assert 0.05 < interval.hi - interval.lo < 0.25


def test_additional_questions_decide_with_the_power_that_they_claim():
    rng, decided, trials = np.random.default_rng(7), 0, 0
    while trials < 300:
        gaps = rng.choice([1, -1, 0], 60, p=[0.25, 0.1, 0.65])
        more = stats.additional_sample_size(gaps > 0, gaps < 0)
        if not more:
            continue
        trials += 1
        all_of_them = np.concatenate([gaps, rng.choice(gaps, more)])
        decided += abs(all_of_them.mean()) > 1.96 * all_of_them.std() / len(all_of_them) ** 0.5
    assert abs(decided / trials - stats.POWER) < 0.07


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 200))
def test_fewer_additional_questions_are_needed_where_the_difference_is_larger(wins, losses, ties):
    def more(won: int) -> int | None:
        return stats.additional_sample_size([1] * won + [0] * (losses + ties), [0] * won + [1] * losses + [0] * ties)

    needed = more(wins)
    assert (needed is None) == (wins == losses)
    if wins > losses:
        assert more(wins + losses + ties) <= needed


@given(st.lists(st.floats(0, 1), max_size=8))
def test_an_adjusted_p_value_is_never_smaller_and_keeps_its_place(pvalues):
    adjusted = stats.benjamini_hochberg(pvalues)
    assert all(before <= after <= 1 for before, after in zip(pvalues, adjusted, strict=True))
    assert [adjusted[n] for n in np.argsort(pvalues)] == sorted(adjusted)
