"""`train.seeds` lists the trainings: each is a student of its own, and every reader of answers copes with several."""

import polars as pl
import pytest
import yaml
from dvc.repo import Repo

from commands import answer_flips
from parts.page import questions
from parts.project import params
from parts.project.errors import UserError
from parts.project.sections import Trainings
from parts.project.seeds import seeds_of
from parts.scoring import correctness, summary
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores
from stages import compare, judge_agreement
from tests.helpers import sample_run
from tests.helpers.source_code import ROOT


def score(question_id: str, seed: int, value: float | None, scorer: str = "exact") -> dict:
    row = {"question_id": question_id, "seed": seed, "scorer": scorer, "version": "1"}
    return row | {"value": value, "reason": None if value is not None else "unparsed"}


def test_an_arm_has_the_seeds_of_its_model_and_the_released_student_none(workplace):
    workplace.change("train", "seeds", [2, 7])
    workplace.change("train_raw", "seeds", [3])
    assert (seeds_of("adapter"), seeds_of("raw")) == ([2, 7], [3])
    assert seeds_of("student") == [0]


@pytest.mark.parametrize("seeds", [[], [0], [1, 1], [2, 1], 1])
def test_seeds_are_one_or_more_ascending_from_1(workplace, seeds):
    workplace.change("train", "seeds", seeds)
    with pytest.raises(UserError, match=r"train\.seeds"):
        params.load("train", Trainings)


def test_another_seed_changes_no_stage_of_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    stages = []
    for seeds in ([1], [1, 5]):
        sections["train"]["seeds"] = seeds
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(sections))
        with Repo.init(".", no_scm=True, force=True) as repo:
            stages.append({stage.addressing: stage.dumpd() for stage in repo.index.stages})
    one, two = stages
    assert set(two) - set(one) == {"train@5"}
    assert one["train@1"] == two["train@1"] and "train.seeds" not in str(two["train@1"])
    assert {out.def_path for stage in repo.index.stages if stage.addressing == "train@5" for out in stage.outs} == {
        "data/timed/train/adapter/5", "models/adapter/5", "plots/loss/adapter/5.tsv", "metrics/train/adapter/5.json",
    }  # fmt: skip


def test_an_answer_is_right_by_seed_and_null_where_its_scorer_abstained():
    rows = [score("a", 1, 1.0), score("a", 2, 0.5), score("b", 1, None), score("b", 2, 1.0, "f1")]
    right = correctness.correct_answers(Scores.frame(rows), "exact").sort("question_id", "seed")
    columns = right.select("question_id", "seed", "version", "right", "reason").rows()
    assert columns == [("a", 1, "1", True, None), ("a", 2, "1", False, None), ("b", 1, "1", None, "unparsed")]


def test_a_wrong_answer_of_one_seed_counts_as_an_error_though_another_is_right():
    rows = [{"question_id": "a", "seed": n, "answerable": True, "response": "Answer: 3 euros"} for n in (1, 2)]
    scores = Scores.frame([score("a", 1, 1.0), score("a", 2, 0.0)])
    assert summary.hallucination_rates(rows, scores)["confident_error_rate"] == 0.5
    assert summary.summarise(scores)["exact"] == 0.5


@pytest.fixture
def run(workplace):
    """The tables of a finished run, whose arms have no answer right by seed 3."""
    sample_run.write_tables()
    return workplace


def test_every_answer_of_every_seed_is_compared(run):
    scores = {arm: Scores.read(arm) for arm in ("tuned", "rag")}
    right = compare.rightness(scores, "exact", Questions.read()).sort("question_id", "seed")
    tuned, rag = (right.filter(arm=arm) for arm in ("tuned", "rag"))
    assert tuned["seed"].to_list()[:3] == [1, 2, 3] and rag["seed"].to_list()[:2] == [0, 0]
    assert tuned.group_by("question_id", maintain_order=True).agg(pl.sum("right"))["right"].to_list()[:4] == [
        2,
        0,
        0,
        2,
    ]
    assert rag["right"].to_list()[:4] == [True, False, True, False]


def test_the_page_shows_the_answer_of_the_first_seed_and_how_many_are_right(run):
    rows = Answers.read("tuned").with_columns(response=pl.format("Answer: by {}", "seed"))
    tables = questions.Exam(
        Questions.read(), Chunks.read(), Pairs.read(), {"tuned": rows, "rag": Answers.read("rag")},
        {arm: Scores.read(arm) for arm in ("tuned", "rag")},
        {"tuned": Contexts.read("none"), "rag": Contexts.read("hybrid")},
    )  # fmt: skip
    first, second, *_ = questions.exam(tables, "exact")["questions"]
    tuned = first["answers"]["tuned"]
    assert tuned["response"] == "Answer: by 1" and tuned["scores"] == {"exact": 1.0}
    assert (tuned["right"], tuned["seeds_right"], tuned["seeds"]) == (1, 2, 3)
    rag = first["answers"]["rag"]
    assert (rag["right"], rag["seeds_right"], rag["seeds"], len(rag["shown"])) == (1, 1, 1, 1)
    assert second["answers"]["tuned"]["right"] == 0


def test_the_judge_is_asked_about_the_answers_of_the_first_seed(run):
    judged = Scores.read("tuned")
    Scores.write(pl.concat([judged, judged.with_columns(scorer=pl.lit("judge"))]), "tuned")
    rows = judge_agreement.judged_answers()
    assert {(row["arm"], row["seed"]) for row in rows} == {("tuned", 1)}
    assert len(rows) == sample_run.N_QUESTIONS


def graded(tmp_path, right: dict[int, bool]) -> pl.DataFrame:
    """Return the graded answers of a run with one question, `right` by seed; seed 0: a run before there were seeds."""
    keys = [{"question_id": "q", "seed": seed} for seed in right]
    tables = {
        "questions": [{"question_id": "q", "question": "?", "reference": "x"}],
        "answers/tuned": [key | {"response": f"Answer: by {key['seed']}"} for key in keys],
        "scores/tuned": [score("q", seed, float(value)) for seed, value in right.items()],
    }
    for name, rows in tables.items():
        path = tmp_path / f"data/{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame(
            rows, infer_schema_length=None, schema_overrides={"reason": pl.String} if "s/" in name else {}
        )
        (frame if set(right) != {0} else frame.drop("seed", strict=False)).write_parquet(path)
    return answer_flips.graded_answers(lambda path: (tmp_path / path).read_bytes(), "exact", ["tuned"])


def test_a_question_flips_by_the_share_of_its_seeds_that_are_right(tmp_path):
    before, now = graded(tmp_path, {0: True}), graded(tmp_path, {1: True, 2: False, 3: False})
    assert before["right"].to_list() == [1.0] and now["right"].to_list() == [pytest.approx(1 / 3)]
    pairs = answer_flips.paired_answers(before, now)
    text = answer_flips.to_text(pairs, "HEAD~1")
    assert "tuned: of 1 questions, 0 became right and 1 wrong" in text
    assert "  - 1.00 -> 0.33 ?  [x]" in text and "by 0  ->  by 1" in text
    assert answer_flips.flipped(answer_flips.paired_answers(now, now)).is_empty()
