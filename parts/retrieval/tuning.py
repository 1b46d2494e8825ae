"""Choose retrieval settings on development questions."""

from collections.abc import Mapping
from statistics import mean, stdev

import polars as pl

from parts.retrieval.contexts import Passage
from parts.retrieval.index import Hits
from parts.scoring import exact

DevelopmentQuestions = list[tuple[str, str, str]]
"""(question, answer, id of the passage it was written from)"""


def development(pairs: pl.DataFrame, texts: Mapping[str, Passage], most: int) -> DevelopmentQuestions:
    """Return up to `most` of the teacher's questions in `pairs`, one per fact, sampled by their ids, which are hashes.

    A question written from a passage borrows its words; a reader's question does not. So each fact has the wording that
    shares the fewest words with its passage. None is in the exam: curation drops such rows. The questions are training
    rows too, which does not matter here: only the student as released answers them. People's questions are left out: the
    passage of each was searched for by words, and the weight of the words is what is tuned. So are those that take several
    passages or none.
    """
    of_one_passage = pl.col("answerable") & (pl.col("other_chunk_ids").list.len() == 0)
    questions = pairs.filter(of_one_passage, ~pl.col("generator").is_in(["replay", "rows"]), kind="qa")
    rows = questions.select("prompt", "completion", "chunk_id", "pair_id").rows()
    shared = {prompt: _shared_words(prompt, " ".join(texts[chunk_id])) for prompt, _, chunk_id, _ in rows}
    facts: dict[tuple[str, str], tuple[str, str]] = {}
    for prompt, answer, chunk_id, pair_id in sorted(rows, key=lambda row: (shared[row[0]], row[3])):
        facts.setdefault((chunk_id, answer), (pair_id, prompt))
    sample = sorted((pair_id, prompt, answer, chunk_id) for (chunk_id, answer), (pair_id, prompt) in facts.items())
    return [(prompt, answer, chunk_id) for _, prompt, answer, chunk_id in sample[:most]]


def _shared_words(question: str, passage: str) -> int:
    return len({*exact.words(question)} & {*exact.words(passage)})


def reciprocal_ranks(questions: DevelopmentQuestions, hits: list[Hits]) -> list[float]:
    """Return for each question the reciprocal rank of its own passage; 0 if it is not among the hits."""
    ranks = [{chunk_id: rank for rank, (chunk_id, _) in enumerate(row, 1)} for row in hits]
    return [1 / rank[gold] if gold in rank else 0.0 for (_, _, gold), rank in zip(questions, ranks, strict=True)]


def best(scores: dict[float, list[float]]) -> float:
    """Return the first value with a mean score within one standard error of the best mean, from value -> scores.

    The one-standard-error rule (Breiman et al. 1984): between values without a clear difference the first is chosen.
    """
    top = max(scores.values(), key=mean)
    error = stdev(top) / len(top) ** 0.5 if len(top) > 1 else 0.0
    return next(value for value, row in scores.items() if mean(row) >= mean(top) - error)
