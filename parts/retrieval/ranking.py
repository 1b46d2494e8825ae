"""Measure retrieval: recall at k, mean reciprocal rank, nDCG."""

from collections.abc import Iterable
from statistics import mean

import polars as pl

from parts.retrieval.contexts import ranks_of_texts


def measure(contexts: pl.DataFrame, questions: pl.DataFrame, chunks: pl.DataFrame, shown: int) -> dict[str, float]:
    """Return the retrieval metrics of Contexts, 0..1, averaged over the Questions with gold passages.

    recall_at_1, _4 and _8: the share of a question's pieces of evidence with a gold passage in the first k. _shown: the
    same of the first `shown` texts, for an arm is shown no text twice. mrr and ndcg_at_10, by ir-measures: every gold
    passage is relevant.
    """
    known = questions.filter(pl.col("gold_chunk_ids").list.len() > 0)
    if known.is_empty():
        return {"questions_with_evidence": 0}
    gold = dict(known.select("question_id", "gold_chunk_ids").iter_rows())
    ranks, ranks_shown = ranks_by_question(contexts, gold), ranks_by_question(ranks_of_texts(contexts, chunks), gold)
    metrics = {"questions_with_evidence": len(gold), **_rank_metrics(ranks, gold)}
    for k in (1, 4, 8):
        metrics[f"recall_at_{k}"] = mean(_recall(ranks[question_id], gold[question_id], k) for question_id in gold)
    metrics["recall_at_shown"] = mean(_recall(ranks_shown[key], gold[key], shown) for key in gold)
    return metrics


def ranks_by_question(contexts: pl.DataFrame, gold: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return question id -> chunk id -> rank, of the questions of `gold`."""
    ranks: dict[str, dict[str, int]] = {question_id: {} for question_id in gold}
    for question_id, rank, chunk_id in contexts.select("question_id", "rank", "chunk_id").iter_rows():
        ranks.get(question_id, {})[chunk_id] = rank
    return ranks


def _recall(ranks: dict[str, int], gold: list[list[str]], k: int) -> float:
    return mean(any(ranks.get(chunk_id, k + 1) <= k for chunk_id in piece) for piece in gold)


def _rank_metrics(ranks: dict[str, dict[str, int]], gold: dict[str, list[list[str]]]) -> dict[str, float]:
    import ir_measures
    from ir_measures import RR, nDCG

    relevant = {
        question_id: {chunk_id: 1 for piece in pieces for chunk_id in piece} for question_id, pieces in gold.items()
    }
    run = {
        question_id: {chunk_id: -float(rank) for chunk_id, rank in by_chunk.items()}
        for question_id, by_chunk in ranks.items()
    }
    means = ir_measures.calc_aggregate([RR, nDCG @ 10], relevant, run)
    return {"mrr": means[RR], "ndcg_at_10": means[nDCG @ 10]}
