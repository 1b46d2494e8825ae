"""Choose the lexical weight of hybrid retrieval and the number of passages to show, on development questions.

They are of an exam's kinds, those that take two passages and those that none answers among them: on questions about one
passage each, one passage would be enough. The cascade's thresholds are chosen on the same.

reads   Development         one row per development question
        Chunks              one row per passage
writes  metrics/tune_retrieval.json   the chosen values, and the score of every value
"""

import sys
from functools import partial
from itertools import compress
from statistics import mean

import polars as pl
from pydantic import BaseModel, Field

from parts.answering import arm_engine
from parts.answering.engine import Engine, crowding
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.retrieval import postgres
from parts.retrieval.contexts import Passage, shown_passages
from parts.retrieval.index import Index
from parts.retrieval.tuning import best, reciprocal_ranks
from parts.scoring import exact
from schemas.chunks import Chunks
from schemas.development import Development

WEAK = 0.2
"""mean F1 with retrieved passages, below it the student is called weak, hours before the verdict does"""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `tune_retrieval` of params.yaml. Of values within one standard error of the best, the first is chosen."""

    lexical_weights: list[float] = Field(min_length=1)  # to try, of the full text: 0 (vectors alone) to 1 (words alone)
    passages: list[int] = Field(min_length=1)  # to try: numbers of passages to show


def search(questions: pl.DataFrame, chunks: pl.DataFrame, weights: list[float]) -> dict[float, pl.DataFrame]:
    """Return weight of the full text -> Contexts of `questions`, which are embedded once."""
    with postgres.open_store(chunks, params.load("retrieve", postgres.RetrieveParams)) as store:
        vectors = store.embed.questions(questions["question"].to_list())
        return {
            weight: Index(lambda _: vectors, partial(store.hybrid, weight=weight)).contexts(questions)
            for weight in weights
        }


def f1_scores(
    questions: pl.DataFrame, passages: dict[str, list[Passage]], engine: Engine, batch: int, desc: str
) -> list[float]:
    """Return the F1 of the answer of `engine` to each question, shown its passages (best first)."""
    rows = questions.select("question_id", "question", "references", "answerable").rows()
    prompts = [engine.prompt(text, passages.get(question_id, [])) for question_id, text, _, _ in rows]
    if caution := crowding([n_shown for _, n_shown in prompts], [len(passages.get(row[0], [])) for row in rows]):
        print(f"{desc}: {caution}", file=sys.stderr)
    responses = engine.respond([text for text, _ in prompts], batch, desc)
    return [
        exact.score(response.text, references, answerable)["f1"]
        for response, (_, _, references, answerable) in zip(responses, rows, strict=True)
    ]


def weakness(f1: float) -> str:
    """Return a caution where a student that is shown retrieved passages answers with so low a mean F1, else nothing."""
    if f1 >= WEAK:
        return ""
    return (
        f"caution: shown retrieved passages, the student answers the development questions with F1 {f1:.2f}: it is too weak "
        "for these documents, and there may be no verdict (compare.least_oracle)"
    )


def main() -> None:
    """Write metrics/tune_retrieval.json."""
    section, answer = params.load("tune_retrieval", Params), params.load("answer", arm_engine.AnswerParams)
    chunks, questions = Chunks.read(), Development.read()
    if not any(questions["gold_chunk_ids"].list.len()):
        raise UserError(
            "tune_retrieval: no development question has an answer in a passage: metrics/development.json says what the "
            "teacher wrote"
        )
    contexts = search(questions, chunks, section.lexical_weights)
    mrr = {weight: reciprocal_ranks(rows, questions) for weight, rows in contexts.items()}
    weight = best(mrr)
    f1 = {}
    with arm_engine.server(answer) as url:
        engine = arm_engine.engine("student", answer, url)
        for count in section.passages:
            shown, desc = shown_passages(contexts[weight], chunks, count), f"{count} passages"
            f1[count] = f1_scores(questions, shown, engine, arm_engine.batch_size(), desc)
    values = {"lexical_weight": weight, "passages": best(f1), "questions": len(questions)}
    values |= {f"mrr_lexical_{tried}": mean(ranks) for tried, ranks in mrr.items()}
    metrics.write("tune_retrieval", values | {f"f1_passages_{count}": mean(scores) for count, scores in f1.items()})
    if caution := weakness(max(mean(compress(scores, questions["answerable"])) for scores in f1.values())):
        print(caution, file=sys.stderr)
    print(f"{len(questions)} questions: lexical weight {weight}, {values['passages']} passages shown")


if __name__ == "__main__":
    run(main)
