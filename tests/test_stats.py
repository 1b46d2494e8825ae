"""Intervals cover the true value as often as they claim, whatever varies: questions, documents, training seeds."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stats import Setting, draw
from parts.verdict import stats

RIGHT = st.lists(st.integers(0, 1), min_size=1, max_size=60)
GAPS = st.lists(st.sampled_from([-1, 0, 1]), min_size=2, max_size=60)


@settings(deadline=None)  # the first call imports scipy
@given(RIGHT)
def test_the_interval_of_a_proportion_contains_it_and_stays_within_0_and_1(right):
    value, lo, hi = stats.proportion_ci(right)
    assert value == pytest.approx(np.mean(right))
    assert 0 <= lo <= value + 1e-12
    assert value - 1e-12 <= hi <= 1
    assert lo < hi


def test_the_interval_of_a_proportion_is_wilsons():
    assert stats.proportion_ci([1] * 8 + [0] * 2)[1:] == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_seeds_that_differ_widen_the_interval_of_an_accuracy_and_seeds_that_agree_do_not():
    right = np.array([1] * 60 + [0] * 40)
    _, lo, hi = stats.proportion_ci(right)
    alike = stats.proportion_ci(np.stack([right, right, right], 1))
    assert (alike.lo, alike.hi) == pytest.approx((lo, hi), abs=0.002)
    other = np.stack([right, np.roll(right, 30), [1] * 75 + [0] * 25], 1)
    assert stats.proportion_ci(other).value == pytest.approx(0.65)
    assert stats.proportion_ci(other).hi - stats.proportion_ci(other).lo > hi - lo


def test_few_questions_and_seeds_widen_the_interval_of_an_accuracy_by_their_freedom():
    right = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1], [1, 0, 1]])
    assert stats.proportion_ci(right) == pytest.approx((0.6, 0.30810, 0.83479), abs=1e-5)  # Student's t in Wilson's


@settings(max_examples=100, deadline=None)
@given(GAPS, st.randoms())
def test_the_difference_turns_its_sign_with_its_sides_and_knows_no_order_of_rows(gaps, random):
    there, back = stats.paired_difference(gaps), stats.paired_difference([-gap for gap in gaps])
    assert there.interval.value == pytest.approx(-back.interval.value)
    assert (there.interval.lo, there.interval.hi) == pytest.approx((-back.interval.hi, -back.interval.lo))
    assert there.interval.lo <= there.interval.value <= there.interval.hi
    random.shuffle(gaps)
    assert stats.paired_difference(gaps).p == pytest.approx(there.p)


@settings(max_examples=100, deadline=None)
@given(GAPS, st.integers(1, 8))
def test_p_is_below_a_twentieth_just_where_the_interval_excludes_0(gaps, n_documents):
    difference = stats.paired_difference(gaps, [index % n_documents for index in range(len(gaps))])
    assert (difference.p < 0.05) == (difference.interval.lo > 0 or difference.interval.hi < 0)


@pytest.mark.parametrize("wins", [10, 12, 14, 16, 18, 20, 22])
def test_p_of_independent_questions_is_near_the_mid_p_of_mcnemar(wins):
    gaps = np.array([1] * wins + [-1] * 10 + [0] * 108)
    assert stats.paired_difference(gaps).p == pytest.approx(stats.mcnemar(gaps > 0, gaps < 0), abs=0.02)


def covered(trials: int, draw) -> float:
    """Return the share of `trials` whose interval has the true difference, 0.1; `draw` returns differences and documents."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(trials):
        interval = stats.paired_difference(*draw(rng)).interval
        hits += interval.lo <= 0.1 <= interval.hi
    return hits / trials


def independent(rng):
    return (rng.random(120) < 0.6) * 1.0 - (rng.random(120) < 0.5), None


def of_documents(rng):
    """120 questions about 12 documents, of each of which one arm knows more than the other."""
    documents = np.repeat(np.arange(12), 10)
    gap = rng.choice([0.3, -0.3], 12)[documents]
    return (rng.random(120) < 0.6 + gap) * 1.0 - (rng.random(120) < 0.5 - gap), documents.tolist()


def of_seeds(rng):
    """120 questions answered by three trainings, of which one is better than another."""
    by_seed = (rng.random((120, 3)) < 0.6 + rng.choice([0.08, -0.08], 3)) * 1.0
    return by_seed - (rng.random((120, 1)) < 0.5), None


@pytest.mark.parametrize("draw", [independent, of_documents, of_seeds])
def test_the_interval_covers_the_true_difference_about_95_percent_of_the_time(draw):
    assert 0.92 <= covered(400, draw) <= 0.995


def test_without_the_documents_or_the_seeds_it_would_be_too_short():
    assert covered(400, lambda rng: (of_documents(rng)[0], None)) < 0.85
    assert covered(400, lambda rng: (of_seeds(rng)[0].mean(1), None)) < 0.9


