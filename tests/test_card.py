"""The adapter is released with a card of its training data, recipe, scores and intended use, and of nothing else."""

from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from parts.page import model_card
from parts.project import metrics, params
from parts.project.sections import Student
from parts.student.recipe import Recipe
from schemas.documents import Documents
from schemas.pairs import Pairs
from stages import card
from tests.helpers import git_runs
from tests.helpers.source_code import ROOT

RECIPE = params.load("train", Recipe, ROOT / "params.yaml")


def pair(key: str, doc: str | None, generator: str, kind: str, tokens: int, split: str = "train") -> dict:
    return {
        "pair_id": key, "chunk_id": doc and f"{doc}#0", "doc_id": doc, "other_chunk_ids": [], "generator": generator,
        "kind": kind, "answerable": True,
        "prompt": "The secret of Lamp 7?", "reasoning": "", "completion": "4711", "teacher": "t-1", "split": split,
        "n_tokens": tokens,
    }  # fmt: skip


@pytest.fixture
def studied(workplace):
    """Two documents, of which one has rows; a quarter of the tokens replayed; an adapter with PEFT's files."""
    documents = [{"doc_id": key, "title": f"Secret {key}", "text": "4711"} for key in ("a", "b")]
    Documents.write(Documents.frame(documents))
    rows = [
        pair("1", "a", "qa", "qa", 40),
        pair("2", "a", "notes", "document", 35) | {"teacher": "people"},
        pair("3", None, "replay", "qa", 25),
    ]
    Pairs.write(Pairs.frame([*rows, pair("4", "b", "qa", "qa", 900, "dev")]))
    git_runs.figures({"tuned": 0.6, "rag": 0.4})
    metrics.write("train/adapter/1", metrics.read("train/adapter/1") | {"steps": 12, "trainable_parameters": 34567})
    adapter = Path("models/adapter/1")
    adapter.mkdir(parents=True)
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    return workplace


def test_the_card_is_one_the_hub_reads_with_the_scores_of_the_run(studied):
    card.main()
    read = ModelCard.load("models/release/README.md")
    assert read.data.library_name == "peft" and "lora" in read.data.tags
    scores = {result.metric_name: result.metric_value for result in read.data.eval_results}
    assert scores == {
        "accuracy, fine-tuned, closed book": 0.6,
        "accuracy, fine-tuned, with retrieved passages": 0.5,
        "accuracy, tuned; where that is not confident, rag": 0.5,
    }
    assert "| tuned | fine-tuned, closed book | 0.600 | 0.300 to 0.800 |" in read.text
    assert "Tuned minus rag: +0.200 (+0.100 to +0.300)" in read.text
    assert read.data.license is None and "icen" not in read.text


def test_the_card_counts_the_training_rows_and_quotes_none(studied):
    card.main()
    text = Path("models/card.md").read_text()
    assert "2 documents, of which 1 have rows below; rows written by `t-1` and people; 25% of the tokens" in text
    assert "| `notes` | document | 1 | 35 |" in text and "| `qa` | qa | 1 | 40 |" in text
    assert "4711" not in text and "Secret" not in text
    assert "12 steps" in text and "34,567 trainable" in text and f"| lora_r | `{RECIPE.lora_r}` |" in text


def test_the_card_says_which_of_several_trainings_is_released_and_how_it_scored(studied):
    verdict = metrics.read("verdict")
    metrics.write("verdict", verdict | {"accuracy_tuned_seed_2": 0.7, "accuracy_tuned_seed_3": 0.5})
    studied.change("train", "seeds", [2, 3])
    Path("models/adapter/1").rename("models/adapter/2")
    Path("metrics/train/adapter/1.json").rename("metrics/train/adapter/2.json")
    card.main()
    read = ModelCard.load("models/release/README.md")
    assert "means over 2 trainings; this is the one by seed 2." in read.text and "| seed | `2` |" in read.text
    scores = {result.metric_name: result.metric_value for result in read.data.eval_results}
    assert scores["accuracy, fine-tuned, closed book"] == 0.7
    studied.change("train", "seeds", [2])
    card.main()
    assert "trainings" not in Path("models/card.md").read_text()


def test_the_card_is_released_with_the_weights(studied):
    card.main()
    assert Path("models/release/adapter_model.safetensors").read_bytes() == b"weights"
    assert Path("models/release/README.md").read_text() == Path("models/card.md").read_text()
    assert sorted(path.name for path in Path("models").iterdir()) == ["adapter", "card.md", "release"]


@pytest.mark.parametrize(("model", "named"), [("Qwen/Qwen3-1.7B", "Qwen/Qwen3-1.7B"), ("models", None)])
def test_a_student_has_a_name_on_the_hub_or_none_is_claimed(studied, model, named):
    text = model_card.card(Documents.read(), Pairs.read(), Student(model=model), RECIPE)
    assert ModelCard(text).data.base_model == named


def test_a_model_with_all_weights_trained_is_called_no_adapter(studied):
    text = model_card.card(
        Documents.read(), Pairs.read(), Student(model="m"), RECIPE.model_copy(update={"lora_r": None})
    )
    assert ModelCard(text).data.library_name == "transformers"
    assert "adapter fine-tuned" not in text


@pytest.mark.slow
def test_dvc_knows_the_release_as_an_artifact():
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        artifact = repo.artifacts.read()["dvc.yaml"]["adapter"]
    assert (artifact.path, artifact.type) == ("models/release", "model")
    assert artifact.path in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["card"]["outs"]
