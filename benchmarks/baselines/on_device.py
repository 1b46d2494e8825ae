"""Train, or ask, one student of random weights on this machine's GPU, beside TRL and transformers as they are by default.

python -m benchmarks.baselines.on_device PART SIZE    train or answer, and a key of SHAPES; prints JSON, null: out of memory
"""

import contextlib
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from benchmarks.baselines import generating
from benchmarks.baselines.random_student import STUDENT, multiplied_weights, prompts, random_student, training_data
from parts.answering import transformers_engine
from parts.project import machine, params
from parts.student import finetune
from parts.student.chat_format import ChatFormat, chat_format
from parts.student.dataset import TrainingData
from parts.student.recipe import Recipe
from tests.helpers.source_code import ROOT

STEPS = (8, 32)  # rows in a step
ROWS, WARMUP = 160, 32  # rows trained on, and before the clock starts
FEW = 8  # rows, prompts and new tokens where there is no GPU
PROMPTS, LOOPED, AT_ONCE, NEW_TOKENS, MOST_PROMPT = 64, 4, 32, 64, 900

Figures = dict[str, float | None]
Training = Callable[[str, ChatFormat, TrainingData, Recipe], float]
"""size, chat, data, recipe -> seconds of a training"""


def ours(size: str, chat: ChatFormat, data: TrainingData, recipe: Recipe) -> float:
    """The training of a stage."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(finetune, "CHECKPOINTS", Path(folder, "state")),
        mock.patch.object(finetune, "load", lambda *_, **__: random_student(size)),
    ):
        paths = Path(folder, "adapter"), Path(folder, "loss.tsv")
        return finetune.finetune(STUDENT, chat, data, recipe, 1, *paths)[1]["seconds"]


def padded(*training: object) -> float:
    """Ours, but that the rows of a step share nothing."""
    with mock.patch.object(finetune, "sharing", lambda collate, model, steps: collate):
        return ours(*training)


def trl(size: str, chat: ChatFormat, data: TrainingData, recipe: Recipe) -> float:
    """TRL's trainer as it is by default, with the same rows in a step and the same adapter."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    lora = LoraConfig(r=recipe.lora_r, lora_alpha=recipe.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder, per_device_train_batch_size=data.batch, num_train_epochs=1, report_to="none",
            save_strategy="no", disable_tqdm=True, use_cpu=not has_gpu(),
        )  # fmt: skip
        trainer = SFTTrainer(
            random_student(size), args=config, peft_config=lora, processing_class=chat.tokenizer,
            train_dataset=Dataset.from_list([data.train[row] for row in data.order]),
        )  # fmt: skip
        start = machine.seconds(machine.training_clock())
        trainer.train()
        return machine.seconds(machine.training_clock()) - start


def measure_train(size: str) -> Figures:
    """Return rows a second and peak memory by way to train and rows in a step; of ours, tokens and the share of the peak.

    A token costs four products with each weight: one forward, one backward, of two operations each; none of the frozen
    weights' own gradients.
    """
    chat, recipe = chat_format(STUDENT), params.load("train", Recipe, ROOT / "params.yaml")
    peak, counts = matmul_flops(), (WARMUP, ROWS) if has_gpu() else (FEW, FEW)
    figures: Figures = {"weights_billions": multiplied_weights(size) / 1e9, "matmul_tflops": peak / 1e12}
    for rows in STEPS:
        sized = recipe.model_copy(update={"per_device_train_batch_size": rows})
        warmup, data = (training_data(count, chat, sized) for count in counts)
        for way in (ours, padded, trl):
            seconds, memory = _measured(way, size, chat, warmup, data, sized)
            figures[f"{way.__name__}_rows_per_second_{rows}"] = seconds and len(data.order) / seconds
            figures[f"{way.__name__}_gb_{rows}"] = memory
            if way is ours and seconds:
                figures[f"tokens_per_second_{rows}"] = data.tokens / seconds
                figures[f"share_of_peak_{rows}"] = 4 * multiplied_weights(size) * data.tokens / seconds / peak
    return figures


def _measured(
    way: Training, size: str, chat: ChatFormat, warmup: TrainingData, data: TrainingData, recipe: Recipe
) -> tuple[float | None, float | None]:
    """Return the seconds of a training on `data`, after one on `warmup`, and the most gigabytes of the GPU it took."""
    import torch

    with contextlib.suppress(torch.OutOfMemoryError):
        way(size, chat, warmup, recipe)
        _forget()
        seconds = way(size, chat, data, recipe)
        return seconds, _gigabytes()
    _forget()
    return None, None


def matmul_flops() -> float:
    """Return the operations a second of large matrix products in bfloat16 on random data: the device's peak as it is met."""
    import torch

    width, count, device = (8192, 20, "cuda") if has_gpu() else (1024, 3, "cpu")
    left, right = (torch.randn(width, width, device=device, dtype=torch.bfloat16) for _ in "ab")
    left @ right
    start = machine.seconds("wall")
    for _ in range(count):
        left @ right
    return 2 * width**3 * count / (machine.seconds("wall") - start)


def measure_answer(size: str) -> Figures:
    """Return answered prompts a second by way to answer; answers of random weights all have NEW_TOKENS tokens."""
    chat, few = chat_format(STUDENT), None if has_gpu() else FEW
    with mock.patch.object(transformers_engine, "load", lambda *_, **__: random_student(size)):
        engine = transformers_engine.Engine(STUDENT.model, chat, few or NEW_TOKENS, MOST_PROMPT)
    texts = prompts(few or PROMPTS, chat)
    ways = {
        "ours": (lambda engine, texts: engine.respond(texts, AT_ONCE), texts),
        "generate": (generating.batched("dynamic", AT_ONCE), texts),
        "paged": (generating.paged(64 if few else None), texts),
        "loop": (generating.loop, texts[:LOOPED]),
    }
    _forget()
    figures: Figures = {"prompt_tokens": sum(map(engine.tokens, texts)) / len(texts)}
    for name, (answer, asked) in ways.items():
        answer(engine, asked[:AT_ONCE])
        start = time.perf_counter()
        answer(engine, asked)
        figures[f"answer_{name}_per_second"] = len(asked) / (time.perf_counter() - start)
        if name == "ours":
            figures["answer_gb"] = _gigabytes()
    return figures


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _forget() -> None:
    """Let go of memory, and of the most that was taken."""
    import torch

    gc.collect()
    if has_gpu():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _gigabytes() -> float | None:
    """Return the most that tensors have taken of the GPU since `_forget`; None without one."""
    import torch

    return torch.cuda.max_memory_allocated() / 1e9 if has_gpu() else None


if __name__ == "__main__":
    part, size = sys.argv[1:]
    print(json.dumps({"train": measure_train, "answer": measure_answer}[part](size)))
