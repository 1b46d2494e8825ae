"""What each arm costs: before the first question, by question, and when documents change every month."""

from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.prices import Prices
from parts.project.sections import ARMS
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
    clock, used = metrics.read(f"latency/{arm}"), metrics.read(f"answer/{arm}")
    tokens = price.asked(student, used["prompt_tokens"], used["new_tokens"])
    if tokens is None:
        return price.ran(clock["mean_ms"] / 1000)
    return tokens + price.ran(sum(clock.get(step) or 0 for step in STEPS) / 1000)


def upfront_costs(price: Prices, teacher: str, generators: list[str]) -> dict[str, float | None]:
    """Return the dollars of what is done once: teaching by generator, training, indexing."""
    found = {}
    for name in generators:
        used = metrics.read(f"synthesize/{name}")
        found[f"teacher_{name}"] = price.asked(teacher, used["prompt_tokens"], used["new_tokens"])
    change = metrics.read("update_cost")
    embedding = metrics.read("chunk")["passages"] * change["embed_ms"] / 1000
    index = price.ran(change["index_seconds"] + embedding)
    return found | {"training": price.ran(metrics.read("train")["seconds"]), "index": index}


def update_costs(price: Prices, teacher: str, documents: float) -> dict[str, float | None]:
    """Return the dollars of bringing the `index` and the `student` up to date when so many documents have changed."""
    if not documents:
        return {"index": 0.0, "student": 0.0}
    change, train = metrics.read("update_cost"), metrics.read("train")["seconds"]
    embedding = documents * change["passages_embedded"] * change["embed_ms"] / 1000
    taught = price.asked(teacher, change["prompt_tokens"], change["new_tokens"])
    return {
        "index": price.ran(change["prepare_seconds"] + change["index_seconds"] + embedding),
        "student": None if taught is None else documents * taught + price.ran(change["prepare_seconds"] + train),
    }


def arm_costs(given: Params, price: Prices, teacher: str, student: str, generators: list[str]) -> dict[str, ArmCost]:
    """Return what each arm costs. The released student, without anything to read or with what is handed to it, just answers."""
    done, documents = upfront_costs(price, teacher, generators), metrics.read("ingest")["documents"]
    kept = update_costs(price, teacher, given.monthly_change * documents)
    index = ArmCost(done["index"], 0, kept["index"])
    studied = ArmCost(_sum(*(value for name, value in done.items() if name != "index")), 0, kept["student"])
    parts = {"rag": [index], "tuned": [studied], "tuned_rag": [index, studied]}
    return {
        arm: ArmCost(
            _sum(*(part.upfront for part in parts.get(arm, []))), question_cost(arm, price, student),
            _sum(*(part.month for part in parts.get(arm, []))),
        )
        for arm in ARMS
    }  # fmt: skip


def _sum(*dollars: float | None) -> float | None:
    return None if None in dollars else sum(dollars, 0.0)
