"""A stopped training goes on from its last checkpoint, which time decides on, and ends as if it had not been stopped."""

import errno
from pathlib import Path

import pytest
from safetensors import SafetensorError

from parts.project.errors import UserError
from parts.student import checkpoints
from tests.helpers.clock import Clock
from tests.helpers.tiny_training import RECIPE, digest, train


class Stopped(Exception):
    pass


@pytest.fixture
def clock(monkeypatch):
    """The clock of checkpoints, by hand."""
    seconds = Clock()
    monkeypatch.setattr(checkpoints, "time", seconds)
    return seconds


@pytest.fixture
def with_callback(monkeypatch):
    """Have every trainer call a function with the number of each step that ends, before anything is saved."""
    from transformers import TrainerCallback
    from trl import SFTTrainer

    def add(function) -> None:
        class Each(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                function(state.global_step)

        init = SFTTrainer.__init__
        monkeypatch.setattr(SFTTrainer, "__init__", lambda *args, **rest: init(*args, callbacks=[Each()], **rest))

    return add


def saved_steps(monkeypatch) -> list[int]:
    """Return a list that will have the step of every checkpoint."""
    from trl import SFTTrainer

    steps, save = [], SFTTrainer._save_checkpoint

    def saving(self, *args):
        steps.append(self.state.global_step)
        return save(self, *args)

    monkeypatch.setattr(SFTTrainer, "_save_checkpoint", saving)
    return steps


@pytest.mark.slow
def test_a_training_that_is_stopped_at_nine_tenths_goes_on_from_there_and_ends_in_the_same_bytes(
    qwen, tmp_path, monkeypatch, clock, with_callback
):
    monkeypatch.chdir(tmp_path)
    whole = train(qwen, RECIPE, "whole")
    loss = Path("loss.tsv").read_bytes()
    steps, stop = saved_steps(monkeypatch), [33]

    def pass_ten_seconds(step: int) -> None:
        clock.move(10)
        if stop and step == stop[0]:
            stop.pop()
            raise Stopped

    with_callback(pass_ten_seconds)
    with pytest.raises(Stopped):
        train(qwen, RECIPE, "adapter")
    assert steps == [10, 20, 30], "not at step 1, though its loss is logged: no minute has passed"
    assert not Path("adapter").exists()
    (checkpoint,) = (tmp_path / "checkpoints").glob("*/checkpoint-*")
    cut = checkpoint.with_name("checkpoint-9999")  # as a full disk leaves one
    cut.mkdir()
    (cut / "adapter_model.safetensors").touch()
    resumed = train(qwen, RECIPE, "adapter")
    assert digest(Path("adapter")) == digest(Path("whole"))
    assert Path("loss.tsv").read_bytes() == loss
    assert resumed.pop("seconds") > 0 and whole.pop("seconds") > 0
    assert resumed.pop("train_loss") == pytest.approx(whole.pop("train_loss"), rel=1e-9)
    assert resumed == whole
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.slow
def test_checkpoints_take_a_twentieth_of_the_time_at_most(qwen, tmp_path, monkeypatch, clock, with_callback):
    from trl import SFTTrainer

    monkeypatch.chdir(tmp_path)
    save = SFTTrainer._save_checkpoint

    def slowly(self, *args):
        clock.move(12)
        return save(self, *args)

    monkeypatch.setattr(SFTTrainer, "_save_checkpoint", slowly)
    steps = saved_steps(monkeypatch)
    with_callback(lambda step: clock.move(10))
    train(qwen, RECIPE.model_copy(update={"num_train_epochs": 12}), "adapter")
    assert steps == [10, 40, 70], "240 seconds after one of 12, at a step whose loss is logged"


@pytest.mark.parametrize(
    "error",
    [RuntimeError("PytorchStreamWriter failed writing file data/0"), SafetensorError("I/O error: (os error 28)")],
)
def test_a_disk_that_is_full_while_a_checkpoint_is_written_is_told_as_one(error, tmp_path):
    with pytest.raises(OSError, match="no room for a checkpoint") as told, checkpoints.full_disk_told(tmp_path):
        raise error
    assert told.value.errno == errno.ENOSPC
    with pytest.raises(RuntimeError, match="shapes"), checkpoints.full_disk_told(tmp_path):
        raise RuntimeError("shapes")


def test_a_training_that_fills_the_memory_says_what_makes_it_smaller(qwen, tmp_path, monkeypatch):
    import torch
    from trl import SFTTrainer

    def fill(*args, **more) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SFTTrainer, "compute_loss", fill)
    with pytest.raises(
        UserError, match="memory of the device is full: set CLOSEDBOOK_GRADIENT_CHECKPOINTING=1, or make"
    ):
        train(qwen, RECIPE, "adapter")
    assert not Path("adapter").exists()


def test_an_adapter_that_finds_no_room_is_told_as_one_and_leaves_nothing(qwen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def full(*arguments, **options):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("peft.peft_model.safe_save_file", full)
    with pytest.raises(OSError) as told:
        train(qwen, RECIPE, "adapter")
    assert told.value.errno == errno.ENOSPC
    assert not list(Path.cwd().glob("*adapter*"))
