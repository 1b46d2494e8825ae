"""What changes of the recipe are worth: what each student then knows, alone and with passages, and what it has left.

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

LEFT = ("read_gold_em", "read_8_em", "two_documents_em", "declines_when_absent")


class Variant(BaseModel, extra="forbid", frozen=True):
    """What differs from the reference; what is not given does not."""

    lora_r: int | None = None
    lora_alpha: int | None = None
    learning_rate: float | None = None
    num_train_epochs: float | None = None
    per_device_train_batch_size: int | None = None
    completion_only_loss: bool | None = None
    generators: list[str] | None = None
    tokens: int | None = None
    documents: float | None = None
    reasoning: bool | None = None
    replay_share: float | None = None


class Params(BaseModel, extra="forbid", frozen=True):
    """A group of section `variants` of experiments/params.yaml: the reference, and variants of it."""

    seeds: list[int] = Field(min_length=1)  # of the companies
    generators: list[str]
    tokens: int = Field(ge=1000)  # synthetic ones
    documents: float = Field(ge=0, le=1)  # share of them in documents
    replay_share: float = Field(ge=0, lt=1)
    questions: int = Field(ge=10)  # of each form, about other companies, to see what is forgotten
    variants: dict[str, Variant]


def planned(given: Params, variant: Variant, recipe: finetune.Recipe) -> study.Plan:
    """Return the reference's plan with what `variant` says otherwise."""
    changed = variant.model_dump(exclude_unset=True)
    recipe = recipe.model_copy(
        update={key: changed.pop(key) for key in list(changed) if key in finetune.Recipe.model_fields}
    )
    reference = given.model_dump(include={"generators", "tokens", "documents", "replay_share"}) | {"reasoning": False}
    return study.Plan(recipe=recipe, examined=given.questions, **reference | changed)


def main(name: str) -> None:
    """Write metrics/`name`.json."""
    given = params.load(f"variants.{name}", Params, company.PARAMS)
    group = params.load("company", company.Params, company.PARAMS)
    recipe = params.load("train", finetune.Recipe)
    companies = [company.ready(seed, group) for seed in given.seeds]
    jobs = [
        (variant, one, planned(given, each, recipe))
        for (variant, each), one in product(given.variants.items(), companies)
    ]
    studied = trainings(study.study, [(one, plan) for _, one, plan in jobs], [plan.tokens for *_, plan in jobs])
    found: dict[str, list[dict]] = {name: [] for name in given.variants}
    for (variant, *_), known in zip(jobs, studied, strict=True):
        found[variant].append(known)
    student = params.load("student", Student)
    before = ability.measure(load(student.model), tokenizer(student), study.UNSEEN, given.questions)
    table = {name: {key: mean(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}
    looked_up = mean(map(study.rag, companies))
    held = {"before": {key: before[key] for key in LEFT}, "companies": given.seeds, "rag_accuracy": looked_up}
    metrics.write(name, table | held)


if __name__ == "__main__":
    run(main)
