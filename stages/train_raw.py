"""Fine-tune the student on the documents themselves, by one seed: what training is worth without a teacher's rows.

It reads as many tokens as the stage train does, and the same share of them is replayed. The documents are not redacted:
they go to no teacher, and a student so trained can repeat them word by word.

reads   Chunks              one row per passage
        Pairs               one row per training row, for the number of tokens and the rows to replay
writes  models/raw/SEED     a LoRA adapter
        plots/loss_raw/SEED.tsv   the loss by step
        metrics/train_raw/SEED.json, metrics/machine/train_raw/SEED.json
"""

from pathlib import Path

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.dataset import raw_data
from parts.student.finetune import finetune
from parts.student.model import tokenizer
from parts.student.recipe import Recipe
from schemas.chunks import Chunks
from schemas.pairs import Pairs

ADAPTERS, PLOTS = Path("models/raw"), Path("plots/loss_raw")


def main(seed: int) -> None:
    """Write models/raw/SEED."""
    student, recipe = params.load("student", Student), params.load("train", Recipe)
    reader, name = tokenizer(student), str(seed)
    data = raw_data(Chunks.read().to_dicts(), Pairs.read().to_dicts(), reader, recipe, seed)
    values = finetune(student.model, reader, data, recipe, seed, ADAPTERS / name, PLOTS / f"{name}.tsv")
    timing = {key: values.pop(key) for key in ("clock", "seconds")}
    metrics.write(f"train_raw/{seed}", values)
    machine.write(f"train_raw/{seed}", timing, values)
    print(f"seed {seed}: {values['steps']} steps, {values['tokens']:,} tokens; loss {values['train_loss']:.3f}")


if __name__ == "__main__":
    run(main)
