"""Measure what an update of one document takes: edit it, chunk, redact, ask the teacher, and reindex.

The edit is one number of one document, always the same; tables and index are the same afterwards. The teacher is asked
about the new passages through the same client: a paid teacher is paid for them once, for its replies are cached. Training
is not repeated: an update trains an adapter on all rows, which takes the seconds of one in metrics/machine/train.

reads   Documents           one row per document
        Chunks, Redacted    one row per passage
writes  metrics/update_cost.json           what is asked and embedded
        metrics/machine/update_cost.json   seconds
        data/timed/update_cost             a hash of the former
"""

import asyncio

from parts.corpus import splitting
from parts.generators.shared.corpus import Corpus
from parts.project import machine, metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.retrieval import postgres
from parts.retrieval.embedder import Embedder
from parts.retrieval.retriever import load_retriever
from parts.safety import detection, redaction
from parts.verdict import document_update
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.redacted import Redacted


def main() -> None:
    """Write metrics/update_cost.json, metrics/machine/update_cost.json and data/timed/update_cost."""
    documents, chunks = Documents.read(), Chunks.read()
    retrieve = params.load("retrieve", postgres.RetrieveParams)
    embed = Embedder(retrieve.embedder)
    start = machine.seconds("cpu")
    edited = document_update.edit_document(documents)
    max_tokens = params.load("chunk", splitting.ChunkParams).max_tokens
    edited_chunks = splitting.split_documents(edited, max_tokens, embed.count_tokens)
    redacted, _ = redaction.redact(edited, edited_chunks, params.load("redact", detection.Params))
    timing = {"prepare_cpu_seconds": machine.seconds("cpu") - start}

    new = redacted.join(Redacted.read(), ["heading", "text"], how="anti")  # the others' replies are cached
    corpus, teacher = Corpus(redacted.to_dicts(), embed), params.load("teacher", Server)
    meter, seconds = asyncio.run(
        document_update.teach(corpus, new["chunk_id"].to_list(), params.names("synthesize"), teacher)
    )
    values = meter.metrics() | {"passages_taught": len(new)}
    timing["teacher_seconds"] = seconds if meter.paid == meter.requests else None  # null: replies came from the cache

    name = params.load("arms.rag", Arm).retriever
    retriever = load_retriever(name)
    if not hasattr(retriever, "indexed"):
        raise UserError(
            f"params.yaml: arms.rag.retriever is {name}: the arm rag must search an index (hybrid, dense, ...)"
        )
    timing |= document_update.reindex(retriever.indexed, chunks, edited_chunks, retrieve)
    values["passages_embedded"] = len(edited_chunks.join(chunks, ["chunk_id", "heading", "text"], how="anti"))
    metrics.write("update_cost", values)
    machine.write("update_cost", timing, values)
    print(
        f"one document updated: {meter.requests} requests ({meter.paid} paid now), "
        f"{values['passages_embedded']} passages embedded"
    )


if __name__ == "__main__":
    run(main)
