"""Train a student on a share of a company's rows, and see what it then knows.

What was trained once is kept in .cache/experiments under a hash of all that bears on it as data: every token that is
read, the weights, the recipe, every question as it is put. An experiment that was stopped, or grows, trains nothing
twice, and none serves what another prompt, tokenizer or recipe brought.
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
from parts.project.sections import Student
from parts.retrieval.contexts import shown_passages
from parts.scoring import exact
from parts.student import finetune
from parts.student.model import tokenizer
from schemas.errors import UserError
from schemas.files import write_text
from stages import answer, curate

KEPT = Path(".cache/experiments")
UNSEEN = 3_000  # seed of the first of the companies by which it is measured what was forgotten
VERSION = f"study-1 {exact.VERSION} {ability.VERSION}"
"""Of what is measured; another one makes every study another one. Raise study-N when decoding changes an answer."""


@dataclass(frozen=True)
class Plan:
    """What a student studies, and how."""

    generators: Sequence[str]
    tokens: int
    """synthetic ones"""
    recipe: finetune.Recipe
    reasoning: bool
    replay_share: float
    documents: float = 0.5
    """share of the tokens in documents where there are questions, too"""
    examined: int = 0
    """questions of each form about other companies, asked afterwards to see what was forgotten"""


def portion(ledger: pl.DataFrame, tokens: int, documents: float = 0.5) -> pl.DataFrame:
    """Return rows of `ledger` of about `tokens` in all, that share in `documents`; those of fewer tokens are among them.

    Raises Mistake when there are not so many.
    """
    kept = ledger.filter(pl.col("dropped").is_null()).sort("pair_id")  # a hash: as good as shuffled
    share = {"document": documents, "qa": 1 - documents} if kept["kind"].n_unique() > 1 else {kept["kind"][0]: 1.0}
    wanted = pl.col("kind").replace_strict(share, return_dtype=pl.Float64) * tokens
    for kind, there in kept.group_by("kind").agg(pl.col("n_tokens").sum()).rows():
        if there < share[kind] * tokens * 0.98:
            raise UserError(
                f"the teacher wrote {there:,} tokens of kind {kind}, and {share[kind] * tokens:,.0f} are wanted: give its "
                f"generator more samples in {PARAMS}"
            )
    return kept.filter(pl.col("n_tokens").cum_sum().over("kind") <= wanted)


def rows(company: Company, plan: Plan) -> pl.DataFrame:
    """Return the Pairs that `plan` takes of `company`, curated as in the pipeline, with those replayed."""
    given = params.load("curate", curate.Params).model_copy(
        update={"documents": plan.documents, "dev": 0, "reasoning": plan.reasoning, "replay_share": plan.replay_share}
    )
    raw = company.raw.filter(pl.col("generator").is_in(plan.generators))
    ledger = curate.curate(raw, company.chunks, company.questions, given, count)
    return curate.training_rows(portion(ledger, plan.tokens, plan.documents), given, count)


def study(company: Company, plan: Plan) -> dict[str, float]:
    """Return what a student knows after `plan`: accuracy on the exam, abilities left, and what the training took."""
    given = params.load("answer", arm_engine.AnswerParams)
    exams = [(company.questions, {})]
    exams += [(company.questions, shown(company, given.passages))] if plan.examined else []

    def measure(engine: transformers_engine.Engine) -> dict[str, float]:
        found = {"accuracy": accuracy(company, engine, {}, arm_engine.batch_size())}
        if plan.examined:
            found["accuracy_with_passages"] = accuracy(
                company, engine, shown(company, given.passages), arm_engine.batch_size()
            )
            found |= ability.measure(engine.model, engine.tokenizer, UNSEEN, plan.examined)
        return found

    asked = [VERSION, put(exams), ability.cases(UNSEEN, plan.examined) if plan.examined else None]
    return studied(company, plan, measure, asked)


def put(exams: Sequence[tuple[pl.DataFrame, dict]]) -> list[list]:
    """Return every question of `exams` (Questions, passages by question) as a student reads it, and what is right."""
    given = params.load("answer", arm_engine.AnswerParams)
    prompts = PromptBuilder(tokenizer(params.load("student", Student)), given.max_new_tokens, given.max_prompt_tokens)
    return [
        [
            prompts.prompt(row["question"], passages.get(row["question_id"], []), row["options"])[0],
            row["kind"], row["reference"], row["answerable"], given.max_new_tokens,
        ]
        for questions, passages in exams
        for row in questions.sort("question_id").iter_rows(named=True)
    ]  # fmt: skip


def study_key(company: Company, plan: Plan, pairs: list[dict], asked: list) -> str:
    """Return a hash of all that bears on a study: the training, and what is `asked` afterwards and counts as right."""
    student = params.load("student", Student)
    recipe = plan.recipe.model_copy(update={"seed": company.seed})
    training = finetune.training_key(student.model, recipe, *finetune.dataset(pairs, tokenizer(student), recipe))
    return hashlib.sha256(f"{training} {json.dumps(asked)}".encode()).hexdigest()[:20]


def studied(company: Company, plan: Plan, measure: Callable[[transformers_engine.Engine], dict], asked: list) -> dict:
    """Return what `measure` finds of the student after `plan`, and what the training took.

    It is kept under what bears on both: `asked`, JSON values, is all that bears on `measure` beyond the student.
    """
    pairs = rows(company, plan).to_dicts()
    student, given = params.load("student", Student), params.load("answer", arm_engine.AnswerParams)
    home = KEPT / study_key(company, plan, pairs, asked)
    if (home / "found.json").exists():
        return json.loads((home / "found.json").read_text())
    home.mkdir(parents=True, exist_ok=True)
    with (home / "log").open("a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        recipe = plan.recipe.model_copy(update={"seed": company.seed})
        took = finetune.finetune(student.model, tokenizer(student), pairs, recipe, home / "adapter", home / "loss.tsv")
        engine = arm_engine.engine(str(home / "adapter"), given)
        found = measure(engine) | {"seconds": took["seconds"], "tokens_read": took["tokens"]}
        found["trainable_parameters"] = took["trainable_parameters"]
    shutil.rmtree(home / "adapter")
    write_text(home / "found.json", json.dumps(found))
    return found


def rag(company: Company) -> float:
    """Return the accuracy of the released student with the passages that retrieval finds."""
    given = params.load("answer", arm_engine.AnswerParams)
    engine = arm_engine.engine("student", given)
    return accuracy(company, engine, shown(company, given.passages), arm_engine.batch_size())


def shown(company: Company, most: int) -> dict:
    """Return the passages that retrieval finds for each question, `most` at the most."""
    return shown_passages(company.contexts, company.chunks, most)


def accuracy(company: Company, engine: transformers_engine.Engine, passages: dict, batch: int) -> float:
    """Return the share of the company's exam that `engine` answers exactly."""
    said = answer.answer(company.questions, passages, engine, batch, "exam").join(company.questions, "question_id")
    marks = [exact.score(*row)["exact"] for row in said.select("response", "reference", "answerable").iter_rows()]
    return sum(marks) / len(marks)
