"""Choose the lexical weight of hybrid retrieval and the number of passages to show, on development questions.

reads   Pairs               the teacher's questions, each with the passage it was written from
        Chunks              one row per passage
writes  metrics/tune_retrieval.json   the chosen values, and the score of every value
"""

import sys
from statistics import mean

from pydantic import BaseModel, Field

from parts.answering import arm_engine
from parts.answering.engine import Engine, crowding
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.retrieval import postgres
from parts.retrieval.contexts import Passage, passages_by_id
from parts.retrieval.tuning import DevelopmentQuestions, best, development, reciprocal_ranks
from parts.scoring import exact
from schemas.chunks import Chunks
from schemas.pairs import Pairs

WEAK = 0.2
"""mean F1 with retrieved passages, below it the student is called weak, hours before the verdict does"""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `tune_retrieval` of params.yaml. Of values within one standard error of the best, the first is chosen."""

    questions: int = Field(ge=1)  # the teacher's, at most
    lexical_weights: list[float] = Field(min_length=1)  # to try, of the full text: 0 (vectors alone) to 1 (words alone)
    passages: list[int] = Field(min_length=1)  # to try: numbers of passages to show


def f1_scores(
    questions: DevelopmentQuestions, shown: list[list[Passage]], engine: Engine, batch: int, desc: str
) -> list[float]:
    """Return the F1 of the answer of `engine` to each question, shown its passages (best first)."""
    prompts = [engine.prompt(question, passages) for (question, _, _), passages in zip(questions, shown, strict=True)]
    if caution := crowding([n_shown for _, n_shown in prompts], [len(passages) for passages in shown]):
        print(f"{desc}: {caution}", file=sys.stderr)
    responses = engine.respond([text for text, _ in prompts], batch, desc)
    return [
        exact.score(response.text, [answer], True)["f1"]
        for response, (_, answer, _) in zip(responses, questions, strict=True)
    ]


def weakness(f1: float) -> str:
    """Return a caution where a student that is shown retrieved passages answers with so low a mean F1, else nothing."""
    if f1 >= WEAK:
        return ""
    return (
        f"caution: shown retrieved passages, the student answers the teacher's questions with F1 {f1:.2f}: it is too weak "
        "for these documents, and there may be no verdict (compare.least_oracle)"
    )


def main() -> None:
    """Write metrics/tune_retrieval.json."""
    section, answer = params.load("tune_retrieval", Params), params.load("answer", arm_engine.AnswerParams)
    chunks = Chunks.read()
    texts = passages_by_id(chunks)
    questions = development(Pairs.read(), texts, section.questions)
    if not questions:
        raise UserError(
            "tune_retrieval: no question of the teacher was kept: synthesize needs a generator of questions, as qa"
        )
    with postgres.open_store(chunks, params.load("retrieve", postgres.RetrieveParams)) as store:
        vectors = store.embed.questions([question for question, _, _ in questions])
        hits = {
            weight: [
                store.hybrid(question, vector, weight)
                for (question, _, _), vector in zip(questions, vectors, strict=True)
            ]
            for weight in section.lexical_weights
        }
    mrr = {weight: reciprocal_ranks(questions, weight_hits) for weight, weight_hits in hits.items()}
    weight = best(mrr)
    f1 = {}
    with arm_engine.server(answer) as url:
        engine = arm_engine.engine("student", answer, url)
        for count in section.passages:
            shown = [[texts[chunk_id] for chunk_id, _ in question_hits[:count]] for question_hits in hits[weight]]
            f1[count] = f1_scores(questions, shown, engine, arm_engine.batch_size(), f"{count} passages")
    values = {"lexical_weight": weight, "passages": best(f1), "questions": len(questions)}
    values |= {f"mrr_lexical_{tried}": mean(ranks) for tried, ranks in mrr.items()}
    metrics.write("tune_retrieval", values | {f"f1_passages_{count}": mean(scores) for count, scores in f1.items()})
    if caution := weakness(max(map(mean, f1.values()))):
        print(caution, file=sys.stderr)
    print(f"{len(questions)} questions: lexical weight {weight}, {values['passages']} passages shown")


if __name__ == "__main__":
    run(main)
