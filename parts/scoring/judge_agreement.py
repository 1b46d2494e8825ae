"""Agreement of the judge with itself, with answers of known correctness and with human labels; Cohen's kappa; cautions."""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, Field, StrictBool, ValidationError

from parts.llm import jobs
from parts.llm.client import Client
from parts.project import metrics
from parts.project.errors import UserError
from parts.safety import detection
from parts.scoring import exact, judge
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
    """Return the share of equal verdicts (`name`_agreement, 0..1), the pairs with both verdicts (_n), and with one (_n_null)."""
    both = _both(pairs)
    equal = sum(first == second for first, second in both) / len(both) if both else None
    return {f"{name}_agreement": equal, f"{name}_n": len(both), f"{name}_n_null": len(pairs) - len(both)}


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

    answers: int = Field(ge=1)  # answers judged again, and questions judged with the answer to another question
    samples: int = Field(ge=2)  # verdicts on each, with the one in Scores
    seed: int
    labels: Path  # a JSONL file of human verdicts


def sample_judged(rows: list[dict], params: JudgeAgreementParams) -> list[dict]:
    """Return a sample of the `rows` with a verdict of the judge; the others were scored without a request."""
    judged = {(row["question_id"], row["response"]): row for row in rows if _was_judged(row)}  # arms may answer alike
    return random.Random(params.seed).sample(list(judged.values()), min(params.answers, len(judged)))


def swap_references(rows: list[dict], params: JudgeAgreementParams) -> list[dict]:
    """Return a sample of the answerable questions, each with another question's reference as its wrong response.

    That reference shares no word with the question and its own reference.
    """
    rng = random.Random(params.seed)
    by_id = {row["question_id"]: row for row in rows if row["answerable"]}
    questions = [by_id[question_id] for question_id in sorted(by_id)]
    swapped = []
    for row in rng.sample(questions, min(params.answers, len(questions))):
        own = set(exact.words(f"{row['question']} {row['reference']}"))
        others = [other["reference"] for other in questions if not own & set(exact.words(other["reference"]))]
        swapped += [row | {"response": answer_format.format_answer("", rng.choice(others))}] if others else []
    return swapped


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
    """Return the judge's agreement with itself (self_), and with the verdict 0 on answers to other questions (wrong_)."""
    judged, swapped, pairs = sample_judged(rows, params), swap_references(rows, params), []
    for sample in range(1, params.samples):
        verdicts = await judge_again(judged, sample, client, mask)
        pairs += [(row["judge"], verdict) for row, verdict in zip(judged, verdicts, strict=True)]
    wrong = [(0.0, verdict) for verdict in await judge_again(swapped, 0, client, mask)]
    return agreement("self", pairs) | agreement("wrong", wrong)


def agreement_with_labels(rows: list[dict], labels: Iterable[Label]) -> dict[str, metrics.Value]:
    """Return the verdicts' agreement with exact matches (right_) and with `labels` (human_, with kappa).

    Raises UserError for a label of an answer without a verdict.
    """
    right = [(row["exact"], row["judge"]) for row in rows if row["answerable"] and row["exact"] == 1]
    verdicts = {(row["question_id"], row["arm"]): row["judge"] for row in rows}
    pairs = []
    for label in labels:
        if (label.question_id, label.arm) not in verdicts:
            raise UserError(
                f"judge_agreement.labels has {label.arm} on {label.question_id}, which was never judged: correct it there"
            )
        pairs.append((float(label.correct), verdicts[label.question_id, label.arm]))
    return agreement("right", right) | agreement("human", pairs) | {"human_kappa": kappa(pairs)}
