"""The verdict rests on the scorer that params.yaml names, and a group of questions has an interval from 20 on."""

import polars as pl
import pytest

from parts.project import metrics
from parts.project.arms import load_arms
from schemas.questions import Questions
from schemas.scores import Scores
from stages import compare
from tests.helpers import sample_run


@pytest.fixture
def tables(workplace):
    """The tables of a run of sixty questions, and the other way round from exact to the judge."""
    sample_run.write_tables()
    for arm in load_arms():
        exact = Scores.read(arm)
        judged = exact.with_columns(scorer=pl.lit("judge"), value=1 - pl.col("value"))
        Scores.write(pl.concat([exact, judged]), arm)
    return workplace


@pytest.mark.parametrize("scorer", ["exact", "judge"])
def test_accuracy_is_by_the_scorer_of_params(tables, scorer):
    tables.change("compare", "accuracy", scorer)
    compare.main()
    verdict, scores = metrics.read("verdict"), Scores.read("tuned").filter(scorer=scorer)
    accuracy = scores["value"].mean()
    assert accuracy != 0.5
    assert verdict["accuracy_tuned"] == pytest.approx(accuracy, abs=1e-3) and verdict["scorer"] == scorer


def test_a_group_has_an_interval_from_twenty_questions_on(tables):
    kinds = pl.Series("kind", ["twenty"] * 20 + ["fewer"] * 19 + ["more"] * 21)
    Questions.write(Questions.read().with_columns(kind=kinds))
    compare.main()
    values = metrics.read("kinds")
    ends = {kind: [values[f"{kind}_tuned_minus_rag_{end}"] for end in ("lo", "hi")] for kind in kinds.unique()}
    assert ends["fewer"] == [None, None]
    assert None not in ends["twenty"] + ends["more"]
