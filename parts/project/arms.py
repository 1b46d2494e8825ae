"""The table of arms: who answers, and with what to read. Section `arms` of params.yaml is the only place that names them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, model_validator

from parts.project import params
from parts.project.errors import UserError

BASELINE, CANDIDATE = "rag", "tuned"
"""The two arms that the verdict is about."""


Model = Literal["student", "adapter", "raw"]
"""The student as released, fine-tuned on training rows, or on the documents."""


class Arm(BaseModel, extra="forbid", frozen=True):
    """One arm."""

    model: Model
    retriever: str  # a module of parts/retrieval/retrievers
    description: str  # for a reader
    look_up: Literal["student", "adapter"] | None = None  # what answers, with passages, where `model` is not confident

    @property
    def searches(self) -> bool:
        """Whether the arm searches an index; `none` has no passages, `gold` is handed them."""
        return self.retriever not in ("none", "gold")

    @model_validator(mode="after")
    def _looks_up(self) -> "Arm":
        if self.is_cascade and not self.searches:
            raise ValueError("a cascade needs a retriever that searches")
        return self

    @property
    def is_cascade(self) -> bool:
        """Whether the arm answers closed book first, and looks passages up only where that is not confident."""
        return self.look_up is not None

    @property
    def is_bound(self) -> bool:
        """Whether the arm is a lower bound (nothing learnt, nothing to read) or an upper one (the gold passages)."""
        return self.retriever == "gold" or (self.model == "student" and self.retriever == "none")


def load_arms(path: Path = params.PATH) -> dict[str, Arm]:
    """Return the arms of params.yaml by name, in its order. Raises UserError when BASELINE or CANDIDATE is missing."""
    arms = params.load_table("arms", Arm, path)
    if missing := {BASELINE, CANDIDATE} - set(arms):
        raise UserError(f"{path}: section arms has no {min(missing)}: the verdict compares {CANDIDATE} with {BASELINE}")
    return arms
