"""Train a student on a portion of a company's rows, and measure its accuracy.

The result of a training is cached in .cache/experiments under a hash of all data that determines it: every training
token, the weights, the recipe, every question as the student reads it. An experiment that was stopped, or grows, trains
nothing twice, and another prompt, tokenizer or recipe is another study.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from experiments.company import PARAMS, Company, count
from invitro.base_model import ability
from parts.answering import arm_engine, transformers_engine
from parts.answering.engine import PromptBuilder
from parts.project import params
from parts.project.errors import UserError
from parts.project.files import write_text
from parts.project.sections import Student
from parts.retrieval.contexts import shown_passages
from parts.scoring import exact
from parts.student import dataset, finetune
from parts.student.chat_format import chat_format
from parts.student.model import weights
from stages import answer, curate, open_book

CACHE = Path(".cache/experiments")
UNSEEN = 3_000  # seed of the first of the companies that forgetting is measured on
VERSION = f"study-2 {exact.VERSION} {ability.VERSION}"
"""Of the measurements; part of every key. Raise study-N when decoding changes an answer."""


@dataclass(frozen=True)
class Plan:
    """What a student is trained on, and how."""

    generators: Sequence[str]
    tokens: int
    """synthetic ones"""
    recipe: finetune.Recipe
    reasoning: Sequence[str]
    """generators whose reasoning is trained on"""
    replay_share: float
    documents: float = 0.5
    """share of the tokens in documents where there are questions, too"""
    ability_questions: int = 0
    """of each form, about other companies, to measure forgetting after the training"""
    open_book: float = 0.0
    """share of the questions that are put with passages"""
    on_documents: bool = False
    """trained on the documents themselves, for as many tokens as on the rows"""


def portion(ledger: pl.DataFrame, tokens: int, documents: float = 0.5) -> pl.DataFrame:
    """Return rows of `ledger` of about `tokens` in all, the share `documents` of them in documents; a smaller portion is
    part of a larger one.

    Raises UserError when there are too few.
    """
    rows = ledger.filter(pl.col("dropped").is_null()).sort("pair_id")  # a hash: as good as shuffled
    share = {"document": documents, "qa": 1 - documents} if rows["kind"].n_unique() > 1 else {rows["kind"][0]: 1.0}
    wanted = pl.col("kind").replace_strict(share, return_dtype=pl.Float64) * tokens
    for kind, available in rows.group_by("kind").agg(pl.col("n_tokens").sum()).rows():
        if available < share[kind] * tokens * 0.98:
            raise UserError(
                f"the teacher wrote {available:,} tokens of kind {kind}, and {share[kind] * tokens:,.0f} are wanted: give its "
                f"generator more samples in {PARAMS}"
            )
    return rows.filter(pl.col("n_tokens").cum_sum().over("kind") <= wanted)


def rows(company: Company, plan: Plan) -> pl.DataFrame:
    """Return the Pairs of `company` by `plan`, curated as in the pipeline, replayed rows included."""
    settings = params.load("curate", curate.Params).model_copy(
        update={
            "documents": plan.documents,
            "dev": 0,
            "reasoning": list(plan.reasoning),
            "replay_share": plan.replay_share,
        }
    )
    raw = company.raw.filter(pl.col("generator").is_in(plan.generators))
    ledger = curate.curate(raw, company.chunks, company.questions, settings, count)
    return curate.training_rows(portion(ledger, plan.tokens, plan.documents), settings, count)


def open_rows(company: Company, plan: Plan) -> list[dict]:
    """Return the rows of `plan`, a share of the questions with passages."""
    pairs = rows(company, plan)
    chosen = open_book.choose(pairs, plan.open_book)["question_id"]
    shown = company.shown.filter(pl.col("pair_id").is_in(chosen.implode()))
    return dataset.open_book(pairs.to_dicts(), shown.to_dicts(), company.chunks.to_dicts())


def study(company: Company, plan: Plan) -> dict[str, float]:
    """Return the metrics of a student after `plan`: accuracy on the exam, remaining abilities, and the cost of training."""
    settings = params.load("answer", arm_engine.AnswerParams)
    exams = [(company.questions, {})]
    exams += [(company.questions, shown(company, settings.passages))] if plan.ability_questions else []

    def measure(engine: transformers_engine.Engine) -> dict[str, float]:
        metrics = accuracies(company, engine, {}, arm_engine.batch_size())
        if plan.ability_questions:
            metrics["accuracy_with_passages"] = accuracy(
                company, engine, shown(company, settings.passages), arm_engine.batch_size()
            )
            metrics |= ability.measure(engine.model, engine.tokenizer, UNSEEN, plan.ability_questions)
        return metrics

    measured = [
        VERSION,
        exam_inputs(exams),
        ability.cases(UNSEEN, plan.ability_questions) if plan.ability_questions else None,
    ]
    return cached(company, plan, measure, measured)


def exam_inputs(exams: Sequence[tuple[pl.DataFrame, dict]]) -> list[list]:
    """Return every question of `exams` (Questions, passages by question) as a student reads it, and its reference."""
    settings = params.load("answer", arm_engine.AnswerParams)
    prompts = PromptBuilder(
        chat_format(params.load("student", Student)), settings.max_new_tokens, settings.max_prompt_tokens
    )
    return [
        [
            prompts.prompt(row["question"], passages.get(row["question_id"], []), row["options"])[0],
            row["kind"], row["references"], row["answerable"], settings.max_new_tokens,
        ]
        for questions, passages in exams
        for row in questions.sort("question_id").iter_rows(named=True)
    ]  # fmt: skip


def training_data(company: Company, plan: Plan, pairs: list[dict]) -> dataset.TrainingData:
    """Return what the training by `plan` reads: `pairs`, or the documents of `company`."""
    chat = chat_format(params.load("student", Student))
    if plan.on_documents:
        return dataset.raw_data(company.chunks.to_dicts(), pairs, chat, plan.recipe, company.seed)
    return dataset.pairs_data(pairs, chat, plan.recipe, company.seed)


def study_key(company: Company, plan: Plan, pairs: list[dict], measured: list) -> str:
    """Return a hash of all data that bears on a study: of the training, and of what is `measured` after it."""
    student, data = params.load("student", Student), training_data(company, plan, pairs)
    training = finetune.training_key(weights(student), plan.recipe, company.seed, data)
    return hashlib.sha256(f"{training} {json.dumps(measured)}".encode()).hexdigest()[:20]


def cached(company: Company, plan: Plan, measure: Callable[[transformers_engine.Engine], dict], measured: list) -> dict:
    """Return the metrics of `measure` on the student after `plan`, and the cost of training, from the cache where it has them.

    The key is of both: `measured`, JSON values, is all data that bears on `measure` beyond the student.
    """
    pairs = open_rows(company, plan)
    student, settings = params.load("student", Student), params.load("answer", arm_engine.AnswerParams)
    folder = CACHE / study_key(company, plan, pairs, measured)
    if (folder / "metrics.json").exists():
        return json.loads((folder / "metrics.json").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        data = training_data(company, plan, pairs)
        training, _ = finetune.finetune(
            student, chat_format(student), data, plan.recipe, company.seed, folder / "adapter", folder / "loss.tsv"
        )
        engine = arm_engine.engine(str(folder / "adapter"), settings)
        metrics = measure(engine) | {"tokens_read": training["tokens"]}
        metrics["trainable_parameters"] = training["trainable_parameters"]
    shutil.rmtree(folder / "adapter")
    write_text(folder / "metrics.json", json.dumps(metrics))
    return metrics


def rag(company: Company) -> float:
    """Return the accuracy of the released student with retrieved passages."""
    settings = params.load("answer", arm_engine.AnswerParams)
    engine = arm_engine.engine("student", settings)
    return accuracy(company, engine, shown(company, settings.passages), arm_engine.batch_size())


def shown(company: Company, most: int) -> dict:
    """Return the best `most` retrieved passages of each question."""
    return shown_passages(company.contexts, company.chunks, most)


def accuracy(company: Company, engine: transformers_engine.Engine, passages: dict, batch: int) -> float:
    """Return the share of the company's exam that `engine` answers exactly."""
    return accuracies(company, engine, passages, batch)["accuracy"]


def accuracies(company: Company, engine: transformers_engine.Engine, passages: dict, batch: int) -> dict[str, float]:
    """Return the share of the company's exam that `engine` answers exactly, and that of each kind of question."""
    answers = answer.answer(company.questions, passages, engine, batch, "exam").join(company.questions, "question_id")
    right = [exact.score(*row)["exact"] for row in answers.select("response", "references", "answerable").iter_rows()]
    scores = answers.select("kind", exact=pl.Series(right))
    by_kind = scores.group_by("kind").agg(pl.mean("exact")).sort("kind")
    return {"accuracy": scores["exact"].mean()} | {f"accuracy_{kind}": share for kind, share in by_kind.rows()}
