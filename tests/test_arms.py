"""Arms are a table: a sixth one, added to params.yaml alone, goes all the way, and DVC knows what each depends on."""

import pytest
import yaml
from dvc.repo import Repo

from parts.project import machine, metrics, params
from parts.project.arms import Arm, load_arms
from parts.project.errors import UserError
from schemas.answers import Answers
from schemas.contexts import Contexts
from schemas.scores import Scores
from stages import answer, compare, cost, judge_agreement, latency, retrieve, score, student
from tests.helpers import sample_metrics
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT
from tests.test_student_stages import QUESTIONS, tables, tuned  # noqa: F401 - fixtures

DENSE = {"model": "student", "retriever": "dense", "description": "as released, by vectors alone"}


@pytest.fixture
def six(tuned):  # noqa: F811
    """A small run with a sixth arm."""
    tuned.params["arms"]["rag_dense"] = DENSE
    tuned.params["latency"] |= {"questions": 2, "warmup": 0, "batches": [2]}
    tuned.params["judge_agreement"] |= {"answers": 2, "samples": 2}
    tuned.change("compare", "least_discordant", 1)
    (tuned.path / "plots").mkdir()
    return tuned


@pytest.mark.slow
def test_a_sixth_arm_is_retrieved_answered_scored_compared_timed_and_priced(six, by_rules, embedded_postgres):
    retrieve.main()
    assert len(Contexts.read("dense")) and metrics.read("retrieve")["questions_with_evidence_dense"] == len(QUESTIONS)
    for arm in load_arms():
        answer.main(arm)
        score.main(arm)
    assert Answers.read("rag_dense")["passages"].min() > 0
    assert set(Scores.read("rag_dense")["scorer"]) >= {"exact", "judge", "faithfulness", "context_precision"}
    metrics.write("exam", {"exam_by": "people", "exam_sha": "abc"})
    compare.main()
    latency.main()
    judge_agreement.main()
    verdict, measured = metrics.read("verdict"), machine.read("latency")
    assert {"accuracy_rag_dense", "accuracy_rag_dense_lo", "rag_dense_minus_rag", "rag_dense_minus_rag_hi"} <= set(
        verdict
    )
    assert "fact_rag_dense" in metrics.read("kinds")
    assert measured["embed_p50_ms_rag_dense"] > 0 and measured["p50_ms_rag_dense"] > 0
    answered = {arm: metrics.read(f"answer/{arm}") for arm in load_arms()}
    sample_metrics.write(params.names("synthesize"))
    machine.write("latency", measured, "answers")
    for arm, values in answered.items():
        metrics.write(f"answer/{arm}", values)
    cost.main()
    costs = machine.read("cost")
    assert costs["upfront_rag_dense"] == costs["upfront_rag"] > 0
    assert costs["per_1000_rag_dense"] is not None and costs["monthly_rag_dense"] > 0


def test_dvc_has_stages_for_a_sixth_arm_and_watches_its_model_and_retriever(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = yaml.safe_load((ROOT / "params.yaml").read_text())
    text["arms"]["rag_dense"] = DENSE
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(text))
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    with Repo.init(".", no_scm=True) as repo:
        stages = {stage.addressing: stage for stage in repo.index.stages}
    for verb, wanted in (
        ("answer", {"models/student", "data/contexts/dense.parquet"}),
        ("score", {"data/answers/rag_dense.parquet"}),
    ):
        deps = {dep.def_path for dep in stages[f"{verb}@rag_dense"].deps}
        assert wanted <= deps
    assert "models/adapter" in {dep.def_path for dep in stages["answer@tuned"].deps}
    assert "models/adapter" not in {dep.def_path for dep in stages["answer@rag_dense"].deps}


def test_a_bound_is_an_arm_with_nothing_learnt_and_nothing_to_read_or_with_the_gold_passages():
    assert [name for name, arm in load_arms(ROOT / "params.yaml").items() if arm.is_bound] == ["base", "oracle"]
    assert not Arm(model="adapter", retriever="none", description="").is_bound


def test_without_one_of_the_two_arms_that_are_compared_there_is_one_line(workplace):
    del workplace.params["arms"]["rag"]
    workplace.change("chunk", "max_tokens", 80)
    with pytest.raises(UserError, match="section arms has no rag"):
        load_arms()


@pytest.mark.parametrize("key", ["weights", "model"])
def test_an_arm_of_another_form_is_named(workplace, key):
    workplace.params["arms"]["tuned"][key] = "models/base"
    workplace.change("chunk", "max_tokens", 80)
    with pytest.raises(UserError, match=rf"arms\.tuned\.{key}"):
        load_arms()


def test_dvc_watches_the_student_that_is_used(workplace, qwen):
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert "${student.watch}" in stage["student"]["deps"]
    wide = {name: body for name, body in stage.items() if name not in ("student", "pretrain")}
    assert not [name for name, body in wide.items() if "models/base" in body.get("do", body)["deps"]]
    workplace.change("student", "model", str(qwen))
    assert f"student.watch is models/base: it must be {qwen}" in error_line(student.main)
    workplace.change("student", "watch", str(qwen))
    student.main()
    first = student.RECORD.read_text()
    student.main()
    assert student.RECORD.read_text() == first and str(qwen) in first


def test_another_file_of_the_student_is_another_record(workplace, qwen, tmp_path):
    import shutil

    folder = tmp_path / "mine"
    shutil.copytree(qwen, folder)
    for key in ("model", "watch"):
        workplace.change("student", key, str(folder))
    student.main()
    first = student.RECORD.read_text()
    (folder / "generation_config.json").write_text("{}")
    student.main()
    assert student.RECORD.read_text() != first


def test_a_student_of_the_hub_is_watched_by_nothing_here(workplace):
    workplace.change("student", "model", "nobody/nothing")
    assert "student.watch is models/base: it must be data/none.jsonl" in error_line(student.main)
    workplace.change("student", "watch", "data/none.jsonl")
    assert "cannot load the model 'nobody/nothing'" in error_line(student.main)
