"""What the page holds of the exam: every question with each arm's answer, what the arm read, and what is behind a mistake.

Passages and training rows are held once, and pointed to by their place.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from parts.page.similar_rows import similar_rows
from parts.project.answer_format import MARK
from parts.scoring.correctness import correct_answers


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
    found = _joined(given, {arm: _answers(given, arm, scorer) for arm in given.answers})
    pairs = _held(given.pairs, "pair_id", [id_ for one in found for id_ in one["rows"]])
    read = [id_ for one in found for id_ in [*one["gold"], *(i for a in one["answers"].values() for i in a["shown"])]]
    passages = _held(given.chunks, "chunk_id", [*read, *(row["chunk_id"] for row in pairs.values())])
    place, rank = ({id_: at for at, id_ in enumerate(held)} for held in (passages, pairs))
    for one in found:
        one |= {"gold": [place[id_] for id_ in one["gold"]], "rows": [rank[id_] for id_ in one["rows"]]}
        for answer in one["answers"].values():
            answer["shown"] = [place[id_] for id_ in answer["shown"]]
    return {
        "mark": MARK, "arms": list(given.answers), "kinds": sorted({one["kind"] for one in found}), "questions": found,
        "passages": [{"id": id_} | _only(row, "page", "heading", "text") for id_, row in passages.items()],
        "rows": [
            _only(row, "generator", "prompt", "reasoning", "completion") | {"passage": place[row["chunk_id"]]}
            for row in pairs.values()
        ],
    }  # fmt: skip


def _joined(given: Exam, answers: dict[str, dict[str, dict]]) -> list[dict]:
    """Return the questions with what was answered, by arm, and the rows behind a mistake; passages and rows by their ids."""
    wrong = {id_ for by in answers.values() for id_, answer in by.items() if not answer["right"]}
    read = pl.concat(given.contexts.values()).select("question_id", "chunk_id").unique()
    asked = given.questions.filter(pl.col("question_id").is_in(list(wrong)))
    rows = similar_rows(asked, given.chunks, given.pairs, read)
    return [
        {"id": (id_ := row["question_id"]), "gold": list(dict.fromkeys(itertools.chain(*row["gold_chunk_ids"])))}
        | _only(row, "kind", "question", "options", "reference")
        | {"rows": rows.get(id_, []), "answers": {arm: by[id_] for arm, by in answers.items()}}
        for row in given.questions.sort("question_id").iter_rows(named=True)
    ]


def _answers(given: Exam, arm: str, scorer: str) -> dict[str, dict]:
    """Return by question what `arm` said and was shown, whether it is right, and what each scorer gave, and why."""
    scores: dict[str, list[dict]] = {}
    for row in given.scores[arm].sort("question_id", "scorer").iter_rows(named=True):
        scores.setdefault(row["question_id"], []).append(row)
    shown, right = (
        _shown(given, arm),
        dict(correct_answers(given.scores[arm], scorer).select("question_id", "right").rows()),
    )
    return {
        (id_ := row["question_id"]): {
            "said": row["response"], "likeliest": row.get("likeliest"), "shown": shown.get(id_, []),
            "right": int(right.get(id_, False)),
            "scores": {of["scorer"]: of["value"] and round(of["value"], 3) for of in scores.get(id_, [])},
            "reasons": {of["scorer"]: of["reason"] for of in scores.get(id_, []) if of["reason"]},
        }
        for row in given.answers[arm].iter_rows(named=True)
    }  # fmt: skip


def _shown(given: Exam, arm: str) -> dict[str, list[str]]:
    """Return by question the passages that `arm` was shown, best first."""
    counted = given.answers[arm].select("question_id", "passages")
    held = given.contexts[arm].join(counted, "question_id").filter(pl.col("rank") <= pl.col("passages"))
    return dict(held.sort("question_id", "rank").group_by("question_id").agg("chunk_id").iter_rows())


def _held(table: pl.DataFrame, key: str, ids: Iterable[str]) -> dict[str, dict]:
    """Return those rows of `table` that have one of `ids`, by it, in the order of `key`."""
    kept = table.filter(pl.col(key).is_in(list(set(ids)))).sort(key)
    return {row[key]: row for row in kept.iter_rows(named=True)}


def _only(row: dict, *keys: str) -> dict:
    return {key: row[key] for key in keys}
