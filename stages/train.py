"""Fine-tune the student on the training rows, by one seed.

reads   Pairs                   one row per training row
        OpenBook, Redacted      the passages that some of the questions are put with
writes  models/adapter/SEED     a LoRA adapter
        plots/loss/adapter/SEED.tsv   the loss by step
        metrics/train/adapter/SEED.json, metrics/machine/train/adapter/SEED.json
"""

from pathlib import Path

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.chat_format import chat_format
from parts.student.dataset import open_book, pairs_data
from parts.student.finetune import describe, finetune
from parts.student.recipe import Recipe as Params
from schemas.open_book import OpenBook
from schemas.pairs import Pairs
from schemas.redacted import Redacted


def main(seed: int) -> None:
    """Write models/adapter/`seed`."""
    student, recipe = params.load("student", Student), params.load("train", Params)
    rows = open_book(Pairs.read().to_dicts(), OpenBook.read().to_dicts(), Redacted.read().to_dicts())
    chat = chat_format(student)
    data = pairs_data(rows, chat, recipe, seed)
    adapter, plot = Path("models/adapter", str(seed)), Path("plots/loss/adapter", f"{seed}.tsv")
    values, timing = finetune(student, chat, data, recipe, seed, adapter, plot)
    metrics.write(f"train/adapter/{seed}", values)
    machine.write(f"train/adapter/{seed}", timing, values)
    print(f"adapter/{seed}: {describe(values)}")


if __name__ == "__main__":
    run(main)
