"""Score answers by RAGAS (arXiv 2309.15217): faithfulness, answer relevancy, context precision, in its own code.

Faithfulness is judged against the passages that an arm was shown, and for a closed-book arm against the gold ones;
context precision has no meaning there and is null.
"""

import os
from collections.abc import Awaitable
from importlib.metadata import version
from typing import NamedTuple

from openai import APIStatusError, OpenAIError
from pydantic import ValidationError

from parts.llm.client import Client
from schemas.errors import UserError

VERSION = f"ragas-{version('ragas')}"
NAMES = ("answer_relevancy", "context_precision", "faithfulness")


class Sample(NamedTuple):
    """One answer as RAGAS sees it."""

    question: str
    response: str
    reference: str
    shown: list[str]
    """passages the arm was given, best first"""
    gold: list[str]
    """passages that hold the evidence"""


Score = tuple[float | None, str | None]


class Ragas:
    """RAGAS's metrics, asking `judge`."""

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
        # at temperature 0 one question is as good as the three that RAGAS would draw
        self.relevancy = AnswerRelevancy(llm=model, embeddings=embeddings, strictness=1)
        self.precision = ContextPrecision(llm=model)

    async def score(self, sample: Sample) -> dict[str, Score]:
        """Return the three scores of one answer; null with the reason where there is none."""
        if not sample.response.strip():
            return dict.fromkeys(NAMES, (None, "empty answer"))
        against = sample.shown or sample.gold
        asked = {"user_input": sample.question}
        return {
            "answer_relevancy": await self._try(self.relevancy.ascore(**asked, response=sample.response)),
            "faithfulness": await self._try(
                self.faithfulness.ascore(**asked, response=sample.response, retrieved_contexts=against)
            )
            if against
            else (None, "no passages to hold it against"),
            "context_precision": await self._try(
                self.precision.ascore(**asked, reference=sample.reference, retrieved_contexts=sample.shown)
            )
            if sample.shown
            else (None, "no passages shown"),
        }

    async def _try(self, scoring: Awaitable) -> Score:
        """Return a score, or null with the kind of failure. Raises Mistake when the judge cannot be reached."""
        from instructor.core.exceptions import InstructorError

        try:
            value = (await scoring).value
        except (OpenAIError, InstructorError, ValueError) as error:
            return None, _cause(error)
        if value != value:  # RAGAS's sign that there was nothing to judge
            return None, "nothing to judge"
        return min(max(float(value), 0.0), 1.0), None


def _cause(error: BaseException) -> str:
    """Return what a failure comes down to, in the words of the other scorers. Raises the Mistake that is behind it."""
    from instructor.core.exceptions import IncompleteOutputException

    first, last = error, error
    while last.__cause__ is not None:
        last = last.__cause__
        if isinstance(last, UserError):
            raise last from first
        error = last if isinstance(last, APIStatusError | ValidationError) else error
    if isinstance(error, APIStatusError):
        return f"refused ({error.status_code})"
    if isinstance(error, IncompleteOutputException):
        return "cut off"
    return "unparsed" if isinstance(error, ValueError) else type(error).__name__
