"""Accuracy against synthetic tokens, by recipe: the central figure of Synthetic Mixed Training, in vitro.

reads   params.yaml, experiments/params.yaml, models/base
writes  metrics/scaling.json  for each recipe the mean accuracy over the companies at each size, and the log-linear fit
        plots/scaling.svg     the same, with what looking it up reaches
"""

from itertools import product
from pathlib import Path
from statistics import mean

import polars as pl
from pydantic import BaseModel, Field
from scipy.stats import linregress

from experiments import charts, company, study
from experiments.progress import trainings
from parts.project import metrics, params
from parts.project.command import run
from parts.student import finetune

PLOT = Path("plots/scaling.svg")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `scaling` of experiments/params.yaml."""

    seeds: list[int] = Field(min_length=1)  # of the companies, each also the seed of its trainings
    tokens: list[int] = Field(min_length=3)  # synthetic ones; replayed ones come on top
    replay_share: float = Field(ge=0, lt=1)  # of all tokens
    recipes: dict[str, list[str]]  # what is studied, by generator


def fit(tokens: list[int], accuracy: list[float]) -> dict[str, float]:
    """Return slope (accuracy for each doubling of the tokens) and r2 of the least-squares line over log2 tokens."""
    found = linregress(pl.Series(tokens).log(2).to_numpy(), accuracy)
    return {"slope": found.slope, "r2": found.rvalue**2}


def summary(points: pl.DataFrame) -> dict[str, dict]:
    """Return, for each recipe, its sizes, the mean accuracy and its range over the companies at each, and the fit."""
    found = {}
    for (recipe,), part in points.group_by("recipe", maintain_order=True):
        by = part.group_by("tokens").agg(
            accuracies=pl.mean("accuracy"), least=pl.min("accuracy"), most=pl.max("accuracy"), n=pl.len()
        )
        columns = by.sort("tokens").to_dict(as_series=False)
        found[recipe] = columns | fit(columns["tokens"], columns["accuracies"])
    return found


def main() -> None:
    """Write metrics/scaling.json and plots/scaling.svg."""
    given = params.load("scaling", Params, company.PARAMS)
    group = params.load("company", company.Params, company.PARAMS)
    recipe = params.load("train", finetune.Recipe)
    companies = [company.ready(seed, group) for seed in given.seeds]
    jobs = [
        (one, name, study.Plan(tuple(parts), tokens, recipe, False, given.replay_share))
        for tokens, one, (name, parts) in product(given.tokens, companies, given.recipes.items())
    ]
    studied = trainings(study.study, [(one, plan) for one, _, plan in jobs], [plan.tokens for *_, plan in jobs])
    points = pl.DataFrame(
        [
            {"recipe": name, "tokens": plan.tokens, "company": one.seed, "accuracy": known["accuracy"]}
            for (one, name, plan), known in zip(jobs, studied, strict=True)
        ]
    )
    looked_up = mean(study.rag(one) for one in companies)
    metrics.write("scaling", summary(points) | {"rag_accuracy": looked_up, "companies": given.seeds})
    charts.scaling(points, looked_up, PLOT)


if __name__ == "__main__":
    run(main)
