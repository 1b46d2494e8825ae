"""Ablations of the recipe: accuracy of each fine-tuned student, with and without passages, and its remaining abilities.

    python -m experiments.variants GROUP

reads   params.yaml, experiments/params.yaml, models/base
writes  metrics/GROUP.json  for each variant the mean over the group's companies
"""

from itertools import product
from statistics import mean

from pydantic import BaseModel, Field

from experiments import company, study
from experiments.progress import trainings
from invitro.base_model import ability
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student import finetune
from parts.student.model import load, tokenizer

ABILITIES = ("read_gold_em", "read_8_em", "two_documents_em", "declines_when_absent")


class Variant(BaseModel, extra="forbid", frozen=True):
    """What differs from the reference; None: nothing."""

    lora_r: int | None = None
    lora_alpha: int | None = None
    learning_rate: float | None = None
    num_train_epochs: float | None = None
    per_device_train_batch_size: int | None = None
    completion_only_loss: bool | None = None
    generators: list[str] | None = None
    tokens: int | None = None
    documents: float | None = None
    reasoning: list[str] | None = None
    replay_share: float | None = None
    open_book: float | None = None


class Params(BaseModel, extra="forbid", frozen=True):
    """A group of section `variants` of experiments/params.yaml: the reference, and variants of it."""

    seeds: list[int] = Field(min_length=1)  # of the companies
    generators: list[str]
    tokens: int = Field(ge=1000)  # synthetic ones
    documents: float = Field(ge=0, le=1)  # share of them in documents
    replay_share: float = Field(ge=0, lt=1)
    reasoning: list[str] = []  # generators whose reasoning is trained on
    open_book: float = Field(default=0, ge=0, le=1)  # share of the questions that are put with passages
    questions: int = Field(ge=10)  # of each form, about other companies, to measure forgetting
    variants: dict[str, Variant]


def make_plan(settings: Params, variant: Variant, recipe: finetune.Recipe) -> study.Plan:
    """Return the reference's plan with the changes of `variant`."""
    changes = variant.model_dump(exclude_unset=True)
    recipe = recipe.model_copy(
        update={key: changes.pop(key) for key in list(changes) if key in finetune.Recipe.model_fields}
    )
    reference = settings.model_dump(exclude={"seeds", "questions", "variants"})
    return study.Plan(recipe=recipe, ability_questions=settings.questions, **reference | changes)


def main(name: str) -> None:
    """Write metrics/`name`.json."""
    settings = params.load(f"variants.{name}", Params, company.PARAMS)
    company_params = params.load("company", company.CompanyParams, company.PARAMS)
    recipe = params.load("train", finetune.Recipe)
    companies = [company.prepare(seed, company_params) for seed in settings.seeds]
    jobs = [
        (label, made_up, make_plan(settings, variant, recipe))
        for (label, variant), made_up in product(settings.variants.items(), companies)
    ]
    results = trainings(study.study, [(made_up, plan) for _, made_up, plan in jobs], [plan.tokens for *_, plan in jobs])
    by_variant: dict[str, list[dict]] = {label: [] for label in settings.variants}
    for (label, *_), result in zip(jobs, results, strict=True):
        by_variant[label].append(result)
    student = params.load("student", Student)
    before = ability.measure(load(student.model), tokenizer(student), study.UNSEEN, settings.questions)
    means = {
        label: {key: mean(row[key] for row in rows) for key in rows[0] if key != "seconds"}  # of an older cache
        for label, rows in by_variant.items()
    }
    rag = mean(map(study.rag, companies))
    reference = {"before": {key: before[key] for key in ABILITIES}, "companies": settings.seeds, "rag_accuracy": rag}
    metrics.write(name, means | reference)


if __name__ == "__main__":
    run(main)
