"""What the page holds of the exam: every question with each arm's answer, what the arm read, and what is behind a mistake.

Passages and training rows are held once, and pointed to by their place.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from parts.answers import MARK
from parts.queries import query, select

BEHIND = 6  # training rows shown for a question that an arm got wrong, the most similar ones


@dataclass(frozen=True)
class Exam:
    """The tables that the questions' part of the page is made from."""

    questions: pl.DataFrame  # Questions
    chunks: pl.DataFrame  # Chunks
    pairs: pl.DataFrame  # Pairs
    answers: dict[str, pl.DataFrame]  # Answers, by arm
    scores: dict[str, pl.DataFrame]  # Scores, by arm
    contexts: dict[str, pl.DataFrame]  # Contexts, by arm


def exam(given: Exam, scorer: str) -> dict:
    """Return questions, passages and rows as plain values; `scorer` says what is right, and what it cannot tell is wrong."""
    answers = {arm: _answers(given, arm, scorer) for arm in given.answers}
    shown = {arm: _shown(given, arm) for arm in given.answers}
    rows = behind(given, {id_ for by in answers.values() for id_, answer in by.items() if not answer["right"]})
    found = [
        one
        | {"rows": rows.get(one["id"], [])}
        | {"answers": {arm: by[one["id"]] | {"shown": shown[arm].get(one["id"], [])} for arm, by in answers.items()}}
        for one in map(_question, given.questions.sort("question_id").iter_rows(named=True))
    ]
    pairs = _held(given.pairs, "pair_id", [id_ for one in found for id_ in one["rows"]])
    read = [id_ for one in found for id_ in [*one["gold"], *(i for a in one["answers"].values() for i in a["shown"])]]
    passages = _held(given.chunks, "chunk_id", [*read, *(row["chunk_id"] for row in pairs.values())])
    place, rank = ({id_: at for at, id_ in enumerate(held)} for held in (passages, pairs))
    for one in found:
        one |= {"gold": [place[i] for i in one["gold"]], "rows": [rank[i] for i in one["rows"]]}
        for answer in one["answers"].values():
            answer["shown"] = [place[id_] for id_ in answer["shown"]]
    return {
        "mark": MARK, "arms": list(answers), "kinds": sorted({one["kind"] for one in found}), "questions": found,
        "passages": [
            {"id": id_, "page": row["page"], "heading": row["heading"], "text": row["text"]} for id_, row in passages.items()
        ],
        "rows": [
            {"generator": row["generator"], "prompt": row["prompt"], "reasoning": row["reasoning"]}
            | {"completion": row["completion"], "passage": place[row["chunk_id"]]}
            for row in pairs.values()
        ],
    }  # fmt: skip


def behind(given: Exam, wrong: set[str]) -> dict[str, list[str]]:
    """Return for each of the questions `wrong` the pair_ids of the training rows most like it, from its documents."""
    asked = given.questions.filter(pl.col("question_id").is_in(list(wrong)))
    read = pl.concat(given.contexts.values()).select("question_id", "chunk_id").unique()
    found = select(
        query("behind"), {"most": BEHIND}, questions=asked, pairs=given.pairs, chunks=given.chunks, contexts=read
    )
    parts = found.sort("question_id", "rank").group_by("question_id", maintain_order=True)
    return {question_id: part["pair_id"].to_list() for (question_id,), part in parts}


def _question(row: dict) -> dict:
    gold = list(dict.fromkeys(chunk_id for piece in row["gold_chunk_ids"] for chunk_id in piece))
    kept = {key: row[key] for key in ("kind", "question", "options", "reference")}
    return {"id": row["question_id"], "gold": gold} | kept


def _answers(given: Exam, arm: str, scorer: str) -> dict[str, dict]:
    """Return by question what `arm` said, whether that is right, what each scorer gave, and the likeliest option."""
    scores: dict[str, dict] = {}
    for row in given.scores[arm].sort("question_id", "scorer").iter_rows(named=True):
        scores.setdefault(row["question_id"], {})[row["scorer"]] = row["value"] if row["reason"] is None else (
            row["value"], row["reason"]
        )  # fmt: skip
    return {
        row["question_id"]: {
            "said": row["response"], "scores": (of := scores.get(row["question_id"], {})),
            "right": int(_value(of.get(scorer)) == 1), "likeliest": row.get("likeliest"),
        }
        for row in given.answers[arm].iter_rows(named=True)
    }  # fmt: skip


def _value(score: float | tuple[float, str] | None) -> float | None:
    return score[0] if isinstance(score, tuple) else score


def _shown(given: Exam, arm: str) -> dict[str, list[str]]:
    """Return by question the passages that `arm` was shown, best first."""
    counted = given.answers[arm].select("question_id", "passages")
    held = given.contexts[arm].join(counted, "question_id").filter(pl.col("rank") <= pl.col("passages"))
    parts = held.sort("question_id", "rank").group_by("question_id", maintain_order=True)
    return {question_id: part["chunk_id"].to_list() for (question_id,), part in parts}


def _held(table: pl.DataFrame, key: str, ids: Iterable[str]) -> dict[str, dict]:
    """Return those rows of `table` that have one of `ids`, by it, in the order of `key`."""
    kept = table.filter(pl.col(key).is_in(list(set(ids)))).sort(key)
    return {row[key]: row for row in kept.iter_rows(named=True)}
