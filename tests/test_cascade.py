"""A cascade keeps an answer closed book that is confident, looks up the others, and declines where that is not confident."""

from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.answering import cascade
from parts.answering.cascade import DECLINED, Outcome, Thresholds, choose, curve
from parts.answering.engine import Response, geometric_mean
from parts.answering.exam_answers import answer_in_cascade
from parts.answering.timing import TimedArm, TimedQuestion
from parts.project.arms import Arm
from parts.project.errors import UserError
from parts.text.answer_format import is_refusal
from schemas.questions import Questions

OUTCOMES = st.lists(
    st.builds(
        Outcome, st.floats(0.01, 1).map(lambda x: round(x, 2)), st.booleans(), st.floats(0.01, 1).map(lambda x: round(x, 2)),
        st.booleans(), st.booleans(),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def accuracy(outcomes: list[Outcome], thresholds: Thresholds) -> tuple[float, float]:
    """Return the accuracy and the share looked up, question by question, as the arm does it."""
    right = looked_up = 0
    for one in outcomes:
        if one.closed_confidence >= thresholds.look_up_below:
            right += one.closed_right
        else:
            looked_up += 1
            right += one.open_right if one.open_confidence >= thresholds.decline_below else one.declining_right
    return right / len(outcomes), looked_up / len(outcomes)


@given(OUTCOMES)
def test_the_chosen_thresholds_do_what_is_said_of_them_and_no_others_do_better(outcomes):
    choice = choose(outcomes)
    assert accuracy(outcomes, choice.thresholds) == pytest.approx((choice.accuracy, choice.looked_up))
    steps = sorted({0.0, 1.01} | {value for one in outcomes for value in (one.closed_confidence, one.open_confidence)})
    others = [Thresholds(look_up_below=up, decline_below=down) for up in steps for down in steps]
    assert choice.accuracy >= max(accuracy(outcomes, other)[0] for other in others) - 1e-9


@given(OUTCOMES)
def test_the_curve_goes_from_closed_book_to_looking_everything_up(outcomes):
    points = curve(outcomes, 0.5)
    assert [share for share, _ in points] == pytest.approx([n / len(outcomes) for n in range(len(outcomes) + 1)])
    everything = accuracy(outcomes, Thresholds(look_up_below=1.01, decline_below=0.5))[0]
    nothing = accuracy(outcomes, Thresholds(look_up_below=0, decline_below=0))[0]
    assert (points[0][1], points[-1][1]) == pytest.approx((nothing, everything))


def test_of_thresholds_that_are_as_good_those_that_look_up_least_are_chosen():
    outcomes = [Outcome(0.9, True, 0.9, True, False), Outcome(0.5, False, 0.9, False, False)]
    assert choose(outcomes).looked_up == 0


class Engine(SimpleNamespace):
    """An engine whose answer to each question has a confidence; `asked` holds the questions, with their passages."""

    def prompt(self, question, passages, options=None):
        return f"{question} {len(passages)}", len(passages)

    def respond(self, prompts, batch, desc=None):
        self.asked += prompts
        return [Response(f"Answer: {self.name}", 5, 2, True, 0, self.confidences[text.split()[0]]) for text in prompts]


@pytest.fixture
def engines():
    closed = Engine(name="closed", asked=[], clock="cpu", confidences={"a": 0.9, "b": 0.4, "c": 0.4})
    return closed, Engine(name="open", asked=[], clock="cpu", confidences={"b": 0.8, "c": 0.1})


def exam() -> pl.DataFrame:
    rows = [
        {"question_id": key, "doc_id": None, "kind": "fact", "question": key, "options": None, "references": ["x"]}
        | {"answerable": True, "gold_chunk_ids": []}
        for key in "abc"
    ]
    return Questions.frame(rows)


THRESHOLDS = Thresholds(look_up_below=0.6, decline_below=0.3)
PASSAGES = {key: [("Lamp", "text")] for key in "abc"}


def test_only_what_is_not_confident_is_looked_up_and_tokens_are_of_all_that_was_asked(engines):
    answers = answer_in_cascade(exam(), PASSAGES, engines, 2, "cascade", 1, THRESHOLDS).sort("question_id")
    assert answers["response"].to_list() == ["Answer: closed", "Answer: open", DECLINED]
    assert answers["passages"].to_list() == [0, 1, 1]
    assert answers["prompt_tokens"].to_list() == [5, 10, 10] and answers["new_tokens"].to_list() == [2, 4, 4]
    assert [engine.asked for engine in engines] == [["a 0", "b 0", "c 0"], ["b 1", "c 1"]]
    assert is_refusal(DECLINED)


def test_a_cascade_is_timed_with_the_search_of_what_it_looks_up_alone(engines):
    searched = []

    def search(question_id, question):
        searched.append(question)
        return PASSAGES["a"], {"search": 0.0}

    arm = TimedArm(engines[1], search, THRESHOLDS, engines[0])
    rows = [arm.measure(TimedQuestion(key, "fact", key, None)) for key in "abc"]
    assert searched == ["b", "c"] and [row["prompt_tokens"] for row in rows] == [5, 10, 10]
    arm.respond_to_all([(f"{key} 0", f"{key} 1") for key in "abc"], 2)
    assert engines[1].asked[-2:] == ["b 1", "c 1"]


def test_an_engine_that_tells_no_confidence_is_told_of_in_one_line(engines):
    engines[0].confidences = dict.fromkeys("abc")
    with pytest.raises(UserError, match="log-probabilities"):
        answer_in_cascade(exam(), PASSAGES, engines, 2, "cascade", 1, THRESHOLDS)


def test_confidence_is_the_geometric_mean_of_probabilities():
    assert geometric_mean([-0.1, -0.3]) == pytest.approx(0.8187, abs=1e-4)
    assert geometric_mean([]) is None


def test_thresholds_are_read_from_the_stage_that_chose_them(workplace):
    assert cascade.read() == Thresholds(look_up_below=0.5, decline_below=0.1)
    (workplace.path / "metrics/tune_cascade.json").unlink()
    with pytest.raises(UserError, match="dvc repro tune_cascade"):
        cascade.read()


def test_a_cascade_needs_something_to_search():
    with pytest.raises(ValueError, match="a retriever that searches"):
        Arm(model="adapter", retriever="none", look_up="student", description="x")
