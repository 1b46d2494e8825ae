"""How time and memory grow with rows, replies and passages; and training, embedding and reading beside what is bare.

python -m benchmarks.scale [PART...]    PART: curate, cache, index, folder; train, ddp, fsdp, zero3 (DeepSpeed), embed,
                                        ingest; none: all

Each size is measured in a process of its own, in CPU seconds; ingest on the wall, for its point is two processes at once.
Figures in results/scale.json of other parts, or that tests on several processes and machines add, stay.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl

from benchmarks import ingest, models
from benchmarks.baselines import exams
from benchmarks.baselines.figures import RESULTS, Figures
from commands.docs_scale import power_law
from parts.corpus import folder, workers
from parts.project import machine, params, spread
from parts.project.sections import Student
from parts.retrieval.embedder import Embedder, EmbedderParams
from parts.retrieval.passage_store import embedding_text
from parts.student import finetune, packing, processes
from parts.student.chat_format import chat_format
from parts.student.dataset import TrainingData
from parts.student.model import is_small, load, multiplies_in_bfloat16
from parts.student.recipe import Recipe
from tests.helpers import tiny_training
from tests.helpers.source_code import ROOT

SIZES = {
    "curate": (10_000, 100_000, 1_000_000), "cache": (10_000, 100_000, 1_000_000, 10_000_000),
    "index": (10_000, 50_000, 200_000, 1_000_000), "folder": (1_000, 10_000, 30_000),
}  # fmt: skip
GOALS = {
    "cache_lookup_us": "flat", "curate_growth": "<= 1.1", "query_ms_50k": "<= 15", "train_over_bare": ">= 0.95",
    "ddp_loss_gap": "<= 0.002", "fsdp_loss_gap": "<= 0.005", "zero3_loss_gap": "<= 0.005", "embed_over_bare": ">= 0.95",
    "ingest_speedup_2": ">= 1.7", "ingest_peak_mb": "flat",
}  # fmt: skip
TRAINED, EMBEDDED, READ = 200, 300, 200  # rows, passages, documents
RATE = 0.003  # at the tests' rate of 0.02, rounding alone sets two trainings of this student apart, by a seventh after 20 steps
RENAMED = {"index_query_ms": "query_ms", "index_query_p95_ms": "query_p95_ms", "folder_peak_mb": "ingest_peak_mb"}


def label(size: int) -> str:
    """Return 10000 as 10k, and 1000000 as 1m."""
    return f"{size // 10**6}m" if size >= 10**6 else f"{size // 1000}k" if size >= 1000 else str(size)


def growth(part: str, sizes: Sequence[int], figures: Figures) -> None:
    """Add what `part` takes at each of `sizes`, and the power of the size that its seconds grow with, with R2 of the fit."""
    seconds = []
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.baselines.growth", part, str(size)]
        values = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
        for name, value in values.items():
            key = RENAMED.get(f"{part}_{name}", f"{part}_{name}")
            figures.add(f"{key}_{label(size)}", value, GOALS.get(f"{key}_{label(size)}", GOALS.get(key, "")))
        seconds.append(values.get("seconds"))
    if all(seconds):
        _, power, r2 = power_law(dict(zip(sizes, seconds, strict=True)))
        figures.add(f"{part}_growth", power, GOALS.get(f"{part}_growth", ""))
        figures.add(f"{part}_growth_r2", r2)


def train_over_bare(rows: int) -> float:
    """Return the CPU seconds of a bare PyTorch loop over those of our training, on the same packed steps of LoRA."""
    student, recipe = Student(model=str(ROOT / "models/base")), params.load("train", Recipe)
    chat = chat_format(student)
    data = models.data_of(rows, chat, recipe)
    with tempfile.TemporaryDirectory() as temporary, mock.patch.object(finetune, "CHECKPOINTS", Path(temporary, "s")):
        paths = Path(temporary, "adapter"), Path(temporary, "loss.tsv")
        ours = finetune.finetune(student, chat, data, recipe, 1, *paths)[1]["seconds"]
    return bare_seconds(student, data, recipe, chat.tokenizer.pad_token_id) / ours


def bare_seconds(student: Student, data: TrainingData, recipe: Recipe, pad: int) -> float:
    """Return the CPU seconds of forward, backward, clipping and AdamW over the steps of `data`, and of nothing else."""
    import torch
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=recipe.lora_r, lora_alpha=recipe.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(load(student.model), lora).train()
    weights = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    start = machine.seconds(machine.training_clock())
    for step in data.steps:
        inputs = packing.pack(step) if packing.is_worth_it(step) else padded(step, pad)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=multiplies_in_bfloat16(is_small(student))):
            loss = model(**{key: value.to(model.device) for key, value in inputs.items()}).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return machine.seconds(machine.training_clock()) - start


def padded(rows: Sequence[Mapping], pad: int) -> dict:
    """Return the rows of a step, padded on the right."""
    import torch

    masked = [row | {"mask": [1] * len(row["input_ids"])} for row in rows]

    def column(key: str, filler: int) -> "torch.Tensor":
        values = [torch.tensor(row[key]) for row in masked]
        return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=filler)

    ids, labels, mask = column("input_ids", pad), column("labels", packing.IGNORED), column("mask", 0)
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def loss_gap(config: str) -> float:
    """Return the largest relative difference of a logged loss of a training in two processes, by a file of configs/, from one."""
    losses, recipe = [], tiny_training.RECIPE.model_copy(update={"learning_rate": RATE})
    for path in (None, str(ROOT / "configs" / f"{config}.yaml")):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            environment = {processes.CONFIG: path} if path else {}
            with (
                mock.patch.dict(os.environ, environment),
                mock.patch.object(finetune, "CHECKPOINTS", Path(folder, "s")),
            ):
                tiny_training.train(ROOT / "models/base", recipe, "adapter")
            losses.append(pl.read_csv("loss.tsv", separator="\t")["loss"].to_numpy())
    return float(np.max(np.abs(losses[1] / losses[0] - 1)))


def embed_over_bare(count: int) -> float:
    """Return the CPU seconds of sentence-transformers as it is by default over those of our embedder, on the same passages."""
    embed = Embedder(params.load("retrieve", EmbedderParams).embedder)
    texts = [embedding_text(*row) for row in exams.synthetic(count).select("heading", "text").iter_rows()]
    embed(texts[:16])
    seconds = []
    for job in (
        lambda: embed.model.encode(texts, normalize_embeddings=True, show_progress_bar=False),
        lambda: embed(texts),
    ):
        start = machine.seconds("cpu")
        job()
        seconds.append(machine.seconds("cpu") - start)
    return seconds[0] / seconds[1]


def ingest_speedup() -> float:
    """Return the seconds on the wall of reading documents with one process over those with two."""
    with tempfile.TemporaryDirectory() as temporary:
        files = list(folder.files(ingest.write_documents(Path(temporary), READ)))
        seconds = []
        for count in (1, 2):
            with mock.patch.dict(os.environ, {spread.PROCESSES: str(count)}):
                seconds.append(ingest._seconds(lambda: list(workers.read_files(files))))
    return seconds[0] / seconds[1]


RATIOS = {
    "train": lambda: ("train_over_bare", train_over_bare(TRAINED)),
    "ddp": lambda: ("ddp_loss_gap", loss_gap("ddp")),
    "fsdp": lambda: ("fsdp_loss_gap", loss_gap("fsdp")),
    "zero3": lambda: ("zero3_loss_gap", loss_gap("zero3")),
    "embed": lambda: ("embed_over_bare", embed_over_bare(EMBEDDED)),
    "ingest": lambda: ("ingest_speedup_2", ingest_speedup()),
}


def main(*parts: str, sizes: Mapping[str, Sequence[int]] = SIZES, results: Path = RESULTS) -> None:
    figures = Figures("scale", results, "duckdb", "pgvector", "torch", "trl", others=True)
    every = [part for part in (*SIZES, *RATIOS) if part != "zero3" or importlib.util.find_spec("deepspeed")]
    for part in parts or every:
        if part in SIZES:
            growth(part, sizes[part], figures)
        else:
            key, value = RATIOS[part]()
            figures.add(key, value, GOALS.get(key, ""))
        figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
