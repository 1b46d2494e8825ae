"""Choose when the cascade looks passages up and when it declines: on development questions, never the exam.

Every training seed answers them closed book and with passages; the thresholds are those with the most right answers.

reads   Development         one row per development question
        Chunks              one row per passage
        models/adapter      the fine-tuned student, by every seed
        metrics/tune_retrieval.json   how passages are retrieved and how many are shown
writes  metrics/tune_cascade.json     the thresholds; accuracy with them, closed book and with passages
"""

import sys
from statistics import mean

import polars as pl

from parts.answering import arm_engine
from parts.answering.cascade import Outcome, choose, is_confident
from parts.answering.exam_answers import answer
from parts.project import metrics, params
from parts.project.arms import Arm, load_arms
from parts.project.command import run
from parts.project.seeds import seeds_of
from parts.retrieval import postgres
from parts.retrieval.contexts import Passage, shown_passages
from parts.retrieval.retriever import retrieve
from parts.scoring import exact
from schemas.chunks import Chunks
from schemas.development import Development

FEW = 50
"""development questions, below which the thresholds are chosen on little"""


def outcomes(
    questions: pl.DataFrame, passages: dict[str, list[Passage]], arm: Arm, section: arm_engine.AnswerParams
) -> list[Outcome]:
    """Return how the answers of every seed of `arm`, a cascade, to `questions` turn out, closed book and with `passages`."""
    batch, rows, opened = arm_engine.batch_size(), [], None
    with arm_engine.server(section) as url:
        for seed in seeds_of(arm.model):
            closed_engine, open_engine = arm_engine.cascade_engines(arm.model, arm.look_up, section, url, seed)
            closed = answer(questions, {}, closed_engine, batch, "closed book", seed)
            if opened is None or arm.look_up != "student":  # the released student has one answer for all seeds
                opened = answer(questions, passages, open_engine, batch, "with passages", seed)
            rows += [
                Outcome(one["confidence"], _is_right(one), other["confidence"], _is_right(other), not one["answerable"])
                for one, other in zip(_asked(closed, questions), _asked(opened, questions), strict=True)
                if is_confident(one["confidence"], 0) and is_confident(other["confidence"], 0)
            ]
    return rows


def _asked(answers: pl.DataFrame, questions: pl.DataFrame) -> list[dict]:
    return answers.join(questions, "question_id", validate="1:1").sort("question_id").to_dicts()


def _is_right(row: dict) -> bool:
    return exact.score(row["response"], row["references"], row["answerable"])["exact"] == 1


def main() -> None:
    """Write metrics/tune_cascade.json."""
    section, chunks, questions = params.load("answer", arm_engine.AnswerParams), Chunks.read(), Development.read()
    cascades = {name: arm for name, arm in load_arms().items() if arm.is_cascade}
    if not cascades:
        metrics.write("tune_cascade", {"look_up_below": 0, "decline_below": 0, "questions": 0})
        return
    if len(questions) < FEW:
        print(f"caution: {len(questions)} development questions: the cascade's thresholds are a guess", file=sys.stderr)
    arm = next(iter(cascades.values()))
    contexts = retrieve(arm.retriever, questions, chunks, params.load("retrieve", postgres.RetrieveParams))
    rows = outcomes(questions, shown_passages(contexts, chunks, section.passages), arm, section)
    choice = choose(rows)
    values = {"questions": len(questions), "accuracy": choice.accuracy, "looked_up": choice.looked_up}
    values |= {"accuracy_closed": mean(row.closed_right for row in rows)}
    values |= {"accuracy_open": mean(row.open_right for row in rows)}
    metrics.write("tune_cascade", values | choice.thresholds.model_dump())
    print(f"cascade: looks up {choice.looked_up:.0%} of the development questions, {choice.accuracy:.0%} right")


if __name__ == "__main__":
    run(main)
