"""Checkpoints of a training: when one is written, which was written to its end, and what a full disk looks like."""

import contextlib
import errno
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

INTERVAL = 60.0  # seconds of training between two checkpoints, at least
WORTH = 20  # times as long as writing one took
WHOLE = "whole"  # a file in a checkpoint, the last to be written


def last_checkpoint(state: Path) -> int:
    """Return the step of the last checkpoint in `state` that was written to its end, 0 without one; remove all others."""
    steps = []
    for path in state.glob("checkpoint-*"):
        if (path / WHOLE).exists():
            steps.append(int(path.name.rpartition("-")[2]))
        else:
            shutil.rmtree(path, ignore_errors=True)  # of several processes that start, one is the first
    return max(steps, default=0)


def save_by_time(trainer) -> None:
    """Have the trainer write a checkpoint where a minute has passed, and twenty times what writing the last one took.

    It is written at a step whose loss is logged, so that a resumed run logs the same losses. Of several processes the
    first has the clock.
    """
    from transformers import TrainerCallback

    class SaveByTime(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            self.saved, self.cost = time.monotonic(), 0.0

        def on_step_end(self, args, state, control, **kwargs):
            if control.should_log:
                self.started = time.monotonic()
                is_due = self.started - self.saved >= max(INTERVAL, WORTH * self.cost)
                control.should_save = _of_first_process(trainer.accelerator, is_due)

        def on_save(self, args, state, control, **kwargs):
            trainer.accelerator.wait_for_everyone()
            if state.is_world_process_zero:
                checkpoint = Path(args.output_dir, f"checkpoint-{state.global_step}")
                (checkpoint / WHOLE).touch()
                for older in set(checkpoint.parent.glob("checkpoint-*")) - {checkpoint}:
                    shutil.rmtree(older)
            self.saved = time.monotonic()
            self.cost = self.saved - self.started

    trainer.add_callback(SaveByTime())


def _of_first_process(accelerator, value: bool) -> bool:
    if accelerator.num_processes == 1:
        return value
    import torch
    from accelerate.utils import broadcast

    return bool(broadcast(torch.tensor(value, device=accelerator.device)))


FULL_DISK = ("PytorchStreamWriter failed writing", "No space", "os error 28", "os error 122", "os error 27")
"""What PyTorch and safetensors say of it: no space, a quota, the largest file allowed."""


@contextlib.contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Raise OSError of a full disk in place of the errors that PyTorch and safetensors have for it."""
    from safetensors import SafetensorError

    try:
        yield
    except (RuntimeError, SafetensorError) as error:
        if any(text in str(error) for text in FULL_DISK):
            raise OSError(errno.ENOSPC, "no room for a checkpoint", str(folder)) from error
        raise
