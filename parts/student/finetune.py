"""Fine-tune a causal language model with TRL's SFTTrainer: a LoRA adapter or all weights, on rows tokenised in dataset.py.

LoRA learns facts only on all linear layers, with a high rank and about ten times the learning rate of full fine-tuning
(Schulman et al. 2025, "LoRA Without Regret"; arXiv 2405.09673: low ranks learn less).
"""

import hashlib
import math
import shutil
from pathlib import Path

from pydantic import BaseModel, Field

from parts.project import machine
from parts.project.files import replacing, write_text
from parts.project.progress import ProgressBar
from parts.student.dataset import Encoded, encode, order
from parts.student.model import fast_bfloat16, fingerprint, load

CHECKPOINTS = Path(".cache/train")


class Recipe(BaseModel, extra="forbid", frozen=True):
    """Section `train` of params.yaml."""

    seed: int
    lora_r: int | None = Field(ge=1)  # null: full fine-tuning, which needs a lower learning rate
    lora_alpha: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    num_train_epochs: float = Field(gt=0)
    per_device_train_batch_size: int = Field(ge=1)  # rows per step
    max_length: int = Field(ge=16)  # tokens of a row; longer rows are cut
    warmup_ratio: float = Field(ge=0, lt=1)  # fraction of the steps
    weight_decay: float = Field(ge=0)
    completion_only_loss: bool  # false: loss on the prompts too


def dataset(rows: list[dict], tokenizer, recipe: Recipe) -> tuple[list[Encoded], list[Encoded], list[int]]:
    """Return the encoded rows (of Pairs) of splits train and dev, and the training order of the train rows."""
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


def training_key(model: str, recipe: Recipe, train: list[Encoded], dev: list[Encoded], rows: list[int]) -> str:
    """Return a hash of everything that training depends on: the model's files, the recipe, every token, the `rows`' order."""
    return hashlib.sha256(repr((fingerprint(model), recipe, train, dev, rows)).encode()).hexdigest()


def finetune(
    model: str, tokenizer, rows: list[dict], recipe: Recipe, adapter: Path, plot: Path
) -> dict[str, float | int]:
    """Fine-tune `model` on the rows (of Pairs) of split train, save it to the folder `adapter` and return metrics.

    The adapter is LoRA's, or all weights where `recipe.lora_r` is null. The loss by step goes to `plot`, a TSV file. A
    stopped run resumes from its last checkpoint.
    """
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    train, dev, row_order = dataset(rows, tokenizer, recipe)
    state = CHECKPOINTS / training_key(model, recipe, train, dev, row_order)[:16]
    config = SFTConfig(
        output_dir=str(state), seed=recipe.seed, data_seed=recipe.seed, num_train_epochs=1,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        per_device_eval_batch_size=recipe.per_device_train_batch_size,
        learning_rate=recipe.learning_rate, lr_scheduler_type="cosine", warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay, train_sampling_strategy="sequential", logging_steps=10, logging_first_step=True,
        save_strategy="steps", save_steps=0.25, save_total_limit=1, report_to="none", max_length=None,
        bf16=fast_bfloat16(), use_cpu=not torch.cuda.is_available(), activation_checkpointing=False, disable_tqdm=True,
    )  # fmt: skip
    lora = recipe.lora_r and LoraConfig(
        r=recipe.lora_r, lora_alpha=recipe.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
    )

    trainer = SFTTrainer(
        load(model), args=config, train_dataset=Dataset.from_list([train[row] for row in row_order]),
        eval_dataset=Dataset.from_list(dev) if dev else None, processing_class=tokenizer,
        peft_config=lora,
    )  # fmt: skip
    quiet_trainer(trainer)
    checkpoint = max((int(path.name.rpartition("-")[2]) for path in state.glob("checkpoint-*")), default=0)
    clock = machine.training_clock()
    start = machine.seconds(clock)
    output = trainer.train(resume_from_checkpoint=checkpoint > 0)
    seconds, steps = machine.seconds(clock) - start, output.global_step - checkpoint  # a resumed run trains the rest
    dev_loss = trainer.evaluate()["eval_loss"] if dev else None
    _save(trainer.model, adapter)
    _plot(trainer.state.log_history, plot)
    shutil.rmtree(state)
    has_end = [row["labels"][-1] == tokenizer.eos_token_id for row in train]
    return {
        "train_loss": output.training_loss, "dev_loss": dev_loss, "steps": output.global_step, "rows": len(train),
        "tokens": sum(len(train[row]["input_ids"]) for row in row_order),
        "rows_cut": len(has_end) - sum(has_end), "clock": clock,
        "seconds": seconds / steps * output.global_step if steps else math.nan,
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }  # fmt: skip


def quiet_trainer(trainer) -> None:
    """Have the trainer draw one bar, of its steps, in place of a dictionary for every tenth."""
    from transformers import PrinterCallback, TrainerCallback

    class StepBar(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            self.bar = ProgressBar(total=state.max_steps, initial=state.global_step, desc="train", unit="step")

        def on_step_end(self, args, state, control, **kwargs):
            self.bar.update(state.global_step - self.bar.n)

        def on_log(self, args, state, control, logs=None, **kwargs):
            self.bar.set_postfix({"loss": logs["loss"]} if "loss" in logs else {}, refresh=False)

        def on_train_end(self, args, state, control, **kwargs):
            self.bar.close()

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StepBar())


def _plot(history: list[dict], path: Path) -> None:
    """Write step and loss, tab-separated: every logged value, those before a resumed run's checkpoint too.

    A loss is the mean since the previous logged step; the first one after a resume, since the checkpoint.
    """
    lines = ["step\tloss", *(f"{logs['step']}\t{logs['loss']}" for logs in history if "loss" in logs)]
    write_text(path, "\n".join(lines) + "\n")


def _save(model, adapter: Path) -> None:
    """Write the weights (an adapter's, or all) and their configuration, and nothing else, all or nothing."""
    with replacing(adapter) as partial:
        model.save_pretrained(partial, safe_serialization=True)
