"""Hold the adapter, the merged model and the served one to the same answers, and the training rows to an end.

reads   Questions           one row per exam question
        Contexts[retriever] one row per question and rank, of the arms that have studied
        Chunks              one row per passage
        Pairs               one row per training row kept
writes  metrics/parity.json
"""

import random
from collections.abc import Callable

from pydantic import BaseModel, Field

from parts.answering import arm_engine
from parts.answering.engine import Engine
from parts.project import metrics, params
from parts.project.arms import Arm, load_arms
from parts.project.command import run
from parts.project.sections import Student
from parts.retrieval.contexts import shown_passages
from parts.student import dataset, finetune
from parts.student.model import tokenizer
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.errors import UserError
from schemas.pairs import Pairs
from schemas.questions import Questions


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `parity` of params.yaml."""

    questions: int = Field(ge=1)  # of the exam, asked as every arm that has studied is asked them
    disagree: float = Field(ge=0, le=1)  # share of greedy answers that may differ
    seed: int


def parity(engines: dict[str, Callable[[], Engine]], prompts: list[str], batch: int) -> dict[str, float]:
    """Return, for each two of `engines`, the share of `prompts` to which their greedy answers differ."""
    said = {name: [each.text for each in ready().respond(prompts, batch, name)] for name, ready in engines.items()}
    first, *others = said
    differ = {name: sum(a != b for a, b in zip(said[first], said[name], strict=True)) for name in others}
    return {f"{name}_differs_from_{first}": count / len(prompts) for name, count in differ.items()}


def ended(rows: list[dict], ends: set[int], most: int) -> dict[str, int]:
    """Return how many of the tokenised `rows` bear a loss on a token that ends an answer, and how many were cut before it.

    A row of `most` tokens was cut; where another lacks it, the student would never learn to stop.
    """
    last = [row["labels"][-1] in ends and row["input_ids"][-1] == row["labels"][-1] for row in rows]
    cut = sum(not end and len(row["labels"]) >= most for end, row in zip(last, rows, strict=True))
    return {"rows": len(rows), "rows_ended": sum(last), "rows_cut": cut}


def refuse(found: dict[str, float], given: Params) -> None:
    """Raise Mistake where answers differ more than they may, or a training row has no end."""
    endless = found["rows"] - found["rows_ended"] - found["rows_cut"]
    if endless:
        raise UserError(
            f"{endless} of {found['rows']} training rows do not end with a token that the student stops at: the tokenizer's "
            "eos_token and generation_config.json of student.model must name the same"
        )
    for name, share in found.items():
        if "_differs_from_" in name and share > given.disagree:
            raise UserError(
                f"parity: {name.replace('_', ' ')} in {share:.1%} of {found['answers']} greedy answers, and "
                f"{given.disagree:.1%} may (parity.disagree in params.yaml): check the served model's weights and its dtype"
            )


def asked(engine: Engine, arms: list[Arm], given: Params, most: int) -> list[str]:
    """Return the prompts of a sample of the exam, as each of `arms` is given it."""
    rows, chunks = Questions.read().select("question_id", "question", "options").rows(), Chunks.read()
    rows = random.Random(given.seed).sample(rows, min(len(rows), given.questions))
    shown = [shown_passages(Contexts.read(arm.retriever), chunks, most) for arm in arms]
    return [engine.prompt(text, passages.get(key, []), options)[0] for passages in shown for key, text, options in rows]


def main() -> None:
    """Write metrics/parity.json; fail where the gate does not open."""
    given, answer = params.load("parity", Params), params.load("answer", arm_engine.AnswerParams)
    arms = [arm for arm in load_arms().values() if arm.model == "adapter"]
    recipe, read = params.load("train", finetune.Recipe), tokenizer(params.load("student", Student))
    merged, beside = (arm_engine.engine("adapter", answer, merge=merge) for merge in (True, False))
    encoded = dataset.encode(Pairs.read().to_dicts(), read, recipe.max_length, recipe.completion_only_loss)
    found = ended(encoded, merged.ends, recipe.max_length)
    prompts = asked(merged, arms, given, answer.passages)
    engines = {"merged": lambda: merged, "adapter": lambda: beside}
    with arm_engine.server(answer) as url:
        if url:
            engines["served"] = lambda: arm_engine.engine("adapter", answer, url)
        found |= {"answers": len(prompts)} | parity(engines, prompts, arm_engine.batch_size())
    metrics.write("parity", found)
    refuse(found, given)
    print(
        f"parity: {len(prompts)} answers by {', '.join(engines)}; {found['rows_ended']} rows end, {found['rows_cut']} cut"
    )


if __name__ == "__main__":
    run(main)
