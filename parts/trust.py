"""What says whether a judge can be trusted: people's labels, agreement beyond chance, and when to be careful."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, StrictBool, ValidationError

from schemas.errors import Mistake


class Label(BaseModel, extra="forbid", frozen=True):
    """What a person says of one arm's answer to one question."""

    question_id: str
    arm: str
    correct: StrictBool


def labels(path: Path) -> Iterator[Label]:
    """Yield the labels of a JSONL file, one {"question_id", "arm", "correct": true or false} a line, in order.

    Raises Mistake, with the line, for anything else, and for an answer that is labelled twice.
    """
    if not path.is_file():
        raise Mistake(f"there is no file {path}: correct trust.labels in params.yaml (data/none.jsonl: no labels)")
    seen = set()
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            label = Label.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError) as error:
            raise Mistake(f"{path}, line {number}: must be a JSON object like {_LIKE}") from error
        if (label.question_id, label.arm) in seen:
            raise Mistake(f"{path}, line {number}: {label.arm} on {label.question_id} is labelled twice")
        seen.add((label.question_id, label.arm))
        yield label


_LIKE = '{"question_id": "q001", "arm": "rag", "correct": true}'


Pairs = Sequence[tuple[float, float | None]]
"""two verdicts on each of several answers; None: the judge abstained"""


def share(name: str, pairs: Pairs) -> dict[str, float | int | None]:
    """Return `name`_agreement over the pairs that have both verdicts, how many those are (_n), and how many lack one."""
    both = _both(pairs)
    alike = sum(one == two for one, two in both) / len(both) if both else None
    return {f"{name}_agreement": alike, f"{name}_n": len(both), f"{name}_n_null": len(pairs) - len(both)}


def kappa(pairs: Pairs) -> float | None:
    """Return Cohen's kappa (Cohen 1960) of two raters, by scikit-learn; None where both only ever say one thing."""
    both = _both(pairs)
    if len({verdict for pair in both for verdict in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    one, two = zip(*both, strict=True)
    return float(cohen_kappa_score(one, two))


def _both(pairs: Pairs) -> list[tuple[float, float]]:
    return [(one, two) for one, two in pairs if two is not None]


def cautions(found: Mapping) -> list[str]:
    """Return, from metrics/trust.json, a line for each thing that speaks against the judge's verdicts."""
    told = []
    if found["same_model"]:
        told.append(f"Teacher and judge are the same model ({found['judge']}): it may favour what it taught.")
    for key, what in _SHARES.items():
        if found[key] is not None and found[key] < 1:
            told.append(f"The judge {what} in {1 - found[key]:.1%} of {found[key.replace('agreement', 'n')]} cases.")
    return told


_SHARES = {
    "self_agreement": "contradicts itself when asked again",
    "right_agreement": "calls answers wrong that match the reference word by word,",
    "wrong_agreement": "calls answers right that are those to another question,",
    "human_agreement": "contradicts people",
}
