"""Take question-answer pairs that people wrote (an FAQ, a help desk's export) as raw training rows. No teacher is asked.

reads   Documents           one row per document (what is private in them is masked here, too)
        Redacted            one row per passage, as the teacher may see it
        rows.path           a JSONL or CSV file of questions and answers
writes  PeoplePairs         one row per pair, of the passage nearest in words
"""

from pathlib import Path

from pydantic import BaseModel, Field

from parts.curation import people
from parts.project import metrics, params
from parts.project.command import run
from parts.safety import detection
from schemas.documents import Documents
from schemas.pairs import PeoplePairs
from schemas.redacted import Redacted


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `rows` of params.yaml."""

    path: Path  # a JSONL file, or a CSV file with a header: question and answer
    similarity: float = Field(
        ge=0, le=1
    )  # share of a pair's words, rare ones counting more, that its passage must have


def main() -> None:
    """Write PeoplePairs and metrics/rows.json."""
    PeoplePairs.address().unlink(missing_ok=True)  # no rows of an earlier run are trained on after a refusal
    section = params.load("rows", Params)
    pairs = people.read_pairs(section.path)
    masked = people.mask_pairs(pairs, Documents.read()["text"].to_list(), params.load("redact", detection.Params))
    rows = people.raw_rows(pairs, masked, Redacted.read(), section.similarity)
    PeoplePairs.write(rows)
    private, no_passage = (len(rows.filter(dropped=reason)) for reason in ("private value", "no passage"))
    metrics.write("rows", {"pairs": len(rows), "private": private, "no_passage": no_passage})
    print(f"{len(rows)} pairs of people, {private} of them with a private value, {no_passage} near no passage")


if __name__ == "__main__":
    run(main)
