"""Compute what each arm costs: before the first question, per question, and per month of changing documents."""

from statistics import mean

from pydantic import BaseModel, Field

from parts.llm.prices import Prices
from parts.project import machine, metrics
from parts.project.arms import BASELINE, CANDIDATE, load_arms
from parts.project.seeds import seeds_of
from parts.verdict.break_even import ArmCost, Saving


class CostParams(BaseModel, extra="forbid", frozen=True):
    """Section `cost` of params.yaml."""

    monthly_change: float = Field(ge=0, le=1)  # share of the documents that change in a month
    months: int = Field(ge=1)  # of the monthly break-even


def question_cost(arm: str, price: Prices, student: str) -> float | None:
    """Return the dollars of one question to `arm`: the machine for what its answers are charged, mean; None: not timed.

    Where prices.yaml lists the student, a provider serves it: then its tokens, and the machine for the retrieval.
    """
    latency, usage = machine.read("latency"), metrics.read(f"answer/{arm}")
    tokens = price.cost_of_tokens(student, usage["prompt_tokens"], usage["new_tokens"])
    milliseconds = latency.get(f"charged_ms_{arm}" if tokens is None else f"charged_retrieval_ms_{arm}")
    if milliseconds is None:
        return None
    return (tokens or 0.0) + price.cost_of_machine(milliseconds / 1000, latency["clock"])


def question_saving(price: Prices, student: str) -> Saving | None:
    """Return the dollars that the candidate saves on a question, with their 95% interval; None: not known."""
    latency, usages = machine.read("latency"), [metrics.read(f"answer/{arm}") for arm in (BASELINE, CANDIDATE)]
    by_tokens = [price.cost_of_tokens(student, usage["prompt_tokens"], usage["new_tokens"]) for usage in usages]
    is_priced = by_tokens[0] is not None
    tokens = by_tokens[0] - by_tokens[1] if is_priced else 0.0
    key = f"saved_{'charged_retrieval' if is_priced else 'charged'}_ms"
    milliseconds = [latency.get(f"{key}{end}") for end in ("", "_lo", "_hi")]
    if None in milliseconds:
        return None
    return Saving(*(tokens + price.cost_of_machine(value / 1000, latency["clock"]) for value in milliseconds))


def teacher_costs(price: Prices, teacher: str, generators: list[str]) -> dict[str, float | None]:
    """Return the teacher's dollars as teacher_GENERATOR, and as change_teacher for one changed document; None: no price."""
    usages = {f"teacher_{name}": metrics.read(f"synthesize/{name}") for name in generators}
    usages["change_teacher"] = metrics.read("update_cost")
    return {
        key: price.cost_of_tokens(teacher, usage["prompt_tokens"], usage["new_tokens"]) for key, usage in usages.items()
    }


def training_timings(model: str) -> list[dict]:
    """Return metrics/machine/train/`model`/SEED.json of each seed whose training was timed here."""
    timings = (machine.read(f"train/{model}/{seed}") for seed in seeds_of(model))
    return [timing for timing in timings if timing.get("seconds") is not None]


def training_cost(price: Prices, model: str) -> float | None:
    """Return the dollars of one training of `model` (of an arm), the mean of those of all seeds; None: none was timed."""
    costs = [price.cost_of_machine(timing["seconds"], timing["clock"]) for timing in training_timings(model)]
    return mean(costs) if costs else None


def lesson_cost(price: Prices) -> float | None:
    """Return the dollars of the lesson that every arm starts from, 0 without one; None: not timed."""
    if not metrics.read("lesson")["rows"]:
        return 0.0
    timing = machine.read("lesson")
    return price.cost_of_machine(timing["seconds"], timing["clock"]) if timing else None


def index_cost(price: Prices, passages: float) -> float | None:
    """Return the dollars of opening the index and embedding so many passages; None: not timed."""
    timing = machine.read("update_cost")
    if not timing:
        return None
    embedding = price.cost_of_machine(passages * timing["embed_ms"] / 1000, timing["clock"])
    return embedding + price.cost_of_machine(timing["index_seconds"])


def update_costs(price: Prices, teacher: str, documents: float) -> dict[str, float | None]:
    """Return the dollars of bringing the `index` and the `student` up to date after `documents` documents changed.

    None where the teacher's price is not known, or nothing was timed.
    """
    if not documents:
        return {"index": 0.0, "student": 0.0, "raw": 0.0}
    seconds = machine.read("update_cost").get("prepare_cpu_seconds")
    prepare = None if seconds is None else price.cost_of_machine(seconds, "cpu")
    asked = teacher_costs(price, teacher, [])["change_teacher"]
    index = index_cost(price, documents * metrics.read("update_cost")["passages_embedded"])
    return {
        "index": total(prepare, index),
        "student": total(prepare, training_cost(price, "adapter"), None if asked is None else documents * asked),
        "raw": total(prepare, training_cost(price, "raw")),
    }


def arm_costs(
    params: CostParams, price: Prices, teacher: str, student: str, generators: list[str]
) -> dict[str, ArmCost]:
    """Return each arm's costs: all pay the lesson, one that searches the index, a fine-tuned one training and teacher."""
    documents = params.monthly_change * metrics.read("ingest")["documents"]
    updates, asked = update_costs(price, teacher, documents), teacher_costs(price, teacher, generators)
    rows = [dollars for key, dollars in asked.items() if key != "change_teacher"]
    index = ArmCost(index_cost(price, metrics.read("chunk")["passages"]), 0, updates["index"])
    lesson = lesson_cost(price)
    trainings = {
        "student": ArmCost(lesson, 0),
        "adapter": ArmCost(total(lesson, *rows, training_cost(price, "adapter")), 0, updates["student"]),
        "raw": ArmCost(total(lesson, training_cost(price, "raw")), 0, updates["raw"]),
    }
    costs = {}
    for name, arm in load_arms().items():
        parts = [index] * arm.searches + [trainings[arm.model]]
        once, month = total(*(part.upfront for part in parts)), total(*(part.month for part in parts))
        costs[name] = ArmCost(once, question_cost(name, price, student), month)
    return costs


def total(*dollars: float | None) -> float | None:
    """Return the sum; None where a term is."""
    return None if None in dollars else sum(dollars, 0.0)
