"""Teach the student to read, to answer in form and to decline, once, for every arm: on documents that are not the user's.

A released student may know how to answer and not how it is asked to; RAG would then be measured by the form of its answers.
Without rows the student stays as it is.

reads   lesson.rows         a JSONL file of questions, passages and answers
        models/student      which model the student is
writes  models/lesson       the student's weights as taught; without rows, record.json alone
        metrics/lesson.json, metrics/machine/lesson.json
"""

from pathlib import Path

from pydantic import BaseModel, Field

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.chat_format import chat_format
from parts.student.lesson import read_lesson, teach
from parts.student.model import LESSON
from parts.student.recipe import Recipe


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `lesson` of params.yaml; what it does not name is as in section `train`."""

    rows: Path  # a JSONL file: question, answer, and passages, each a heading and a text; data/none.jsonl: no lesson
    num_train_epochs: float = Field(gt=0)
    learning_rate: float = Field(gt=0)


def main() -> None:
    """Write models/lesson."""
    section, student = params.load("lesson", Params), params.load("student", Student)
    changes = section.model_dump(include={"num_train_epochs", "learning_rate"})
    recipe = params.load("train", Recipe).model_copy(update=changes)
    values, timing = teach(student, chat_format(student), read_lesson(section.rows), recipe, LESSON)
    print(f"lesson: {values['rows']} rows" + (f"; loss {values['train_loss']:.3f}" if values["rows"] else ""))
    machine.write("lesson", timing, values)
    metrics.write("lesson", values)


if __name__ == "__main__":
    run(main)
