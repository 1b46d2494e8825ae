"""What the page says first: the verdict by what was asked, and what the figures leave out."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from parts.project.arms import BASELINE, CANDIDATE
from parts.text.numbers import interval, number, p_value, percent, signed

GROUPS = {"answerable": "Answering", "unanswerable": "Declining"}
REJECTED = "rejected_"  # begins a key of metrics/ingest.json: files left out by reason
VERDICTS = {"tuned": "fine-tuning is better", "rag": "RAG is better", "undecided": "undecided", "none": "no verdict"}


class Line(NamedTuple):
    """A line of the first table: a group of questions, or, below the answerable ones, one of their kinds."""

    name: str
    note: str  # how many questions, and the verdict on them
    rag: str
    tuned: str
    difference: str
    interval: str  # of the difference, 95%; "" where there are too few questions
    p: str
    is_kind: bool


class Omission(NamedTuple):
    """What the figures leave out, in a sentence; `is_loss`: whether there is any."""

    text: str
    is_loss: bool


def lines(verdict: Mapping, kinds: Mapping, unanswerable: Collection[str]) -> list[Line]:
    """Return the lines of the first table: answering, its kinds of question, declining; a group without questions has none.

    `verdict`: metrics/verdict.json; `kinds`: metrics/kinds.json; `unanswerable`: the kinds without an answer.
    """
    parts = [key.removesuffix("_n") for key in kinds if key.endswith("_n")]
    parts = sorted((kind for kind in parts if kind not in unanswerable), key=lambda kind: -kinds[f"{kind}_n"])
    shown = []
    for group, name in GROUPS.items():
        if n := verdict.get(f"n_{group}"):
            shown.append(
                _line(verdict, group, name, f"{n} {group} questions: {_decision(verdict, group)}", is_kind=False)
            )
        if group == "answerable" and len(parts) > 1:
            shown += [
                _line(kinds, kind, kind.replace("_", " "), str(kinds[f"{kind}_n"]), is_kind=True) for kind in parts
            ]
    return shown


def _decision(verdict: Mapping, group: str) -> str:
    """Return the verdict on a group of questions; of a tie, what it does not rule out."""
    decision = verdict["verdict" if group == "answerable" else f"verdict_{group}"]
    difference, *ends = _difference(verdict, group)
    if decision == "undecided" and difference == 0:
        return f"no difference seen; one of up to {max(map(abs, ends)):.2f} is not ruled out"
    return VERDICTS[decision]


def _line(values: Mapping, group: str, name: str, note: str, *, is_kind: bool) -> Line:
    difference, low, high = _difference(values, group)
    p = values.get(f"{group}_{CANDIDATE}_minus_{BASELINE}_p")
    accuracies = (number(values.get(f"{group}_{arm}")) for arm in (BASELINE, CANDIDATE))
    shown = "" if low is None or high is None else interval(low, high, signed)
    return Line(name, note, *accuracies, signed(difference), shown, "" if p is None else p_value(p), is_kind)


def _difference(values: Mapping, group: str) -> tuple[float | None, ...]:
    """Return tuned minus rag on a group of questions, and the ends of its interval."""
    return tuple(values.get(f"{group}_{CANDIDATE}_minus_{BASELINE}{end}") for end in ("", "_lo", "_hi"))


def omissions(ingest: Mapping, stopped: Mapping[str, float]) -> list[Omission]:
    """Return what became of files and answers; `ingest`: metrics/ingest.json; `stopped`: share of answers that end, by arm."""
    left_out, files = ingest["files_left_out"], ingest["documents"] + ingest["files_left_out"]
    reasons = [
        f"{n} {key.removeprefix(REJECTED).replace('_', ' ')}" for key, n in ingest.items() if key.startswith(REJECTED)
    ]
    cut = {arm: 1 - share for arm, share in stopped.items() if share < 1}
    answers = ", ".join(f"{percent(share)} of {arm}" for arm, share in cut.items())
    return [
        Omission(
            f"{left_out} of {files} files were left out: {', '.join(reasons)}."
            if left_out
            else f"All {files} files were read.",
            left_out > 0,
        ),
        Omission(
            f"Answers cut at the token limit: {answers}." if cut else "No answer was cut at the token limit.", bool(cut)
        ),
    ]
