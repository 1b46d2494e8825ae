"""Choose how much words count in hybrid retrieval, and how many passages to show, on development questions.

reads   Pairs               the teacher's questions that were kept, each with the passage it was written from
        Chunks              one row per passage
writes  metrics/tune.json   the values chosen, and what every other one came to
"""

from collections.abc import Callable
from statistics import mean

import polars as pl
from pydantic import BaseModel, Field

from parts import answering, metrics, params, store
from parts.arms import RELEASED, Arm
from parts.engines.transformers import Engine
from parts.errors import Mistake, run
from parts.scorers import exact
from parts.search import Hits
from schemas.chunks import Chunks
from schemas.pairs import Pairs


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `tune` of params.yaml. Of values that do equally well the first is taken."""

    questions: int = Field(ge=1)  # of the teacher's, at most
    words: list[float] = Field(min_length=1)  # weights of the full text to try, 0 (vectors alone) to 1 (words alone)
    passages: list[int] = Field(min_length=1)  # numbers of passages to show to try


Asked = list[tuple[str, str, str]]
"""(question, answer, id of the passage it was written from)"""


def development(pairs: pl.DataFrame, most: int) -> Asked:
    """Return up to `most` of the teacher's questions, one a fact; those that were held out of training come first.

    None is in the exam: curation drops what is near it. That a student studied some of them changes nothing here, where
    only the released student answers.
    """
    kept = pairs.filter(pl.col("kind") == "qa", pl.col("generator") != "replay")
    kept = kept.sort(pl.col("split") != "dev", "pair_id").unique(
        ["chunk_id", "completion"], keep="first", maintain_order=True
    )
    return kept.head(most).select("prompt", "completion", "chunk_id").rows()


def found(asked: Asked, hits: list[Hits]) -> float:
    """Return the mean reciprocal rank of the passages that the questions were written from."""
    places = [[chunk_id for chunk_id, _ in of] for of in hits]
    return mean(
        1 / (1 + place.index(gold)) if gold in place else 0.0 for (_, _, gold), place in zip(asked, places, strict=True)
    )


def told(
    asked: Asked, hits: list[Hits], texts: dict[str, tuple[str, str]], engine: Engine, batch: int, most: int
) -> float:
    """Return the mean F1 of what `engine` answers when shown the best `most` passages."""
    shown = [[texts[chunk_id] for chunk_id, _ in of[:most]] for of in hits]
    prompts = [engine.prompt(question, passages)[0] for (question, _, _), passages in zip(asked, shown, strict=True)]
    said = engine.respond(prompts, batch, f"{most} passages")
    return mean(exact.score(one.text, answer, True)["f1"] for one, (_, answer, _) in zip(said, asked, strict=True))


def best(values: list, measure: Callable) -> tuple[float, dict]:
    """Return the value for which `measure` is highest, and what it came to for each."""
    came = {value: measure(value) for value in values}
    return max(values, key=came.get), came


def main() -> None:
    """Write metrics/tune.json."""
    given, answer = params.load("tune", Params), params.load("answer", answering.Params)
    chunks, asked = Chunks.read(), development(Pairs.read(), given.questions)
    if not asked:
        raise Mistake(
            "tune: no question of the teacher was kept to choose by: synthesize needs a generator of them, as qa"
        )
    with store.holding(chunks, params.load("retrieve", store.Params)) as held:
        vectors = held.embed([question for question, _, _ in asked])
        hits = {
            weight: [
                held.fused(question, vector, weight) for (question, _, _), vector in zip(asked, vectors, strict=True)
            ]
            for weight in given.words
        }
    words, mrr = best(given.words, lambda weight: found(asked, hits[weight]))
    texts = {row["chunk_id"]: (row["heading"], row["text"]) for row in chunks.iter_rows(named=True)}
    engine = answering.engine(Arm(weights=RELEASED, contexts="hybrid"), answer)
    most, f1 = best(given.passages, lambda most: told(asked, hits[words], texts, engine, answer.batch, most))
    chosen = {"words": words, "passages": most, "questions": len(asked)}
    chosen |= {f"mrr_words_{weight}": value for weight, value in mrr.items()}
    metrics.write("tune", chosen | {f"f1_passages_{count}": value for count, value in f1.items()})
    print(
        f"words count {words} (mrr {mrr[words]:.3f}), {most} passages are shown (F1 {f1[most]:.3f}), by {len(asked)} questions"
    )


if __name__ == "__main__":
    run(main)
