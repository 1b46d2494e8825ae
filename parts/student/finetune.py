"""Fine-tune a causal language model with TRL's SFTTrainer: a LoRA adapter or all weights, on rows tokenised in dataset.py.

LoRA learns facts only on all linear layers, with a high rank and about ten times the learning rate of full fine-tuning
(Schulman et al. 2025, "LoRA Without Regret"; arXiv 2405.09673: low ranks learn less).
"""

import hashlib
import importlib.util
import math
import os
import shutil
from pathlib import Path
from statistics import fmean

from parts.project import machine
from parts.project.errors import UserError
from parts.project.files import replacing, write_text
from parts.project.progress import ProgressBar
from parts.project.sections import Student
from parts.student import processes
from parts.student.chat_format import ChatFormat
from parts.student.checkpoints import full_disk_told, last_checkpoint, save_by_time
from parts.student.dataset import TrainingData
from parts.student.memory import full_memory_told
from parts.student.model import fingerprint, is_small, load, multiplies_in_bfloat16, weights
from parts.student.packing import sharing
from parts.student.recipe import Recipe

CHECKPOINTS = Path(".cache/train")

SMALLER = (
    "set CLOSEDBOOK_GRADIENT_CHECKPOINTING=1, or make train.per_device_train_batch_size smaller and "
    "train.gradient_accumulation_steps as many times larger"
)
"""What to do where a training does not fit into memory."""


def training_key(model: str, recipe: Recipe, seed: int, data: TrainingData) -> str:
    """Return a hash of everything that training depends on: the model's files, recipe, seed, every token and their order."""
    settings = recipe.model_dump(exclude={"seeds"}, exclude_defaults=True)  # so that a new key changes no old training
    return hashlib.sha256(repr((fingerprint(model), settings, seed, data)).encode()).hexdigest()


def finetune(
    student: Student, chat: ChatFormat, data: TrainingData, recipe: Recipe, seed: int, adapter: Path, plot: Path
) -> tuple[dict[str, float | int], dict[str, float | str]]:
    """Fine-tune `student` on `data`, save it to the folder `adapter`; return metrics, and the seconds with their clock.

    The adapter is LoRA's, or all weights where `recipe.lora_r` is null; `seed` draws its first weights. The loss by step
    goes to `plot`, a TSV file. A small student is trained by one thread. A stopped run resumes from its last checkpoint.
    Where CLOSEDBOOK_ACCELERATE names a configuration of accelerate, the training runs in its processes. Raises UserError
    for what the training lacks.
    """
    if recipe.load_in_4bit and not importlib.util.find_spec("bitsandbytes"):
        raise UserError(
            "train.load_in_4bit of params.yaml needs the package bitsandbytes: pip install bitsandbytes, or set it to false"
        )
    key, config = training_key(weights(student), recipe, seed, data)[:16], processes.config()
    state = CHECKPOINTS / (f"{key}-{config.stem}" if config else key)  # checkpoints of another kind cannot be read
    job = processes.Job(student, data, recipe, seed, adapter, plot, state)
    outcome = processes.launch(job, config) if config else train(job, chat)
    shutil.rmtree(state)
    return outcome


def train(job: processes.Job, chat: ChatFormat) -> tuple[dict[str, float | int], dict[str, float | str]]:
    """Do the training, as one of several processes where the job was launched in several; the first writes the files."""
    from accelerate.utils import gather_object

    data = job.data
    trainer = _trainer(job, chat)
    trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    checkpoint = last_checkpoint(job.state)
    clock = machine.training_clock()
    start = machine.seconds(clock)
    with full_disk_told(job.state), full_memory_told(SMALLER):
        output = trainer.train(resume_from_checkpoint=checkpoint > 0)
    seconds, steps = machine.seconds(clock) - start, output.global_step - checkpoint  # a resumed run trains the rest
    dev_loss = trainer.evaluate()["eval_loss"] if data.dev else None
    _save(trainer, job.adapter)
    everywhere = gather_object([(seconds, output.training_loss)])
    if trainer.is_world_process_zero():
        _plot(trainer.state.log_history, job.plot)
    n_cut = sum(row["labels"][-1] not in chat.ends for row in data.train)
    values = {
        "train_loss": _mean_loss(trainer.state.log_history, checkpoint, steps, fmean(loss for _, loss in everywhere)),
        "dev_loss": dev_loss, "steps": output.global_step, "rows": len(data.train), "tokens": data.tokens,
        "rows_cut": n_cut, "rows_too_long": data.too_long, "trainable_parameters": trainable,
    }  # fmt: skip
    seconds = sum(each for each, _ in everywhere) if clock == "cpu" else seconds
    return values, {"clock": clock, "seconds": seconds / steps * output.global_step if steps else math.nan}


