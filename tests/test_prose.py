"""The teacher of free prose asks for every number, date, name and place of a sentence, in words that name what is meant."""

import json
import time

import pytest

from invitro.rules import prose, server
from parts.project import prompts
from parts.safety import quoting

TEXT = """The board has seven seats and meets in the *Net Loft* on the first Wednesday of May at half past two. It was founded
by Ada Mill in 1912. Write mistakes on a pink slip, and leave it beside the kettle.

| Post | Held by |
| --- | --- |
| Clerk | Bo Lind |
"""


@pytest.fixture(scope="module")
def asked():
    return {each.answer: each for each in prose.asked("Handbook > The board", TEXT)}


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("seven seats", "The board has how many seats and meets in the Net Loft on the first Wednesday of May at half"),
        ("Net Loft", "The board has seven seats and meets in what on the first Wednesday of May"),
        ("first Wednesday of May", "meets in the Net Loft on what day at half past two?"),
        ("half past two", "on the first Wednesday of May at what hour?"),
        ("Ada Mill", "It was founded by whom in 1912?"),
        ("1912", "It was founded by Ada Mill in what number?"),
        ("a pink slip", "Write mistakes on what, and leave it beside the kettle?"),
        ("the kettle", "leave it beside what?"),
        ("Bo Lind", "In Handbook, the held by of the clerk is what?"),
    ],
)
def test_each_thing_that_a_sentence_says_is_asked_for(asked, answer, question):
    assert any(question in each for each in asked[answer].questions)


def test_a_question_hides_its_answer_and_rests_on_the_sentence(asked):
    for answer, each in asked.items():
        gap = next(question for question in each.questions if question.startswith("Fill the gap: "))
        assert gap.removeprefix("Fill the gap: ").replace("___", answer) == each.reasoning
        assert not any(f" {answer} " in question for question in each.questions)


def test_a_word_that_begins_a_sentence_is_no_name(asked):
    assert not {"The", "It", "Write"} & set(asked)


def test_a_sentence_that_points_to_the_one_before_is_asked_with_it(asked):
    assert asked["1912"].reasoning.startswith("The board has seven seats")
    assert asked["the kettle"].reasoning.startswith("Write mistakes")


def test_the_topic_stands_before_one_of_the_wordings(asked):
    assert sum(question.startswith("The board: ") for question in asked["seven seats"].questions) == 1


def test_the_teacher_of_prose_asks_for_what_the_other_does_not():
    prompt = prompts.render("qa/questions", count=9, passage=quoting.passage("Handbook > The board", TEXT))
    answers = {}
    for model in (server.TEACHER, server.PROSE_TEACHER):
        replies = [server.reply(model, [{"content": prompt}], "TrainingQuestions", seed) for seed in range(4)]
        answers[model] = {row["answer"] for reply in replies for row in json.loads(reply)["questions"]}
        assert all(len(json.loads(reply)["questions"]) <= 9 for reply in replies)
    assert {"Net Loft", "a pink slip"} <= answers[server.PROSE_TEACHER] - answers[server.TEACHER]


@pytest.mark.parametrize(
    "piece", ["Ada ", "seven ", "of the ", "first ", "twenty-", "a ", "1.", "(", "by the ", "Two. "]
)
def test_prose_is_read_in_time_linear_in_its_length(piece):
    def seconds(length: int) -> float:
        text, start = piece * (length // len(piece)) + ".", time.process_time()
        prose.asked("A > B", text)
        return time.process_time() - start

    assert seconds(200_000) < 20 * max(seconds(40_000), 0.02)
