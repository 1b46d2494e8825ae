"""Have the teacher write an exam, for those who have documents and no questions."""

from collections.abc import Sequence

from pydantic import BaseModel

from parts.corpus.question_file import Evidence, Question
from parts.llm import jobs
from parts.llm.client import Client, connect
from parts.project import prompts
from parts.project.sections import Server
from parts.safety import quoting
from parts.safety.detection import PLACEHOLDER


class ExamQuestion(BaseModel):
    """One exam question with its answer."""

    question: str
    answer: str


class ExamQuestions(BaseModel):
    """What the teacher is to return."""

    questions: list[ExamQuestion]


async def write_exam(chunks: Sequence[dict], count: int, server: Server) -> list[Question]:
    """Return about `count` questions spread evenly over `chunks`, each with its passage as evidence.

    `chunks` are rows of Redacted with the passage's own text as `quote`, which the teacher does not see. Questions that
    hold a stand-in for what it may not see are left out: nobody else can answer them. So are replies that are no
    questions, counted in what is printed.
    """
    chosen = [chunks[at * len(chunks) // min(count, len(chunks))] for at in range(min(count, len(chunks)))]
    each = -(-count // len(chosen))
    async with connect(server) as teacher:
        asking = [lambda chunk=chunk: _ask(chunk, each, teacher) for chunk in chosen]
        found = await jobs.collect(asking, len(asking), "exam", teacher.meter)
    asked = [question for questions in found for question in questions]
    empty = sum(not questions for questions in found)
    print(f"the teacher wrote {len(asked)} questions; {empty} of {len(chosen)} requests came to nothing")
    return asked[:count]


async def _ask(chunk: dict, count: int, teacher: Client) -> list[Question]:
    passage = quoting.passage(chunk["heading"], chunk["text"])
    reply = await teacher.ask(prompts.render("exam/questions", count=count, passage=passage), schema=ExamQuestions)
    parsed, _ = reply.parse(ExamQuestions)
    evidence = [Evidence(chunk["doc_id"], quote=chunk["quote"])]
    return [
        Question(f"{chunk['chunk_id']}-{number}", row.question, row.answer, True, "fact", None, evidence)
        for number, row in enumerate(parsed.questions[:count] if parsed else [], 1)
        if row.question.strip() and row.answer.strip() and not PLACEHOLDER.search(f"{row.question} {row.answer}")
    ]
