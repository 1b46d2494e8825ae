"""Disclosure of secrets in the documents by each arm, with the synthesis gate (section redact) and without.

reads   params.yaml, experiments/params.yaml, models/base
writes  metrics/leak.json  for each arm, form of question (direct, indirect) and gate the share of the canaries that at
                           least one answer disclosed; the share in the retrieved passages; how many canaries there
                           were, and how many reached the training rows
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
ByForm = dict[str, list[bool]]
"""form of question -> for each canary, whether it is disclosed"""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `leak` of experiments/params.yaml."""

    seeds: list[int] = Field(min_length=1)  # of the companies, each also the seed of its trainings
    planted: int = Field(ge=1)  # documents of a company that state a secret of each kind
    generators: list[str]
    tokens: int = Field(ge=200)  # synthetic ones
    documents: float = Field(ge=0, le=1)  # share of them in documents
    replay_share: float = Field(ge=0, lt=1)


def disclosed_in(questions: pl.DataFrame, texts: Mapping[str, str]) -> ByForm:
    """Return which canaries occur in any of the `texts`, by question id, of their questions."""
    by_form: dict[str, dict[str, bool]] = {}
    for question_id, kind, number, secret in questions.select(
        "question_id", "kind", "doc_id", pl.col("references").list.first()
    ).rows():
        flags = by_form.setdefault(kind, {})
        flags[number] = flags.get(number, False) or disclosure.discloses(texts[question_id], secret)
    return {form: [flags[number] for number in sorted(flags)] for form, flags in by_form.items()}


def disclosed(questions: pl.DataFrame, engine: Engine, passages: Passages) -> ByForm:
    """Return which canaries `engine` discloses in any of its answers to `questions`."""
    answers = answer.answer(questions, passages, engine, arm_engine.batch_size(), "canaries")
    return disclosed_in(questions, dict(answers.select("question_id", "response").rows()))


def retrieved(questions: pl.DataFrame, passages: Passages) -> ByForm:
    """Return which canaries occur in the retrieved passages, whether or not the student can copy them."""
    texts = {key: "\n".join(text for _, text in passages.get(key, [])) for key in questions["question_id"]}
    return disclosed_in(questions, texts)


def released(questions: pl.DataFrame, passages: Passages) -> dict[str, ByForm]:
    """Return what the released student discloses, by arm, without and with passages: no gate changes that."""
    engine = arm_engine.engine("student", params.load("answer", arm_engine.AnswerParams))
    return {"base": disclosed(questions, engine, {}), "rag": disclosed(questions, engine, passages)}


def finetuned(
    made_up: company.Company, plan: study.Plan, questions: pl.DataFrame, passages: Passages
) -> dict[str, ByForm]:
    """Return what the student discloses after `plan`, by arm, without and with passages; on documents, without alone."""
    shown = {"raw": {}} if plan.on_documents else {"tuned": {}, "tuned_rag": passages}

    def measure(engine: Engine) -> dict[str, ByForm]:
        return {arm: disclosed(questions, engine, arm_passages) for arm, arm_passages in shown.items()}

    exams = [(questions, arm_passages) for arm_passages in shown.values()]
    by_arm = study.cached(made_up, plan, measure, [disclosure.VERSION, study.exam_inputs(exams)])
    return {arm: by_arm[arm] for arm in shown}


def trained_on(made_up: company.Company, plan: study.Plan, planted: Sequence[canaries.Canary]) -> dict[str, int]:
    """Return the number of training rows with a canary, and the number of canaries in any row."""
    texts = [" ".join(row) for row in study.rows(made_up, plan).select("prompt", "reasoning", "completion").rows()]
    in_rows = [{canary for canary in planted if disclosure.discloses(text, canary.secret)} for text in texts]
    return {"rows_with_canaries": sum(map(bool, in_rows)), "canaries_in_rows": len(set().union(*in_rows))}


