"""Check that adapter, merged and served model give the same greedy answers, and that training rows end in EOS.

reads   Questions           one row per exam question
        Contexts[retriever] one row per question and rank, of the arms with the adapter
        Chunks              one row per passage
        Pairs               one row per training row
        models/adapter/SEED by the first seed
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
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.retrieval.contexts import shown_passages
from parts.student import dataset
from parts.student.chat_format import chat_format
from parts.student.recipe import Recipe
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.pairs import Pairs
from schemas.questions import Questions


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `parity` of params.yaml."""

    questions: int = Field(ge=1)  # of the exam, with the passages of every arm with the adapter
    disagree: float = Field(ge=0, le=1)  # share of greedy answers that may differ
    seed: int


def parity(engines: dict[str, Callable[[], Engine]], prompts: list[str], batch: int) -> dict[str, float]:
    """Return the share of `prompts` to which the greedy answer of each of `engines` differs from that of the first.

    An answer that parts from the first's between two tokens that are equally likely, but for rounding, does not differ.
    """
    first, *others = engines
    reference, shares = engines[first](), {}
    answers = reference.respond(prompts, batch, first)
    for name in others:
        responses = zip(prompts, answers, engines[name]().respond(prompts, batch, name), strict=True)
        n_differ = sum(reference.differs(*answer) for answer in responses)
        shares[f"{name}_differs_from_{first}"] = n_differ / len(prompts)
    return shares


def check(values: dict[str, float], section: Params) -> None:
    """Raise UserError where more answers differ than may, or where a training row has no end."""
    endless = values["rows"] - values["rows_ended"] - values["rows_cut"]
    if endless:
        raise UserError(
            f"{endless} of {values['rows']} training rows do not end with a token that the student stops at: the chat "
            "template of student.model must end an assistant's turn by one"
        )
    for name, share in values.items():
        if "_differs_from_" in name and share > section.disagree:
            raise UserError(
                f"parity: {name.replace('_', ' ')} in {share:.1%} of {values['answers']} greedy answers, and "
                f"{section.disagree:.1%} may (parity.disagree in params.yaml): check the served model's weights and its dtype"
            )


def sample_prompts(engine: Engine, arms: list[Arm], section: Params, count: int) -> list[str]:
    """Return the prompts of a sample of the exam for each of `arms`, with up to `count` passages."""
    rows, chunks = Questions.read().select("question_id", "question", "options").rows(), Chunks.read()
    rows = random.Random(section.seed).sample(rows, min(len(rows), section.questions))
    shown = [shown_passages(Contexts.read(arm.retriever), chunks, count) for arm in arms]
    return [engine.prompt(text, passages.get(key, []), options)[0] for passages in shown for key, text, options in rows]


def main() -> None:
    """Write metrics/parity.json; fail where it misses the limits."""
    section, answer = params.load("parity", Params), params.load("answer", arm_engine.AnswerParams)
    recipe, student = params.load("train", Recipe), params.load("student", Student)
    arms = [arm for arm in load_arms().values() if arm.model == "adapter" and not arm.is_cascade]
    seed = recipe.seeds[0]
    merged, adapter = (arm_engine.engine("adapter", answer, merge=merge, seed=seed) for merge in (True, False))
    pairs = Pairs.read().to_dicts()
    encoded = dataset.encode(pairs, chat_format(student), recipe.max_length, recipe.completion_only_loss).rows
    values = dataset.count_ended(encoded, merged.ends, recipe.max_length)
    prompts = sample_prompts(merged, arms, section, answer.passages)
    engines = {"merged": lambda: merged, "adapter": lambda: adapter}
    with arm_engine.server(answer) as url:
        if url:
            engines["served"] = lambda: arm_engine.engine("adapter", answer, url, seed=seed)
        values |= {"answers": len(prompts)} | parity(engines, prompts, arm_engine.batch_size())
    metrics.write("parity", values)
    check(values, section)
    print(
        f"parity: {len(prompts)} answers by {', '.join(engines)}; {values['rows_ended']} rows end, {values['rows_cut']} cut"
    )


if __name__ == "__main__":
    run(main)
