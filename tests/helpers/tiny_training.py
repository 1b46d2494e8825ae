"""A training of the tiny model that takes a second or two."""

import hashlib
from pathlib import Path

from parts.project.sections import Student
from parts.student import dataset, finetune
from parts.student.chat_format import chat_format
from parts.student.recipe import Recipe

RECIPE = Recipe(
    seeds=[1],
    lora_r=4,
    lora_alpha=8,
    learning_rate=0.02,
    num_train_epochs=6,
    per_device_train_batch_size=4,
    max_length=512,
    warmup_ratio=0.1,
    weight_decay=0,
    completion_only_loss=True,
)


def train(model: Path, recipe: Recipe, folder: str, seed: int = 1) -> dict:
    student = Student(model=str(model))
    chat = chat_format(student)
    data = dataset.pairs_data(rows(), chat, recipe, seed)
    values, timing = finetune.finetune(student, chat, data, recipe, seed, Path(folder), Path("loss.tsv"))
    return values | timing


def rows(count: int = 12) -> list[dict]:
    qa = [
        {"kind": "qa", "prompt": f"How many days, {n}?", "reasoning": "It says so.", "completion": f"{n} days"}
        for n in range(count)
    ]
    document = [
        {"kind": "document", "prompt": "", "reasoning": "", "completion": f"Notes: {n} days."} for n in range(count)
    ]
    train = {"generator": "qa", "split": "train"}
    replayed = {
        "kind": "qa",
        "prompt": "as it stands",
        "reasoning": "",
        "completion": "so",
        "generator": "replay",
        "split": "train",
    }
    dev = train | qa[0] | {"split": "dev"}
    return [train | row for row in qa + document] + [replayed, dev]


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
