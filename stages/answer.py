"""Let an arm answer the exam.

reads   Questions           one row per exam question
        Contexts[retriever] one row per question and rank
        Chunks              one row per passage
writes  Answers[arm]        one row per question
"""

import polars as pl

from parts.answering import arm_engine
from parts.answering.engine import Engine
from parts.project import metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.retrieval.contexts import Passage, shown_passages
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions

Params = arm_engine.AnswerParams


def answer(
    questions: pl.DataFrame, passages: dict[str, list[Passage]], engine: Engine, batch: int, what: str
) -> pl.DataFrame:
    """Return what `engine` answers to each of `questions`, shown its `passages` (best first).

    Questions with options are answered in words as all others are; which option is likeliest stands beside.
    """
    asked = questions.select("question_id", "question", "options").rows()
    prompts = [engine.prompt(question, passages.get(key, []), options) for key, question, options in asked]
    responses = engine.respond([text for text, _ in prompts], batch, what)
    likeliest = [
        engine.choose(text, options) if options else None
        for (text, _), (_, _, options) in zip(prompts, asked, strict=True)
    ]
    rows = [
        {"question_id": key, "response": said.text, "passages": shown, "prompt_tokens": said.prompt_tokens}
        | {"new_tokens": said.new_tokens, "stopped": said.stopped, "likeliest": option}
        for (key, _, _), (_, shown), said, option in zip(asked, prompts, responses, likeliest, strict=True)
    ]
    return Answers.frame(rows)


def main(arm: str) -> None:
    """Write Answers of `arm`."""
    answer_params, settings = params.load("answer", Params), params.load(f"arms.{arm}", Arm)
    passages = shown_passages(Contexts.read(settings.retriever), Chunks.read(), answer_params.passages)
    with arm_engine.server(answer_params) as url:
        answered = answer(
            Questions.read(),
            passages,
            arm_engine.engine(settings.model, answer_params, url),
            arm_engine.batch_size(),
            arm,
        )
    Answers.write(answered, arm)
    means = answered.select(pl.mean("passages", "prompt_tokens", "new_tokens", "stopped")).row(0, named=True)
    metrics.write(f"answer/{arm}", means)
    print(
        f"{arm}: {len(answered)} answers; {means['prompt_tokens']:.0f} tokens read and {means['new_tokens']:.0f} written each"
    )


if __name__ == "__main__":
    run(main)
