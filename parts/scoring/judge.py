"""Score an answer by an LLM judge: is it correct, given the reference?"""

from pydantic import BaseModel

from parts.llm.client import Client
from parts.project import prompts
from parts.safety import quoting
from parts.text import answer_format

VERSION = "correct-4"

Score = tuple[float | None, str | None]
"""value in 0..1 (None: abstained), reason"""


class Verdict(BaseModel):
    """What the judge is to return."""

    reason: str
    verdict: int


def version(judge: Client) -> str:
    """Return the version of a score: the rules here, a digest of the prompt, and the judge's model."""
    return f"{VERSION} {prompts.digest('judge/correct')} {judge.server.model}"


async def score(
    question: str, response: str, reference: str, answerable: bool, judge: Client, sample: int = 0
) -> Score:
    """Return 1 for a correct answer and 0 for a wrong one; for an unanswerable question a refusal is correct.

    Without a verdict of 1 or 0 the score is None, with the reason: what is wrong with the reply, never that the answer is.
    `sample` numbers several verdicts on one answer, each with a request of its own.
    """
    if not answerable:
        return float(answer_format.is_refusal(response)), None
    if not answer_format.extract_answer(response) or answer_format.is_refusal(response):
        return 0.0, "no answer given"
    answer, quoted = answer_format.extract_answer(response), quoting.quoted
    prompt = prompts.render(
        "judge/correct", question=quoted(question), reference=quoted(reference), answer=quoted(answer)
    )
    reply = await judge.ask(prompt, schema=Verdict, sample=sample, temperature=0)
    parsed, reason = reply.parse(Verdict)
    if parsed is None:
        return None, reason
    if parsed.verdict not in (0, 1):
        return None, "unparsed"
    return float(parsed.verdict), parsed.reason
