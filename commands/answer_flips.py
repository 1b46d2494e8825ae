"""Which questions two runs answer otherwise: right in the one and wrong in the other, with both answers.

The tables of a revision are read from DVC's cache, or else from its remote; those of the working tree from where they
lie. Of each table only the columns named here are read, for the others may have been other ones then.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from parts.project.errors import UserError
from parts.scoring import correctness
from parts.text import answer_format, markdown
from parts.verdict.comparison import compared_arms

QUESTIONS = ("question_id", "question", "reference")
Read = Callable[[str], bytes]
"""a path -> the content of the file; raises FileNotFoundError where the run has no such file"""


@contextmanager
def revision_files(revision: str, name: str) -> Iterator[Read]:
    """Yield what reads the files of a commit, tracked by git or by DVC. It raises Mistake for what is nowhere to be had."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    files = DVCFileSystem(rev=revision)

    def read(path: str) -> bytes:
        if not files.exists(path):
            raise FileNotFoundError(path)
        try:
            return files.read_bytes(path)
        except (OSError, DvcException) as error:
            raise UserError(
                f"the answers of {name} are neither in DVC's cache here nor at a remote, so which of them changed is not known"
            ) from error

    try:
        yield read
    finally:
        files.close()


def graded_answers(read: Read, scorer: str, arms: Sequence[str]) -> pl.DataFrame:
    """Return arm, question, reference, response, whether it is right by `scorer`, and its version, of a run's every arm.

    Raises FileNotFoundError when the run has no exam, Mistake when its tables have other columns.
    """
    questions = _table(read, "data/questions.parquet", QUESTIONS)
    found = []
    for arm in arms:
        try:
            said = _table(read, f"data/answers/{arm}.parquet", ("question_id", "response"))
            scores = _table(read, f"data/scores/{arm}.parquet", ("question_id", "scorer", "value", "version"))
        except FileNotFoundError:
            continue  # it has no such arm
        marks = correctness.correct_answers(scores, scorer)
        joined = said.join(questions, "question_id").join(marks, "question_id")
        found.append(joined.select(pl.lit(arm).alias("arm"), *QUESTIONS, "response", "right", "version"))
    if not found:
        raise FileNotFoundError("data/answers")
    return pl.concat(found)


def _table(read: Read, path: str, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(read(path)), columns=list(columns))
    except pl.exceptions.ColumnNotFoundError as error:
        raise UserError(
            f"{path} then had other columns than {', '.join(columns)}: its answers cannot be compared"
        ) from error


def paired_answers(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the questions that both runs put to an arm in the same words, with both responses and marks."""
    both = before.join(now, ("arm", *QUESTIONS), suffix="_now")
    return both.sort("arm", ~pl.col("right_now"), "question")


def flipped(both: pl.DataFrame) -> pl.DataFrame:
    """Return those of `pairs` that are right in one run and wrong in the other."""
    return both.filter(pl.col("right") != pl.col("right_now"))


def compare_answers(revision: str, name: str) -> pl.DataFrame:
    """Return the pairs of a revision and the working tree. Raises Mistake with the reason where there can be none."""
    try:
        verdict = json.loads(Path("metrics/verdict.json").read_text())
        scorer, arms = verdict["scorer"], compared_arms(verdict)
        now = graded_answers(lambda path: Path(path).read_bytes(), scorer, arms)
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename or error} is not there yet: `dvc repro` makes it, and the changed answers"
        ) from error
    try:
        with revision_files(revision, name) as read:
            return paired_answers(graded_answers(read, scorer, arms), now)
    except FileNotFoundError as error:
        raise UserError(f"{name} has no {error}: no answers to compare with") from error


def describe(revision: str, name: str, form: Callable[[pl.DataFrame, str], str]) -> str:
    """Return which answers changed against a revision, as `form` (text or written) puts it, or why that is not known."""
    try:
        return form(compare_answers(revision, name), name)
    except UserError as error:
        return f"changed answers: {error}"


def _counts(both: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield a line for each arm, with its flipped questions."""
    for (arm,), part in both.group_by("arm", maintain_order=True):
        some = flipped(part)
        won = some["right_now"].sum()
        other = part.filter((pl.col("response") != pl.col("response_now")) & (pl.col("right") == pl.col("right_now")))
        line = f"{arm}: of {len(part)} questions {won} became right and {len(some) - won} wrong"
        yield f"{line}; {len(other)} more answers have other words", some


def _cautions(both: pl.DataFrame, name: str) -> list[str]:
    """Return what a reader must know before believing the flips."""
    if both.is_empty():
        return [f"changed answers: {name} and the working tree have no question and arm in common"]
    scorers = both.filter(pl.col("version") != pl.col("version_now")).select("version", "version_now").unique().rows()
    return [f"Scored otherwise: by {old} then, by {new} now." for old, new in sorted(scorers)]


def to_text(both: pl.DataFrame, name: str) -> str:
    """Return the flips for a terminal: + became right, - became wrong."""
    said = _cautions(both, name)
    for line, some in _counts(both):
        said.append(line)
        for row in some.iter_rows(named=True):
            said.append(f"  {'+' if row['right_now'] else '-'} {_line(row['question'])}  [{_line(row['reference'])}]")
            said.append("      " + "  ->  ".join(_line(answer) for answer in _final(row)))
    return "\n".join(said)


def to_markdown(both: pl.DataFrame, name: str, most: int = 40) -> str:
    """Return the flips as Markdown, at most so many of an arm; what documents and models say is quoted."""
    said = _cautions(both, name)
    for line, some in _counts(both):
        lines = [
            [
                "+" if row["right_now"] else "-",
                *map(markdown.code_span, (row["question"], row["reference"], *_final(row))),
            ]
            for row in some.head(most).iter_rows(named=True)
        ]
        body = markdown.table(("", "question", "reference", "before", "now"), lines)
        rest = f"\n\n{len(some) - most} more: `make diff REV={name}`" if len(some) > most else ""
        said.append(markdown.details(line, body + rest) if lines else line)
    return "\n\n".join(said)


def _line(said: str) -> str:
    """Return what somebody said in one line that a terminal may print: no control character reaches it."""
    seen = "".join(mark if mark.isprintable() else " " for mark in said)
    return " ".join(seen.split())[:100] or "(nothing)"


def _final(row: dict) -> tuple[str, str]:
    """Return the answers of both runs, without what they rest on."""
    return answer_format.extract_answer(row["response"]), answer_format.extract_answer(row["response_now"])
