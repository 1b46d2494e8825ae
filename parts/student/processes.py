"""A training in several processes: which rows of a step each of them reads, and their start by `accelerate launch`."""

import ctypes
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

from parts.project.errors import UserError
from parts.project.files import write_text
from parts.project.params import ROOT
from parts.project.sections import Student
from parts.student.dataset import TrainingData
from parts.student.model import is_small, multiplies_in_bfloat16
from parts.student.packing import IGNORED, Encoded
from parts.student.recipe import Recipe

CONFIG = "CLOSEDBOOK_ACCELERATE"
WORKER = "parts.student.worker"
PR_SET_PDEATHSIG = 1  # of Linux's prctl


class Job(NamedTuple):
    """A training: what finetune.finetune takes, and the folder of its checkpoints."""

    student: Student
    data: TrainingData
    recipe: Recipe
    seed: int
    adapter: Path
    plot: Path
    state: Path


def config() -> Path | None:
    """Return the configuration file of accelerate by which trainings start; None: they run in this process.

    Raises UserError where it cannot be used.
    """
    path = os.environ.get(CONFIG)
    if not path:
        return None
    if not Path(path).is_file():
        raise UserError(f"{CONFIG}: there is no file {path}: name a configuration of accelerate, as in configs/")
    if _setting(Path(path), "distributed_type") == "DEEPSPEED" and not importlib.util.find_spec("deepspeed"):
        raise UserError(
            f"{CONFIG}: {path} needs the package deepspeed: pip install deepspeed, or take configs/fsdp.yaml"
        )
    return Path(path)


def _setting(path: Path, key: str) -> object:
    """Return the value of `key` of a configuration, None where it has none. Raises UserError for what is no configuration."""
    try:
        return yaml.safe_load(path.read_text()).get(key)
    except (AttributeError, yaml.YAMLError) as error:
        raise UserError(f"{CONFIG}: {path} is no configuration of accelerate: see configs/") from error


def count() -> int:
    """Return the number of processes that train together, this one among them."""
    return int(os.environ.get("WORLD_SIZE", "1"))  # set by the launcher


def share(recipe: Recipe, processes: int) -> tuple[int, int]:
    """Return the rows of a batch and the batches of a step in each of `processes`, which together read the rows of a step.

    Raises UserError where these cannot be divided evenly.
    """
    most = recipe.per_device_train_batch_size
    each, rest = divmod(most * recipe.gradient_accumulation_steps, processes)
    if rest:
        raise UserError(
            f"{CONFIG}: {processes} processes cannot share the {most * recipe.gradient_accumulation_steps} rows of a step "
            "evenly: change train.per_device_train_batch_size or train.gradient_accumulation_steps of params.yaml"
        )
    rows = max(n for n in range(1, most + 1) if each % n == 0)
    return rows, each // rows


def filled(rows: list[Encoded], size: int, token: int) -> list[Encoded]:
    """Return `rows` as several processes take them: a multiple of `size`, if need be by rows of one `token` without loss.

    Without those the first rows would be read again.
    """
    empty = {"input_ids": [token], "labels": [IGNORED]}
    return rows if count() == 1 else rows + [empty] * (-len(rows) % size)


def spread_on_cpus() -> None:
    """Have accelerate spread a model over processes on CPUs too, where its configuration says FSDP: it asks for GPUs first."""
    import torch
    from accelerate import PartialState
    from accelerate.utils import DistributedType

    if os.environ.get("ACCELERATE_USE_FSDP") == "true" and not torch.cuda.is_available():
        PartialState().distributed_type = DistributedType.MULTI_GPU


def launch(job: Job, path: Path) -> tuple[dict[str, float | int], dict[str, float | str]]:
    """Do the training of `job` by the configuration `path` of `accelerate launch`; return what finetune.train does.

    The processes end when this one does. Raises UserError where they fail.
    """
    share(job.recipe, _setting(path, "num_processes") or 1)
    request, result = job.state / "job.json", job.state / "result.json"
    write_text(request, to_json(job))
    precision = (
        "bf16" if multiplies_in_bfloat16(is_small(job.student)) else "no"
    )  # DeepSpeed asks that both say the same
    launcher = ["accelerate.commands.launch", "--config_file", path, "--mixed_precision", precision]
    launcher += ["--main_process_port", "0"]  # any free one
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    quiet = {"TORCH_CPP_LOG_LEVEL": "ERROR"} | os.environ
    ended = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", WORKER, request, result],
        env=quiet | {"PYTHONPATH": paths}, preexec_fn=end_with_parent,
    )  # fmt: skip
    if ended.returncode:
        raise UserError(
            f"the training by {path} ended with status {ended.returncode}: its processes say why above; "
            "run the same command again to go on from the last checkpoint"
        )
    return tuple(json.loads(result.read_text()))


def to_json(job: Job) -> str:
    """Return `job` as JSON."""
    parts = {"student": job.student.model_dump(), "recipe": job.recipe.model_dump(), "data": job.data._asdict()}
    return json.dumps(job._asdict() | parts, default=str)


def from_json(text: str) -> Job:
    """Return the job of which `text` is the JSON."""
    parts = json.loads(text)
    paths = {name: Path(parts[name]) for name in ("adapter", "plot", "state")}
    models = {"student": Student(**parts["student"]), "recipe": Recipe(**parts["recipe"])}
    return Job(**parts | paths | models | {"data": TrainingData(**parts["data"])})


def end_with_parent() -> None:
    """Have the system end this process, should its parent be killed; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
