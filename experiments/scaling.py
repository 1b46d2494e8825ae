"""Accuracy against synthetic tokens, by recipe: the central figure of Synthetic Mixed Training, in vitro.

reads   params.yaml, experiments/params.yaml, models/base
writes  metrics/scaling.json  for each recipe the mean accuracy over the companies at each size, and the log-linear fit
        plots/scaling.svg     the same, with the accuracy of rag
"""

from itertools import product
from pathlib import Path
from statistics import mean

import polars as pl
from pydantic import BaseModel, Field

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
    reasoning: list[str]  # generators whose reasoning is trained on
    open_book: float = Field(ge=0, le=1)  # share of the questions that are put with passages
    recipes: dict[str, list[str]]  # training rows, by generator


def fit(tokens: list[int], accuracy: list[float]) -> dict[str, float]:
    """Return slope (accuracy for each doubling of the tokens) and r2 of the least-squares line over log2 tokens."""
    from scipy.stats import linregress

    line = linregress(pl.Series(tokens).log(2).to_numpy(), accuracy)
    return {"slope": line.slope, "r2": line.rvalue**2}


def onset(accuracies: list[float], n: int) -> int:
    """Return the index of the size at which learning sets in: the last of the first sizes that learn nothing.

    A size has learnt where its accuracy is above the first one's by two standard errors of their difference, of `n`
    questions. The index leaves three sizes at least.
    """
    first = accuracies[0]
    learnt = [value - first > 2 * ((value * (1 - value) + first * (1 - first)) / n) ** 0.5 for value in accuracies]
    start = learnt.index(True) - 1 if True in learnt else 0
    return min(start, len(accuracies) - 3)


def summary(points: pl.DataFrame, questions: int) -> dict[str, dict]:
    """Return, for each recipe, its sizes, the mean accuracy and its range over the companies at each, and two fits.

    One is of all sizes, one (`..._from`) of those from `from_tokens` on, where learning sets in. `questions` are a company's.
    """
    by_recipe = {}
    for (recipe,), part in points.group_by("recipe", maintain_order=True):
        sizes = part.group_by("tokens").agg(
            accuracies=pl.mean("accuracy"), least=pl.min("accuracy"), most=pl.max("accuracy"), n=pl.len()
        )
        columns = sizes.sort("tokens").to_dict(as_series=False)
        tokens, accuracies = columns["tokens"], columns["accuracies"]
        start = onset(accuracies, questions * columns["n"][0])
        later = {f"{key}_from": value for key, value in fit(tokens[start:], accuracies[start:]).items()}
        by_recipe[recipe] = columns | fit(tokens, accuracies) | later | {"from_tokens": tokens[start]}
    return by_recipe


def main() -> None:
    """Write metrics/scaling.json and plots/scaling.svg."""
    settings = params.load("scaling", Params, company.PARAMS)
    company_params = params.load("company", company.CompanyParams, company.PARAMS)
    recipe = params.load("train", finetune.Recipe)
    companies = [company.prepare(seed, company_params) for seed in settings.seeds]
    jobs = [
        (
            made_up,
            name,
            study.Plan(
                generators, tokens, recipe, settings.reasoning, settings.replay_share, open_book=settings.open_book
            ),
        )
        for tokens, made_up, (name, generators) in product(settings.tokens, companies, settings.recipes.items())
    ]
    results = trainings(study.study, [(made_up, plan) for made_up, _, plan in jobs], [plan.tokens for *_, plan in jobs])
    points = pl.DataFrame(
        [
            {"recipe": name, "tokens": plan.tokens, "company": made_up.seed, "accuracy": result["accuracy"]}
            for (made_up, name, plan), result in zip(jobs, results, strict=True)
        ]
    )
    rag = mean(map(study.rag, companies))
    metrics.write(
        "scaling", summary(points, company_params.questions) | {"rag_accuracy": rag, "companies": settings.seeds}
    )
    charts.scaling(points, rag, PLOT)


if __name__ == "__main__":
    run(main)
