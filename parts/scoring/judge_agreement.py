"""Agreement of the judge with itself, with answers of known correctness and with human labels; Cohen's kappa."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, Field, StrictBool, ValidationError

from parts.llm import jobs
from parts.llm.client import Client
from parts.project import metrics
from parts.project.errors import UserError
from parts.safety import detection
from parts.scoring import judge, known_answers
from parts.text import answer_format
from parts.text.jsonl import read_lines


class Label(BaseModel, extra="forbid", frozen=True):
    """A person's verdict on one arm's answer to one question."""

    question_id: str
    arm: str
    correct: StrictBool


def labels(path: Path) -> Iterator[Label]:
    """Yield the labels of a JSONL file, one {"question_id", "arm", "correct": true or false} a line, in order.

    Raises UserError, with the line, for anything else and for an answer that is labelled twice.
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
"""(verdict, verdict) on each answer; None: the judge abstained"""


def agreement(name: str, pairs: Pairs) -> dict[str, float | int | None]:
    """Return the share of equal verdicts (`name`_agreement, 0..1), the pairs with both verdicts (_n), and with one (_n_null).

    The ends of the share's 95% interval are `name`_agreement_lo and _hi (Wilson 1927); without pairs all three are None.
    """
    both = _both(pairs)
    share, low, high = _share(sum(first == second for first, second in both), len(both))
    shares = {f"{name}_agreement": share, f"{name}_agreement_lo": low, f"{name}_agreement_hi": high}
    return shares | {f"{name}_n": len(both), f"{name}_n_null": len(pairs) - len(both)}


def _share(equal: int, n: int) -> tuple[float | None, float | None, float | None]:
    """Return `equal` of `n` as a share with the ends of its interval."""
    if not n:
        return None, None, None
    from scipy import stats

    interval = stats.binomtest(equal, n).proportion_ci(method="wilson")
    return equal / n, float(interval.low), float(interval.high)


def kappa(pairs: Pairs) -> float | None:
    """Return Cohen's kappa (Cohen 1960), -1..1, by scikit-learn; None if all verdicts are the same."""
    both = _both(pairs)
    if len({verdict for pair in both for verdict in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(*zip(*both, strict=True)))


def _both(pairs: Pairs) -> list[tuple[float, float]]:
    return [(first, second) for first, second in pairs if second is not None]


class JudgeAgreementParams(BaseModel, extra="forbid", frozen=True):
    """Section `judge_agreement` of params.yaml."""

    answers: int = Field(ge=1)  # answers judged again, and answers of known correctness of each class
    samples: int = Field(ge=2)  # verdicts on each, with the one in Scores
    seed: int
    labels: Path  # a JSONL file of human verdicts


def sample_judged(rows: list[dict], params: JudgeAgreementParams) -> list[dict]:
    """Return a sample of the `rows` with a verdict of the judge; the others were scored without a request."""
    judged = _distinct([row for row in rows if _was_judged(row)])
    return random.Random(params.seed).sample(judged, min(params.answers, len(judged)))


def _distinct(rows: list[dict]) -> list[dict]:
    """Return `rows` without the answers that the judge cannot tell apart: where arms answer alike, it is asked once."""
    return list({(row["question_id"], answer_format.extract_answer(row["response"])): row for row in rows}.values())


def _was_judged(row: dict) -> bool:
    has_answer = answer_format.extract_answer(row["response"]) and not answer_format.is_refusal(row["response"])
    return bool(row["answerable"] and row["judge"] is not None and has_answer)


async def judge_again(rows: list[dict], sample: int, client: Client, mask: detection.Mask) -> list[float | None]:
    """Return the judge's verdicts on `rows`; each `sample` is a new request, since a cached reply agrees with itself."""

    async def verdict(row: dict) -> float | None:
        masked = mask([row["question"], row["response"], row["reference"]])
        return (await judge.score(*masked, row["answerable"], client, sample))[0]

    requests = [lambda row=row: verdict(row) for row in rows]
    return await jobs.collect(requests, len(rows), f"judge_agreement, sample {sample}", client.meter)


async def agreement_of_judge(
    rows: list[dict], params: JudgeAgreementParams, client: Client, mask: detection.Mask
) -> dict[str, metrics.Value]:
    """Return the judge's agreement with itself (self_), and with what is known of each of known_answers.CLASSES."""
    judged = sample_judged(rows, params)
    samples = [await judge_again(judged, sample, client, mask) for sample in range(1, params.samples)]
    steady = [(1.0, _is_steady(row["judge"], again)) for row, *again in zip(judged, *samples, strict=True)]
    known = known_answers.known_answers(rows, params.answers, params.seed)
    answers = [answer for each in known.values() for answer in each]
    verdicts = iter(await judge_again(answers, 0, client, mask))
    values = agreement("self", steady)
    for name, each in known.items():
        values |= agreement(
            name, [(float(name.startswith("right")), verdict) for verdict in islice(verdicts, len(each))]
        )
    return values


def _is_steady(verdict: float, again: list[float | None]) -> float | None:
    """Return 1 where all further verdicts are `verdict`, 0 where one is another, None where the judge abstained from all."""
    verdicts = {other for other in again if other is not None}
    return float(verdicts == {verdict}) if verdicts else None


def no_agreement() -> dict[str, metrics.Value]:
    """Return the figures of a judge that was asked nothing."""
    return {key: value for name in ("self", *known_answers.CLASSES) for key, value in agreement(name, []).items()}


def agreement_with_labels(rows: list[dict], labels: Iterable[Label]) -> dict[str, metrics.Value]:
    """Return the verdicts' agreement with exact matches (right_match_) and with `labels` (human_, with kappa).

    Raises UserError for a label of an answer without a verdict.
    """
    matches = _distinct([row for row in rows if row["answerable"] and row["exact"] == 1])
    right = [(1.0, row["judge"]) for row in matches]
    verdicts = {(row["question_id"], row["arm"]): row["judge"] for row in rows}
    pairs = []
    for label in labels:
        if (label.question_id, label.arm) not in verdicts:
            raise UserError(
                f"judge_agreement.labels has {label.arm} on {label.question_id}, which was never judged: correct it there"
            )
        pairs.append((float(label.correct), verdicts[label.question_id, label.arm]))
    return agreement("right_match", right) | agreement("human", pairs) | {"human_kappa": kappa(pairs)}
