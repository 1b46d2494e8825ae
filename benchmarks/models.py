"""Training of a real student with rows that share their beginning, against TRL's plain loop; and the profile `real`'s figures.

python -m benchmarks.models [ROWS] [MODEL]    rows of data/real to train on, and a folder: models/smollm2, which
                                              `python -m experiments.smollm2` makes

Both trainings are TRL's SFTTrainer on the same rows, in this process, one after the other, in CPU seconds.
"""

import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

from benchmarks.baselines.figures import RESULTS, Figures
from parts.curation.people import read_pairs
from parts.project import machine, params
from parts.project.sections import Student
from parts.student import finetune
from parts.student.chat_format import ChatFormat, chat_format
from parts.student.dataset import TrainingData, pairs_data
from parts.student.recipe import Recipe

ROWS = Path("data/real/rows.jsonl")
REAL = Path("experiments/real")


def data_of(count: int, chat: ChatFormat, recipe: Recipe) -> TrainingData:
    """Return what one pass over `count` rows reads."""
    row = {"kind": "qa", "generator": "rows", "reasoning": "", "split": "train"}
    pairs = read_pairs(ROWS)[:count]
    rows = [row | {"prompt": pair.question, "completion": pair.answer} for pair in pairs]
    return pairs_data(rows, chat, recipe.model_copy(update={"num_train_epochs": 1}), seed=1)


def rows_per_second(student: Student, chat: ChatFormat, data: TrainingData, recipe: Recipe, share: bool) -> float:
    """Return the rows a CPU second of a training on `data`, whose steps `share` their beginning or are padded."""
    sharing = finetune.sharing if share else lambda collate, model, steps: collate
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(finetune, "CHECKPOINTS", Path(folder, "state")),
        mock.patch.object(finetune, "sharing", sharing),
    ):
        start = machine.seconds("cpu")
        finetune.finetune(student, chat, data, recipe, 1, Path(folder, "adapter"), Path(folder, "loss.tsv"))
        return len(data.order) / (machine.seconds("cpu") - start)


def real_figures() -> dict[str, float | None]:
    """Return accuracies on answerable questions and minutes of the run of params/real.yaml in git; None: there is none."""
    arms = ["tuned", "rag", "tuned_rag"]
    if not (REAL / "run.json").exists():
        return dict.fromkeys([f"real_{name}" for name in (*arms, "minutes")])
    verdict, run = (json.loads((REAL / path).read_text()) for path in ("metrics/verdict.json", "run.json"))
    return {f"real_{arm}": verdict[f"answerable_{arm}"] for arm in arms} | {"real_minutes": run["minutes"]}


def main(count: int | str = 96, model: str = "models/smollm2", results: Path = RESULTS) -> None:
    figures, student = Figures("models", results, "torch", "transformers", "trl", "peft"), Student(model=model)
    recipe, chat = params.load("train", Recipe), chat_format(student)
    data = data_of(int(count), chat, recipe)
    plain, shared = (rows_per_second(student, chat, data, recipe, share) for share in (False, True))
    figures.add("rows_per_cpu_second", shared)
    figures.add("rows_per_second_over_trl", shared / plain, ">= 2")
    for name, value in real_figures().items():
        figures.add(name, value)
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
