"""Hold the arms against each other, question by question, and say which way wins.

reads   Scores[arm]         one row per question and scorer, all arms
        Questions           one row per exam question
        Chunks, Pairs       which documents hold the answers, and which were studied
writes  metrics/verdict.json, metrics/kinds.json, metrics/studied.json, plots/accuracy.json
"""

import json
import math
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts import metrics, params, stats
from parts.arms import NAMES as ARMS
from parts.errors import run
from parts.serving import Server
from parts.student import Student
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PLOT = Path("plots/accuracy.json")
FEW = 20
"""Questions of a group below which its interval is not shown: benchmarks/stats.py has how often it would hold."""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "judge"]  # the scorer that says whether an answer is right
    resamples: int = Field(ge=100)  # of the bootstrap
    seed: int


def compare(right: pl.DataFrame, given: Params) -> dict[str, metrics.Value]:
    """Return each arm's accuracy with its interval, and tuned against rag, from a column of 0 and 1 for each arm.

    An answer that no scorer could judge counts as wrong.
    """
    found: dict[str, metrics.Value] = {"n_questions": len(right)}
    for arm in ARMS:
        found |= _with_interval(f"accuracy_{arm}", stats.share(right[arm]))
    for arm in ("tuned", "tuned_rag"):
        found |= _with_interval(
            f"{arm}_minus_rag", stats.difference(right[arm], right["rag"], given.resamples, given.seed)
        )
    found["mcnemar_p"] = stats.mcnemar(right["tuned"], right["rag"])
    decided = found["tuned_minus_rag_lo"] > 0 or found["tuned_minus_rag_hi"] < 0
    found["verdict"] = ("tuned" if found["tuned_minus_rag"] > 0 else "rag") if decided else "undecided"
    more = None if decided else stats.further_questions(right["tuned"], right["rag"])
    found["further_questions"] = 0 if decided else more and max(1, more)
    return found


def by_group(right: pl.DataFrame, groups: pl.DataFrame, given: Params) -> dict[str, metrics.Value]:
    """Return for each group of questions its size, each arm's accuracy, and tuned minus rag with its interval.

    `groups`: question_id, group. The interval is null below FEW questions. `mcnemar_p` is adjusted for being one of
    several: a group has a winner when that is below 0.05 and its interval leaves nought out.
    """
    parts = right.join(groups, "question_id", validate="1:1").partition_by("group", as_dict=True)
    found: dict[str, metrics.Value] = {}
    for (group,), part in parts.items():
        gap = stats.difference(part["tuned"], part["rag"], given.resamples, given.seed)
        if len(part) < FEW:
            gap = stats.Interval(gap.value, math.nan, math.nan)
        found |= {f"{group}_{arm}": part[arm].mean() for arm in ARMS} | {f"{group}_n": len(part)}
        found |= _with_interval(f"{group}_tuned_minus_rag", gap)
    chances = stats.adjusted([stats.mcnemar(part["tuned"], part["rag"]) for part in parts.values()])
    return found | {f"{group}_mcnemar_p": p for (group,), p in zip(parts, chances, strict=True)}


def studied(questions: pl.DataFrame, chunks: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and group: studied, unstudied, or no_evidence where it is not known what answers it.

    A document is studied if a row to train on came from it; a question is, if every piece of its evidence stands in
    such a document.
    """
    learnt = set(pairs.filter(pl.col("split") == "train")["doc_id"].drop_nulls())
    known = {chunk_id for chunk_id, doc_id in chunks.select("chunk_id", "doc_id").rows() if doc_id in learnt}

    def group(gold: list[list[str]]) -> str:
        if not gold:
            return "no_evidence"
        return "studied" if all(known.intersection(piece) for piece in gold) else "unstudied"

    named = [
        (question_id, group(gold)) for question_id, gold in questions.select("question_id", "gold_chunk_ids").rows()
    ]
    return pl.DataFrame(named, {"question_id": pl.String, "group": pl.String}, orient="row")


def _with_interval(name: str, figure: stats.Interval) -> dict[str, float]:
    return {name: figure.value, f"{name}_lo": figure.lo, f"{name}_hi": figure.hi}


def rightness(scorer: str, questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and a column of 0 and 1 for each arm, by `scorer`."""
    right = questions.select("question_id")
    for arm in ARMS:
        scored = (
            Scores.read(arm)
            .filter(pl.col("scorer") == scorer)
            .select("question_id", pl.col("value").fill_null(0).alias(arm))
        )
        right = right.join(scored, "question_id", how="left", validate="1:1").with_columns(pl.col(arm).fill_null(0))
    return right


def main() -> None:
    """Write the verdict."""
    given, questions = params.load("compare", Params), Questions.read()
    teacher, judge = (params.load(name, Server) for name in ("teacher", "judge"))
    right = rightness(given.accuracy, questions)
    found = compare(right, given)
    names = {"judge": judge.model, "teacher": teacher.model, "student": params.load("student", Student).model}
    metrics.write("verdict", found | names | {"scorer": given.accuracy})
    kinds = questions.select("question_id", group="kind")
    metrics.write("kinds", by_group(right, kinds, given))
    metrics.write("studied", by_group(right, studied(questions, Chunks.read(), Pairs.read()), given))
    rows = [
        {"arm": arm}
        | {key: found[f"accuracy_{arm}{end}"] for key, end in (("accuracy", ""), ("lo", "_lo"), ("hi", "_hi"))}
        for arm in ARMS
    ]
    PLOT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"verdict: {found['verdict']} (tuned - rag {found['tuned_minus_rag']:+.3f})")


if __name__ == "__main__":
    run(main)
