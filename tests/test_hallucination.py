"""Hallucinations are counted apart from refusals, hedged answers and right ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.scoring import summary
from parts.text import answer_format
from tests.helpers.scoring import all_scores, row


def test_hallucinations_are_counted_without_hedged_refused_empty_and_right_answers(by_rules):
    rows = [
        row("right"), row("right to the judge", "Answer: it is 430 euros"), row("made up", "Answer: 90 euros"),
        row("hedged", "I am not sure.\nAnswer: 90 euros"), row("declined", "Answer: not in the documents"),
        row("empty", "Answer:"),
        row("anyway", "Perhaps.\nAnswer: 5", answerable=False, references=[]),
        row("anyway and sure", "Answer: 5", answerable=False, references=[]),
        row("left", "Answer: not in the documents", answerable=False, references=[]),
    ]  # fmt: skip
    scores = all_scores(*rows, ask_ragas=False)
    assert summary.hallucination_rates(rows, scores) == {
        "unanswerable_answered_rate": pytest.approx(2 / 3),
        "unanswerable_unclear_rate": 0,
        "confident_error_rate": pytest.approx(1 / 6),
    }
    assert summary.hallucination_rates(rows[:3], scores)["unanswerable_answered_rate"] is None
    assert summary.hallucination_rates(rows[6:], scores)["confident_error_rate"] is None


def test_where_there_are_options_the_chosen_option_is_what_counts(by_rules):
    rows = [row("q", "Answer: A", options=["12 days", "3"], references=["12 days"])]
    assert summary.hallucination_rates(rows, all_scores(*rows, ask_ragas=False))["confident_error_rate"] == 0


PLAIN = st.text("bdfghjkmnqvwxz 0123456789,.", max_size=40)  # no letters to make a hedge of


@given(PLAIN, st.sampled_from(answer_format.HEDGES), PLAIN, st.booleans())
def test_a_hedge_is_found_in_any_case_as_words_of_its_own(before, hedge, after, loud):
    assert not answer_format.is_hedged(f"{before} {after}")
    assert answer_format.is_hedged(f"{before} {hedge.upper() if loud else hedge} {after}")
    assert answer_format.is_hedged(f"{before}\n{hedge.replace(chr(39), chr(0x2019)).replace(' ', chr(10))}.\nAnswer: 5")
    assert not answer_format.is_hedged(f"{before}x{hedge}x{after}")


@given(st.text())
def test_every_refusal_is_hedged(response):
    assert answer_format.is_hedged(response) >= answer_format.is_refusal(response)
    assert answer_format.is_hedged(
        answer_format.format_answer(response.replace(answer_format.MARK, ""), answer_format.REFUSAL)
    )


def test_may_and_could_are_ordinary_words_and_a_curly_apostrophe_is_one():
    assert not answer_format.is_hedged(
        "Leave may be taken in May and could be 12 days. The unlikely case aside.\nAnswer: 12 days"
    )
    assert answer_format.is_refusal("Answer: I don\u2019t know")
