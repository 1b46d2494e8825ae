"""The scores of the answers."""

import pandera.polars as pa

from schemas.table import Table


class Scores(Table, path="data/scores/{}.parquet", key=("question_id", "seed", "scorer")):
    """One row per question, seed of training and scorer. A null value is an abstention, and `reason` says why."""

    question_id: str
    seed: int = pa.Field(ge=0)  # of the training; 0: the student as released
    scorer: str  # e.g. exact, choice, judge, faithfulness
    version: str  # of the scorer; of a judged one, its prompt and its judge, too: parts/scoring/versions.py holds arms to one
    value: float = pa.Field(nullable=True, in_range={"min_value": 0, "max_value": 1})
    reason: str = pa.Field(nullable=True)
