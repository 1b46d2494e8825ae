"""Answer the exam with an arm: once for each seed that its model was trained by.

reads   Questions           one row per exam question
        Contexts[retriever] one row per question and rank
        Chunks              one row per passage
        models/MODEL/SEED   what the arm's model was trained to
writes  Answers[arm]        one row per question and seed
"""

import sys

import polars as pl

from parts.answering import arm_engine
from parts.answering.arm_engine import AnswerParams as Params
from parts.answering.engine import Engine, crowding
from parts.project import metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.seeds import RELEASED, seeds_of
from parts.retrieval.contexts import Passage, shown_passages
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions


def answer(
    questions: pl.DataFrame,
    passages: dict[str, list[Passage]],
    engine: Engine,
    batch: int,
    desc: str,
    seed: int = RELEASED,
) -> pl.DataFrame:
    """Return Answers of `engine`, trained by `seed`, to `questions`, each shown its `passages` (best first).

    `desc` labels the progress bar.
    A question with options is answered in words as all others are, and has its likeliest option too.
    """
    rows = questions.select("question_id", "question", "options").rows()
    prompts = [engine.prompt(question, passages.get(key, []), options) for key, question, options in rows]
    if caution := crowding([n_shown for _, n_shown in prompts], [len(passages.get(key, [])) for key, _, _ in rows]):
        print(f"{desc}: {caution}", file=sys.stderr)
    responses = engine.respond([text for text, _ in prompts], batch, desc)
    likeliest = [
        engine.choose(text, options) if options else None
        for (text, _), (_, _, options) in zip(prompts, rows, strict=True)
    ]
    answers = [
        {"question_id": key, "seed": seed, "response": response.text, "passages": shown}
        | {"prompt_tokens": response.prompt_tokens, "new_tokens": response.new_tokens, "stopped": response.stopped}
        | {"likeliest": option}
        for (key, _, _), (_, shown), response, option in zip(rows, prompts, responses, likeliest, strict=True)
    ]
    return Answers.frame(answers)


def main(arm: str) -> None:
    """Write Answers of `arm`."""
    section, settings = params.load("answer", Params), params.load(f"arms.{arm}", Arm)
    passages = shown_passages(Contexts.read(settings.retriever), Chunks.read(), section.passages)
    seeds = seeds_of(settings.model)
    if len(seeds) > 1 and "{seed}" not in section.served.get(settings.model, "{seed}"):
        raise UserError(
            f"params.yaml: answer.served.{settings.model} must have {{seed}} in it, for train.seeds has several"
        )
    questions, batch, answers = Questions.read(), arm_engine.batch_size(), []
    with arm_engine.server(section) as url:
        for seed in seeds:
            engine = arm_engine.engine(settings.model, section, url, seed=seed)
            answers.append(answer(questions, passages, engine, batch, arm, seed))
    answers = pl.concat(answers)
    Answers.write(answers, arm)
    means = answers.select(pl.mean("passages", "prompt_tokens", "new_tokens", "stopped")).row(0, named=True)
    metrics.write(f"answer/{arm}", means)
    tokens = f"{means['prompt_tokens']:.0f} prompt tokens and {means['new_tokens']:.0f} new ones each"
    print(f"{arm}: {len(answers)} answers; {tokens}")


if __name__ == "__main__":
    run(main)
