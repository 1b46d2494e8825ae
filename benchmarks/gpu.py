"""Training and answering by the size of the student on a GPU, beside TRL and transformers as they are by default.

python -m benchmarks.gpu [SIZE...]    0.6B, 1.7B, 8B or tiny (for a CPU); none: all that this machine is for

The students have the shapes of Qwen3 and random weights. Each size and part runs in a process of its own. Writes
results/gpu.json and RESULTS.md.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.baselines.figures import RESULTS, Figures
from benchmarks.baselines.on_device import AT_ONCE, NEW_TOKENS, PROMPTS, STEPS
from benchmarks.baselines.random_student import SHAPES
from parts.text.markdown import table
from tests.helpers.source_code import ROOT

PARTS = ("train", "answer")
TRAINED = (
    "student", "rows in a step", "rows a second", "over padded steps", "over TRL's defaults", "tokens a second",
    "share of peak", "GB", "GB of TRL's defaults",
)  # fmt: skip
ASKED = ("student", "prompts a second", "over `generate`", "over its paged batches", "over it one by one", "GB")


def device() -> str:
    """Return the name of the GPU and its driver's CUDA, or that there is none."""
    import torch

    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}" if torch.cuda.is_available() else "no GPU"


def sizes_here() -> list[str]:
    """Return the sizes to measure: the tiny one alone where there is no GPU."""
    import torch

    return [size for size in SHAPES if size != "tiny"] if torch.cuda.is_available() else ["tiny"]


def measure(part: str, size: str, figures: Figures) -> None:
    """Add what `part` costs a student of `size`. A part that fails says why, and adds nothing."""
    command = [sys.executable, "-m", "benchmarks.baselines.on_device", part, size]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if process.returncode:
        print(f"{part} {size}: {process.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return
    for key, value in json.loads(process.stdout.strip().splitlines()[-1]).items():
        figures.add(f"{size}_{key}", value)


def report(values: Mapping[str, float | str | None], sizes: list[str]) -> str:
    """Return RESULTS.md."""
    versions = ", ".join(
        f"{key.removeprefix('version_')} {values[key]}" for key in values if key.startswith("version_")
    )
    trained = [row(values, size, rows) for size in sizes for rows in STEPS]
    asked = [row_asked(values, size) for size in sizes]
    return f"""# Training and answering on a GPU

{values["device"]}; {values["machine"]}; Python {values["python"]}, {versions}. Made by `python -m benchmarks.gpu`.

The students have the shapes of Qwen3 and random weights; the adapter is that of params.yaml; the rows are of
data/real, a tenth of them with passages. A share of the peak is of what large products in bfloat16 reached here.

{table(TRAINED, trained)}

Answers of {NEW_TOKENS} tokens to {PROMPTS} questions with passages, up to {AT_ONCE} at once.

{table(ASKED, asked)}
"""


def row(values: Mapping, size: str, rows: int) -> list[str]:
    """Return the cells of one training."""

    def value(key: str) -> float | None:
        return values.get(f"{size}_{key}_{rows}")

    ours = value("ours_rows_per_second")
    return [
        size, str(rows), number(ours, 1), number(ratio(ours, value("padded_rows_per_second")), 2),
        number(ratio(ours, value("trl_rows_per_second")), 2), number(value("tokens_per_second")),
        number(value("share_of_peak"), 3), number(value("ours_gb"), 1), number(value("trl_gb"), 1),
    ]  # fmt: skip


def row_asked(values: Mapping, size: str) -> list[str]:
    """Return the cells of the answers of one student."""
    speed = {way: values.get(f"{size}_answer_{way}_per_second") for way in ("ours", "generate", "paged", "loop")}
    ratios = [number(ratio(speed["ours"], speed[way]), 2) for way in ("generate", "paged", "loop")]
    return [size, number(speed["ours"], 1), *ratios, number(values.get(f"{size}_answer_gb"), 1)]


def ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value and other else None


def number(value: float | None, decimals: int = 0) -> str:
    return "not measured" if value is None else f"{value:,.{decimals}f}"


def main(*sizes: str, results: Path = RESULTS) -> None:
    figures = Figures("gpu", results, "torch", "transformers", "trl", "peft", "accelerate")
    figures.values["device"] = device()
    chosen = list(sizes) or sizes_here()
    for size in chosen:
        for part in PARTS:
            measure(part, size, figures)
            figures.write()
            (results.parent / "RESULTS.md").write_text(report(figures.values, chosen))


if __name__ == "__main__":
    main(*sys.argv[1:])
