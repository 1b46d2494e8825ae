"""What says whether a judge can be trusted: people's labels, agreement beyond chance, and when to be careful."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, Field, StrictBool, ValidationError

from parts.llm import jobs
from parts.llm.client import Client
from parts.project import answer_format, metrics
from parts.project.jsonl import read_lines
from parts.safety import detection
from parts.scoring import exact, judge
from schemas.errors import UserError


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
        raise UserError(
            f"there is no file {path}: correct judge_agreement.labels in params.yaml (data/none.jsonl: no labels)"
        )
    seen = set()
    for _, where, row in read_lines(path):
        try:
            label = Label.model_validate(row)
        except ValidationError as error:
            raise UserError(f"{where}: must be a JSON object like {_LIKE}") from error
        if (label.question_id, label.arm) in seen:
            raise UserError(f"{where}: {label.arm} on {label.question_id} is labelled twice")
        seen.add((label.question_id, label.arm))
        yield label


_LIKE = '{"question_id": "q001", "arm": "rag", "correct": true}'


Pairs = Sequence[tuple[float, float | None]]
"""two verdicts on each of several answers; None: the judge abstained"""


def agreement(name: str, pairs: Pairs) -> dict[str, float | int | None]:
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
    """Return, from metrics/judge_agreement.json, a line for each thing that speaks against the judge's verdicts."""
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


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `judge_agreement` of params.yaml."""

    answers: int = Field(ge=1)  # answers judged again, and questions put with the answer to another one
    samples: int = Field(ge=2)  # judgements of each, the one in the scores among them
    seed: int
    labels: Path  # a JSONL file of what people say


def sample_judged(rows: list[dict], given: Params) -> list[dict]:
    """Return a sample of the `rows` that the judge gave a verdict on; the others were settled without asking it."""
    asked = {(row["question_id"], row["response"]): row for row in rows if _was_asked(row)}  # two arms may say the same
    return random.Random(given.seed).sample(list(asked.values()), min(given.answers, len(asked)))


def swap_references(rows: list[dict], given: Params) -> list[dict]:
    """Return a sample of the answerable questions, each with the reference of another one, of other words, as response."""
    rng = random.Random(given.seed)
    asked = sorted(
        {row["question_id"]: row for row in rows if row["answerable"]}.values(), key=lambda r: r["question_id"]
    )
    found = []
    for row in rng.sample(asked, min(given.answers, len(asked))):
        own = set(exact.words(f"{row['question']} {row['reference']}"))
        others = [other["reference"] for other in asked if not own & set(exact.words(other["reference"]))]
        found += [row | {"response": answer_format.format_answer("", rng.choice(others))}] if others else []
    return found


def _was_asked(row: dict) -> bool:
    answered = answer_format.extract_answer(row["response"]) and not answer_format.is_refusal(row["response"])
    return bool(row["answerable"] and row["judge"] is not None and answered)


async def judge_again(rows: list[dict], sample: int, asked: Client, hide: detection.Mask) -> list[float | None]:
    """Return the judge's verdicts on `rows`; every `sample` is asked for anew, for a kept answer agrees with itself."""

    async def one(row: dict) -> float | None:
        seen = hide([row["question"], row["response"], row["reference"]])
        return (await judge.score(*seen, row["answerable"], asked, sample))[0]

    judging = [lambda row=row: one(row) for row in rows]
    return await jobs.collect(judging, len(rows), f"trust, sample {sample}", asked.meter)


async def agreement_of_judge(
    rows: list[dict], given: Params, asked: Client, hide: detection.Mask
) -> dict[str, metrics.Value]:
    """Return how far the judge agrees with itself, and with the wrongness of answers that are to another question."""
    judged, wrong, pairs = sample_judged(rows, given), swap_references(rows, given), []
    for sample in range(1, given.samples):
        verdicts = await judge_again(judged, sample, asked, hide)
        pairs += [(row["judge"], verdict) for row, verdict in zip(judged, verdicts, strict=True)]
    settled = [(0.0, verdict) for verdict in await judge_again(wrong, 0, asked, hide)]
    return agreement("self", pairs) | agreement("wrong", settled)


def agreement_with_labels(rows: list[dict], labels: Iterable[Label]) -> dict[str, metrics.Value]:
    """Return how far the verdicts in `rows` agree with exact matches, and with `labels`. Raises Mistake for a strange one."""
    right = [(row["exact"], row["judge"]) for row in rows if row["answerable"] and row["exact"] == 1]
    by = {(row["question_id"], row["arm"]): row["judge"] for row in rows}
    pairs = []
    for label in labels:
        if (label.question_id, label.arm) not in by:
            raise UserError(
                f"judge_agreement.labels has {label.arm} on {label.question_id}, which was never judged: correct it there"
            )
        pairs.append((float(label.correct), by[label.question_id, label.arm]))
    return agreement("right", right) | agreement("human", pairs) | {"human_kappa": kappa(pairs)}
