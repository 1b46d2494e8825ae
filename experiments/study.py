"""Train a student on a share of a company's rows, and see what it then knows.

What was trained once is kept in .cache/experiments under a hash of all that bears on it, so that an experiment that
was stopped, or grows, trains nothing twice.
"""

import contextlib
import hashlib
import inspect
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from experiments.company import PARAMS, Company, count
from invitro import ability
from parts import answering, answers, decoding, params, tuning
from parts.arms import RELEASED, Arm
from parts.engines import transformers
from parts.errors import Mistake
from parts.scorers import exact
from parts.student import Student, tokenizer
from stages import answer, curate

KEPT = Path(".cache/experiments")
UNSEEN = 3_000  # seed of the first of the companies by which it is measured what was forgotten
BEARING = (answers, decoding, tuning, transformers, exact)
"""Modules whose every change makes a study another one."""


@dataclass(frozen=True)
class Plan:
    """What a student studies, and how."""

    generators: Sequence[str]
    tokens: int
    """synthetic ones"""
    recipe: tuning.Recipe
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
            raise Mistake(
                f"the teacher wrote {there:,} tokens of kind {kind}, and {share[kind] * tokens:,.0f} are wanted: give its "
                f"generator more draws in {PARAMS}"
            )
    return kept.filter(pl.col("n_tokens").cum_sum().over("kind") <= wanted)


def rows(company: Company, plan: Plan) -> pl.DataFrame:
    """Return the Pairs that `plan` takes of `company`, curated as in the pipeline, with those replayed."""
    given = params.load("curate", curate.Params).model_copy(
        update={"documents": plan.documents, "dev": 0, "reasoning": plan.reasoning, "replay_share": plan.replay_share}
    )
    raw = company.raw.filter(pl.col("generator").is_in(plan.generators))
    ledger = curate.curate(raw, company.chunks, company.questions, given, count)
    return curate.keep(portion(ledger, plan.tokens, plan.documents), given, count)


def study(company: Company, plan: Plan) -> dict[str, float]:
    """Return what a student knows after `plan`: accuracy on the exam, abilities left, and what the training took."""
    given = params.load("answer", answering.Params)

    def measure(engine: transformers.Engine) -> dict[str, float]:
        found = {"accuracy": accuracy(company, engine, {}, given.batch)}
        if plan.examined:
            found["accuracy_with_passages"] = accuracy(company, engine, shown(company, given.passages), given.batch)
            found |= ability.measure(engine.model, engine.tokenizer, UNSEEN, plan.examined)
        return found

    return studied(company, plan, measure)


def studied(company: Company, plan: Plan, measure: Callable[[transformers.Engine], dict], *more: str) -> dict:
    """Return what `measure` finds of the student after `plan`, and what the training took.

    It is kept under what bears on both: `more` is what bears on `measure` beyond the company and the plan.
    """
    pairs = rows(company, plan)
    student, given = params.load("student", Student), params.load("answer", answering.Params)
    bearing = [inspect.getsource(module) for module in BEARING] + [
        _digest(Path(student.model)),
        given.model_dump_json(),
    ]
    told = [
        str(asdict(plan) | {"recipe": plan.recipe.model_dump()}),
        pairs.write_json(),
        company.questions.write_json(),
    ]
    home = KEPT / hashlib.sha256("\n".join([*bearing, *told, *more]).encode()).hexdigest()[:20]
    if (home / "found.json").exists():
        return json.loads((home / "found.json").read_text())
    home.mkdir(parents=True, exist_ok=True)
    with (home / "log").open("a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        recipe = plan.recipe.model_copy(update={"seed": company.seed})
        read = tokenizer(student)
        took = tuning.tune(student.model, read, pairs.to_dicts(), recipe, home / "adapter", home / "loss.tsv")
        engine = answering.engine(Arm(weights=str(home / "adapter"), contexts="none"), given)
        found = measure(engine) | {"seconds": took["seconds"], "tokens_read": took["tokens"]}
        found["trainable_parameters"] = took["trainable_parameters"]
    shutil.rmtree(home / "adapter")
    (home / ".found.partial").write_text(json.dumps(found))
    (home / ".found.partial").rename(home / "found.json")
    return found


def rag(company: Company) -> float:
    """Return the accuracy of the released student with the passages that retrieval finds."""
    given = params.load("answer", answering.Params)
    engine = answering.engine(Arm(weights=RELEASED, contexts="hybrid"), given)
    return accuracy(company, engine, shown(company, given.passages), given.batch)


def shown(company: Company, most: int) -> dict:
    """Return the passages that retrieval finds for each question, `most` at the most."""
    return answering.passages(company.contexts, company.chunks, most)


def accuracy(company: Company, engine: transformers.Engine, passages: dict, batch: int) -> float:
    """Return the share of the company's exam that `engine` answers exactly."""
    said = answer.answer(company.questions, passages, engine, batch, "exam").join(company.questions, "question_id")
    marks = [exact.score(*row)["exact"] for row in said.select("response", "reference", "answerable").iter_rows()]
    return sum(marks) / len(marks)


def _digest(model: Path) -> str:
    """Return a hash of the weights in the folder `model`, or its name where it is none."""
    files = sorted(model.glob("*.safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest() if files else str(model)
