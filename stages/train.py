"""Fine-tune the student by one seed: on the training rows (adapter), or on the documents themselves (raw).

Raw is what training is worth without a teacher's rows. It reads as many tokens, and the same share of them is replayed.
Its documents are not redacted: they go to no teacher, and a student so trained can repeat them word by word.

reads   Pairs                   one row per training row; for raw, their number of tokens and the rows to replay
        OpenBook, Redacted      the passages that some of the questions are put with
        Chunks                  one row per passage; for raw alone
writes  models/MODEL/SEED       a LoRA adapter
        plots/loss/MODEL/SEED.tsv   the loss by step
        metrics/train/MODEL/SEED.json, metrics/machine/train/MODEL/SEED.json
"""

from pathlib import Path
from typing import Literal

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.chat_format import chat_format
from parts.student.dataset import open_book, pairs_data, raw_data
from parts.student.finetune import finetune
from parts.student.recipe import Recipe as Params
from schemas.chunks import Chunks
from schemas.open_book import OpenBook
from schemas.pairs import Pairs
from schemas.redacted import Redacted


def main(model: Literal["adapter", "raw"], seed: int) -> None:
    """Write models/`model`/`seed`."""
    student, recipe = params.load("student", Student), params.load("train", Params)
    chat, pairs = chat_format(student), Pairs.read().to_dicts()
    rows = open_book(pairs, OpenBook.read().to_dicts(), Redacted.read().to_dicts())
    if model == "raw":
        data = raw_data(Chunks.read().to_dicts(), rows, chat, recipe, seed)
    else:
        data = pairs_data(rows, chat, recipe, seed)
    adapter, plot = Path("models", model, str(seed)), Path("plots/loss", model, f"{seed}.tsv")
    values = finetune(student, chat, data, recipe, seed, adapter, plot)
    if data.too_long:
        values["rows_too_long"] = data.too_long
        print(f"{data.too_long} of {len(rows)} rows are longer than train.max_length, and are left out")
    timing = {key: values.pop(key) for key in ("clock", "seconds")}
    metrics.write(f"train/{model}/{seed}", values)
    machine.write(f"train/{model}/{seed}", timing, values)
    print(f"{model}/{seed}: {values['steps']} steps, {values['tokens']:,} tokens; loss {values['train_loss']:.3f}")


if __name__ == "__main__":
    run(main)
