"""Choose how much words count in hybrid retrieval, and how many passages to show, on development questions.

reads   Pairs               the teacher's questions that were kept, each with the passage it was written from
        Chunks              one row per passage
writes  metrics/tune_retrieval.json   the values chosen, and what every other one came to
"""

from statistics import mean

from pydantic import BaseModel, Field

from parts.answering import arm_engine
from parts.answering.engine import Engine
from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres
from parts.retrieval.contexts import Passage, passages_by_id
from parts.retrieval.tuning import DevelopmentQuestions, best, development, reciprocal_ranks
from parts.scoring import exact
from schemas.chunks import Chunks
from schemas.errors import UserError
from schemas.pairs import Pairs


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `tune_retrieval` of params.yaml. Of values between which the questions cannot tell the first is taken."""

    questions: int = Field(ge=1)  # of the teacher's, at most
    lexical_weights: list[float] = Field(
        min_length=1
    )  # weights of the full text to try, 0 (vectors alone) to 1 (words alone)
    passages: list[int] = Field(min_length=1)  # numbers of passages to show to try


def told(asked: DevelopmentQuestions, shown: list[list[Passage]], engine: Engine, batch: int, what: str) -> list[float]:
    """Return for each question the F1 of what `engine` answers, shown its passages (best first)."""
    prompts = [engine.prompt(question, passages)[0] for (question, _, _), passages in zip(asked, shown, strict=True)]
    said = engine.respond(prompts, batch, what)
    return [exact.score(one.text, answer, True)["f1"] for one, (_, answer, _) in zip(said, asked, strict=True)]


def main() -> None:
    """Write metrics/tune_retrieval.json."""
    given, answer = params.load("tune_retrieval", Params), params.load("answer", arm_engine.AnswerParams)
    chunks = Chunks.read()
    texts = passages_by_id(chunks)
    asked = development(Pairs.read(), texts, given.questions)
    if not asked:
        raise UserError(
            "tune: no question of the teacher was kept to choose by: synthesize needs a generator of them, as qa"
        )
    with postgres.open_store(chunks, params.load("retrieve", postgres.RetrieveParams)) as store:
        vectors = store.embed([question for question, _, _ in asked])
        hits = {
            weight: [
                store.hybrid(question, vector, weight) for (question, _, _), vector in zip(asked, vectors, strict=True)
            ]
            for weight in given.lexical_weights
        }
    mrr = {weight: reciprocal_ranks(asked, of) for weight, of in hits.items()}
    words = best(mrr)
    f1 = {}
    with arm_engine.server(answer) as url:
        engine = arm_engine.engine("student", answer, url)
        for most in given.passages:
            shown = [[texts[chunk_id] for chunk_id, _ in of[:most]] for of in hits[words]]
            f1[most] = told(asked, shown, engine, arm_engine.batch_size(), f"{most} passages")
    chosen = {"lexical_weight": words, "passages": best(f1), "questions": len(asked)}
    chosen |= {f"mrr_lexical_{weight}": mean(of) for weight, of in mrr.items()}
    metrics.write("tune_retrieval", chosen | {f"f1_passages_{most}": mean(of) for most, of in f1.items()})
    print(f"by {len(asked)} questions: words count {words}, and {chosen['passages']} passages are shown")


if __name__ == "__main__":
    run(main)
