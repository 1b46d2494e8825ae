"""A profile changes a few lines of params.yaml: all of them keys of it, for a run beside the shipped one that is kept in git."""

import contextlib
import importlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
import yaml

from experiments import profile
from parts.project import params
from parts.project.files import write_text
from parts.project.sections import Server, Student
from tests.helpers import git_runs
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text())
MODELS = {"student": Student, "teacher": Server, "judge": Server}


def merged(values: dict, changes: dict) -> dict:
    """Return `values` with `changes` in it, key by key; both may be nested, and an empty table takes any key."""
    assert not values or set(changes) <= set(values), f"not keys of params.yaml: {sorted(set(changes) - set(values))}"
    return values | {
        key: merged(values[key], value) if isinstance(value, dict) else value for key, value in changes.items()
    }


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_profile_changes_keys_of_params_yaml_to_values_that_their_stages_take(path, workplace):
    changes = yaml.safe_load(path.read_text())
    Path("params.yaml").write_text(yaml.safe_dump(merged(SHIPPED, changes)))
    for section in changes:
        model = MODELS.get(section) or importlib.import_module(f"stages.{section}").Params
        params.load(section, model)


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
