"""Choose how much words count in hybrid retrieval, and how many passages to show, on development questions.

reads   Pairs               the teacher's questions that were kept, each with the passage it was written from
        Chunks              one row per passage
writes  metrics/tune.json   the values chosen, and what every other one came to
"""

from collections.abc import Mapping
from statistics import mean, stdev

import polars as pl
from pydantic import BaseModel, Field

from parts import answering, store
from parts.asking import Engine, Passage
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import RELEASED, Arm
from parts.scoring import exact
from parts.search import Hits
from schemas.chunks import Chunks
from schemas.errors import Mistake
from schemas.pairs import Pairs


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `tune` of params.yaml. Of values between which the questions cannot tell the first is taken."""

    questions: int = Field(ge=1)  # of the teacher's, at most
    words: list[float] = Field(min_length=1)  # weights of the full text to try, 0 (vectors alone) to 1 (words alone)
    passages: list[int] = Field(min_length=1)  # numbers of passages to show to try


Asked = list[tuple[str, str, str]]
"""(question, answer, id of the passage it was written from)"""


def development(pairs: pl.DataFrame, texts: Mapping[str, Passage], most: int) -> Asked:
    """Return up to `most` of the teacher's questions that were kept, one a fact, drawn by their ids, which are hashes.

    Who writes a question from a passage borrows its words, and who does not know the passage cannot: of the wordings of a
    fact the one that shares the fewest words with its passage is taken. None is in the exam: curation drops what is near
    it. That a student studied them changes nothing here, where only the released student answers.
    """
    kept = pairs.filter(pl.col("kind") == "qa", pl.col("generator") != "replay")
    rows = kept.select("prompt", "completion", "chunk_id", "pair_id").rows()
    shared = {prompt: _shared(prompt, " ".join(texts[chunk_id])) for prompt, _, chunk_id, _ in rows}
    facts: dict[tuple[str, str], tuple[str, str]] = {}
    for prompt, answer, chunk_id, pair_id in sorted(rows, key=lambda row: (shared[row[0]], row[3])):
        facts.setdefault((chunk_id, answer), (pair_id, prompt))
    drawn = sorted((pair_id, prompt, answer, chunk_id) for (chunk_id, answer), (pair_id, prompt) in facts.items())
    return [(prompt, answer, chunk_id) for _, prompt, answer, chunk_id in drawn[:most]]


def _shared(question: str, passage: str) -> int:
    return len({*exact.words(question)} & {*exact.words(passage)})


def found(asked: Asked, hits: list[Hits]) -> list[float]:
    """Return for each question the reciprocal rank of the passage that it was written from."""
    ranks = [{chunk_id: rank for rank, (chunk_id, _) in enumerate(of, 1)} for of in hits]
    return [1 / rank[gold] if gold in rank else 0.0 for (_, _, gold), rank in zip(asked, ranks, strict=True)]


def told(asked: Asked, shown: list[list[Passage]], engine: Engine, batch: int, what: str) -> list[float]:
    """Return for each question the F1 of what `engine` answers, shown its passages (best first)."""
    prompts = [engine.prompt(question, passages)[0] for (question, _, _), passages in zip(asked, shown, strict=True)]
    said = engine.respond(prompts, batch, what)
    return [exact.score(one.text, answer, True)["f1"] for one, (_, answer, _) in zip(said, asked, strict=True)]


def best(scores: dict[float, list[float]]) -> float:
    """Return the first value whose mean score is less than one standard error below the best one's.

    The one-standard-error rule (Breiman 1984): what the questions cannot tell apart is left to the order of the values.
    """
    top = max(scores.values(), key=mean)
    error = stdev(top) / len(top) ** 0.5 if len(top) > 1 else 0.0
    return next(value for value, of in scores.items() if mean(of) >= mean(top) - error)


def main() -> None:
    """Write metrics/tune.json."""
    given, answer = params.load("tune", Params), params.load("answer", answering.Params)
    chunks = Chunks.read()
    texts = {row["chunk_id"]: (row["heading"], row["text"]) for row in chunks.iter_rows(named=True)}
    asked = development(Pairs.read(), texts, given.questions)
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
    mrr = {weight: found(asked, of) for weight, of in hits.items()}
    words = best(mrr)
    f1 = {}
    with answering.server(answer) as url:
        engine = answering.engine(Arm(weights=RELEASED, contexts="hybrid"), answer, url)
        for most in given.passages:
            shown = [[texts[chunk_id] for chunk_id, _ in of[:most]] for of in hits[words]]
            f1[most] = told(asked, shown, engine, answer.batch, f"{most} passages")
    chosen = {"words": words, "passages": best(f1), "questions": len(asked)}
    chosen |= {f"mrr_words_{weight}": mean(of) for weight, of in mrr.items()}
    metrics.write("tune", chosen | {f"f1_passages_{most}": mean(of) for most, of in f1.items()})
    print(f"by {len(asked)} questions: words count {words}, and {chosen['passages']} passages are shown")


if __name__ == "__main__":
    run(main)
