"""What a training on a CPU is spared: threads and casts that cost a small student more than they save, logits without a label."""

import pytest
import torch

from parts.project.sections import Student
from parts.student import dataset, model
from tests.helpers.tiny_training import RECIPE, rows, train


@pytest.mark.slow
@pytest.mark.parametrize(("small", "threads"), [(model.SMALL, 1), (0, 2)])
def test_a_small_student_is_trained_by_one_thread_on_any_number_of_cores(small, threads, qwen, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "SMALL", small)
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(qwen, RECIPE.model_copy(update={"num_train_epochs": 1}), "adapter")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_logits_are_taken_where_there_is_a_label_alone(qwen, qwen_chat, tmp_path, monkeypatch):
    from trl.trainer import utils

    monkeypatch.chdir(tmp_path)
    apply, scored = utils._ChunkedLogProbFunction.apply, []
    monkeypatch.setattr(
        utils._ChunkedLogProbFunction, "apply", lambda hidden, *rest: scored.append(len(hidden)) or apply(hidden, *rest)
    )
    recipe = RECIPE.model_copy(update={"num_train_epochs": 1})
    data = dataset.pairs_data(rows(), qwen_chat, recipe, 1)
    train(qwen, recipe, "adapter")
    labels = [sum(label != dataset.IGNORED for row in step for label in row["labels"][1:]) for step in data.steps]
    assert scored[: len(labels)] == labels


@pytest.mark.parametrize(
    ("small", "has_bfloat16", "multiplies"), [(0, True, True), (0, False, False), (model.SMALL, True, False)]
)
def test_a_cpu_multiplies_in_bfloat16_where_it_is_fast_and_the_student_is_not_small(
    small, has_bfloat16, multiplies, qwen, monkeypatch
):
    monkeypatch.setattr(model, "SMALL", small)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_bfloat16)
    assert model.multiplies_in_bfloat16(model.is_small(Student(model=str(qwen)))) == multiplies
