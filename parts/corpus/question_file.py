"""Read exam questions from a JSONL file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parts.project.errors import UserError
from parts.text.jsonl import read_lines

QUESTION_KEYS = {"question", "options", "answerable", "kind", "evidence", "question_id"}
REFERENCE_KEYS = ("reference", "truth", "answer")
_CITATION = re.compile(r"\s*\[([^\[\]#]+)#page=(\d+)\]")


@dataclass(frozen=True)
class Evidence:
    """The source of an answer: a file, and a page (from 1) or a quotation in it."""

    file: str
    page: int | None = None
    quote: str | None = None


@dataclass(frozen=True)
class Question:
    """One exam question, before its evidence is matched to passages."""

    question_id: str
    question: str
    references: list[str]
    answerable: bool
    kind: str
    options: list[str] | None = None
    evidence: list[Evidence] = field(default_factory=list)


def questions(path: Path, answerable: bool = True) -> Iterator[Question]:
    """Yield the questions of a JSONL file, one object a line, in order.

    Required are `question` and, for an answerable one, its reference answer (as `reference`, `truth` or `answer`) or
    several of which any will do (`references`, a list); optional are `options`, `answerable`, `kind`, `question_id` and
    `evidence` (a list of {file, page or quote}). Citations [file#page=N] in a reference are moved to the evidence.
    `answerable` is the default of that field. Raises UserError, with the line, for anything else.
    """
    if not path.is_file():
        raise UserError(f"there is no question file {path}: correct its name under exam in params.yaml")
    for number, where, raw in read_lines(path):
        yield _question(where, f"{path.stem}-{number:04}", raw, answerable)


def _question(where: str, question_id: str, raw: dict, answerable: bool) -> Question:
    if not str(raw.get("question") or "").strip():
        raise UserError(f"{where}: the field 'question' is missing or empty")
    answerable = bool(raw.get("answerable", answerable))
    texts = _references(where, raw)
    cited = [Evidence(file, page=int(page)) for text in texts for file, page in _CITATION.findall(text)]
    references = list(filter(None, (_CITATION.sub("", text).strip() for text in texts)))
    if answerable and not references:
        raise UserError(f"{where}: the field 'reference' (or 'truth', 'answer', 'references') is missing or empty")
    unknown = set(raw) - QUESTION_KEYS - {*REFERENCE_KEYS, "references"}
    if unknown:
        raise UserError(f"{where}: unknown field {sorted(unknown)[0]!r}: known are {', '.join(sorted(QUESTION_KEYS))}")
    return Question(
        str(raw.get("question_id") or question_id), str(raw["question"]).strip(), references if answerable else [], answerable,
        raw.get("kind") or ("fact" if answerable else "unanswerable"), raw.get("options"),
        cited + [_evidence(where, piece) for piece in raw.get("evidence") or []],
    )  # fmt: skip


def _references(where: str, raw: dict) -> list[str]:
    if not isinstance(raw.get("references") or [], list):
        raise UserError(f"{where}: the field 'references' must be a list of right answers")
    one = next((raw[key] for key in REFERENCE_KEYS if raw.get(key) is not None), None)
    return [str(text) for text in [one, *(raw.get("references") or [])] if text is not None]


def _evidence(where: str, raw: object) -> Evidence:
    if not isinstance(raw, dict) or "file" not in raw or not ({"page", "quote"} & set(raw)):
        raise UserError(f"{where}: each piece of evidence needs 'file', and 'page' or 'quote'")
    return Evidence(str(raw["file"]), raw.get("page"), raw.get("quote"))
