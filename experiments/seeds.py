"""Run the whole pipeline on companies that no recipe was chosen on, each as a DVC experiment, and sum up.

writes  metrics/seeds.json  accuracy by arm of each company; the mean ratio of tuned, and of tuned_rag, to rag

Every run is `dvc exp run` in a workspace of its own: it is kept in git as the experiment company-SEED of this commit,
and what DVC has run before it restores, so that a stopped series goes on where it was.
"""

import os
import subprocess
from pathlib import Path

import dvc.api
import numpy as np
from pydantic import BaseModel, Field
from scipy import stats
from tqdm import tqdm

from experiments.company import PARAMS
from parts import metrics, params
from parts.errors import Mistake, run

ARMS = ("rag", "tuned", "tuned_rag")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `seeds` of experiments/params.yaml."""

    companies: list[int] = Field(min_length=2)


def ratio(one: list[float], two: list[float], name: str) -> dict[str, float]:
    """Return the mean over the companies of `one` / `two` as `name`, with its 95% interval by Student's t."""
    each = np.asarray(one) / np.asarray(two)
    lo, hi = stats.t.interval(0.95, len(each) - 1, each.mean(), stats.sem(each))
    return {name: float(each.mean()), f"{name}_lo": float(lo), f"{name}_hi": float(hi)}


def trial(seed: int) -> dict[str, float]:
    """Run the pipeline on the company of `seed` and return the accuracy of each of ARMS. Raises Mistake if it fails."""
    name = f"company-{seed}"
    changes = {
        f"{PARAMS}:world.seed": seed, "ingest.path": "data/world/raw", "examine.questions": "data/world/exam.jsonl",
        "score.ragas": "false",
    }  # fmt: skip
    command = ["dvc", "exp", "run", "--temp", "--force", "--name", name]
    command += [word for key, value in changes.items() for word in ("--set-param", f"{key}={value}")]
    command += [f"score@{arm}" for arm in ARMS]
    kept = Path(os.environ.get("CLOSEDBOOK_CACHE", ".cache")).absolute()
    log = kept / "experiments" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        ended = subprocess.run(command, env=os.environ | {"CLOSEDBOOK_CACHE": str(kept)}, stdout=out, stderr=out)
    if ended.returncode:
        raise Mistake(f"the run on company {seed} failed: {log} says why")
    files = [f"metrics/score/{arm}.json" for arm in ARMS]
    shown = dvc.api.metrics_show(*files, rev=name)
    return {
        arm: shown[file]["exact"] if file in shown else shown["exact"] for arm, file in zip(ARMS, files, strict=True)
    }


def main() -> None:
    """Write metrics/seeds.json."""
    given = params.load("seeds", Params, PARAMS)
    found = {seed: trial(seed) for seed in tqdm(given.companies, desc="companies")}
    by = {arm: [row[arm] for row in found.values()] for arm in ARMS}
    ratios = ratio(by["tuned"], by["rag"], "tuned_over_rag") | ratio(by["tuned_rag"], by["rag"], "tuned_rag_over_rag")
    metrics.write("seeds", ratios | {"seeds": {str(seed): row for seed, row in found.items()}})


if __name__ == "__main__":
    run(main)
