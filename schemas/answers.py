"""What each arm answered."""

import pandera.polars as pa

from schemas.table import Table


class Answers(Table, path="data/answers/{}.parquet", key=("question_id",)):
    """One row per question: an arm's whole response."""

    question_id: str = pa.Field(unique=True)
    response: str
    passages: int = pa.Field(ge=0)  # shown with the question
    prompt_tokens: int = pa.Field(gt=0)
    new_tokens: int = pa.Field(ge=0)
    stopped: bool  # by its own end token, not by the limit
    likeliest: str = pa.Field(nullable=True)  # of the options, by the model; null: no options, or not to be had
