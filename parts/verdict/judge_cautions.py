"""What speaks against the judge, in words."""

from collections.abc import Mapping


def judge_cautions(agreements: Mapping) -> list[str]:
    """Return a line for each reason to doubt the judge's verdicts, from metrics/judge_agreement.json."""
    lines = []
    if agreements["same_model"]:
        lines.append(f"Teacher and judge are the same model ({agreements['judge']}): it may favour what it taught.")
    for key, behaviour in _DISAGREEMENTS.items():
        if agreements[key] is not None and agreements[key] < 1:
            n = agreements[key.replace("agreement", "n")]
            lines.append(f"The judge {behaviour} in {1 - agreements[key]:.1%} of {n} cases.")
    return lines


_DISAGREEMENTS = {
    "self_agreement": "contradicts itself when asked again",
    "right_agreement": "calls answers wrong that match the reference word by word,",
    "wrong_agreement": "calls answers right that are those to another question,",
    "human_agreement": "contradicts people",
}
