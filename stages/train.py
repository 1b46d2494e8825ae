"""Fine-tune the student on the training rows.

reads   Pairs               one row per training row
writes  models/adapter      a LoRA adapter
        plots/loss.tsv      the loss by step
        metrics/train.json, metrics/machine/train.json
"""

from pathlib import Path

import polars as pl

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student import finetune
from parts.student.model import tokenizer
from schemas.pairs import Pairs

ADAPTER = Path("models/adapter")
PLOT = Path("plots/loss.tsv")

Params = finetune.Recipe


def train(pairs: pl.DataFrame, student: Student, recipe: Params, adapter: Path, plot: Path) -> dict[str, float | int]:
    """Fine-tune the student on `pairs`, write its adapter, and return the metrics of the training."""
    return finetune.finetune(student.model, tokenizer(student), pairs.to_dicts(), recipe, adapter, plot)


def main() -> None:
    """Write models/adapter."""
    values = train(Pairs.read(), params.load("student", Student), params.load("train", Params), ADAPTER, PLOT)
    (ADAPTER / "README.md").unlink(missing_ok=True)  # PEFT's empty template; stages/card.py writes the card
    timing = {key: values.pop(key) for key in ("clock", "seconds")}
    metrics.write("train", values)
    machine.write("train", timing, values)
    print(f"{values['steps']} steps, {values['tokens']:,} tokens; loss {values['train_loss']:.3f}")


if __name__ == "__main__":
    run(main)
