"""Put what fine-tuning costs against RAG, and where it pays back, into words."""

from collections.abc import Mapping

from parts.project import machine, metrics
from parts.project.arms import BASELINE, CANDIDATE
from parts.text.numbers import dollars


def costs() -> dict:
    """Return metrics/cost.json and metrics/machine/cost.json in one."""
    return metrics.read("cost") | machine.read("cost")


def cost_sentence(verdict: Mapping) -> str:
    """Return what fine-tuning costs, and where it breaks even; `verdict`: metrics/verdict.json."""
    values = costs()
    upfront, questions = values.get(f"upfront_{CANDIDATE}"), values.get(f"per_1000_{CANDIDATE}")
    if any(value is None for key, value in values.items() if key.startswith("teacher_")):
        return f"The cost of fine-tuning is not known: prices.yaml has no price for {verdict['teacher']}."
    if upfront is None or questions is None:
        return "The cost of fine-tuning is not known: it was not timed here."
    rag = dollars(values[f"per_1000_{BASELINE}"])
    prices = (
        f"Fine-tuning costs {dollars(upfront)} before the first question; 1,000 questions cost {dollars(questions)}"
    )
    return f"{prices}, by RAG {rag}" + (f": {payback(values)}." if is_told(verdict) else ".")


def is_told(verdict: Mapping) -> bool:
    """Tell whether payback is worth telling: not where fine-tuning answers worse, or where there is no verdict."""
    return verdict.get("verdict") in (CANDIDATE, "undecided")


def payback(values: Mapping) -> str:
    """Return where fine-tuning breaks even, in words that follow a colon; `values`: of `costs`."""
    if values.get("break_even_doubt"):
        return f"break-even cannot be told ({values['break_even_doubt']})"
    if values.get("break_even_questions") is None:
        return "it never becomes cheaper than RAG"
    if values["break_even_questions_hi"] == 0:
        return "it is cheaper than RAG from the first question on"
    phrase = f"break-even {_range(values, 'break_even_questions')} questions"
    if values["monthly_change"]:
        phrase += (
            f"; with {values['monthly_change']:.0%} of the documents changing every month, "
            f"{_range(values, 'break_even_questions_monthly')} a month, over {values['months']} months"
        )
    return phrase


def _range(values: Mapping, key: str) -> str:
    """Return "at about N", or "between N and M" where the ends differ to two digits."""
    lo, hi = values[f"{key}_lo"], values[f"{key}_hi"]
    return f"at about {lo:,}" if lo == hi else f"between {lo:,} and {hi:,}"
