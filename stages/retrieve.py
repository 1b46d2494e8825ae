"""Find the passages that each question is answered with.

reads   Chunks              one row per passage
        Questions           one row per exam question
writes  Contexts[retriever] one row per question and rank
"""

from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import tuned_settings
from parts.retrieval.postgres import RetrieveParams as Params
from parts.retrieval.ranking import measure
from parts.retrieval.retriever import retrieve
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions


def main(name: str) -> None:
    """Write Contexts of the retriever `name`."""
    questions = Questions.read()
    contexts = retrieve(name, questions, Chunks.read(), params.load("retrieve", Params))
    Contexts.write(contexts, name)
    found = measure(contexts, questions, tuned_settings.read().passages)
    metrics.write(f"retrieve/{name}", found)
    print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in found.items()))


if __name__ == "__main__":
    run(main)
