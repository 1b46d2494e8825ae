"""Sections of params.yaml that many stages read."""

from pydantic import BaseModel


class Student(BaseModel, extra="forbid", frozen=True):
    """Section `student`."""

    model: str  # a causal language model of Hugging Face, by name or folder
    watch: str = "data/none.jsonl"  # that folder, for DVC to watch; data/none.jsonl for a model of the hub


class Server(BaseModel, extra="forbid", frozen=True):
    """Section `teacher` or `judge`: a model that speaks the OpenAI protocol."""

    model: str
    embedding: str | None = None  # its embeddings model, where one is needed
    serve: str | None = None  # a command that serves it on loopback at {port}; not used when OPENAI_BASE_URL is set
