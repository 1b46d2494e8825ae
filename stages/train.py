"""Fine-tune the student on the training rows, by one seed.

reads   Pairs               one row per training row
writes  models/adapter/SEED a LoRA adapter
        plots/loss/SEED.tsv the loss by step
        metrics/train/SEED.json, metrics/machine/train/SEED.json
"""

from pathlib import Path

from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.dataset import pairs_data
from parts.student.finetune import finetune
from parts.student.model import tokenizer
from parts.student.recipe import Recipe as Params
from schemas.pairs import Pairs

ADAPTERS, PLOTS = Path("models/adapter"), Path("plots/loss")


def main(seed: int) -> None:
    """Write models/adapter/SEED."""
    student, recipe = params.load("student", Student), params.load("train", Params)
    reader, name = tokenizer(student), str(seed)
    data = pairs_data(Pairs.read().to_dicts(), reader, recipe, seed)
    values = finetune(student.model, reader, data, recipe, seed, ADAPTERS / name, PLOTS / f"{name}.tsv")
    timing = {key: values.pop(key) for key in ("clock", "seconds")}
    metrics.write(f"train/{seed}", values)
    machine.write(f"train/{seed}", timing, values)
    print(f"seed {seed}: {values['steps']} steps, {values['tokens']:,} tokens; loss {values['train_loss']:.3f}")


if __name__ == "__main__":
    run(main)
