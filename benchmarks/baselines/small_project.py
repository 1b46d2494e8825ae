"""A copy of this repository whose whole pipeline runs in minutes: fewer questions, fewer rows, one short training."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import yaml

from tests.helpers.source_code import ROOT

MARK = "BENCHMARK_RUN"  # a variable of the environment, by which the processes of a run are told from others
SERVE = "python -m benchmarks.baselines.counted_rules {file} --port {{port}}"
REPRO = ("sh", "-ec", "python -m commands.check; python -m commands.together; dvc repro")
QUESTIONS = 24  # of the exam
SMALLER = {
    "synthesize": {
        "boundary": {"samples": 1, "count": 4},
        "joined": {"pairs": 20, "samples": 1},
        "qa": {"samples": 1, "count": 4},
        "steps": {"samples": 1, "count": 4},
    },
    "curate": {"replay_share": 0.0},
    "development": {"count": 20},
    "train": {"seeds": [1], "num_train_epochs": 1},
    "tune_retrieval": {"lexical_weights": [0.3, 0.5], "passages": [4, 2]},
    "judge_agreement": {"answers": 6, "samples": 2},
    "parity": {"questions": 4},
    "latency": {"questions": 4, "rounds": 1, "warmup": 1, "batches": [4]},
}
MADE = ("data", "metrics", "models", "plots")
CLOCKS = ("data/timed", "metrics/machine", "metrics/cost.json", "models/base")


def copy_tree(to: Path) -> None:
    """Copy the files of the working tree that git does not ignore."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)


class SmallProject:
    """The copy in `folder`; its teacher notes its answers beside it."""

    def __init__(self, folder: Path, **environment: str):
        self.folder, self.answers = folder, folder.with_name(f"{folder.name}-answers")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"PATH": path, "PYTHONPATH": str(folder), MARK: str(folder), "TMPDIR": str(folder.with_name("tmp"))}
        own["OMP_NUM_THREADS"] = "1"  # two runs at once would wait for each other's threads
        self.environment = os.environ | own | environment

    def make(self) -> None:
        """Write the copy, its params and its exam, and commit them."""
        copy_tree(self.folder)
        self.folder.with_name("tmp").mkdir(exist_ok=True)
        params = yaml.safe_load((self.folder / "params.yaml").read_text())
        serve = {"serve": SERVE.format(file=self.answers)}
        _update(params, SMALLER | {"teacher": serve, "judge": serve, "exam": {"questions": "data/exam_small.jsonl"}})
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        lines = (self.folder / "data/exam.jsonl").read_text().splitlines(keepends=True)
        (self.folder / "data/exam_small.jsonl").write_text("".join(lines[:: len(lines) // QUESTIONS]))
        (self.folder / "dvc.lock").unlink()
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "small"]):
            author = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
            subprocess.run(["git", *author, *words], cwd=self.folder, check=True)

    def start(self, log: Path, *words: str) -> subprocess.Popen:
        """Start `words`, or what `make repro` does, in a process group of its own."""
        with log.open("a") as output:
            return subprocess.Popen(
                words or REPRO, cwd=self.folder, env=self.environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=hear_signals,
            )  # fmt: skip

    def processes(self) -> list[psutil.Process]:
        """Return the processes of this copy."""
        rows = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    rows.append(process)
            except psutil.Error:
                continue  # it has ended
        return rows

    def digests(self) -> dict[str, str]:
        """Return the hash of every file that the pipeline has made and that holds no seconds, by its path."""
        paths = [path for name in MADE for path in sorted((self.folder / name).rglob("*")) if path.is_file()]
        names = {path.relative_to(self.folder).as_posix(): path for path in paths}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in names.items()
            if not name.startswith(CLOCKS)
        }

    def repeated(self, kills: list[float], grace: float) -> int:
        """Return how many answers were given again, but for those that a kill followed within `grace` seconds."""
        last, count = {}, 0
        for line in self.answers.read_text().splitlines():
            moment, request = float(line.split()[0]), line.split()[1]
            if request in last and not any(0 <= kill - last[request] <= grace for kill in kills):
                count += 1
            last[request] = moment
        return count


def hear_signals() -> None:
    """Undo what a shell does to the processes that it starts in the background: they ignore SIGINT."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


def _update(values: dict, changes: dict) -> None:
    """Write `changes` into nested `values`."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _update(values[key], value)
        else:
            values[key] = value
