"""Say what each arm costs: before the first question, by question, and when documents change every month.

reads   metrics/answer, metrics/clock                   tokens and seconds of a question, by arm
        metrics/synthesize, metrics/train, metrics/change   of teaching, training, indexing and a change
        metrics/chunk, metrics/ingest                   how many passages and documents there are
        prices.yaml
writes  metrics/cost.json, plots/cost.json

When documents change, each costs what the one of metrics/change.json did: its changed passages embedded again (rag) or
taught again (tuned); and once for all of them, everything is cut and redacted, the index is opened, an adapter is trained
anew. Over M months in each of which a share of D documents changes, with q questions a month, an arm takes

    upfront + M x changed(share x D) + M x q x question

Cutting, redacting and reading the first time are left out: seconds, and the same for all.
"""

import json
from pathlib import Path

from pydantic import BaseModel, Field

from parts import spending
from parts.project import metrics, params
from parts.project.command import run
from parts.project.prices import Prices, load
from parts.project.sections import NAMES as ARMS
from parts.project.sections import Server, Student
from parts.spending import Spending

PLOT = Path("plots/cost.json")
STEPS = ("embed_p50_ms", "search_p50_ms", "rerank_p50_ms")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `cost` of params.yaml."""

    monthly_change: float = Field(ge=0, le=1)  # share of the documents that change in a month
    months: int = Field(ge=1)  # over which that is reckoned


def question(arm: str, price: Prices, student: str) -> float:
    """Return what one question costs `arm`: the machine for the time it takes.

    Where prices.yaml lists the student, it is served by somebody else: its tokens, and the machine for finding passages.
    """
    clock, used = metrics.read(f"clock/{arm}"), metrics.read(f"answer/{arm}")
    tokens = price.asked(student, used["prompt_tokens"], used["new_tokens"])
    if tokens is None:
        return price.ran(clock["mean_ms"] / 1000)
    return tokens + price.ran(sum(clock.get(step) or 0 for step in STEPS) / 1000)


def once(price: Prices, teacher: str, generators: list[str]) -> dict[str, float | None]:
    """Return the dollars of what is done once: teaching by generator, training, indexing."""
    found = {}
    for name in generators:
        used = metrics.read(f"synthesize/{name}")
        found[f"teacher_{name}"] = price.asked(teacher, used["prompt_tokens"], used["new_tokens"])
    change = metrics.read("change")
    embedding = metrics.read("chunk")["passages"] * change["embed_ms"] / 1000
    index = price.ran(change["index_seconds"] + embedding)
    return found | {"training": price.ran(metrics.read("train")["seconds"]), "index": index}


def changed(price: Prices, teacher: str, documents: float) -> dict[str, float | None]:
    """Return the dollars of bringing the `index` and the `student` up to date when so many documents have changed."""
    if not documents:
        return {"index": 0.0, "student": 0.0}
    change, train = metrics.read("change"), metrics.read("train")["seconds"]
    embedding = documents * change["passages_embedded"] * change["embed_ms"] / 1000
    taught = price.asked(teacher, change["prompt_tokens"], change["new_tokens"])
    return {
        "index": price.ran(change["prepare_seconds"] + change["index_seconds"] + embedding),
        "student": None if taught is None else documents * taught + price.ran(change["prepare_seconds"] + train),
    }


def cost(given: Params, price: Prices, teacher: str, student: str, generators: list[str]) -> dict[str, Spending]:
    """Return what each arm costs. The released student, without anything to read or with what is handed to it, just answers."""
    done, documents = once(price, teacher, generators), metrics.read("ingest")["documents"]
    kept = changed(price, teacher, given.monthly_change * documents)
    index = Spending(done["index"], 0, kept["index"])
    studied = Spending(_sum(*(value for name, value in done.items() if name != "index")), 0, kept["student"])
    parts = {"rag": [index], "tuned": [studied], "tuned_rag": [index, studied]}
    return {
        arm: Spending(
            _sum(*(part.upfront for part in parts.get(arm, []))), question(arm, price, student),
            _sum(*(part.month for part in parts.get(arm, []))),
        )
        for arm in ARMS
    }  # fmt: skip


def _sum(*dollars: float | None) -> float | None:
    return None if None in dollars else sum(dollars, 0.0)


def main() -> None:
    """Write metrics/cost.json and plots/cost.json."""
    given, price, generators = params.load("cost", Params), load(), params.names("synthesize")
    teacher, student = params.load("teacher", Server).model, params.load("student", Student).model
    arms = cost(given, price, teacher, student, generators)
    found = once(price, teacher, generators) | vars(given)
    found |= {f"change_{what}": dollars for what, dollars in changed(price, teacher, 1).items()}
    for arm, spent in arms.items():
        found |= {
            f"upfront_{arm}": spent.upfront,
            f"per_1000_{arm}": spent.question * 1000,
            f"monthly_{arm}": spent.month,
        }
    even = spending.break_even(arms["tuned"], arms["rag"])
    changing = spending.break_even(arms["tuned"], arms["rag"], given.months)
    found |= {"break_even_questions": even, "break_even_questions_monthly": changing and -(-changing // given.months)}
    metrics.write("cost", found | {"prices_dated": price.dated.isoformat()})
    PLOT.write_text(json.dumps(spending.curve(arms, even), indent=1) + "\n")
    print(f"break-even of tuned against rag: {'never' if even is None else f'{even:,} questions'}")


if __name__ == "__main__":
    run(main)
