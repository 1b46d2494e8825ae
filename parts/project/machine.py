"""Time what a stage does, and keep what only this machine can say in metrics/machine/, apart from what repeats.

Two runs of one commit give the same tables, metrics and hashes, and other seconds. So no file with a clock in it is an out
or a dep of DVC: a stage writes metrics/machine/STAGE.json beside its outs, and stages that read such a file run every time
(`always_changed`). What was timed is named by its results: data/timed/STAGE, an out of the stage, holds their hash. It is
missing in a fresh clone, which then times for itself; and figures of other results, such as those that were last timed
before DVC restored the stage from its cache, are not read.
"""

import hashlib
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from parts.project import metrics
from parts.project.files import write_text
from parts.project.metrics import Value

Clock = Literal["cpu", "wall"]
"""cpu: seconds of one CPU. wall: seconds for which a GPU, or a server, is at work; the CPUs' cannot say those."""

TIMED = Path("data/timed")
DESCRIPTION = ("cpu", "threads", "load")
"""Keys of every file: what `description` returns."""


def seconds(clock: Clock) -> float:
    """Return the reading of `clock` in seconds: for cpu, of this process, all its threads, and its children that ended.

    Work that was handed to a GPU is waited for.
    """
    if clock == "wall":
        torch = sys.modules.get("torch")
        if torch and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        return time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def training_clock() -> Clock:
    """Return the clock of what runs on the GPU where there is one, and else on the CPUs."""
    import torch

    return "wall" if torch.cuda.is_available() else "cpu"


def description() -> dict[str, Value]:
    """Return the model of the CPU, the threads that may run on it at once, and the load average of the last minute."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return {"cpu": model, "threads": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}


def write(path: str, values: Mapping[str, Value], results: object = None) -> None:
    """Write `values` and the machine to metrics/machine/`path`.json, and the hash of `results`, JSON, to data/timed/`path`.

    Without `results`, as for figures that are made of others, nothing goes to data/timed.
    """
    description_and_values = description() | values
    if results is not None:
        digest = hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()[:16]
        description_and_values["results"] = digest
        write_text(TIMED / path, f"{digest}\n")
    metrics.write(f"machine/{path}", description_and_values)


def read(path: str) -> dict[str, Value]:
    """Return metrics/machine/`path`.json; {} where it is missing, or of other results than those of data/timed/`path`."""
    file, timed = Path("metrics/machine", f"{path}.json"), TIMED / path
    values = json.loads(file.read_text()) if file.exists() else {}
    is_other = timed.exists() and values.get("results") != timed.read_text().strip()
    return {} if is_other else values
