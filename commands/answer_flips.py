"""Which questions two runs grade differently, right in one and wrong in the other, with both answers.

An arm of several trainings has the share of them that are right, and the answer of the first. A revision's tables are read
from DVC's cache, else from its remote; the working tree's from its files. Only the columns named here are read: the tables
of an older revision may have had others.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from parts.project.errors import UserError
from parts.project.seeds import RELEASED
from parts.scoring import correctness
from parts.text import answer_format, markdown
from parts.verdict.comparison import compared_arms

QUESTIONS = ("question_id", "question", "reference")
SCORES = ("question_id", "seed", "scorer", "value", "version", "reason")
Read = Callable[[str], bytes]
"""a path -> the content of the file; raises FileNotFoundError where the run has no such file"""


@contextmanager
def revision_files(revision: str, name: str) -> Iterator[Read]:
    """Yield a reader of a commit's files, tracked by git or DVC; it raises UserError for a file that cannot be fetched."""
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
                f"the answers of {name} are neither in DVC's cache nor at a remote: run `dvc pull` where a remote has them"
            ) from error

    try:
        yield read
    finally:
        files.close()


def graded_answers(read: Read, scorer: str, arms: Sequence[str]) -> pl.DataFrame:
    """Return arm, question_id, question, reference, response, right and version (the scorer's) of a run.

    `right`: the share (0..1) of the arm's seeds whose answer is right by `scorer`; the response is the first seed's.
    Raises FileNotFoundError when the run has no exam or no answers, UserError when its tables lack a column.
    """
    questions = _questions(read)
    graded = []
    for arm in arms:
        try:
            answers = _table(read, f"data/answers/{arm}.parquet", ("question_id", "seed", "response"))
            scores = _table(read, f"data/scores/{arm}.parquet", SCORES)
        except FileNotFoundError:
            continue  # the run has no such arm
        grades = correctness.correct_answers(scores, scorer)
        rows = answers.join(questions, "question_id").join(grades, ["question_id", "seed"]).sort("seed")
        by_question = rows.group_by(QUESTIONS, maintain_order=True)
        graded.append(
            by_question.agg(pl.first("response"), pl.mean("right"), pl.first("version")).select(
                pl.lit(arm).alias("arm"), pl.all()
            )
        )
    if not graded:
        raise FileNotFoundError("data/answers")
    return pl.concat(graded)


def _questions(read: Read) -> pl.DataFrame:
    """Return QUESTIONS of the exam: `reference` is all references in one text, as older revisions had one each."""
    try:
        table = _table(read, "data/questions.parquet", ("question_id", "question", "references"))
    except UserError:
        return _table(read, "data/questions.parquet", QUESTIONS)
    return table.with_columns(pl.col("references").list.join(answer_format.OR).alias("reference")).select(QUESTIONS)


def _table(read: Read, path: str, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        table = pl.read_parquet(io.BytesIO(read(path)))
        if "seed" not in table.columns:
            table = table.with_columns(seed=pl.lit(RELEASED, pl.Int64))  # one training, before there were several
        return table.select(*columns)
    except pl.exceptions.ColumnNotFoundError as error:
        raise UserError(
            f"{path} of that revision lacks one of {', '.join(columns)}: its answers cannot be compared"
        ) from error


def paired_answers(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that both runs have, by arm and the question's wording; `now` has the suffix _now."""
    pairs = before.join(now, ("arm", *QUESTIONS), suffix="_now")
    return pairs.sort("arm", pl.col("right") > pl.col("right_now"), "question")


def flipped(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return those of `pairs` that are right by more or fewer seeds in one run than in the other."""
    return pairs.filter(pl.col("right") != pl.col("right_now"))


def compare_answers(revision: str, name: str) -> pl.DataFrame:
    """Return `paired_answers` of a revision and the working tree. Raises UserError where there are none to compare."""
    try:
        verdict = json.loads(Path("metrics/verdict.json").read_text())
        scorer, arms = verdict["scorer"], compared_arms(verdict)
        now = graded_answers(lambda path: Path(path).read_bytes(), scorer, arms)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or error} does not exist yet: run `dvc repro`") from error
    try:
        with revision_files(revision, name) as read:
            return paired_answers(graded_answers(read, scorer, arms), now)
    except FileNotFoundError as error:
        raise UserError(f"{name} has no {error}: no answers to compare with") from error


def describe(revision: str, name: str, render: Callable[[pl.DataFrame, str], str]) -> str:
    """Return the flips against a revision, by `render` (to_text or to_markdown), or why they are not known."""
    try:
        return render(compare_answers(revision, name), name)
    except UserError as error:
        return f"changed answers: {error}"


def _counts(pairs: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield a line for each arm, with its flipped questions."""
    for (arm,), answers in pairs.group_by("arm", maintain_order=True):
        flips = flipped(answers)
        gained = (flips["right_now"] > flips["right"]).sum()
        reworded = answers.filter(
            (pl.col("response") != pl.col("response_now")) & (pl.col("right") == pl.col("right_now"))
        )
        line = f"{arm}: of {len(answers)} questions, {gained} became right and {len(flips) - gained} wrong"
        yield f"{line}; {len(reworded)} more answers are worded differently", flips


def _cautions(pairs: pl.DataFrame, name: str) -> list[str]:
    """Return what a reader must know before believing the flips."""
    if pairs.is_empty():
        return [f"changed answers: {name} and the working tree have no question and arm in common"]
    versions = pairs.filter(pl.col("version") != pl.col("version_now")).select("version", "version_now").unique()
    return [f"Scorers differ: {before} at {name}, {now} now." for before, now in sorted(versions.rows())]


def to_text(pairs: pl.DataFrame, name: str) -> str:
    """Return the flips for a terminal: + became right, - became wrong."""
    lines = _cautions(pairs, name)
    for count, flips in _counts(pairs):
        lines.append(count)
        for row in flips.iter_rows(named=True):
            lines.append(f"  {_sign(row)} {_printable(row['question'])}  [{_printable(row['reference'])}]")
            lines.append("      " + "  ->  ".join(map(_printable, _short_answers(row))))
    return "\n".join(lines)


def to_markdown(pairs: pl.DataFrame, name: str, most: int = 40) -> str:
    """Return the flips as Markdown, at most `most` of an arm; texts of documents and models are code spans."""
    blocks = _cautions(pairs, name)
    for count, flips in _counts(pairs):
        rows = [
            (
                _sign(row),
                *map(markdown.code_span, (row["question"], row["reference"], *_short_answers(row))),
            )
            for row in flips.head(most).iter_rows(named=True)
        ]
        table = markdown.table(("", "question", "reference", "before", "now"), rows)
        rest = f"\n\n{len(flips) - most} more: `make diff REV={name}`" if len(flips) > most else ""
        blocks.append(markdown.details(count, table + rest) if rows else count)
    return "\n\n".join(blocks)


def _sign(row: dict) -> str:
    """Return + for a question that more seeds have right now, - for one that fewer have; with the shares where some have."""
    shares = "" if {row["right"], row["right_now"]} <= {0, 1} else f" {row['right']:.2f} -> {row['right_now']:.2f}"
    return ("+" if row["right_now"] > row["right"] else "-") + shares


def _printable(text: str) -> str:
    """Return a text in one line of at most 100 characters, without control characters."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:100] or "(empty)"


def _short_answers(row: dict) -> tuple[str, str]:
    """Return the answers of both runs, without their reasoning."""
    return answer_format.extract_answer(row["response"]), answer_format.extract_answer(row["response_now"])
