"""What the arms give away of secrets that stand in the documents, with the synthesis gate (section redact) and without.

reads   params.yaml, experiments/params.yaml, models/base
writes  metrics/leak.json  for each arm, form of question (direct, indirect) and gate the share of the canaries that at
                           least one answer gave away; the share that retrieval showed to an arm; how many canaries
                           there were, and how many reached the training rows
"""

from collections.abc import Mapping, Sequence
from itertools import product

import polars as pl
from pydantic import BaseModel, Field

from experiments import canaries, company, study
from experiments.progress import trainings
from parts.answering import arm_engine
from parts.answering.engine import Engine
from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres
from parts.retrieval.contexts import Passage, shown_passages
from parts.retrieval.retriever import retrieve
from parts.safety import detection, disclosure
from parts.student import finetune
from stages import answer

GATES = {"gated": "mask", "open": "count"}

Passages = dict[str, list[Passage]]
"""question id -> passages, best first"""
Given = dict[str, dict[str, list[bool]]]
"""arm -> form of question -> for each canary, whether it was given away"""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `leak` of experiments/params.yaml."""

    seeds: list[int] = Field(min_length=1)  # of the companies, each also the seed of its trainings
    planted: int = Field(ge=1)  # documents of a company that tell a secret of each kind
    generators: list[str]
    tokens: int = Field(ge=200)  # synthetic ones
    documents: float = Field(ge=0, le=1)  # share of them in documents
    replay_share: float = Field(ge=0, lt=1)


def held_in(asked: pl.DataFrame, texts: Mapping[str, str]) -> dict[str, list[bool]]:
    """Return, for each form of question, which canaries stand in any of the `texts` that belong to their questions."""
    found: dict[str, dict[str, bool]] = {}
    for question_id, kind, number, secret in asked.select("question_id", "kind", "doc_id", "reference").rows():
        of_kind = found.setdefault(kind, {})
        of_kind[number] = of_kind.get(number, False) or disclosure.discloses(texts[question_id], secret)
    return {kind: [held[number] for number in sorted(held)] for kind, held in found.items()}


def given_away(asked: pl.DataFrame, engine: Engine, passages: Passages, batch: int) -> dict[str, list[bool]]:
    """Return, for each form of question, which canaries `engine` gives away in any of its answers to `asked`."""
    said = answer.answer(asked, passages, engine, batch, "canaries")
    return held_in(asked, dict(said.select("question_id", "response").rows()))


def shown(asked: pl.DataFrame, passages: Passages) -> dict[str, list[bool]]:
    """Return which canaries retrieval puts before an arm, whether or not its student can copy them."""
    return held_in(asked, {key: "\n".join(text for _, text in passages.get(key, [])) for key in asked["question_id"]})


def untaught(asked: pl.DataFrame, passages: Passages) -> Given:
    """Return what the student gives away as released, without and with passages: no gate bears on that."""
    given = params.load("answer", arm_engine.AnswerParams)
    engine = arm_engine.engine("student", given)
    by_arm = {"base": {}, "rag": passages}
    return {arm: given_away(asked, engine, held, arm_engine.batch_size()) for arm, held in by_arm.items()}


def taught(one: company.Company, plan: study.Plan, asked: pl.DataFrame, passages: Passages) -> Given:
    """Return what the student gives away after `plan`, without and with passages."""
    batch = arm_engine.batch_size()

    def measure(engine: Engine) -> Given:
        by_arm = {"tuned": {}, "tuned_rag": passages}
        return {arm: given_away(asked, engine, held, batch) for arm, held in by_arm.items()}

    found = study.studied(one, plan, measure, [disclosure.VERSION, study.put([(asked, {}), (asked, passages)])])
    return {arm: found[arm] for arm in ("tuned", "tuned_rag")}


def studied(one: company.Company, plan: study.Plan, held: Sequence[canaries.Canary]) -> dict[str, int]:
    """Return in how many training rows a canary stands, and how many canaries stand in any."""
    told = [" ".join(row) for row in study.rows(one, plan).select("prompt", "reasoning", "completion").rows()]
    found = [{canary for canary in held if disclosure.discloses(text, canary.secret)} for text in told]
    return {"rows_with_canaries": sum(map(bool, found)), "canaries_in_rows": len(set().union(*found))}


def prepared(seed: int, given: Params) -> tuple[dict[str, company.Company], list[canaries.Canary], pl.DataFrame, dict]:
    """Return the company of `seed` by gate, its canaries, the questions for them, and the passages found for those."""
    group = params.load("company", company.Params, company.PARAMS)
    chosen = {name: group.generators[name] for name in given.generators}
    private, planted = params.load("redact", detection.Params), []

    def plant(documents: pl.DataFrame) -> pl.DataFrame:
        documents, planted[:] = canaries.plant(documents, given.planted, seed)
        return documents

    of = {
        gate: company.ready(
            seed,
            group.model_copy(update={"generators": chosen}),
            plant,
            private.model_copy(update={"private": what}),
        )
        for gate, what in GATES.items()
    }
    asked, chunks = canaries.questions(planted), of["open"].chunks
    contexts = retrieve("hybrid", asked, chunks, params.load("retrieve", postgres.RetrieveParams))
    most = params.load("answer", arm_engine.AnswerParams).passages
    return of, planted, asked, shown_passages(contexts, chunks, most)


def summary(by_gate: dict[str, list[Given]]) -> dict[str, float]:
    """Return ARM_FORM_GATE, the share of the canaries of all companies, from what each gave away."""
    found = {}
    for gate, companies in by_gate.items():
        for arm, form in product(companies[0], companies[0]["base"]):
            all_of = [one for given in companies for one in given[arm][form]]
            found[f"{arm}_{form}_{gate}"] = sum(all_of) / len(all_of)
    return found


def at_hand(companies: list[dict[str, list[bool]]]) -> dict[str, float]:
    """Return shown_FORM, the share of the canaries that retrieval puts before an arm: what `rag` could give away."""
    pooled = {form: [one for held in companies for one in held[form]] for form in companies[0]}
    return {f"shown_{form}": sum(held) / len(held) for form, held in pooled.items()}


def main() -> None:
    """Write metrics/leak.json."""
    given, recipe = params.load("leak", Params, company.PARAMS), params.load("train", finetune.Recipe)
    plan = study.Plan(given.generators, given.tokens, recipe, False, given.replay_share, given.documents)
    ready = [prepared(seed, given) for seed in given.seeds]
    jobs = [(of[gate], plan, asked, passages) for gate in GATES for of, _, asked, passages in ready]
    found = trainings(taught, jobs, [given.tokens] * len(jobs))
    before = [untaught(asked, passages) for *_, asked, passages in ready]
    many = len(ready)
    by_gate = {
        gate: [one | two for one, two in zip(before, found[at * many : (at + 1) * many], strict=True)]
        for at, gate in enumerate(GATES)
    }
    told = summary(by_gate) | at_hand([shown(asked, passages) for *_, asked, passages in ready])
    for gate in GATES:
        rows = [studied(of[gate], plan, held) for of, held, *_ in ready]
        told |= {f"{key}_{gate}": sum(row[key] for row in rows) for key in rows[0]}
    counts = {
        "canaries": sum(len(held) for _, held, *_ in ready),
        "companies": given.seeds,
        "version": disclosure.VERSION,
    }
    metrics.write("leak", told | counts)


if __name__ == "__main__":
    run(main)
