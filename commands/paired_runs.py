"""A metric of the verdict question by question, of two runs, and the test of whether they differ.

Only the exam and the scores of a run are read, from the working tree or from DVC's cache, and only the columns named
here: those of an older revision may have had others.
"""

import io
import math
import re
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import polars as pl

from commands.answer_flips import Read
from parts.project.arms import BASELINE
from parts.project.errors import UserError
from parts.scoring import correctness
from parts.verdict import stats

METRIC = re.compile(rf"(?P<kind>answerable_|unanswerable_)?(accuracy_(?P<arm>\w+)|(?P<contender>\w+)_minus_{BASELINE})")
"""What a key of metrics/verdict.json is a mean of: the answers of an arm, or their difference to rag's."""
QUESTION = ("question_id", "question", "answerable")


def question_values(read: Read, metric: str, scorer: str) -> pl.DataFrame:
    """Return question_id, question and value, whose mean is `metric` of metrics/verdict.json, of a run.

    A value is the mean over training seeds, from 0 to 1, or from -1 to 1 for a difference to rag; a question that has no
    score is left out. Raises FileNotFoundError for a run without exam or arm, UserError when its tables lack a column.
    """
    try:
        return _question_values(read, METRIC.fullmatch(metric), scorer)
    except pl.exceptions.ColumnNotFoundError as error:
        raise UserError("its tables have other columns") from error


def _question_values(read: Read, parts: re.Match, scorer: str) -> pl.DataFrame:
    questions = pl.read_parquet(io.BytesIO(read("data/questions.parquet"))).select(QUESTION)
    if parts["kind"]:
        questions = questions.filter(pl.col("answerable") == (parts["kind"] == "answerable_"))
    values = questions.join(_right(read, parts["arm"] or parts["contender"], scorer), "question_id")
    if parts["contender"]:
        values = values.join(_right(read, BASELINE, scorer), "question_id", suffix="_rag")
        values = values.with_columns(pl.col("value") - pl.col("value_rag"))
    return values.select("question_id", "question", "value")


def _right(read: Read, arm: str, scorer: str) -> pl.DataFrame:
    """Return question_id and value, the share of the arm's training seeds whose answer is right."""
    scores = pl.read_parquet(io.BytesIO(read(f"data/scores/{arm}.parquet")))
    if "seed" not in scores.columns:  # a run of one training
        scores = scores.with_columns(seed=pl.lit(0))
    right = correctness.correct_answers(scores, scorer).drop_nulls("right")
    return right.group_by("question_id").agg(value=pl.col("right").mean())


def paired(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the questions that both runs have, in the order of the exam: value, and value_now."""
    return before.join(now, ["question_id", "question"], suffix="_now").sort("question_id")


def paired_p(now: Sequence[float], before: Sequence[float]) -> float:
    """Return the two-sided p-value of `now` against `before`, paired: McNemar's for 0 and 1, else of `sign_flip_p`."""
    if set(now) | set(before) <= {0, 1}:
        return stats.mcnemar(now, before)
    return sign_flip_p(np.subtract(now, before))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided mid-p of the sign-flip test that `differences` are 0 in the mean (Fisher 1935); 1 for none.

    Were both runs draws of one recipe, each difference could as well have the other sign. The sum's distribution over all
    signs is exact, so that no seed and no order of the questions can turn the result; for differences of -1, 0 and 1 it
    is McNemar's mid-p.
    """
    fractions = [Fraction(float(value)).limit_denominator(1000) for value in differences if value]
    scale = math.lcm(*(fraction.denominator for fraction in fractions))
    steps = [int(fraction * scale) for fraction in fractions]  # the differences as whole numbers
    chances = np.ones(1)  # of the sums from -reach to +reach
    for step in map(abs, steps):
        chances = (np.pad(chances, (0, 2 * step)) + np.pad(chances, (2 * step, 0))) / 2
    reach, total = sum(map(abs, steps)), abs(sum(steps))
    return float(min(1, 2 * chances[reach + total + 1 :].sum() + chances[reach + total]))
