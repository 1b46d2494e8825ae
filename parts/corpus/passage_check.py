"""Ask a teacher whether passages answer a question: what is to have no answer must have none where retrieval would look."""

from collections.abc import Sequence

from pydantic import BaseModel

from parts.project import prompts
from parts.safety import quoting


class PassageCheck(BaseModel):
    """Whether passages answer a question."""

    reason: str
    answered: bool


def check_prompt(question: str, chunks: Sequence[dict]) -> str:
    """Return the prompt that asks whether the passages `chunks` answer `question`."""
    passages = "\n\n".join(quoting.passage(chunk["heading"], chunk["text"]) for chunk in chunks)
    return prompts.render("shared/answered", question=quoting.quoted(question), passages=passages)
