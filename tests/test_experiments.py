"""The experiments: sizes nest, a study is trained once, and the sums are the ones they say."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import psutil
import pytest
import yaml
from dvc.repo import Repo
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import docs_experiments
from experiments import charts, company, progress, scaling, seeds, study, variants
from parts.project import metrics, params, prompts
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.retrieval import tuned_settings
from parts.student import dataset, finetune
from tests.helpers.source_code import ROOT

TINY = company.CompanyParams(
    documents=8, questions=14,
    generators={
        "qa": {"samples": 2, "count": 4, "temperature": 1.0},
        "focal": {"questions": 3, "samples": 1, "temperature": 0.7, "top_p": 0.95},
    },
)  # fmt: skip
RECIPE = finetune.Recipe(
    seeds=[1], lora_r=4, lora_alpha=4, learning_rate=0.01, num_train_epochs=1, per_device_train_batch_size=8,
    max_length=256, warmup_ratio=0, weight_decay=0, completion_only_loss=True,
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def tuned():
    """Settings of retrieval as the stage tune_retrieval would write them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuned_settings, "read", lambda: tuned_settings.TunedSettings(passages=2, lexical_weight=0.6))
        yield


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["qa", "document"]), st.integers(1, 60)), min_size=40, max_size=200))
def test_a_smaller_portion_is_part_of_a_larger_one_and_neither_is_too_large(rows):
    named = [
        {"pair_id": f"{n:04}", "kind": kind, "n_tokens": size, "dropped": None} for n, (kind, size) in enumerate(rows)
    ]
    ledger = pl.DataFrame(named, schema_overrides={"dropped": pl.String})
    kinds = ledger["kind"].n_unique()
    most = ledger.group_by("kind").agg(pl.col("n_tokens").sum())["n_tokens"].min() * kinds
    small, large = (study.portion(ledger, tokens) for tokens in (most // 3, most))
    assert set(small["pair_id"]) <= set(large["pair_id"])
    for part, tokens in ((small, most // 3), (large, most)):
        for total in part.group_by("kind").agg(pl.col("n_tokens").sum())["n_tokens"]:
            assert total <= tokens / kinds
    assert len(large) > 0
    with pytest.raises(UserError, match="more samples"):
        study.portion(ledger, most * 2 + 10)


def test_a_row_that_was_dropped_is_never_in_a_portion():
    row = {"kind": "qa", "n_tokens": 10}
    ledger = pl.DataFrame([row | {"pair_id": "a", "dropped": "duplicate"}, row | {"pair_id": "b", "dropped": None}])
    assert study.portion(ledger, 10)["pair_id"].to_list() == ["b"]


@pytest.fixture(scope="module")
def small(rules, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", rules)
        patch.setenv("CLOSEDBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return company.prepare(3, TINY)


@pytest.mark.slow
def test_a_company_is_read_and_taught_by_the_pipelines_own_stages(small):
    assert len(small.questions) == TINY.questions
    assert small.chunks["doc_id"].n_unique() == TINY.documents
    assert set(small.raw["generator"]) == {"qa", "focal"}
    assert all(small.questions.filter(answerable=True)["gold_chunk_ids"].list.len() > 0)


@pytest.mark.slow
def test_what_was_studied_once_is_not_trained_again(small, monkeypatch, tmp_path):
    monkeypatch.setattr(study, "CACHE", tmp_path / "studies")
    plan = study.Plan(["qa"], 1000, RECIPE, [], 0.1, ability_questions=1)
    metrics = study.study(small, plan)
    assert 0 <= metrics["accuracy"] <= 1
    assert metrics["tokens_read"] > 300 and "read_8_em" in metrics
    assert not list((tmp_path / "studies").rglob("*.safetensors")), (
        "an adapter is larger than what is to be known of it"
    )

    def refuse(*args):
        raise AssertionError("trained again")

    monkeypatch.setattr(finetune, "finetune", refuse)
    assert study.study(small, plan) == metrics
    for other in (
        replace(plan, tokens=900),
        replace(plan, reasoning=["qa"]),
        replace(plan, generators=("qa", "focal")),
    ):
        with pytest.raises(AssertionError, match="trained again"):
            study.study(small, other)


@pytest.fixture
def key(small, qwen, monkeypatch, tmp_path):
    """The key of a study, with prompts and a student's folder of the test's own to change.

    The student is one whose chat template shows the system's words; that of models/base leaves them out.
    """
    shutil.copytree(prompts.FOLDER, tmp_path / "prompts")
    shutil.copytree(qwen, tmp_path / "student")
    monkeypatch.setattr(prompts, "FOLDER", tmp_path / "prompts")
    monkeypatch.setattr(params, "load", lambda *words, load=params.load: _student(load(*words), tmp_path / "student"))
    plan = study.Plan(["qa"], 1000, RECIPE, [], 0.1)

    def key(plan: study.Plan = plan) -> str:
        prompts.template.cache_clear()
        exams = study.exam_inputs([(small.questions, {}), (small.questions, study.shown(small, 2))])
        return study.study_key(small, plan, study.rows(small, plan).to_dicts(), exams)

    yield key
    prompts.template.cache_clear()


def _student(section, folder: Path):
    return section.model_copy(update={"model": str(folder)}) if isinstance(section, Student) else section


@pytest.mark.slow
@pytest.mark.parametrize("name", ["system", "user", "passage"])
def test_another_prompt_makes_another_study(key, name, tmp_path):
    before = key()
    with (tmp_path / f"prompts/answer/{name}.md").open("a") as file:
        file.write("Be brief.\n")
    assert key() != before


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["tokenizer.json", "model.safetensors", "chat_template.jinja", "generation_config.json"]
)
def test_another_tokenizer_template_or_weights_make_another_study(key, name, tmp_path):
    before = key()
    with (tmp_path / "student" / name).open("ab") as file:
        file.write(b" " if name.endswith("json") else b"\n")
    assert key() != before


@pytest.mark.slow
def test_a_study_is_known_by_its_data_and_not_by_its_code(key, monkeypatch):
    plan = study.Plan(["qa"], 1000, RECIPE, [], 0.1)
    assert key() == key() == key(replace(plan, generators=("qa",)))
    assert key(replace(plan, recipe=RECIPE.model_copy(update={"learning_rate": 0.02}))) != key()
    before = key()
    encode = dataset.encode
    monkeypatch.setattr(dataset, "encode", lambda *words: dataset.Encoding(encode(*words).rows[::-1], 0))
    assert key() != before, "rows read in another order"


@pytest.mark.slow
def test_rows_to_study_are_half_questions_half_documents_with_a_share_replayed(small):
    rows = study.rows(small, study.Plan(("qa", "focal"), 2000, RECIPE, ["qa"], 0.25))
    tokens = dict(rows.filter(pl.col("generator") != "replay").group_by("kind").agg(pl.col("n_tokens").sum()).rows())
    assert tokens["qa"] == pytest.approx(1000, abs=80) and tokens["document"] == pytest.approx(1000, abs=160)
    replayed = rows.filter(generator="replay")["n_tokens"].sum()
    assert replayed == pytest.approx(sum(tokens.values()) / 3, abs=250)
    assert rows.filter(generator="qa")["reasoning"].str.len_chars().min() > 0


def test_the_fit_finds_slope_and_r2_of_a_line_over_doublings():
    line = scaling.fit([1000, 2000, 4000, 8000], [0.1, 0.15, 0.2, 0.25])
    assert line == pytest.approx({"slope": 0.05, "r2": 1.0})
    assert scaling.fit([1000, 2000, 4000], [0.1, 0.3, 0.1])["r2"] == pytest.approx(0)


def test_learning_sets_in_at_the_last_of_the_sizes_that_are_not_above_the_first():
    flat_then_rising = [0.14, 0.13, 0.15, 0.14, 0.3, 0.5, 0.7]
    assert scaling.onset(flat_then_rising, 420) == 3
    assert scaling.onset([0.1, 0.3, 0.5, 0.7], 420) == 0
    assert scaling.onset([0.14] * 5, 420) == 0
    assert scaling.onset([0.14, 0.14, 0.14, 0.14, 0.5], 420) == 2, "a line takes three sizes"


def points() -> pl.DataFrame:
    rows = [("qa", t, c, 0.1 * n + 0.02 * c) for n, t in enumerate((1000, 2000, 4000)) for c in (1, 2)]
    return pl.DataFrame(rows, schema=["recipe", "tokens", "company", "accuracy"], orient="row")


def test_the_summary_is_the_mean_over_companies_at_each_size():
    summary = scaling.summary(points(), 100)["qa"]
    assert summary["tokens"] == [1000, 2000, 4000]
    assert summary["accuracies"] == pytest.approx([0.03, 0.13, 0.23])
    assert summary["n"] == [2, 2, 2]
    assert summary["slope"] == pytest.approx(0.1)


def test_the_figure_names_its_recipes(tmp_path):
    charts.scaling(points(), 0.4, tmp_path / "plots/scaling.svg")
    svg = (tmp_path / "plots/scaling.svg").read_text()
    assert "<svg" in svg and "retrieval (rag)" in svg and ">qa<" in svg
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["scaling.svg"]


def test_a_mean_has_an_interval_over_companies():
    values = seeds.mean_ci([0.1, 0.2, 0.0], "gap")
    assert values["gap"] == pytest.approx(0.1)
    assert values["gap_lo"] == pytest.approx(0.1 - 4.3027 * 0.1 / 3**0.5, abs=1e-3)
    assert values["gap_hi"] == pytest.approx(0.1 + 4.3027 * 0.1 / 3**0.5, abs=1e-3)
    assert values["gap_p"] == pytest.approx(0.2254, abs=1e-3)


def test_companies_are_averaged_by_group_of_questions():
    companies = [
        {arm: {"all": share, "unanswerable": 1 - share} for arm, share in zip(seeds.ARMS, shares, strict=True)}
        for shares in ((0.5, 0.4, 0.6, 0.6), (0.8, 0.4, 0.8, 0.9), (0.5, 0.5, 0.5, 0.5))
    ]
    values = seeds.averages(companies)
    assert values["all_tuned_minus_rag"] == pytest.approx(-0.5 / 3)
    assert values["unanswerable_tuned_minus_rag"] == pytest.approx(0.5 / 3)
    assert values["all_tuned_rag_minus_rag"] == pytest.approx(0.1 / 3)
    assert values["tuned_over_rag"] == pytest.approx((0.8 + 0.5 + 1) / 3)
    assert values["all_cascade_minus_rag"] == pytest.approx(0.2 / 3)


@pytest.mark.slow
def test_companies_that_a_stopped_series_left_in_the_queue_are_not_run_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("n: 1\n")
    stage = {"cmd": f"echo > {tmp_path}/begun; sleep 60", "params": ["n"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"one": stage}}))
    author = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (
        ["git", "init", "-q"],
        ["dvc", "init", "-q"],
        ["git", "add", "."],
        ["git", *author, "commit", "-qm", "x"],
    ):
        subprocess.run(words, check=True)
    for name in ("company-20-0123abc", "company-21-0123abc", "mine"):
        subprocess.run(["dvc", "exp", "run", "--queue", "-n", name, "-S", f"n={name[-9:-7]}0"], check=True)
    subprocess.run(["dvc", "queue", "start"], check=True, stdout=subprocess.DEVNULL)
    while not Path("begun").exists():
        time.sleep(0.1)
    processes = [process for process in psutil.process_iter() if _works_in(process, tmp_path)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=20)
    seeds.forget_stopped()
    with Repo() as repo:
        queue = repo.experiments.celery_queue
        assert [entry.name for entry in queue.iter_queued()] == ["mine"]
        assert not list(queue.iter_active()), "`dvc exp run --run-all` would wait for it"


def _works_in(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        return process.pid != os.getpid() and process.cwd().startswith(str(folder))
    return False


@pytest.mark.parametrize(
    ("gap", "p", "winner"), [(-0.1, 0.01, "RAG wins."), (0.1, 0.01, "Fine-tuning wins."), (0.1, 0.05, "Undecided.")]
)
def test_the_winner_on_other_companies_is_of_the_questions_that_the_documents_answer(workplace, gap, p, winner):
    values = {"companies": 3}
    for group, mean, its_p in (("answerable", gap, p), ("unanswerable", -gap, 0.0004)):
        key = f"{group}_tuned_minus_rag"
        values |= {key: mean, f"{key}_lo": mean - 0.05, f"{key}_hi": mean + 0.05, f"{key}_p": its_p}
    metrics.write("seeds", values)
    sentence = docs_experiments.companies()
    assert sentence.startswith(
        f"**On 3 companies that no recipe was chosen on: {winner} Tuned minus rag is {gap:+.3f} ("
    )
    assert (
        f"p {p:.2g}, on the questions that the documents answer" in sentence and "p < 0.001, on the others" in sentence
    )


def test_a_variant_changes_what_it_names_and_nothing_else():
    group = params.load("variants.ablations", variants.Params, Path("experiments/params.yaml"))
    reference = variants.make_plan(group, variants.Variant(), RECIPE)
    assert variants.make_plan(group, variants.Variant(lora_r=None), RECIPE).recipe == RECIPE.model_copy(
        update={"lora_r": None}
    )
    assert variants.make_plan(group, variants.Variant(replay_share=0), RECIPE).replay_share == 0
    changed = variants.make_plan(group, variants.Variant(reasoning=["qa"]), RECIPE)
    assert (changed.reasoning, changed.recipe) == (["qa"], reference.recipe)
    assert json.loads(json.dumps(reference.generators)) == group.generators


def test_trainings_come_back_in_order_and_the_first_error_ends_them(monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_JOBS", "2")
    assert progress.trainings(divmod, [(7, 2), (9, 4), (5, 5)], [1, 2, 3]) == [(3, 1), (2, 1), (1, 0)]
    with pytest.raises(ZeroDivisionError):
        progress.trainings(divmod, [(7, 2), (1, 0), (5, 5)], [1, 2, 3])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process is not told that its parent was killed")
def test_no_training_outlives_the_process_that_started_it():
    code = "import time; from experiments.progress import trainings; trainings(time.sleep, [(60,)] * 2, [1, 1])"
    parent = psutil.Popen([sys.executable, "-c", f"if __name__ == '__main__': {code}"], cwd=ROOT)
    while len(workers := [each for each in parent.children() if "spawn_main" in " ".join(each.cmdline())]) < 2:
        time.sleep(0.1)
    time.sleep(2)  # until they are at work
    parent.kill()
    parent.wait()
    assert psutil.wait_procs(workers, timeout=10)[1] == []


def test_dvc_checkout_asks_for_no_file_that_only_an_experiment_makes():
    stages = yaml.safe_load(Path("experiments/dvc.yaml").read_text())["stages"]
    outs = [out for stage in stages.values() for out in stage.get("do", stage).get("outs", [])]
    assert outs
    assert all(isinstance(out, dict) and [*out.values()] == [{"cache": False}] for out in outs), "no clone has them"