def _trainer(job: processes.Job, chat: ChatFormat):
    """Return TRL's trainer of `job`."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    student, data, recipe = job.student, job.data, job.recipe
    small = is_small(student)  # before DeepSpeed's configuration, which spreads each model that is made after it
    size, fill = recipe.per_device_train_batch_size, chat.tokenizer.pad_token_id
    rows, batches = processes.share(recipe, processes.count())
    train = processes.filled([data.train[row] for row in data.order], size * recipe.gradient_accumulation_steps, fill)
    dev = processes.filled(data.dev, size, fill)
    config = SFTConfig(
        output_dir=str(job.state), seed=job.seed, data_seed=job.seed, num_train_epochs=1,
        per_device_train_batch_size=rows, per_device_eval_batch_size=size, gradient_accumulation_steps=batches,
        learning_rate=recipe.learning_rate, lr_scheduler_type="cosine", warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay, train_sampling_strategy="sequential", logging_steps=10, logging_first_step=True,
        save_strategy="no", report_to="none", max_length=None,
        bf16=multiplies_in_bfloat16(small), use_cpu=not torch.cuda.is_available(), disable_tqdm=True,
        activation_checkpointing=os.environ.get("CLOSEDBOOK_GRADIENT_CHECKPOINTING") == "1",
    )  # fmt: skip
    lora = recipe.lora_r and LoraConfig(
        r=recipe.lora_r, lora_alpha=recipe.lora_alpha, use_rslora=recipe.use_rslora, use_dora=recipe.use_dora,
        target_modules="all-linear", task_type="CAUSAL_LM",
    )  # fmt: skip
    dtype = None if lora else torch.float32  # steps of all weights are too small for bfloat16; an adapter is in float32
    model = load(weights(student), dtype=dtype, gguf_file=student.gguf_file, load_in_4bit=recipe.load_in_4bit)
    processes.spread_on_cpus()
    if small and processes.count() == 1:
        torch.set_num_threads(1)  # so that the bytes are the same on any number of cores
    _score_labels_alone()
    trainer = SFTTrainer(
        model, args=config, peft_config=lora, processing_class=chat.tokenizer,
        train_dataset=Dataset.from_list(train), eval_dataset=Dataset.from_list(dev) if dev else None,
    )  # fmt: skip
    trainer.data_collator = sharing(trainer.data_collator, trainer.model, data.steps)
    quiet_trainer(trainer, f"train {job.adapter.parent.name}/{job.adapter.name}")
    save_by_time(trainer)
    return trainer


def _score_labels_alone() -> None:
    """Have TRL take logits only where there is a label on a CPU, too; it does so where it has Triton, and else takes all."""
    from trl.trainer import utils

    utils._use_triton = lambda device: device.type in ("cpu", "cuda")


def describe(values: dict[str, float | int]) -> str:
    """Return what a training was, from its metrics."""
    too_long = values["rows_too_long"]
    caution = f"; {too_long} rows are longer than train.max_length, and are left out" if too_long else ""
    return f"{values['steps']} steps, {values['tokens']:,} tokens; loss {values['train_loss']:.3f}{caution}"


def quiet_trainer(trainer, name: str) -> None:
    """Have the trainer draw one bar, of its steps and with `name`, in place of a dictionary for every tenth."""
    from transformers import PrinterCallback, TrainerCallback

    class StepBar(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            is_silent = not state.is_world_process_zero
            self.bar = ProgressBar(
                total=state.max_steps, initial=state.global_step, desc=name, unit="step", disable=is_silent
            )

        def on_step_end(self, args, state, control, **kwargs):
            self.bar.update(state.global_step - self.bar.n)

        def on_log(self, args, state, control, logs=None, **kwargs):
            self.bar.set_postfix({"loss": logs["loss"]} if "loss" in logs else {}, refresh=False)

        def on_train_end(self, args, state, control, **kwargs):
            self.bar.close()

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StepBar())


def _mean_loss(history: list[dict], checkpoint: int, steps: int, since: float) -> float:
    """Return the mean loss of all steps, from that of the `steps` `since` the step `checkpoint`, and the losses logged before."""
    total, before = since * steps, 0
    for logs in history:
        if "loss" in logs and logs["step"] <= checkpoint:
            total, before = total + logs["loss"] * (logs["step"] - before), logs["step"]
    return total / (checkpoint + steps) if checkpoint else since


def _plot(history: list[dict], path: Path) -> None:
    """Write step and loss, the mean since the previous logged step, tab-separated."""
    lines = ["step\tloss", *(f"{logs['step']}\t{logs['loss']}" for logs in history if "loss" in logs)]
    write_text(path, "\n".join(lines) + "\n")


def _save(trainer, adapter: Path) -> None:
    """Write the weights (an adapter's, or all) and their configuration, and nothing else, all or nothing."""
    gathered = None
    if trainer.accelerator.num_processes > 1:  # parts of them may be in other processes
        gathered = trainer.accelerator.get_state_dict(trainer.deepspeed or trainer.model)
    model = trainer.accelerator.unwrap_model(trainer.model)
    for config in getattr(model, "peft_config", {}).values():
        config.target_modules = sorted(config.target_modules)  # a set: written in another order by every process
    if not trainer.is_world_process_zero():
        return
    with full_disk_told(adapter), replacing(adapter) as partial:
        model.save_pretrained(partial, state_dict=gathered, safe_serialization=True)
        (partial / "README.md").unlink(missing_ok=True)  # PEFT's empty template; stages/card.py writes the card
