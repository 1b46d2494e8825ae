"""Compute what each arm costs: before the first question, per question, and per month of changing documents."""

from statistics import mean

from pydantic import BaseModel, Field

from parts.llm.prices import Prices
from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.seeds import seeds_of
from parts.verdict.break_even import ArmCost

SEARCH_STEPS = ("embed_p50_ms", "search_p50_ms", "rerank_p50_ms")


class CostParams(BaseModel, extra="forbid", frozen=True):
    """Section `cost` of params.yaml."""

    monthly_change: float = Field(ge=0, le=1)  # share of the documents that change in a month
    months: int = Field(ge=1)  # of the monthly break-even


def question_cost(arm: str, price: Prices, student: str) -> float:
    """Return the dollars of one question to `arm`: the machine for its mean latency.

    Where prices.yaml lists the student, a provider serves it: then its tokens, and the machine for the search.
    """
    latency, usage = metrics.by_arm(metrics.read("latency"), load_arms())[arm], metrics.read(f"answer/{arm}")
    tokens = price.cost_of_tokens(student, usage["prompt_tokens"], usage["new_tokens"])
    if tokens is None:
        return price.cost_of_machine(latency["mean_ms"] / 1000)
    return tokens + price.cost_of_machine(sum(latency.get(step) or 0 for step in SEARCH_STEPS) / 1000)


def upfront_costs(price: Prices, teacher: str, generators: list[str]) -> dict[str, float | None]:
    """Return the dollars spent once: the teacher by generator, training, indexing; None where a price is not known."""
    costs = {}
    for name in generators:
        usage = metrics.read(f"synthesize/{name}")
        costs[f"teacher_{name}"] = price.cost_of_tokens(teacher, usage["prompt_tokens"], usage["new_tokens"])
    update = metrics.read("update_cost")
    embedding = metrics.read("chunk")["passages"] * update["embed_ms"] / 1000
    index = price.cost_of_machine(update["index_seconds"] + embedding)
    return costs | {"training": price.cost_of_machine(training_seconds("adapter")), "index": index}


def training_seconds(model: str) -> float:
    """Return the seconds of one training of `model` (of an arm): the mean over its seeds, of which one would do."""
    stage = {"adapter": "train", "raw": "train_raw"}[model]
    return mean(metrics.read(f"{stage}/{seed}")["seconds"] for seed in seeds_of(model))


def update_costs(price: Prices, teacher: str, documents: float) -> dict[str, float | None]:
    """Return the dollars of bringing the `index` and the `student` up to date after `documents` documents changed.

    None where the teacher's price is not known.
    """
    if not documents:
        return {"index": 0.0, "student": 0.0}
    update = metrics.read("update_cost")
    embedding = documents * update["passages_embedded"] * update["embed_ms"] / 1000
    tokens = price.cost_of_tokens(teacher, update["prompt_tokens"], update["new_tokens"])
    index = price.cost_of_machine(update["prepare_seconds"] + update["index_seconds"] + embedding)
    training = price.cost_of_machine(update["prepare_seconds"] + training_seconds("adapter"))
    return {"index": index, "student": None if tokens is None else documents * tokens + training}


def raw_cost(price: Prices, monthly: bool) -> ArmCost:
    """Return the costs of fine-tuning on the documents themselves, without a teacher; `monthly`: documents change."""
    training = price.cost_of_machine(training_seconds("raw"))
    prepare = price.cost_of_machine(metrics.read("update_cost")["prepare_seconds"])
    return ArmCost(training, 0, prepare + training if monthly else 0.0)


def arm_costs(
    params: CostParams, price: Prices, teacher: str, student: str, generators: list[str]
) -> dict[str, ArmCost]:
    """Return each arm's costs: one that searches pays for the index, a fine-tuned one for training and teacher."""
    upfront, documents = upfront_costs(price, teacher, generators), metrics.read("ingest")["documents"]
    updates = update_costs(price, teacher, params.monthly_change * documents)
    index = ArmCost(upfront["index"], 0, updates["index"])
    training = ArmCost(_sum(*(dollars for name, dollars in upfront.items() if name != "index")), 0, updates["student"])
    raw, costs = raw_cost(price, params.monthly_change > 0), {}
    for name, arm in load_arms().items():
        trained = {"student": [], "adapter": [training], "raw": [raw]}[arm.model]
        parts = [index] * arm.searches + trained
        once, month = _sum(*(part.upfront for part in parts)), _sum(*(part.month for part in parts))
        costs[name] = ArmCost(once, question_cost(name, price, student), month)
    return costs


def _sum(*dollars: float | None) -> float | None:
    return None if None in dollars else sum(dollars, 0.0)
