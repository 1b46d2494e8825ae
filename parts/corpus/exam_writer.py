"""Have the teacher write an exam, for documents without a question file."""

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
    """Return at most `count` questions spread evenly over `chunks`, each with its passage as evidence.

    `chunks` are rows of Redacted, with the original text, which the teacher does not see, as `quote`. Questions with a
    placeholder are left out: only the teacher could answer them. Requests without a question are counted in the printed
    line.
    """
    n_chosen = min(count, len(chunks))
    chosen = [chunks[n * len(chunks) // n_chosen] for n in range(n_chosen)]
    per_passage = -(-count // n_chosen)
    async with connect(server) as teacher:
        requests = [lambda chunk=chunk: _questions(chunk, per_passage, teacher) for chunk in chosen]
        replies = await jobs.collect(requests, n_chosen, "exam", teacher.meter)
    questions = [question for reply in replies for question in reply]
    n_empty = sum(not reply for reply in replies)
    print(f"the teacher wrote {len(questions)} questions; {n_empty} of {n_chosen} requests gave none")
    return questions[:count]


async def _questions(chunk: dict, count: int, teacher: Client) -> list[Question]:
    passage = quoting.passage(chunk["heading"], chunk["text"])
    reply = await teacher.ask(prompts.render("exam/questions", count=count, passage=passage), schema=ExamQuestions)
    parsed, _ = reply.parse(ExamQuestions)
    evidence = [Evidence(chunk["doc_id"], quote=chunk["quote"])]
    return [
        Question(f"{chunk['chunk_id']}-{number}", row.question, [row.answer], True, "fact", None, evidence)
        for number, row in enumerate(parsed.questions[:count] if parsed else [], 1)
        if row.question.strip() and row.answer.strip() and not PLACEHOLDER.search(f"{row.question} {row.answer}")
    ]
