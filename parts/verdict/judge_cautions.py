"""What speaks against the judge, in words."""

from collections.abc import Mapping

from parts.text.numbers import interval, percent

ANSWERS = {
    "right_match": "the reference word by word",
    "right_sentence": "the reference in a sentence",
    "right_format": "a number in another format",
    "right_both": "both answers to two questions at once",
    "wrong_other": "the answer to another question",
    "wrong_twin": "the answer to a question of the same form",
    "wrong_number": "one number changed",
    "wrong_negation": "the reference denied",
    "wrong_half": "one answer to two questions at once",
    "wrong_either": "two answers to choose from",
}
"""The classes of answers of known correctness in metrics/judge_agreement.json, and what an answer of each is."""


def is_rules(judge: str) -> bool:
    """Tell whether the judge of this name is a set of rules and no model."""
    return judge.startswith("rules")


def judge_cautions(agreements: Mapping, decides: bool = False) -> list[str]:
    """Return a line for each reason to doubt the judge's verdicts, from metrics/judge_agreement.json.

    `decides`: the verdict is by the judge (compare.accuracy). Nothing is said of what was not asked.
    """
    judge, lines = agreements["judge"], []
    if decides and is_rules(judge):
        lines.append(
            f"The verdict rests on {judge}, a set of rules that compares words: it takes a paraphrase for wrong, and "
            "what has the reference's words for right."
        )
    if agreements["same_model"]:
        lines.append(f"Teacher and judge are the same model ({judge}): it may favour what it taught.")
    if mistakes := _mistakes(agreements, "right"):
        lines.append(f"The judge calls right answers wrong: {mistakes}.")
    if mistakes := _mistakes(agreements, "wrong"):
        lines.append(f"The judge calls wrong answers right: {mistakes}.")
    if contradictions := _share(agreements, "self", "when asked again"):
        lines.append(f"The judge contradicts itself {contradictions}.")
    if contradictions := _share(agreements, "human", "people"):
        lines.append(f"The judge contradicts {contradictions}.")
    if agreements.get("self_n") and not agreements["human_n"] + agreements["human_n_null"]:
        lines.append("Nobody labelled answers: whether people agree with the judge is not known.")
    return lines


def _mistakes(agreements: Mapping, kind: str) -> str:
    """Return the classes of answers of this `kind`, right or wrong, that the judge errs on; "" where there is none."""
    shares = (_share(agreements, key, what) for key, what in ANSWERS.items() if key.startswith(kind))
    return "; ".join(share for share in shares if share)


def _share(agreements: Mapping, key: str, what: str) -> str | None:
    """Return WHAT, in which share of how many cases the judge was wrong, with its interval; None where it never was."""
    if not agreements.get(f"{key}_n") or agreements[f"{key}_agreement"] == 1:
        return None
    share, low, high = (agreements[f"{key}_agreement{end}"] for end in ("", "_lo", "_hi"))
    ends = interval(1 - high, 1 - low, percent)
    return f"{what}, in {percent(1 - share)} of {agreements[f'{key}_n']} cases (95% interval {ends})"
