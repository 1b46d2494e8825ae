"""Compare the exam with the training rows, by their facts and by meaning.

reads   Questions           one row per exam question
        Pairs               one row per training row
writes  metrics/overlap.json
"""

from pydantic import BaseModel, Field

from parts.curation.exam_overlap import exam_overlap, overlap_shares
from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval.embedder import Embedder, EmbedderParams
from schemas.pairs import Pairs
from schemas.questions import Questions


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `overlap` of params.yaml."""

    similarity: float = Field(gt=0, le=1)  # cosine of two questions from which they are near


def main() -> None:
    """Write metrics/overlap.json."""
    section, rows = params.load("overlap", Params), Pairs.read().filter(split="train")
    overlap = exam_overlap(Questions.read(), rows, Embedder(params.load("retrieve", EmbedderParams).embedder))
    shares = overlap_shares(overlap, section.similarity)
    metrics.write("overlap", shares)
    asked = "no gold passages" if shares["asked_share"] is None else f"{shares['asked_share']:.0%} by fact"
    print(f"training rows ask what the exam asks: {asked}, {shares['near_share']:.0%} by meaning")


if __name__ == "__main__":
    run(main)
