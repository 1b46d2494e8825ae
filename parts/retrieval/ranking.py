"""How well the passages that hold the evidence are ranked."""

from statistics import mean

import polars as pl


def measure(contexts: pl.DataFrame, questions: pl.DataFrame, shown: int) -> dict[str, float]:
    """Return how well the passages that hold the evidence are found, over the questions whose evidence is known.

    Recall at 1, 4, 8 and `shown`: of a question's pieces of evidence, the share that some passage among the first k
    holds. The mean reciprocal rank and nDCG at 10 take every passage that holds a piece as right, by ir-measures.
    """
    known = questions.filter(pl.col("gold_chunk_ids").list.len() > 0)
    if known.is_empty():
        return {"questions_with_evidence": 0}
    gold = dict(known.select("question_id", "gold_chunk_ids").iter_rows())
    ranks: dict[str, dict[str, int]] = {question_id: {} for question_id in gold}
    for question_id, rank, chunk_id in contexts.select("question_id", "rank", "chunk_id").iter_rows():
        ranks.get(question_id, {})[chunk_id] = rank
    found = {"questions_with_evidence": len(gold), **_ranking(ranks, gold)}
    for name, k in {"1": 1, "4": 4, "8": 8, "shown": shown}.items():
        found[f"recall_at_{name}"] = mean(_recall(ranks[question_id], gold[question_id], k) for question_id in gold)
    return found


def _recall(ranks: dict[str, int], gold: list[list[str]], k: int) -> float:
    return mean(any(ranks.get(chunk_id, k + 1) <= k for chunk_id in piece) for piece in gold)


def _ranking(ranks: dict[str, dict[str, int]], gold: dict[str, list[list[str]]]) -> dict[str, float]:
    import ir_measures
    from ir_measures import RR, nDCG

    right = {
        question_id: {chunk_id: 1 for piece in pieces for chunk_id in piece} for question_id, pieces in gold.items()
    }
    run = {question_id: {chunk_id: -float(rank) for chunk_id, rank in of.items()} for question_id, of in ranks.items()}
    found = ir_measures.calc_aggregate([RR, nDCG @ 10], right, run)
    return {"mrr": found[RR], "ndcg_at_10": found[nDCG @ 10]}
