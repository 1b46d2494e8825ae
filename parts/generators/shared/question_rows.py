"""Questions with reasoning and answers, as a teacher is asked for them."""

from pydantic import BaseModel

from parts.generators.shared.base import Row
from parts.llm.reply import Reply


class Question(BaseModel):
    """One question with its answer."""

    question: str
    reasoning: str
    answer: str


class TrainingQuestions(BaseModel):
    """What the teacher is to return for one passage."""

    questions: list[Question]


def question_rows(reply: Reply, schema: type[TrainingQuestions]) -> list[Row]:
    """Return the questions of a reply as rows, and one for each that is lost."""
    questions, lost = reply.items(schema)
    rows = [Row("qa", row.question.strip(), row.reasoning.strip(), row.answer.strip()) for row in questions]
    return rows + [Row("qa", dropped=reason) for reason in lost]
