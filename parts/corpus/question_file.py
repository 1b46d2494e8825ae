"""Read exam questions from a JSONL file."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase

from parts.project.errors import UserError
from parts.text.jsonl import read_lines

QUESTION_KEYS = {"question", "options", "answerable", "kind", "evidence", "question_id"}
REFERENCE_KEYS = ("reference", "truth", "answer")
_NO_NUMBERS = (float("inf"), float("-inf"))
_CITATION = re.compile(r"(?<!\s)\s*+\[([^\[\]#]+)#page=(\d+)\]")


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
    several of which any will do (a list); optional are `options`, `answerable`, `kind`, `question_id` and
    `evidence` (a list of {file, page or quote}). Citations [file#page=N] in a reference are moved to the evidence.
    `answerable` is the default of that field. Raises UserError, with the line, for anything else.
    """
    if not path.is_file():
        raise UserError(f"there is no question file {path}: correct its name under exam in params.yaml")
    for number, where, raw in read_lines(path):
        yield _question(where, f"{path.stem}-{number:04}", raw, answerable)


def _question(where: str, question_id: str, raw: dict, answerable: bool) -> Question:
    unknown = set(raw) - QUESTION_KEYS - {*REFERENCE_KEYS, "references"}
    if unknown:
        raise UserError(f"{where}: unknown field {sorted(unknown)[0]!r}: known are {', '.join(sorted(QUESTION_KEYS))}")
    row = {key: value for key, value in raw.items() if value is not None}
    question = _text(where, "question", row.get("question", ""))
    if not question:
        raise UserError(f"{where}: the field 'question' is missing or empty")
    answerable = row.get("answerable", answerable)
    if not isinstance(answerable, bool):
        raise UserError(f"{where}: the field 'answerable' must be true or false, and is {answerable!r}")
    texts = _references(where, row)
    cited = [Evidence(_name(file), page=int(page)) for text in texts for file, page in _CITATION.findall(text)]
    references = list(filter(None, (_CITATION.sub("", text).strip() for text in texts)))
    if answerable and not references:
        raise UserError(f"{where}: the field 'reference' (or 'truth', 'answer', 'references') is missing or empty")
    options = _options(where, row, references if answerable else [])
    return Question(
        _text(where, "question_id", row.get("question_id", question_id)), question, references if answerable else [], answerable,
        _text(where, "kind", row.get("kind", "")) or ("fact" if answerable else "unanswerable"), options,
        cited + [_evidence(where, piece) for piece in _list(where, "evidence", row)],
    )  # fmt: skip


def _references(where: str, row: dict) -> list[str]:
    """Return the right answers: of `references`, and of one of REFERENCE_KEYS, a list of them or one."""
    key = next((key for key in REFERENCE_KEYS if key in row), "")
    one = row.get(key, [])
    values = [(key, value) for value in (one if isinstance(one, list) else [one])]
    values += [("references", value) for value in _list(where, "references", row)]
    return [_text(where, name, value) for name, value in values if value is not None]


def _options(where: str, row: dict, references: list[str]) -> list[str] | None:
    """Return the options of a question; each of `references` must name one, by its text or its letter."""
    options = [_text(where, "options", option) for option in _list(where, "options", row)]
    if not options:
        return None
    if len(options) < 2 or "" in options or len(set(options)) < len(options):
        raise UserError(f"{where}: the field 'options' must be a list of two or more different options")
    names = {option.casefold() for option in options} | {*ascii_lowercase[: len(options)]}
    if wrong := [reference for reference in references if reference.casefold() not in names]:
        raise UserError(f"{where}: the reference {wrong[0]!r} is not one of {options}, nor the letter of one")
    return options


def _list(where: str, key: str, row: dict) -> list:
    if not isinstance(row.get(key, []), list):
        raise UserError(f"{where}: the field {key!r} must be a list")
    return row.get(key, [])


def _text(where: str, key: str, value: object) -> str:
    """Return `value`, a text or a number, as text. Raises UserError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in _NO_NUMBERS or value != value:
        raise UserError(f"{where}: the field {key!r} must be text, and is {json.dumps(value)}")
    return str(value).strip()


def _evidence(where: str, raw: object) -> Evidence:
    if not isinstance(raw, dict) or "file" not in raw or not ({"page", "quote"} & set(raw)):
        raise UserError(f"{where}: each piece of evidence needs 'file', and 'page' or 'quote'")
    page, quote = raw.get("page"), raw.get("quote")
    if page is not None and (isinstance(page, bool) or not isinstance(page, int) or page < 1):
        raise UserError(f"{where}: the page of a piece of evidence must be a number from 1, and is {json.dumps(page)}")
    return Evidence(
        _name(_text(where, "file", raw["file"])), page, None if quote is None else _text(where, "quote", quote)
    )


def _name(file: str) -> str:
    """Return the name of a file as Documents has it."""
    return unicodedata.normalize("NFC", file)