def test_of_questions_and_documents_the_wider_interval_holds():
    gaps = [1, 0, -1, 1, 0, 0, 1, -1, 1, 0] * 6
    apart, whole = stats.paired_difference(gaps), stats.paired_difference(gaps, [index % 10 for index in range(60)])
    opposed = stats.paired_difference([1, -1, 0] * 20, [index // 3 for index in range(60)])
    assert whole.interval.hi - whole.interval.lo > apart.interval.hi - apart.interval.lo
    assert opposed.interval == stats.paired_difference([1, -1, 0] * 20).interval, "documents that are all alike"


def test_the_interval_over_questions_and_seeds_is_that_of_banerjee():
    gaps = np.random.default_rng(8).normal([0.1, 0.0, -0.1], 0.2, (40, 3))
    residuals = np.append(gaps.mean(1) - gaps.mean(), [0.5**0.5, -(0.5**0.5)])  # two more pairs
    by_questions = (residuals**2).sum() / 42 / 41
    rest = gaps - gaps.mean(1, keepdims=True) - gaps.mean(0) + gaps.mean()
    by_seeds = (gaps.mean(0).var(ddof=1) - (rest**2).sum() / 78 / 40) / 3
    half = (scipy.stats.t.ppf(0.975, 41) ** 2 * by_questions + scipy.stats.t.ppf(0.975, 2) ** 2 * by_seeds) ** 0.5
    assert stats.paired_difference(gaps).interval.hi == pytest.approx(gaps.mean() * 40 / 42 + half)


def test_seeds_that_differ_by_no_more_than_their_questions_do_add_nothing():
    gaps = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], float)
    assert stats.paired_difference(gaps).seeds_variance == 0
    assert stats.paired_difference(gaps[:1]).seeds_variance == 0, "one question tells nothing of it"


@pytest.mark.parametrize("sd", [0.0, 0.1])
def test_trainings_that_differ_much_make_no_winner_of_arms_that_are_alike(sd):
    rng = np.random.default_rng(4)
    setting = Setting(200, 0.6, 0.6, seeds=3, seeds_sd=sd)
    draws = [draw(setting, rng) for _ in range(400)]
    undecided = [stats.paired_difference(tuned - rag[:, None]).p >= 0.05 for tuned, rag, _ in draws]
    assert np.mean(undecided) >= 0.93


def test_a_difference_between_strata_adds_nothing_to_the_interval():
    gaps, strata = [1, 1, 0, 1] * 10 + [-1, -1, -1, 0] * 10, [True] * 40 + [False] * 40
    wide, narrow = stats.paired_difference(gaps).interval, stats.paired_difference(gaps, None, strata).interval
    assert narrow.value == wide.value
    assert narrow.hi - narrow.lo < 0.7 * (wide.hi - wide.lo)


def test_an_interval_has_a_length_even_where_all_pairs_differ_by_the_same():
    for gap in (-1, 0, 1):
        interval = stats.paired_difference([gap] * 30).interval
        assert interval.lo <= interval.value <= interval.hi
        assert 0.05 < interval.hi - interval.lo < 0.25


def test_mcnemar_depends_on_the_pairs_that_differ_alone():
    assert stats.mcnemar([1, 0, 1], [1, 0, 1]) == 1
    assert stats.mcnemar([1] * 10, [0] * 10) == pytest.approx(1 / 2**10)
    assert stats.mcnemar([1] * 10 + [0] * 90, [0] * 10 + [0] * 90) == pytest.approx(1 / 2**10)
    assert stats.mcnemar([1] * 6 + [0] * 2, [0] * 6 + [1] * 2) == pytest.approx(2 * (1 + 8) / 256 + 28 / 256)


def test_the_correlation_of_documents_is_fishers():
    assert stats.intraclass_correlation([1, 1, 0, 0], "aabb") == pytest.approx(1)
    assert stats.intraclass_correlation([1, 0, 1, 0], "aabb") == pytest.approx(-1)
    assert stats.intraclass_correlation([6, 7, 8, 9, 2, 3, 4, 5], "aaaabbbb") == pytest.approx(91 / 111)
    assert stats.intraclass_correlation([1, 0, 1], "abc") is None, "no two questions about one document"
    assert stats.intraclass_correlation([1, 0, 1], "aaa") is None, "one document"


def test_an_exam_of_the_sample_size_decides_with_the_power_that_it_claims():
    rng, shares = np.random.default_rng(7), [0.25, 0.15, 0.6]
    n = stats.sample_size(stats.paired_difference(rng.choice([1, -1, 0], 4000, p=shares)), 0.1)
    assert 280 < n < 340
    decided = [stats.paired_difference(rng.choice([1, -1, 0], n, p=shares)).p < 0.05 for _ in range(300)]
    assert abs(np.mean(decided) - stats.POWER) < 0.07


def test_no_number_of_questions_shows_a_difference_of_0_or_less_than_what_seeds_do():
    rng = np.random.default_rng(2)
    difference = stats.paired_difference(of_seeds(rng)[0])
    assert stats.sample_size(difference, 0) is None
    assert stats.sample_size(difference, difference.seeds_variance**0.5) is None
    assert stats.sample_size(difference, 0.9) < 120


def test_what_an_exam_can_see_takes_about_as_many_questions_as_it_has():
    difference = stats.paired_difference([1, -1, 0, 0] * 30)
    assert stats.sample_size(difference, stats.least_difference(difference)) in (120, 121)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8))
def test_an_adjusted_p_value_is_never_smaller_and_keeps_its_place(pvalues):
    adjusted = stats.benjamini_hochberg(pvalues)
    assert all(before <= after <= 1 for before, after in zip(pvalues, adjusted, strict=True))
    assert [adjusted[n] for n in np.argsort(pvalues)] == sorted(adjusted)
