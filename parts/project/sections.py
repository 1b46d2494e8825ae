"""Sections of params.yaml that many stages read."""

from typing import Literal

from pydantic import BaseModel, Field, PositiveInt, field_validator


class Student(BaseModel, extra="forbid", frozen=True):
    """Section `student`."""

    model: str  # a causal language model of Hugging Face, by name or folder
    watch: str = "data/none.jsonl"  # that folder, for DVC to watch; data/none.jsonl for a model of the hub
    gguf_file: str | None = None  # of the model, where it has GGUF in place of safetensors
    template: dict[str, bool | int | float | str] = {}  # variables of its chat template, such as enable_thinking
    system: Literal["always", "template"] = (
        "always"  # where the template drops system words: before the question, or not at all
    )


class Server(BaseModel, extra="forbid", frozen=True):
    """Section `teacher` or `judge`: a model that speaks the OpenAI protocol."""

    model: str
    embedding: str | None = None  # its embeddings model, where one is needed
    serve: str | None = None  # a command that serves it on loopback at {port}; not used when OPENAI_BASE_URL is set


class Trainings(BaseModel, extra="ignore", frozen=True):
    """Of sections `train` and `train_raw` of params.yaml, which trainings there are."""

    seeds: list[PositiveInt] = Field(min_length=1)  # a training each; the first is released, timed, compared for parity

    @field_validator("seeds")
    @classmethod
    def ascending(cls, seeds: list[int]) -> list[int]:
        """Return `seeds`. Raises ValueError unless each is above the one before it."""
        if seeds != sorted(set(seeds)):
            raise ValueError("seeds must differ, the lowest first")
        return seeds
