"""Answer an exam with an engine: by one prompt a question, or as a cascade."""

import sys

import polars as pl

from parts.answering.cascade import DECLINED, Thresholds, is_confident, rounded
from parts.answering.engine import Engine, crowding
from parts.project.seeds import RELEASED
from parts.retrieval.contexts import Passage
from schemas.answers import Answers


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
        | {"likeliest": option, "confidence": rounded(response.confidence)}
        for (key, _, _), (_, shown), response, option in zip(rows, prompts, responses, likeliest, strict=True)
    ]
    return Answers.frame(answers)


def answer_in_cascade(
    questions: pl.DataFrame,
    passages: dict[str, list[Passage]],
    engines: tuple[Engine, Engine],
    batch: int,
    desc: str,
    seed: int,
    thresholds: Thresholds,
) -> pl.DataFrame:
    """Return Answers as `answer` does: closed book where that is confident, else with passages, else a refusal.

    `engines`: the one that answers closed book, and the one that looks up. The tokens are of all that was asked.
    """
    closed = answer(questions, {}, engines[0], batch, f"{desc}, closed book", seed)
    is_unsure = [not is_confident(value, thresholds.look_up_below) for value in closed["confidence"]]
    unsure = closed.filter(is_unsure)
    looked_up = questions.join(unsure.select("question_id"), "question_id", maintain_order="left")
    opened = answer(looked_up, passages, engines[1], batch, f"{desc}, looked up", seed)
    is_declined = [not is_confident(value, thresholds.decline_below) for value in opened["confidence"]]
    opened = opened.with_columns(
        response=pl.when(pl.Series(is_declined, dtype=pl.Boolean)).then(pl.lit(DECLINED)).otherwise("response"),
        prompt_tokens=pl.col("prompt_tokens") + unsure["prompt_tokens"],
        new_tokens=pl.col("new_tokens") + unsure["new_tokens"],
    )
    return pl.concat([closed.filter([not unsure for unsure in is_unsure]), opened])
