"""What speaks against the exam, in words."""

from collections.abc import Mapping


def exam_cautions(exam: Mapping, overlap: Mapping, teacher: str) -> list[str]:
    """Return a line for each reason to doubt the exam, from metrics/exam.json and metrics/overlap.json.

    `teacher` is the model that wrote the training rows. An exam of people has none: rows that ask for its facts are
    what fine-tuning on the documents is to have.
    """
    if exam["exam_by"] != teacher:
        return []
    line = (
        f"The teacher ({teacher}) wrote the exam and the training rows: this favours fine-tuning, which has learnt what "
        "this teacher asks."
    )
    if overlap["asked_share"] is not None:
        line += (
            f" Rows ask for the facts of {overlap['asked_share']:.0%} of its answerable questions, and come near the words "
            f"of {overlap['near_share']:.0%} of all."
        )
    return [line]
