"""Retrieve passages for every question, by each retriever that an arm uses.

reads   Chunks              one row per passage
        Questions           one row per exam question
writes  Contexts[retriever] one row per question and rank
"""

from parts.project import metrics, params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.retrieval import tuned_settings
from parts.retrieval.postgres import RetrieveParams as Params
from parts.retrieval.ranking import measure
from parts.retrieval.retriever import retrieve
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions


def main() -> None:
    """Write Contexts of every retriever, and metrics/retrieve.json."""
    questions, chunks, section = Questions.read(), Chunks.read(), params.load("retrieve", Params)
    ranking = {}
    for name in dict.fromkeys(arm.retriever for arm in load_arms().values()):
        contexts = retrieve(name, questions, chunks, section)
        Contexts.write(contexts, name)
        values = measure(contexts, questions, chunks, tuned_settings.read().passages)
        ranking |= {f"{key}_{name}": value for key, value in values.items()}
        print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in values.items()))
    metrics.write("retrieve", ranking)


if __name__ == "__main__":
    run(main)
