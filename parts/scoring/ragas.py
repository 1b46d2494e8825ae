"""Score answers by the library RAGAS (arXiv 2309.15217): faithfulness, answer relevancy, context precision.

Faithfulness is measured against the passages that an arm was shown, for a closed-book arm against the gold passages.
Context precision is undefined for a closed-book arm, and null.
"""

import os
from collections.abc import Awaitable
from importlib.metadata import version
from typing import NamedTuple

from pydantic import ValidationError

from parts.llm.client import Client
from parts.llm.library_transport import LostReply
from parts.project.errors import UserError

VERSION = f"ragas-{version('ragas')}"
NOT_SHOWN = "no passages shown"
NAMES = ("answer_relevancy", "context_precision", "faithfulness")


class Sample(NamedTuple):
    """One answer to score."""

    question: str
    response: str
    reference: str
    shown: list[str]
    """texts of the passages that the arm was shown, best first"""
    gold: list[str]
    """texts of the gold passages"""


Score = tuple[float | None, str | None]
"""value in 0..1 (None: abstained), reason"""


class Ragas:
    """RAGAS's metrics with the judge as its LLM. Raises UserError if the judge has no embeddings model."""

    def __init__(self, judge: Client):
        os.environ["RAGAS_DO_NOT_TRACK"] = "true"
        from ragas.embeddings.openai_provider import OpenAIEmbeddings
        from ragas.llms import llm_factory
        from ragas.metrics.collections import AnswerRelevancy, ContextPrecision, Faithfulness

        if not judge.server.embedding:
            raise UserError("RAGAS needs an embeddings model: set judge.embedding in params.yaml")
        self.judge = judge
        self.version = f"{VERSION} {judge.server.model} {judge.server.embedding}"
        model = llm_factory(judge.server.model, client=judge.openai, max_tokens=8192)
        embeddings = OpenAIEmbeddings(client=judge.openai, model=judge.server.embedding)
        self.faithfulness = Faithfulness(llm=model)
        # one generated question instead of three: at temperature 0 they are the same
        self.relevancy = AnswerRelevancy(llm=model, embeddings=embeddings, strictness=1)
        self.precision = ContextPrecision(llm=model)

    async def score(self, sample: Sample) -> dict[str, Score]:
        """Return the scores NAMES of one answer; None with a reason where a score is undefined or failed."""
        if not sample.response.strip():
            return dict.fromkeys(NAMES, (None, "empty answer"))
        evidence = sample.shown or sample.gold
        question = {"user_input": sample.question}
        return {
            "answer_relevancy": await self._try(self.relevancy.ascore(**question, response=sample.response)),
            "faithfulness": await self._try(
                self.faithfulness.ascore(**question, response=sample.response, retrieved_contexts=evidence)
            )
            if evidence
            else (None, "no passages to hold it against"),
            "context_precision": await self._try(
                self.precision.ascore(**question, reference=sample.reference, retrieved_contexts=sample.shown)
            )
            if sample.shown
            else (None, NOT_SHOWN),
        }

    async def _try(self, scoring: Awaitable) -> Score:
        """Return a score, or None with the kind of failure. Raises UserError if the judge cannot be reached."""
        from instructor.core.exceptions import InstructorError
        from openai import OpenAIError

        try:
            value = (await scoring).value
        except (OpenAIError, InstructorError, ValueError) as error:
            return None, _cause(error)
        if value != value:  # NaN: RAGAS had nothing to judge
            return None, "nothing to judge"
        return min(max(float(value), 0.0), 1.0), None


def _cause(error: BaseException) -> str:
    """Return the reason for a failure, in the words of the other scorers. Raises the UserError that caused it, if any."""
    from instructor.core.exceptions import IncompleteOutputException
    from openai import APIStatusError

    first, last = error, error
    while last.__cause__ is not None:
        last = last.__cause__
        if isinstance(last, UserError):
            raise last from first
        if isinstance(last, LostReply):
            return last.problem
        error = last if isinstance(last, APIStatusError | ValidationError) else error
    if isinstance(error, APIStatusError):
        return f"refused ({error.status_code})"
    if isinstance(error, IncompleteOutputException):
        return "cut off"
    return "unparsed" if isinstance(error, ValueError) else type(error).__name__
