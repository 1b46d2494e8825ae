"""Tell one exam from another: a hash of all that a score depends on."""

import hashlib
import json

import polars as pl

_COLUMNS = ("question_id", "question", "references", "answerable", "options")


def exam_sha(questions: pl.DataFrame) -> str:
    """Return twelve hexadecimal digits of the SHA-256 of Questions: ids, questions, references, answerable, options.

    Gold passages and kinds are left out: they change no score of an answer.
    """
    rows = questions.sort("question_id").select(_COLUMNS).rows()
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()[:12]
