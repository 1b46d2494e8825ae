"""What every arm answers with: an engine, and the passages it may show."""

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field, computed_field

from parts.answering import openai_engine, transformers_engine
from parts.answering.engine import Engine
from parts.llm.server import running_server
from parts.project import params
from parts.project.sections import Student
from parts.retrieval import tuned_settings
from parts.student.model import tokenizer
from schemas.errors import UserError

ADAPTER = "models/adapter"


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `answer` of params.yaml: the same for every arm."""

    engine: Literal["transformers", "openai"]  # a module of parts/answering, NAME_engine.py
    serve: str | None  # openai: a command that serves on loopback at {port}; null: CLOSEDBOOK_ENGINE_URL says where
    served: dict[str, str]  # openai: what the server calls an arm's model (student or adapter), if not by its own name
    max_prompt_tokens: int = Field(ge=16)  # passages that do not fit are left out, the worst first
    max_new_tokens: int = Field(ge=1)

    @computed_field
    @property
    def passages(self) -> int:
        """The best of those retrieved, at most: as many as the stage `tune_retrieval` found best."""
        return tuned_settings.read().passages


@contextlib.contextmanager
def server(given: Params) -> Iterator[str | None]:
    """Yield the base URL of the server that answers, started here where the section says how; None: this process answers.

    Its address and key are not a teacher's: CLOSEDBOOK_ENGINE_URL and CLOSEDBOOK_ENGINE_KEY. Raises Mistake when no
    server can be had.
    """
    url = os.environ.get("CLOSEDBOOK_ENGINE_URL")
    if given.engine == "transformers":
        yield None
    elif url:
        yield url
    elif given.serve:
        with running_server(given.serve, withheld=["OPENAI_API_KEY"]) as started:
            yield started
    else:
        raise UserError("answer.engine is openai: say how to serve it in answer.serve, or set CLOSEDBOOK_ENGINE_URL")


def engine(model: str, answer: Params, url: str | None = None, merge: bool | None = None) -> Engine:
    """Return the engine that answers by `model`: the student, the adapter, or a model in a folder.

    It is the server at `url`, or where there is none a model in this process. There an adapter is merged into its
    student, unless `merge` (None: CLOSEDBOOK_MERGE) is false.
    """
    student = params.load("student", Student)
    limits = tokenizer(student), answer.max_new_tokens, answer.max_prompt_tokens
    if url:
        return openai_engine.Engine(url, answer.served.get(model, _folder(model, student)), *limits)
    merge = os.environ.get("CLOSEDBOOK_MERGE", "1") != "0" if merge is None else merge
    return transformers_engine.Engine(_folder(model, student), *limits, merge=merge)


def batch_size() -> int:
    """Return how many questions are answered at once (CLOSEDBOOK_ANSWER_BATCH, 32): it changes no answer."""
    return int(os.environ.get("CLOSEDBOOK_ANSWER_BATCH", "32"))


def _folder(model: str, student: Student) -> str:
    """Return the name or folder of a model."""
    return {"student": student.model, "adapter": ADAPTER}.get(model, model)
