"""Find the passages that each question is answered with.

reads   Chunks              one row per passage
        Questions           one row per exam question
writes  Contexts[retriever] one row per question and rank
"""

import importlib
from statistics import mean

import polars as pl

from parts import metrics, params
from parts.errors import run
from parts.store import Params
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions


def measure(contexts: pl.DataFrame, questions: pl.DataFrame) -> dict[str, float | None]:
    """Return recall at 1, 4 and 8, and the mean reciprocal rank, over the questions whose evidence is known.

    A question's recall is the share of its pieces of evidence for which some passage that holds it is among the first k.
    """
    ranks = {}
    for question_id, rank, chunk_id in contexts.select("question_id", "rank", "chunk_id").iter_rows():
        ranks.setdefault(question_id, {})[chunk_id] = rank
    firsts = [
        [min(ranks.get(question_id, {}).get(chunk_id, 10**9) for chunk_id in piece) for piece in gold]
        for question_id, gold in questions.select("question_id", "gold_chunk_ids").iter_rows()
        if gold
    ]
    if not firsts:
        return {"questions_with_evidence": 0}
    found = {f"recall_at_{k}": mean(mean(rank <= k for rank in pieces) for pieces in firsts) for k in (1, 4, 8)}
    mrr = mean(1 / best if (best := min(pieces)) < 10**9 else 0 for pieces in firsts)
    return found | {"mrr": mrr, "questions_with_evidence": len(firsts)}


def main(name: str) -> None:
    """Write Contexts of the retriever `name`."""
    questions = Questions.read()
    part = importlib.import_module(f"parts.retrievers.{name}")
    contexts = part.retrieve(questions, Chunks.read(), params.load("retrieve", Params))
    Contexts.write(contexts, name)
    found = measure(contexts, questions)
    metrics.write(f"retrieve/{name}", found)
    print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in found.items()))


if __name__ == "__main__":
    run(main)
