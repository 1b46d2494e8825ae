"""The responses of each arm."""

import pandera.polars as pa

from schemas.table import Table


class Answers(Table, path="data/answers/{}.parquet", key=("question_id", "seed")):
    """One row per question and seed of training: the whole response of an arm."""

    question_id: str
    seed: int = pa.Field(ge=0)  # of the training; 0: the student as released
    response: str
    passages: int = pa.Field(ge=0)  # shown with the question
    prompt_tokens: int = pa.Field(gt=0)
    new_tokens: int = pa.Field(ge=0)
    stopped: bool  # by its end token, not by the limit
    confidence: float = pa.Field(
        nullable=True, ge=0, le=1
    )  # geometric mean of its tokens' probabilities; null: not known
    likeliest: str = pa.Field(nullable=True)  # option by the model's probabilities; null: none known
