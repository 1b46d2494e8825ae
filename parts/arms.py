"""The arms: who answers, and with what to read."""

from pydantic import BaseModel

NAMES = ("base", "rag", "tuned", "tuned_rag", "oracle")

RELEASED = "models/base"
"""As the weights of an arm, the student as released, whatever model that is."""


class Arm(BaseModel, extra="forbid", frozen=True):
    """One entry of section `arms` of params.yaml."""

    weights: str  # models/base: the student as released; models/adapter: tuned
    contexts: str  # a retriever: none, dense, hybrid, reranked, gold
