"""Fine-tune the student on the documents themselves, by one seed: what training is worth without a teacher's rows.

It reads as many tokens as a training on the rows, and the same share of them is replayed. Its documents are not redacted:
they go to no teacher, and a student so trained can repeat them word by word.

reads   Pairs                   one row per training row: their number of tokens, and the rows to replay
        OpenBook, Redacted      the passages that some of the questions are put with, for their number of tokens
        Chunks                  one row per passage
writes  models/raw/SEED         a LoRA adapter
        plots/loss/raw/SEED.tsv   the loss by step
        metrics/train/raw/SEED.json, metrics/machine/train/raw/SEED.json
"""

from pathlib import Path

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.project.sections import Trainings as Params  # noqa: F401 - its section, for docs/configuration.md
from parts.student.chat_format import chat_format
from parts.student.dataset import open_book, raw_data
from parts.student.finetune import describe, finetune
from parts.student.recipe import Recipe
from schemas.chunks import Chunks
from schemas.open_book import OpenBook
from schemas.pairs import Pairs
from schemas.redacted import Redacted


def main(seed: int) -> None:
    """Write models/raw/`seed`."""
    student, recipe = params.load("student", Student), params.load("train", Recipe)
    rows = open_book(Pairs.read().to_dicts(), OpenBook.read().to_dicts(), Redacted.read().to_dicts())
    chat = chat_format(student)
    data = raw_data(Chunks.read().to_dicts(), rows, chat, recipe, seed)
    adapter, plot = Path("models/raw", str(seed)), Path("plots/loss/raw", f"{seed}.tsv")
    values, timing = finetune(student, chat, data, recipe, seed, adapter, plot)
    metrics.write(f"train/raw/{seed}", values)
    machine.write(f"train/raw/{seed}", timing, values)
    print(f"raw/{seed}: {describe(values)}")


if __name__ == "__main__":
    run(main)
