"""Put the verdict into words: on answerable questions first, then on declining, then on what such an exam can see."""

from collections.abc import Mapping

from parts.project.arms import BASELINE, CANDIDATE
from parts.text.numbers import number, p_value, signed, with_interval
from parts.verdict.comparison import ORACLE, POINTS
from parts.verdict.stats import POWER

HEADLINES = {"tuned": "Fine-tuning wins.", "rag": "RAG wins.", "undecided": "Undecided.", "none": "No verdict."}
DIFFER = "for trainings differ by more"
DECLINES = {"tuned": "fine-tuning declines better", "rag": "RAG declines better", "undecided": "undecided"}


def verdict_sentence(v: Mapping) -> str:
    """Return the verdict of metrics/verdict.json: the winner, the figures, and what to hold against them."""
    parts = [HEADLINES[v["verdict"]], reason(v), _answerable(v), _unanswerable(v), design(v), _cascade(v)]
    return " ".join(part for part in parts if part)


def reason(v: Mapping) -> str:
    """Return why there is no verdict, or no winner."""
    match v["verdict_reason"]:
        case "too weak":
            share = f"{v['answerable_oracle']:.0%}"
            return (
                f"With the gold passages this student answers {share} of the answerable questions: too weak to compare."
            )
        case "unjudged":
            n_unjudged = {arm: v.get(f"unjudged_{arm}") for arm in (CANDIDATE, BASELINE, ORACLE)}
            arms = ", ".join(f"{n} of {arm}" for arm, n in n_unjudged.items() if n)
            return f"Too many answers have no score ({arms}): a reason a line is in metrics/verdict.json."
        case "few":
            return f"The arms differ in {v['n_discordant']} questions: too few to tell."
        case None:
            return ""
        case other:
            return f"The exam has {other}."


def _answerable(v: Mapping) -> str:
    if v.get("answerable_tuned_minus_rag") is None:
        return ""
    trainings = "for one training" if v["n_seeds"] == 1 else f"mean of {v['n_seeds']} trainings"
    figures = f"tuned minus rag is {_figures(v, 'answerable_tuned_minus_rag')}, {trainings}"
    return f"On {v['n_answerable']} answerable questions, {figures}."


def _unanswerable(v: Mapping) -> str:
    if v.get("unanswerable_tuned_minus_rag") is None:
        return ""
    verdict = DECLINES.get(v["verdict_unanswerable"], "no verdict")
    return f"On {v['n_unanswerable']} unanswerable ones it is {_figures(v, 'unanswerable_tuned_minus_rag')}: {verdict}."


def _figures(v: Mapping, key: str) -> str:
    return f"{with_interval(*(v[f'{key}{end}'] for end in ('', '_lo', '_hi')), signed)}, {p_value(v[f'{key}_p'])}"


def _cascade(v: Mapping) -> str:
    """Return that a cascade beats rag on all questions, where it does; how much it looks up is in its caption."""
    if v["verdict"] == "none" or not (v.get("cascade_minus_rag_lo") or 0) > 0:
        return ""
    figures = _figures(v, "cascade_minus_rag")
    return f"The cascade, which looks up what it is not sure of, beats RAG: on all questions it is {figures}."


def design(v: Mapping) -> str:
    """Return what an exam like this one sees, and how many questions see more; nothing where there is a winner."""
    if v["verdict"] != "undecided":
        return ""
    farthest = max(abs(v[f"answerable_tuned_minus_rag_{end}"]) for end in ("lo", "hi"))
    tie = (
        ""
        if v["answerable_tuned_minus_rag"]
        else f" No difference seen; one of up to {number(farthest, 2)} is not ruled out."
    )
    sizes = [_size(points, v[f"questions_for_{points}_points"]) for points in POINTS]
    sees = f"Such an exam sees differences from {number(v['least_difference'], 2)} on ({POWER:.0%} power); {'; '.join(sizes)}."
    return f"{tie} {sees} {_further(v)}".strip()


def _further(v: Mapping) -> str:
    """Return how many questions decide it if the difference seen is the true one, and at the far end of its interval."""
    if not v["answerable_tuned_minus_rag"]:
        return ""
    seen, most = (v[key] for key in ("questions_for_this", "questions_for_the_most"))
    decides = f"{seen:,} questions decide it" if seen else f"no number of questions decides it, {DIFFER}"
    far = f"{most:,} questions" if most else "none"
    return f"If the true difference is the one seen, {decides}; at the far end of the interval {far}, at 0 none ever."


def _size(points: int, n: int | None) -> str:
    """Return how many questions see a difference of so many points."""
    return f"{points} points take {n:,} questions" if n else f"{points} points are out of reach, {DIFFER}"
