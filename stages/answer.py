"""Let an arm answer the exam.

reads   Questions           one row per exam question
        Contexts[retriever] one row per question and rank
        Chunks              one row per passage
writes  Answers[arm]        one row per question
"""

import polars as pl

from parts import answering, metrics, params
from parts.arms import Arm
from parts.engines.transformers import Engine, Passage
from parts.errors import run
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions

Params = answering.Params


def answer(
    questions: pl.DataFrame, passages: dict[str, list[Passage]], engine: Engine, batch: int, what: str
) -> pl.DataFrame:
    """Return what `engine` answers to each of `questions`, shown its `passages` (best first)."""
    asked = questions.select("question_id", "question").rows()
    prompts = [engine.prompt(question, passages.get(question_id, [])) for question_id, question in asked]
    responses = engine.respond([text for text, _ in prompts], batch, what)
    rows = [
        {"question_id": question_id, "response": said.text, "passages": shown, "prompt_tokens": said.prompt_tokens}
        | {"new_tokens": said.new_tokens, "stopped": said.stopped, "likeliest": None}
        for (question_id, _), (_, shown), said in zip(asked, prompts, responses, strict=True)
    ]
    return Answers.frame(rows)


def main(name: str) -> None:
    """Write Answers of the arm `name`."""
    given, arm = params.load("answer", Params), params.load(f"arms.{name}", Arm)
    passages = answering.passages(Contexts.read(arm.contexts), Chunks.read(), given.passages)
    answered = answer(Questions.read(), passages, answering.engine(arm, given), given.batch, name)
    Answers.write(answered, name)
    means = answered.select(pl.mean("passages", "prompt_tokens", "new_tokens", "stopped")).row(0, named=True)
    metrics.write(f"answer/{name}", means)
    print(
        f"{name}: {len(answered)} answers; {means['prompt_tokens']:.0f} tokens read and {means['new_tokens']:.0f} written each"
    )


if __name__ == "__main__":
    run(main)
