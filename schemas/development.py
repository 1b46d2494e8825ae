"""The questions that settings are chosen on."""

from schemas.questions import Questions


class Development(Questions, path="data/development.parquet", key=("question_id",)):
    """One row per question that the teacher wrote as it writes an exam, and that is not in the exam."""
