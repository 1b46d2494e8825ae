"""The arms: who answers, and with what to read."""

from pydantic import BaseModel

ARMS = ("base", "rag", "tuned", "tuned_rag", "oracle")

RELEASED = "models/base"
"""As the weights of an arm, the student as released, whatever model that is."""


class Arm(BaseModel, extra="forbid", frozen=True):
    """One entry of section `arms` of params.yaml."""

    weights: str  # models/base: the student as released; models/adapter: tuned
    contexts: str  # a retriever: none, dense, hybrid, reranked, gold


class Server(BaseModel, extra="forbid", frozen=True):
    """A model that speaks the OpenAI protocol: section `teacher` or `judge` of params.yaml."""

    model: str
    embedding: str | None = None  # its embeddings model, where one is needed
    serve: str | None = None  # a command that serves it on loopback at {port}; not used when OPENAI_BASE_URL is set


class Student(BaseModel, extra="forbid", frozen=True):
    """Section `student` of params.yaml."""

    model: str  # a name on the hub or a folder