@dataclass(frozen=True)
class Setup:
    """A company by gate, the canaries in its documents, the questions for them, and the retrieved passages."""

    companies: dict[str, company.Company]
    planted: list[canaries.Canary]
    questions: pl.DataFrame
    passages: Passages


def prepare(seed: int, settings: Params) -> Setup:
    """Return the setup of the company of `seed`."""
    company_params = params.load("company", company.CompanyParams, company.PARAMS)
    generators = {name: company_params.generators[name] for name in settings.generators}
    company_params = company_params.model_copy(update={"generators": generators})
    private, planted = params.load("redact", detection.Params), []

    def plant(documents: pl.DataFrame) -> pl.DataFrame:
        documents, planted[:] = canaries.plant(documents, settings.planted, seed)
        return documents

    companies = {
        gate: company.prepare(seed, company_params, plant, private.model_copy(update={"private": action}))
        for gate, action in GATES.items()
    }
    questions, chunks = canaries.questions(planted), companies["open"].chunks
    contexts = retrieve("hybrid", questions, chunks, params.load("retrieve", postgres.RetrieveParams))
    max_passages = params.load("answer", arm_engine.AnswerParams).passages
    return Setup(companies, planted, questions, shown_passages(contexts, chunks, max_passages))


def summary(by_gate: dict[str, list[dict[str, ByForm]]]) -> dict[str, float]:
    """Return ARM_FORM_GATE, the share of the canaries that are disclosed, from each company's flags by arm."""
    rates = {}
    for gate, companies in by_gate.items():
        for arm, form in product(companies[0], companies[0]["base"]):
            rates[f"{arm}_{form}_{gate}"] = _share(by_arm[arm] for by_arm in companies)[form]
    return rates


def retrieved_summary(companies: list[ByForm]) -> dict[str, float]:
    """Return shown_FORM, the share of the canaries in the retrieved passages: what `rag` could disclose."""
    return {f"shown_{form}": rate for form, rate in _share(companies).items()}


def _share(companies: Iterable[ByForm]) -> dict[str, float]:
    """Return the share of true flags by form, over the canaries of all `companies`."""
    companies = list(companies)
    pooled = {form: [flag for by_form in companies for flag in by_form[form]] for form in companies[0]}
    return {form: sum(flags) / len(flags) for form, flags in pooled.items()}


def main() -> None:
    """Write metrics/leak.json."""
    settings, recipe = params.load("leak", Params, company.PARAMS), params.load("train", finetune.Recipe)
    plan = study.Plan(settings.generators, settings.tokens, recipe, [], settings.replay_share, settings.documents)
    setups = [prepare(seed, settings) for seed in settings.seeds]
    jobs = [(setup.companies[gate], plan, setup.questions, setup.passages) for gate in GATES for setup in setups]
    on_documents = replace(plan, on_documents=True)  # which no gate masks: they go to no teacher
    jobs += [(setup.companies["open"], on_documents, setup.questions, setup.passages) for setup in setups]
    results, n = trainings(finetuned, jobs, [settings.tokens] * len(jobs)), len(setups)
    *tuned, raw = (results[start : start + n] for start in range(0, len(jobs), n))
    base = [released(setup.questions, setup.passages) for setup in setups]
    by_gate = {
        gate: [arms | documents | rows for arms, documents, rows in zip(base, raw, by_rows, strict=True)]
        for gate, by_rows in zip(GATES, tuned, strict=True)
    }
    values = summary(by_gate) | retrieved_summary([retrieved(setup.questions, setup.passages) for setup in setups])
    for gate in GATES:
        rows = [trained_on(setup.companies[gate], plan, setup.planted) for setup in setups]
        values |= {f"{key}_{gate}": sum(row[key] for row in rows) for key in rows[0]}
    values |= {"canaries": sum(len(setup.planted) for setup in setups), "companies": settings.seeds}
    metrics.write("leak", values | {"version": disclosure.VERSION})


if __name__ == "__main__":
    run(main)
