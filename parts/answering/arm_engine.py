"""Build the engine that an arm answers with, from section `answer` of params.yaml."""

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field, computed_field

from parts.answering import openai_engine, transformers_engine
from parts.answering.engine import Engine
from parts.llm.server import running_server
from parts.project import params
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.retrieval import tuned_settings
from parts.student.chat_format import chat_format
from parts.student.model import weights


class AnswerParams(BaseModel, extra="forbid", frozen=True):
    """Section `answer` of params.yaml: the same for every arm."""

    engine: Literal["transformers", "openai"]  # a module of parts/answering, NAME_engine.py
    serve: str | None  # openai: a command that serves on loopback at {port}; null: the server at CLOSEDBOOK_ENGINE_URL
    served: dict[str, str]  # openai: the server's name for an arm's model, {seed} its seed, where it is not its own
    max_prompt_tokens: int = Field(ge=16)  # passages that do not fit are left out, the worst first
    max_new_tokens: int = Field(ge=1)

    @computed_field
    @property
    def passages(self) -> int:
        """The most passages to show, as the stage `tune_retrieval` chose it."""
        return tuned_settings.read().passages


@contextlib.contextmanager
def server(answer: AnswerParams) -> Iterator[str | None]:
    """Yield the base URL of the engine's server, started by `answer.serve` where it names a command; None: no server.

    Its URL and key are not a teacher's: CLOSEDBOOK_ENGINE_URL and CLOSEDBOOK_ENGINE_KEY. Raises UserError when neither a
    URL nor a command is set, or when the server does not start.
    """
    url = os.environ.get("CLOSEDBOOK_ENGINE_URL")
    if answer.engine == "transformers":
        yield None
    elif url:
        yield url
    elif answer.serve:
        with running_server(answer.serve, "CLOSEDBOOK_ENGINE_KEY") as started_url:
            yield started_url
    else:
        raise UserError("answer.engine is openai: set answer.serve in params.yaml, or CLOSEDBOOK_ENGINE_URL")


def engine(
    model: str, answer: AnswerParams, url: str | None = None, merge: bool | None = None, seed: int = 0
) -> Engine:
    """Return the engine of `model`: an arm's, as trained by `seed`, or the name or folder of a model (seed 0).

    It asks the server at `url`; without one it runs the model in this process, an adapter merged into its student unless
    `merge` (None: CLOSEDBOOK_MERGE) is false.
    """
    student = params.load("student", Student)
    folder = {"student": weights(student)}.get(model, f"models/{model}/{seed}" if seed else model)
    limits = chat_format(student), answer.max_new_tokens, answer.max_prompt_tokens
    if url:
        name = answer.served.get(model, folder).replace("{seed}", str(seed))
        return openai_engine.Engine(url, name, *limits)
    merge = os.environ.get("CLOSEDBOOK_MERGE", "1") != "0" if merge is None else merge
    return transformers_engine.Engine(folder, *limits, merge=merge, gguf_file=student.gguf_file)


def cascade_engines(
    model: str, look_up: str, answer: AnswerParams, url: str | None, seed: int
) -> tuple[Engine, Engine]:
    """Return the engines of a cascade: of `model` as trained by `seed`, closed book, and of what looks up."""
    closed = engine(model, answer, url, seed=seed)
    return closed, closed if look_up == model else engine(look_up, answer, url)


def batch_size() -> int:
    """Return the number of questions to answer at once, CLOSEDBOOK_ANSWER_BATCH or 32: it changes no answer."""
    return int(os.environ.get("CLOSEDBOOK_ANSWER_BATCH", "32"))
