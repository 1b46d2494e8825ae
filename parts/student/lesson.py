"""Teach a student the form of an answer by questions on other documents, and keep its weights for every arm to start from."""

import shutil
import tempfile
from pathlib import Path

from parts.project.errors import UserError
from parts.project.files import replacing, write_json
from parts.project.sections import Student
from parts.student.chat_format import ChatFormat
from parts.student.dataset import pairs_data
from parts.student.finetune import finetune
from parts.student.model import load
from parts.student.recipe import Recipe
from parts.text.jsonl import read_lines

ROW = {"kind": "qa", "generator": "lesson", "reasoning": "", "split": "train"}


def read_lesson(path: Path) -> list[dict]:
    """Return the rows of a lesson, as dataset.encode takes them. Raises UserError, with the line, for what is none."""
    if not path.is_file():
        raise UserError(f"there is no file {path}: correct lesson.rows in params.yaml (data/none.jsonl: no lesson)")
    return [
        ROW
        | {
            "prompt": _text(row.get("question"), "question", where),
            "completion": _text(row.get("answer"), "answer", where),
            "passages": _passages(row.get("passages"), where),
        }
        for _, where, row in read_lines(path)
    ]


def teach(student: Student, chat: ChatFormat, rows: list[dict], recipe: Recipe, folder: Path) -> tuple[dict, dict]:
    """Fine-tune `student` on `rows`, write its weights and its tokenizer to `folder`; return metrics, and the seconds.

    An adapter is merged: what is trained later starts from plain weights. Without `rows` a record is written, and no
    weights. Raises UserError where no row is short enough.
    """
    shutil.rmtree(folder, ignore_errors=True)  # an earlier lesson is not added to
    if not rows:
        write_json(folder / "record.json", {"rows": 0})
        return {"rows": 0}, {}
    seed = recipe.seeds[0]
    data = pairs_data(rows, chat, recipe, seed)
    with tempfile.TemporaryDirectory() as temporary:
        adapter = Path(temporary, "adapter")
        values, timing = finetune(student, chat, data, recipe, seed, adapter, Path(temporary, "loss.tsv"))
        weights = load(str(adapter), gguf_file=student.gguf_file)
    with replacing(folder) as partial:
        weights.save_pretrained(partial)
        chat.tokenizer.save_pretrained(partial)
    return values, timing


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: the field '{key}' is missing or empty")
    return value.strip()


def _passages(value: object, where: str) -> list[tuple[str, str]]:
    is_list = isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)
    if not is_list or not all(isinstance(text, str) for pair in value for text in pair):
        raise UserError(f"{where}: the field 'passages' must be a list of pairs: a heading and a text")
    return [tuple(pair) for pair in value]
