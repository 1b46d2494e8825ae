"""What one change of the recipe is worth: rank, loss mask, reasoning, replay; and what each leaves of reading.

reads   params.yaml, experiments/params.yaml, models/base
writes  metrics/ablations.json  for each variant the mean over the companies of accuracy, abilities left and seconds
"""

from itertools import product
from statistics import mean

from pydantic import BaseModel, Field

from experiments import company, study
from experiments.progress import trainings
from invitro import ability
from parts import metrics, params, tuning
from parts.errors import run
from parts.student import Student, load, tokenizer

LEFT = ("read_gold_em", "read_8_em", "two_documents_em", "declines_when_absent")


class Variant(BaseModel, extra="forbid", frozen=True):
    """What differs from the reference; what is not given does not."""

    rank: int | None = None
    alpha: int | None = None
    learning_rate: float | None = None
    learn_prompts: bool = False
    reasoning: bool = False
    replay_share: float | None = None


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `ablations` of experiments/params.yaml."""

    generators: list[str]
    tokens: int = Field(ge=1000)  # synthetic ones
    replay_share: float = Field(ge=0, lt=1)
    questions: int = Field(ge=10)  # of each form, about other companies, to see what is forgotten
    variants: dict[str, Variant]


def planned(given: Params, variant: Variant, recipe: tuning.Recipe) -> study.Plan:
    """Return the reference's plan with what `variant` says otherwise."""
    changed = variant.model_dump(exclude_unset=True)
    reasoning, replay = changed.pop("reasoning", False), changed.pop("replay_share", given.replay_share)
    recipe = recipe.model_copy(update=changed)
    return study.Plan(tuple(given.generators), given.tokens, recipe, reasoning, replay, given.questions)


def main() -> None:
    """Write metrics/ablations.json."""
    given = params.load("ablations", Params, company.PARAMS)
    group = params.load("company", company.Params, company.PARAMS)
    recipe = params.load("train", tuning.Recipe)
    companies = [company.ready(seed, group) for seed in group.seeds]
    jobs = [
        (one, name, planned(given, variant, recipe))
        for (name, variant), one in product(given.variants.items(), companies)
    ]
    studied = trainings(study.study, [(one, plan) for one, _, plan in jobs], [plan.tokens for *_, plan in jobs])
    found: dict[str, list[dict]] = {name: [] for name in given.variants}
    for (_, name, _), known in zip(jobs, studied, strict=True):
        found[name].append(known)
    student = params.load("student", Student)
    before = ability.measure(load(student.model), tokenizer(student), study.UNSEEN, given.questions)
    table = {name: {key: mean(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}
    metrics.write("ablations", table | {"before": {key: before[key] for key in LEFT}, "companies": group.seeds})


if __name__ == "__main__":
    run(main)
