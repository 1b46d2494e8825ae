"""Train the student on the kept rows.

reads   Pairs               one row per training row kept
writes  models/adapter      a LoRA adapter
        plots/loss.tsv      the loss by step
"""

from pathlib import Path

import polars as pl

from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student import finetune
from parts.student.model import tokenizer
from schemas.pairs import Pairs

ADAPTER = Path("models/adapter")
PLOT = Path("plots/loss.tsv")

Params = finetune.Recipe


def train(pairs: pl.DataFrame, student: Student, recipe: Params, adapter: Path, plot: Path) -> dict[str, float | int]:
    """Write the student's adapter for `pairs` and return what training took and reached."""
    return finetune.finetune(student.model, tokenizer(student), pairs.to_dicts(), recipe, adapter, plot)


def main() -> None:
    """Write models/adapter."""
    found = train(Pairs.read(), params.load("student", Student), params.load("train", Params), ADAPTER, PLOT)
    (ADAPTER / "README.md").unlink(missing_ok=True)  # PEFT's, with nothing filled in; stages/card.py writes one
    metrics.write("train", found)
    print(f"{found['steps']} steps, {found['tokens']:,} tokens; loss {found['train_loss']:.3f}")


if __name__ == "__main__":
    run(main)
