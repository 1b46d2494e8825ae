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
from parts.project.sections import RELEASED, Arm, Student
from parts.retrieval import tuned_settings
from parts.student.model import tokenizer
from schemas.errors import UserError


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `answer` of params.yaml: the same for every arm."""

    engine: Literal["transformers", "openai"]  # a module of parts/engines
    merge: bool  # transformers: an adapter is merged into its model before it answers, and not run beside it
    serve: str | None  # openai: a command that serves on loopback at {port}; null: CLOSEDBOOK_ENGINE_URL says where
    served: dict[str, str]  # openai: what the server calls an arm's weights; what is not named, by its own name
    max_prompt_tokens: int = Field(ge=16)  # passages that do not fit are left out, the worst first
    max_new_tokens: int = Field(ge=1)
    batch: int = Field(ge=1)  # questions at once

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


def engine(arm: Arm, given: Params, url: str | None = None) -> Engine:
    """Return the engine that answers for `arm`: the server at `url`, or where there is none a model in this process."""
    student = params.load("student", Student)
    limits = tokenizer(student), given.max_new_tokens, given.max_prompt_tokens
    if url:
        return openai_engine.Engine(url, given.served.get(arm.weights, weights(arm, student)), *limits)
    return transformers_engine.Engine(weights(arm, student), *limits, merge=given.merge)


def weights(arm: Arm, student: Student) -> str:
    """Return the name or folder of the model that answers for `arm`."""
    return student.model if arm.weights == RELEASED else arm.weights
