"""Training rows: as the teacher wrote them, with the reason each was dropped, and those that were kept."""

import pandera.polars as pa
import polars as pl

from schemas.table import Table

PEOPLE = "people"
"""`teacher` of rows that no model wrote"""


class RawPairs(Table, path="data/synth/{}.parquet", key=("pair_id",)):
    """One row per prompt and completion that a generator made, or per failed request.

    A qa row asks in `prompt`, reasons in `reasoning` and answers in `completion`; a document row has only its text,
    in `completion`. An unanswerable question has a refusal for an answer.
    """

    pair_id: str = pa.Field(unique=True)
    chunk_id: str
    doc_id: str
    other_chunk_ids: pl.List(pl.String)  # further passages that the teacher wrote it from
    generator: str
    kind: str = pa.Field(isin=["qa", "document"])
    answerable: bool  # false: no passage answers the question
    prompt: str
    reasoning: str
    completion: str
    teacher: str  # the model; people: nobody was asked
    dropped: str = pa.Field(
        nullable=True
    )  # refused, cut off, unparsed, incomplete, answered, one passage; of people: private value, no passage; null: a row


class PeoplePairs(RawPairs, path="data/synth/rows.parquet", key=("pair_id",)):
    """One row per question-answer pair that people wrote, with the passage nearest in words."""


class Ledger(RawPairs, path="data/ledger.parquet", key=("pair_id",)):
    """One row per raw row, with the reason it was dropped, if it was."""

    split: str = pa.Field(nullable=True, isin=["train", "dev"])  # null: dropped
    n_tokens: int = pa.Field(ge=0)  # of Pairs, had the row been kept; 0 for a failed request


class Pairs(Table, path="data/pairs.parquet", key=("pair_id",)):
    """One row per training row kept, replayed ones included.

    example: qa, "What is the notice period of the Leave Policy?", "The Leave Policy asks for ...", "12 days"
    """

    pair_id: str = pa.Field(unique=True)
    chunk_id: str = pa.Field(nullable=True)  # null: replayed, from no passage
    doc_id: str = pa.Field(nullable=True)
    other_chunk_ids: pl.List(pl.String)  # further passages that the teacher wrote it from
    generator: str
    kind: str = pa.Field(isin=["qa", "document"])
    answerable: bool  # false: no passage answers the question
    prompt: str
    reasoning: str
    completion: str = pa.Field(str_length={"min_value": 1})
    teacher: str
    split: str = pa.Field(isin=["train", "dev"])
    n_tokens: int = pa.Field(gt=0)  # as trained, by the student's tokenizer: prompt, completion and its end token
