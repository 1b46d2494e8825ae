"""What the page shows of the exam: every question with each arm's answer, passages and scores, and rows like it.

Passages and training rows are stored once, and referred to by their index.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from parts.page.similar_rows import similar_rows
from parts.scoring.correctness import correct_answers
from parts.text.answer_format import MARK, OR


@dataclass(frozen=True)
class Exam:
    """The tables of the exam and its answers."""

    questions: pl.DataFrame  # Questions
    chunks: pl.DataFrame  # Chunks
    pairs: pl.DataFrame  # Pairs
    answers: dict[str, pl.DataFrame]  # Answers, by arm
    scores: dict[str, pl.DataFrame]  # Scores, by arm
    contexts: dict[str, pl.DataFrame]  # Contexts, by arm


def exam(tables: Exam, scorer: str) -> dict:
    """Return questions, passages and rows as plain values, for page.js; an answer is right or wrong by `scorer`."""
    tables = replace(tables, questions=tables.questions.with_columns(reference=pl.col("references").list.join(OR)))
    questions = _with_answers(tables, {arm: _answers(tables, arm, scorer) for arm in tables.answers})
    pairs = _by_id(tables.pairs, "pair_id", [pair_id for question in questions for pair_id in question["rows"]])
    chunk_ids = itertools.chain(_chunk_ids(questions), (row["chunk_id"] for row in pairs.values()))
    passages = _by_id(tables.chunks, "chunk_id", chunk_ids)
    passage_index, row_index = ({id_: index for index, id_ in enumerate(by_id)} for by_id in (passages, pairs))
    for question in questions:
        question["gold"] = [passage_index[chunk_id] for chunk_id in question["gold"]]
        question["rows"] = [row_index[pair_id] for pair_id in question["rows"]]
        for answer in question["answers"].values():
            answer["shown"] = [passage_index[chunk_id] for chunk_id in answer["shown"]]
    return {
        "mark": MARK, "arms": list(tables.answers), "kinds": sorted({question["kind"] for question in questions}),
        "questions": questions,
        "passages": [{"id": id_} | _select(row, "page", "heading", "text") for id_, row in passages.items()],
        "rows": [
            _select(row, "generator", "prompt", "reasoning", "completion")
            | {"passage": passage_index[row["chunk_id"]]}
            for row in pairs.values()
        ],
    }  # fmt: skip


def _chunk_ids(questions: list[dict]) -> Iterable[str]:
    """Yield the passages that the questions rest on and that were shown with them."""
    for question in questions:
        yield from question["gold"]
        for answer in question["answers"].values():
            yield from answer["shown"]


def _with_answers(tables: Exam, answers: dict[str, dict[str, dict]]) -> list[dict]:
    """Return the questions with each arm's answer, and the rows like those answered wrong; passages and rows by id.

    `answers`: what `_answers` returns, by arm.
    """
    wrong = {id_ for by_id in answers.values() for id_, answer in by_id.items() if not answer["right"]}
    retrieved = pl.concat(tables.contexts.values()).select("question_id", "chunk_id").unique()
    questions = tables.questions.filter(pl.col("question_id").is_in(list(wrong)))
    rows = similar_rows(questions, tables.chunks, tables.pairs, retrieved)
    return [
        {"id": (id_ := row["question_id"]), "gold": list(dict.fromkeys(itertools.chain(*row["gold_chunk_ids"])))}
        | _select(row, "kind", "question", "options", "reference")
        | {"rows": rows.get(id_, []), "answers": {arm: by_id[id_] for arm, by_id in answers.items()}}
        for row in tables.questions.sort("question_id").iter_rows(named=True)
    ]


def _answers(tables: Exam, arm: str, scorer: str) -> dict[str, dict]:
    """Return an arm's answers by question, those of its first seed: response, passages shown, values and reasons by scorer.

    `right`: 1, 0, or None where the scorer abstained; `seeds_right`: by how many of the arm's `seeds` the answer is right.
    """
    scores: dict[str, list[dict]] = {}
    for row in _first_seed(tables.scores[arm]).sort("question_id", "scorer").iter_rows(named=True):
        scores.setdefault(row["question_id"], []).append(row)
    shown = _shown(tables, arm)
    by_question = correct_answers(tables.scores[arm], scorer).sort("seed").group_by("question_id")
    right = {
        row["question_id"]: {"right": row["first"] if row["first"] is None else int(row["first"])}
        | {"seeds_right": row["count"], "seeds": row["seeds"]}
        for row in by_question.agg(first=pl.first("right"), count=pl.sum("right"), seeds=pl.len()).iter_rows(named=True)
    }
    return {
        (id_ := row["question_id"]): {
            "response": row["response"], "likeliest": row.get("likeliest"), "shown": shown.get(id_, []),
            **right.get(id_, {"right": None, "seeds_right": 0, "seeds": 1}),
            "scores": {s["scorer"]: s["value"] and round(s["value"], 3) for s in scores.get(id_, [])},
            "reasons": {s["scorer"]: s["reason"] for s in scores.get(id_, []) if s["reason"]},
        }
        for row in _first_seed(tables.answers[arm]).iter_rows(named=True)
    }  # fmt: skip


def _first_seed(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of Answers or Scores by the arm's first seed."""
    return table.filter(pl.col("seed") == pl.min("seed"))


def _shown(tables: Exam, arm: str) -> dict[str, list[str]]:
    """Return by question the chunk_ids shown to `arm`, best first."""
    counts = _first_seed(tables.answers[arm]).select("question_id", "passages")
    shown = tables.contexts[arm].join(counts, "question_id").filter(pl.col("rank") <= pl.col("passages"))
    return dict(shown.sort("question_id", "rank").group_by("question_id").agg("chunk_id").iter_rows())


def _by_id(table: pl.DataFrame, key: str, ids: Iterable[str]) -> dict[str, dict]:
    """Return the rows of `table` whose `key` is one of `ids`, by it, in its order."""
    rows = table.filter(pl.col(key).is_in(list(set(ids)))).sort(key)
    return {row[key]: row for row in rows.iter_rows(named=True)}


def _select(row: dict, *keys: str) -> dict:
    return {key: row[key] for key in keys}
