"""What each arm costs: before the first question, by question, and when documents change every month."""

from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.prices import Prices
from parts.verdict.break_even import ArmCost

STEPS = ("embed_p50_ms", "search_p50_ms", "rerank_p50_ms")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `cost` of params.yaml."""

    monthly_change: float = Field(ge=0, le=1)  # share of the documents that change in a month
    months: int = Field(ge=1)  # over which that is reckoned


def question_cost(arm: str, price: Prices, student: str) -> float:
    """Return what one question costs `arm`: the machine for the time it takes.

    Where prices.yaml lists the student, it is served by somebody else: its tokens, and the machine for finding passages.
    """
    latency, used = metrics.by_arm(metrics.read("latency"), load_arms())[arm], metrics.read(f"answer/{arm}")
    tokens = price.cost_of_tokens(student, used["prompt_tokens"], used["new_tokens"])
    if tokens is None:
        return price.cost_of_machine(latency["mean_ms"] / 1000)
    return tokens + price.cost_of_machine(sum(latency.get(step) or 0 for step in STEPS) / 1000)


def upfront_costs(price: Prices, teacher: str, generators: list[str]) -> dict[str, float | None]:
    """Return the dollars of what is done once: teaching by generator, training, indexing."""
    found = {}
    for name in generators:
        used = metrics.read(f"synthesize/{name}")
        found[f"teacher_{name}"] = price.cost_of_tokens(teacher, used["prompt_tokens"], used["new_tokens"])
    change = metrics.read("update_cost")
    embedding = metrics.read("chunk")["passages"] * change["embed_ms"] / 1000
    index = price.cost_of_machine(change["index_seconds"] + embedding)
    return found | {"training": price.cost_of_machine(metrics.read("train")["seconds"]), "index": index}


def update_costs(price: Prices, teacher: str, documents: float) -> dict[str, float | None]:
    """Return the dollars of bringing the `index` and the `student` up to date when so many documents have changed."""
    if not documents:
        return {"index": 0.0, "student": 0.0}
    change, train = metrics.read("update_cost"), metrics.read("train")["seconds"]
    embedding = documents * change["passages_embedded"] * change["embed_ms"] / 1000
    taught = price.cost_of_tokens(teacher, change["prompt_tokens"], change["new_tokens"])
    return {
        "index": price.cost_of_machine(change["prepare_seconds"] + change["index_seconds"] + embedding),
        "student": None
        if taught is None
        else documents * taught + price.cost_of_machine(change["prepare_seconds"] + train),
    }


def arm_costs(given: Params, price: Prices, teacher: str, student: str, generators: list[str]) -> dict[str, ArmCost]:
    """Return what each arm costs: an arm that searches takes the index, one of the adapter its training."""
    done, documents = upfront_costs(price, teacher, generators), metrics.read("ingest")["documents"]
    kept = update_costs(price, teacher, given.monthly_change * documents)
    index = ArmCost(done["index"], 0, kept["index"])
    trained = ArmCost(_sum(*(value for name, value in done.items() if name != "index")), 0, kept["student"])
    costs = {}
    for name, arm in load_arms().items():
        parts = [index] * arm.searches + [trained] * (arm.model == "adapter")
        upfront, month = (_sum(*(getattr(part, when) for part in parts)) for when in ("upfront", "month"))
        costs[name] = ArmCost(upfront, question_cost(name, price, student), month)
    return costs


def _sum(*dollars: float | None) -> float | None:
    return None if None in dollars else sum(dollars, 0.0)
