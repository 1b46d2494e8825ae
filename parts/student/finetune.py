"""Finetune a causal language model by TRL's SFTTrainer, with LoRA or whole, on rows tokenised here: the loss mask is plain.

LoRA learns facts only with room and speed: all linear layers, a high rank, about ten times the rate of full
finetuning (Schulman et al. 2025, "LoRA Without Regret"; arXiv 2405.09673 for low ranks that learn less).
"""

import hashlib
import shutil
from pathlib import Path

from pydantic import BaseModel, Field

from parts.student.dataset import Encoded, encode, order
from parts.student.model import fast_bfloat16, fingerprint, load
from schemas.files import replacing, write_text

CHECKPOINTS = Path(".cache/train")


class Recipe(BaseModel, extra="forbid", frozen=True):
    """Section `train` of params.yaml."""

    seed: int
    lora_r: int | None = Field(ge=1)  # null: all weights, which wants a lower rate
    lora_alpha: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    num_train_epochs: float = Field(gt=0)
    per_device_train_batch_size: int = Field(ge=1)  # rows in a step
    max_length: int = Field(ge=16)  # of a row; longer ones are cut
    warmup_ratio: float = Field(ge=0, lt=1)  # share of the steps
    weight_decay: float = Field(ge=0)
    completion_only_loss: bool  # false: the loss is on the prompts too


def dataset(rows: list[dict], tokenizer, recipe: Recipe) -> tuple[list[Encoded], list[Encoded], list[int]]:
    """Return the rows (of Pairs) of split train and of split dev, and the order in which those of train are read."""
    train, dev = (
        encode(
            (row for row in rows if row["split"] == split), tokenizer, recipe.max_length, recipe.completion_only_loss
        )
        for split in ("train", "dev")
    )
    return (
        train,
        dev,
        order(
            [len(row["input_ids"]) for row in train],
            recipe.per_device_train_batch_size,
            recipe.num_train_epochs,
            recipe.seed,
        ),
    )


def training_key(model: str, recipe: Recipe, train: list[Encoded], dev: list[Encoded], read: list[int]) -> str:
    """Return a hash of all that bears on a training, as data: the model's files, the recipe, every token in its order."""
    return hashlib.sha256(repr((fingerprint(model), recipe, train, dev, read)).encode()).hexdigest()


def finetune(
    model: str, tokenizer, rows: list[dict], recipe: Recipe, adapter: Path, plot: Path
) -> dict[str, float | int]:
    """Train an adapter for `model`, or all of it, on the rows (of Pairs) of split train; save it and return metrics.

    `plot` gets the loss by step. A run that was stopped goes on from its last checkpoint.
    """
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    train, dev, read = dataset(rows, tokenizer, recipe)
    state = CHECKPOINTS / training_key(model, recipe, train, dev, read)[:16]
    config = SFTConfig(
        output_dir=str(state), seed=recipe.seed, data_seed=recipe.seed, num_train_epochs=1,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        per_device_eval_batch_size=recipe.per_device_train_batch_size,
        learning_rate=recipe.learning_rate, lr_scheduler_type="cosine", warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay, train_sampling_strategy="sequential", logging_steps=10, logging_first_step=True,
        save_strategy="steps", save_steps=0.25, save_total_limit=1, report_to="none", max_length=None,
        bf16=fast_bfloat16(), use_cpu=not torch.cuda.is_available(), activation_checkpointing=False,
    )  # fmt: skip
    lora = recipe.lora_r and LoraConfig(
        r=recipe.lora_r, lora_alpha=recipe.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
    )

    trainer = SFTTrainer(
        load(model), args=config, train_dataset=Dataset.from_list([train[row] for row in read]),
        eval_dataset=Dataset.from_list(dev) if dev else None, processing_class=tokenizer,
        peft_config=lora,
    )  # fmt: skip
    done = trainer.train(resume_from_checkpoint=any(state.glob("checkpoint-*")))
    dev_loss = trainer.evaluate()["eval_loss"] if dev else None
    _save(trainer.model, adapter)
    _plot(trainer.state.log_history, plot)
    shutil.rmtree(state)
    ends = [row["labels"][-1] == tokenizer.eos_token_id for row in train]
    return {
        "train_loss": done.training_loss, "dev_loss": dev_loss, "steps": done.global_step, "rows": len(train),
        "tokens": sum(len(train[row]["input_ids"]) for row in read),
        "rows_cut": len(ends) - sum(ends), "seconds": done.metrics["train_runtime"],
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }  # fmt: skip


def _plot(history: list[dict], to: Path) -> None:
    """Write step and loss, a line each: all that was logged, by a run that was stopped before this one, too.

    A loss is the mean since the one before it; of the first after a stop, since the checkpoint.
    """
    lines = ["step\tloss", *(f"{logs['step']}\t{logs['loss']}" for logs in history if "loss" in logs)]
    write_text(to, "\n".join(lines) + "\n")


def _save(model, adapter: Path) -> None:
    """Write the weights (an adapter's, or all) and their configuration, and nothing else, all or nothing."""
    with replacing(adapter) as partial:
        model.save_pretrained(partial, safe_serialization=True)
