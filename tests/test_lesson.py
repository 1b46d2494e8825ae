"""A lesson on other documents: every arm starts from the student as taught, and without rows from the student as released."""

import json
from pathlib import Path

import pytest
import yaml

from parts.answering.transformers_engine import Engine
from parts.project import machine, metrics
from parts.project.sections import Student
from parts.student.chat_format import chat_format
from parts.student.dataset import encode
from parts.student.lesson import read_lesson
from parts.student.model import LESSON, weights
from parts.text import answer_format
from parts.verdict.arm_costs import lesson_cost
from stages import lesson
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

PASSAGE = ["Lamps", "A lamp costs 12 euros."]
ROWS = [
    {"question": f"What does a lamp cost, {n}?", "answer": "12 euros", "passages": [PASSAGE, ["Chairs", "None."]]}
    for n in range(16)
]


@pytest.fixture
def school(workplace, qwen):
    """A workplace whose student is a tiny Qwen3, with a lesson of the same answer over and over."""
    recipe = {"lora_r": 8, "lora_alpha": 8, "num_train_epochs": 1, "max_length": 512, "per_device_train_batch_size": 8}
    workplace.params["student"] |= {"model": str(qwen), "watch": str(qwen), "system": "always"}
    workplace.params["train"] |= recipe
    workplace.change("lesson", "num_train_epochs", 12)
    workplace.change("lesson", "learning_rate", 0.02)
    workplace.change("lesson", "rows", "lesson.jsonl")
    Path("prompts").symlink_to(ROOT / "prompts")
    Path("lesson.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return workplace


def student() -> Student:
    return Student(**yaml.safe_load(Path("params.yaml").read_text())["student"])


def test_a_row_of_a_lesson_has_the_prompt_of_an_arm_that_is_shown_its_passages(school):
    chat = chat_format(student())
    (row,) = encode(read_lesson(Path("lesson.jsonl"))[:1], chat, 512).rows
    messages = answer_format.build_messages(ROWS[0]["question"], [tuple(pair) for pair in ROWS[0]["passages"]])
    prompt = chat.ids(chat.prompt(messages))
    assert row["input_ids"][: len(prompt)] == prompt
    assert chat.tokenizer.decode(row["input_ids"][len(prompt) :]).startswith("Answer: 12 euros")


def test_every_arm_starts_from_the_student_as_taught_and_pays_for_the_lesson(school):
    before = student()
    assert weights(before) == before.model
    lesson.main()
    assert weights(before) == str(LESSON)
    chat = chat_format(before)
    engine = Engine(str(LESSON), chat, 12, 400)
    prompts = [engine.prompt(f"What does a lamp cost, {n}?", [tuple(PASSAGE)])[0] for n in (3, 40)]
    assert [response.text for response in engine.respond(prompts, 2)] == ["Answer: 12 euros"] * 2
    assert metrics.read("lesson")["rows"] == len(ROWS) and metrics.read("lesson")["rows_too_long"] == 0

    class Price:
        def cost_of_machine(self, seconds: float, clock: str) -> float:
            return seconds

    assert lesson_cost(Price()) == machine.read("lesson")["seconds"] > 0


def test_without_rows_the_student_stays_as_it_is_and_nothing_is_paid(school):
    lesson.main()
    school.change("lesson", "rows", "data/none.jsonl")
    for path in LESSON.iterdir():
        path.unlink()  # as DVC does before a stage
    lesson.main()
    assert [path.name for path in LESSON.iterdir()] == ["record.json"]
    assert weights(student()) == student().model
    assert (metrics.read("lesson"), lesson_cost(None)) == ({"rows": 0}, 0)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"question": "W?", "passages": []}', "lesson.jsonl, line 1: the field 'answer' is missing or empty"),
        (
            '{"question": "W?", "answer": "A", "passages": ["x"]}',
            "line 1: the field 'passages' must be a list of pairs",
        ),
        ("no json", "lesson.jsonl, line 1: not a JSON object"),
    ],
)
def test_a_line_that_is_no_row_of_a_lesson_is_named(school, line, told):
    Path("lesson.jsonl").write_text(line + "\n")
    assert told in error_line(lesson.main)
    assert not LESSON.exists()


def test_a_lesson_that_is_not_there_is_told(school):
    school.change("lesson", "rows", "lessons.jsonl")
    assert "there is no file lessons.jsonl: correct lesson.rows" in error_line(lesson.main)
