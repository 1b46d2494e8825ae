"""Keep the training rows that are grounded, new, balanced and not in the exam; add rows to replay.

reads   RawPairs            one row per prompt and completion, all generators
        PeoplePairs         one row per pair that people wrote
        Redacted            one row per passage, as the teacher saw it
        Questions           one row per exam question (to keep its questions out)
        curate.replay       a JSONL file of prompts and completions
writes  Pairs               one row per training row
        Ledger              one row per raw row, with the reason it was dropped for
"""

import polars as pl

from parts.curation import grounding
from parts.curation.ledger import CurateParams as Params
from parts.curation.ledger import curate, summary, training_rows
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.student.model import token_counter, tokenizer
from parts.verdict.curation_cautions import curation_cautions
from schemas.pairs import Ledger, Pairs, PeoplePairs, RawPairs
from schemas.questions import Questions
from schemas.redacted import Redacted


def main() -> None:
    """Write Pairs and Ledger."""
    section = params.load("curate", Params)
    generators = params.names("synthesize")
    for key in ("reasoning", "tokens_per_source", "trusted"):
        if unknown := set(getattr(section, key)) - {*generators, "rows"}:
            raise UserError(f"params.yaml: curate.{key} names {min(unknown)}, which synthesize does not have")
    student = params.load("student", Student)
    count = token_counter(tokenizer(student))
    raw = pl.concat([*map(RawPairs.read, generators), PeoplePairs.read()])
    chunks, usage = Redacted.read(), {}
    if section.grounding == "judge":
        raw, meter = grounding.check_grounding(raw, chunks, section.reasoning, section.trusted)
        usage = {f"judge_{name}": value for name, value in meter.metrics().items()}
    ledger = curate(raw, chunks, Questions.read(), section, count)
    pairs = training_rows(ledger, section, count)
    if not (pairs["split"] == "train").any():
        raise UserError("no training row was kept: `make ledger` shows what was dropped and why")
    Ledger.write(ledger)
    Pairs.write(pairs)
    counts = summary(ledger, pairs, section)
    if section.replay_of not in (None, student.model):
        counts["replay_of"] = section.replay_of
    metrics.write("curate", usage | counts)
    tokens = pairs.filter(split="train")["n_tokens"].sum()
    print(
        f"kept {counts['kept']} of {counts['asked']} rows; {tokens:,} tokens to train on, "
        f"{counts['replay_share']:.0%} of them replayed"
    )
    for line in curation_cautions(counts):
        print(line)


if __name__ == "__main__":
    run(main)
