"""Answer the exam with an arm: once for each seed that its model was trained by.

reads   Questions           one row per exam question
        Contexts[retriever] one row per question and rank
        Chunks              one row per passage
        models/MODEL/SEED   what the arm's model was trained to
        metrics/tune_cascade.json   when the cascade looks up; of that arm alone
writes  Answers[arm]        one row per question and seed
"""

import polars as pl

from parts.answering import arm_engine, cascade
from parts.answering.arm_engine import AnswerParams as Params
from parts.answering.exam_answers import answer, answer_in_cascade
from parts.project import metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.seeds import seeds_of
from parts.retrieval.contexts import shown_passages
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions


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
            if settings.is_cascade:
                engines = arm_engine.cascade_engines(settings.model, settings.look_up, section, url, seed)
                answers.append(answer_in_cascade(questions, passages, engines, batch, arm, seed, cascade.read()))
            else:
                engine = arm_engine.engine(settings.model, section, url, seed=seed)
                answers.append(answer(questions, passages, engine, batch, arm, seed))
    answers = pl.concat(answers)
    Answers.write(answers, arm)
    means = answers.select(pl.mean("passages", "prompt_tokens", "new_tokens", "stopped")).row(0, named=True)
    if settings.is_cascade:
        means["looked_up"] = (answers["passages"] > 0).mean()
    metrics.write(f"answer/{arm}", means)
    tokens = f"{means['prompt_tokens']:.0f} prompt tokens and {means['new_tokens']:.0f} new ones each"
    print(f"{arm}: {len(answers)} answers; {tokens}")


if __name__ == "__main__":
    run(main)
