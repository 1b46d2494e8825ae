"""A profile changes a few lines of params.yaml: all of them keys of it, for a run beside the shipped one that is kept in git."""

import contextlib
import json
import os
import signal
import time
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from commands import estimate
from commands.docs_configuration import section_models
from experiments import needs, profile
from parts.project import params
from parts.project.arms import load_arms
from parts.project.errors import UserError
from parts.project.files import write_text
from tests.helpers import git_runs
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text())
PROFILES = sorted(path.stem for path in (ROOT / "params").glob("*.yaml"))


@pytest.mark.parametrize("name", PROFILES)
def test_every_stage_takes_the_params_of_a_profile(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    path, sections = tmp_path / "params.yaml", profile.sections_of(name)
    path.write_text(yaml.safe_dump(sections))
    for section in sections.keys() - {"arms", "pretrain", "synthesize"}:
        (model,) = section_models(section).values()
        params.load(section, model, path)
    generators = section_models("synthesize")
    for generator in sections["synthesize"]:
        params.load(f"synthesize.{generator}", generators[f"synthesize.{generator}"], path)
    for arm in load_arms(path).values():
        assert (ROOT / f"parts/retrieval/retrievers/{arm.retriever}.py").exists()
    for key in ("reasoning", "trusted", "tokens_per_source"):  # as the stage curate holds them to be
        assert set(sections["curate"][key]) <= {*sections["synthesize"], "rows"}


def test_null_takes_a_generator_out_and_is_a_value_elsewhere():
    changes = {"synthesize": {"joined": None, "qa": {"samples": 2}}, "train": {"lora_r": None}}
    values = {"synthesize": {"joined": {"pairs": 1}, "qa": {"samples": 9, "count": 1}}, "train": {"lora_r": 8}}
    wanted = {"synthesize": {"qa": {"samples": 2, "count": 1}}, "train": {"lora_r": None}}
    assert profile.merged(values, changes) == wanted
    assert list(profile.overrides(changes)) == [
        "~synthesize.joined",
        "++synthesize.qa.samples=2",
        "++train.lora_r=null",
    ]


def problems(monkeypatch, changes: dict, gpu: float = 0.0) -> str:
    """Return what is told of a run of params.yaml with `changes` on a machine whose GPUs have so many GB; "" for nothing."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(needs, "_gpu_gigabytes", lambda: gpu)
    try:
        needs.check("mine", profile.merged(SHIPPED, changes))
    except UserError as error:
        assert str(error).startswith("the profile mine needs what is not here: ") and "\n" not in str(error)
        return str(error)
    return ""


def test_the_shipped_params_need_nothing(monkeypatch):
    assert not problems(monkeypatch, {})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ingest": {"path": "data/nowhere"}}, "ingest.path: there is no data/nowhere"),
        (
            {"teacher": {"serve": None}},
            "teacher rules-4: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own",
        ),
        ({"judge": {"serve": "no-such-program {port}"}}, "judge.serve: there is no program no-such-program"),
        ({"answer": {"engine": "openai"}}, "answer.engine is openai: set answer.serve, or CLOSEDBOOK_ENGINE_URL"),
        ({"student": {"model": "models/none-here"}}, "student.model: models/none-here is no folder here"),
        ({"arms": {"rag": {"retriever": "reranked"}}}, "retrieve.reranker: cross-encoder/ms-marco-MiniLM-L6-v2 is no"),
        (
            {"student": {"model": "x/Big-8B"}},
            "x/Big-8B: a GPU with 32 GB for the weights alone to train it, and here is none",
        ),
        ({"student": {"model": "x/Big-8B"}, "train": {"lora_r": None}}, "a GPU with 128 GB for the weights alone"),
        (
            {"teacher": {"model": "x/T-70B", "serve": "vllm serve x"}},
            "T-70B: a GPU with 140 GB for the weights alone to serve it",
        ),
    ],
)
def test_what_a_profile_needs_and_is_not_here_is_told(monkeypatch, changes, line):
    assert line in problems(monkeypatch, changes)


def test_what_is_here_is_not_told(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    hosted = {"teacher": {"serve": None}, "judge": {"serve": None}}
    assert not problems(monkeypatch, hosted)
    assert "x/Big-8B: a GPU" not in problems(monkeypatch, {"student": {"model": "x/Big-8B"}}, gpu=33)
    monkeypatch.delenv("OPENAI_API_KEY")
    silent = hosted | {"score": {"judge": False, "ragas": False}, "teacher": {}}
    assert not problems(monkeypatch, silent), "a judge that is never asked needs no key"


def test_the_server_of_openai_base_url_must_answer(monkeypatch, rules):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    assert not problems(monkeypatch, {"teacher": {"serve": None}})
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert "OPENAI_BASE_URL: no server answers at http://127.0.0.1:9/v1 (ConnectError)" in problems(monkeypatch, {})


def test_a_file_that_a_copy_of_the_repository_would_lack_is_told(workplace):
    git_runs.git("init", "-q")
    sections = profile.merged(deepcopy(SHIPPED), {"student": {"model": str(ROOT / "models/base")}})
    for section, key in (name.split(".") for name in needs.FILES):
        sections[section][key] = "data/none.jsonl"
    sections["ingest"]["path"] = "data/mine.jsonl"
    write_text(Path("data/mine.jsonl"), "{}")
    git_runs.git("add", "data/none.jsonl")
    with pytest.raises(
        UserError, match=r"needs what is not here: ingest.path: data/mine.jsonl is in neither git nor DVC"
    ):
        needs.check("mine", sections)
    write_text(Path("data/mine.jsonl.dvc"), "outs: []")
    git_runs.git("add", "data/mine.jsonl.dvc")
    needs.check("mine", sections)


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("Qwen/Qwen3-0.6B", 0.6),
        ("meta-llama/Llama-3.1-8B-Instruct", 8),
        ("gpt-4.1", 0),
        ("models/base", 0),
        ("a/135M", 0),
    ],
)
def test_the_size_of_a_model_is_in_its_name(model, size):
    assert needs.billions(model) == size


@pytest.mark.slow
def test_a_profile_is_priced_before_any_stage_ran(workplace, capsys):
    write_text(Path("docs/lamp.md"), "# Lamp\n\nThe lamp costs nine euros.\n")
    write_text(Path("docs/pump.md"), "# Pump\n\nThe pump costs two euros.\n")
    write_text(Path("params/mine.yaml"), "ingest: { path: docs }\nteacher: { model: gpt-4.1-mini, serve: null }\n")
    estimate.main(0, "mine")
    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("qa")]
    assert row[1:3] == ["20", "0"] and float(row[-1]) == pytest.approx(20 * 300 * 1.6e-6, abs=0.006)
    write_text(Path("params/mine.yaml"), "ingest: { path: docs }\nteacher: { model: unheard-of }\n")
    estimate.main(0, "mine")
    assert "prices.yaml has no price of unheard-of: add" in capsys.readouterr().out
    write_text(Path("params/mine.yaml"), "ingest: { path: nowhere }\n")
    assert error_line(estimate.main, "0", "mine").startswith("error: there is no folder nowhere")


def test_nested_changes_are_what_dvc_is_to_set():
    changes = {
        "train": {"seeds": [1, 2], "lora_r": None},
        "score": {"judge": False},
        "exam": {"questions": "a b.jsonl"},
    }
    assert list(profile.overrides(changes)) == [
        "++train.seeds=[1, 2]", "++train.lora_r=null", "++score.judge=false", '++exam.questions="a b.jsonl"',
    ]  # fmt: skip


def test_a_profile_that_is_not_there_is_told_with_those_that_are(workplace):
    write_text(Path("params/small.yaml"), "chunk: { max_tokens: 20 }\n")
    assert error_line(profile.main, "large") == ("error: there is no profile params/large.yaml: the profiles are small")


def test_a_section_that_params_yaml_lacks_is_refused_before_anything_runs(workplace):
    write_text(Path("params/small.yaml"), "trian: { seeds: [1] }\n")
    assert error_line(profile.main, "small") == "error: params/small.yaml: params.yaml has no section trian"


def test_the_minutes_of_a_stopped_run_are_added_to_those_of_the_next(workplace):
    spent = Path(".cache/profiles/small.json")
    write_text(spent, "2.5")
    with contextlib.suppress(KeyboardInterrupt), profile.adding_minutes(spent):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert 2.5 < json.loads(spent.read_text()) < 2.55


def test_params_metrics_and_minutes_of_a_revision_are_kept_and_nothing_else(workplace):
    write_text(Path("metrics/verdict.json"), json.dumps({"verdict": "rag"}))
    write_text(Path("metrics/score/rag.json"), "{}")
    write_text(Path("other.txt"), "not a metric")
    git_runs.git("init", "-q")
    git_runs.git("add", ".")
    git_runs.git("commit", "-q", "-m", "a run")
    profile.keep("HEAD", Path("experiments/small"), 2.5)
    files = sorted(str(path.relative_to("experiments/small")) for path in Path("experiments/small").rglob("*.*"))
    tables = [
        "metrics/score/rag.json",
        "metrics/tune_cascade.json",
        "metrics/tune_retrieval.json",
        "metrics/verdict.json",
    ]
    assert files == [*tables, "params.yaml", "run.json"]
    assert json.loads(Path("experiments/small/run.json").read_text()) == {"minutes": 2.5}
    assert json.loads(Path("experiments/small/metrics/verdict.json").read_text()) == {"verdict": "rag"}
