"""The form of answers: in the form asked for, cut off, empty. An arm must not win or lose by it."""

from collections.abc import Mapping, Sequence
from statistics import mean

from parts.text import answer_format

RARE = 0.05
"""Share of an arm's answers, and difference between two arms' shares, up to which nothing is said of the form."""


def shares(rows: Sequence[dict]) -> dict[str, float]:
    """Return the shares (0..1) of `rows` (response, stopped) that are in_form, cut_off (not stopped) and empty."""
    return {
        "in_form": mean(answer_format.is_in_form(row["response"]) for row in rows),
        "cut_off": mean(not row["stopped"] for row in rows),
        "empty": mean(not answer_format.extract_answer(row["response"]) for row in rows),
    }


def cautions(by_arm: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a line for each reason to doubt that arms differ by what they know, from metrics/score/ARM.json by arm."""
    lines = []
    for key, fault in _FAULTS.items():
        faulty = [f"{arm} {shares[key]:.0%}" for arm, shares in by_arm.items() if shares[key] > RARE]
        lines += [f"{fault}: {', '.join(faulty)}."] if faulty else []
    in_form = {arm: shares["in_form"] for arm, shares in by_arm.items()}
    if in_form and max(in_form.values()) - min(in_form.values()) > RARE:
        least, most = min(in_form, key=in_form.get), max(in_form, key=in_form.get)
        lines.append(
            f"Arms differ in form: {in_form[least]:.0%} of the answers of {least} end in a line `{answer_format.MARK}`, "
            f"{in_form[most]:.0%} of those of {most}; part of their difference may be form."
        )
    return lines


_FAULTS = {
    "cut_off": "Answers are cut off at answer.max_new_tokens",
    "empty": "Answers are empty",
}
