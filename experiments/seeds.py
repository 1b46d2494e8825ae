"""Run the whole pipeline on companies that no recipe was chosen on, each as a DVC experiment, and average.

writes  metrics/seeds.json  accuracy by arm of each company by group of questions; the mean differences
                            of tuned, and of tuned_rag, to rag, and the ratios

Every run is kept in git as the experiment company-SEED-COMMIT (`dvc exp show`). DVC restores what it has run
before, so that a stopped series resumes. CLOSEDBOOK_JOBS (2) companies run at once, each with
its share of the cores. A company is trained on once: its training seed varies with the company, and both are in the interval.
"""

import os
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import dvc.api
import numpy as np
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.experiments.queue.base import QueueEntry
from pydantic import BaseModel, Field

from experiments.company import PARAMS
from experiments.progress import at_once, threads
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError

ARMS = ("rag", "tuned", "tuned_rag", "cascade")
PREFIX = "company-"
GROUPS = {"all": "exact", "answerable": "exact_answerable", "unanswerable": "exact_unanswerable"}
"""group of questions -> the key of its accuracy in metrics/score/ARM.json"""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `seeds` of experiments/params.yaml."""

    companies: list[int] = Field(min_length=2)


def mean_ci(values: list[float], name: str) -> dict[str, float]:
    """Return the mean of `values`, one a company, as `name`, with its 95% interval and p-value (of 0) by Student's t."""
    from scipy import stats

    test = stats.ttest_1samp(values, 0)
    lo, hi = test.confidence_interval(0.95)
    return {
        name: float(np.mean(values)),
        f"{name}_lo": float(lo),
        f"{name}_hi": float(hi),
        f"{name}_p": float(test.pvalue),
    }


def averages(companies: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Return the differences to rag in each group of questions, and on all of them the ratio, over `companies`."""
    values = {}
    for arm in ARMS:
        if arm == "rag":
            continue
        for group in companies[0][arm]:
            gaps = [company[arm][group] - company["rag"][group] for company in companies]
            values |= mean_ci(gaps, f"{group}_{arm}_minus_rag")
        ratios = [company[arm]["all"] / company["rag"]["all"] for company in companies]
        values |= {key: value for key, value in mean_ci(ratios, f"{arm}_over_rag").items() if not key.endswith("_p")}
    return values


def queue(seed: int) -> None:
    """Queue the run on the company of `seed`: from its documents to the scores of ARMS."""
    changes = {
        f"{PARAMS}:world.seed": seed, "ingest.path": "data/world/raw", "exam.questions": "data/world/exam.jsonl",
        "score.ragas": "false", "train.seeds": f"[{seed}]",
    }  # fmt: skip
    words = [word for key, value in changes.items() for word in ("--set-param", f"{key}={value}")]
    _dvc("exp", "run", "--queue", "--force", "--name", name(seed), *words, *(f"score@{arm}" for arm in ARMS))


def forget_stopped() -> None:
    """Take companies off DVC's queue that a stopped series left there: they may be of another commit, an hour's work.

    Those that ran when it was killed are marked as failed: `dvc exp run --run-all` would wait for their end for ever.
    """
    with Repo() as repo:
        stopped = repo.experiments.celery_queue
        stopped.remove(_companies(stopped.iter_queued()))
        running = _companies(stopped.iter_active())
        if running and not stopped.worker_status():
            stopped.kill(running)


def _companies(entries: Iterable[QueueEntry]) -> list[str]:
    """Return the names of the companies among `entries`."""
    return [entry.name for entry in entries if (entry.name or "").startswith(PREFIX)]


def name(seed: int) -> str:
    """Return the name of this commit's experiment on the company of `seed`."""
    return f"{PREFIX}{seed}-{_head()}"


@cache
def _head() -> str:
    """Return the commit at the start: another may be made during the run."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def accuracies(seed: int) -> dict[str, dict[str, float]]:
    """Return the accuracy of ARMS in GROUPS in the experiment on the company of `seed`. Raises UserError if it failed."""
    files = {arm: f"metrics/score/{arm}.json" for arm in ARMS}
    try:
        scores = {arm: dvc.api.metrics_show(file, rev=name(seed)) for arm, file in files.items()}
    except DvcException as error:
        raise UserError(f"the run on company {seed} failed: `dvc queue logs {name(seed)}` says why") from error
    return {arm: {group: values[key] for group, key in GROUPS.items()} for arm, values in scores.items()}


def _dvc(*words: str, **environment: str) -> None:
    subprocess.run(["dvc", *words], env=os.environ | environment, check=True)


def main() -> None:
    """Write metrics/seeds.json."""
    settings = params.load("seeds", Params, PARAMS)
    forget_stopped()
    for seed in settings.companies:
        queue(seed)
    cache = str(Path(os.environ.get("CLOSEDBOOK_CACHE", ".cache")).absolute())
    _dvc("exp", "run", "--run-all", "--jobs", str(at_once()), OMP_NUM_THREADS=str(threads()), CLOSEDBOOK_CACHE=cache)
    by_seed = {seed: accuracies(seed) for seed in settings.companies}
    values = averages(list(by_seed.values())) | {"companies": len(by_seed)}
    metrics.write("seeds", values | {"seeds": {str(seed): row for seed, row in by_seed.items()}})


if __name__ == "__main__":
    run(main)
