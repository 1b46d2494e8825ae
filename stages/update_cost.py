"""Measure what it takes when one document changes: edit it, cut, redact, teach and index again, and count.

The edit is one number of one document, always the same; no table and no index is other afterwards.
The teacher is asked about the passages that differ, through the same client: a teacher that is paid is paid for those
passages, once, for the answers are kept. Training is not run again: an adapter is trained anew on all rows, so that a
change takes the seconds of metrics/train.json.

reads   Documents           one row per document
        Chunks, Redacted    one row per passage
writes  metrics/update_cost.json
"""

import asyncio
import time
from functools import partial

from parts.corpus import splitting
from parts.project import metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.project.sections import Server, Student
from parts.retrieval import postgres
from parts.retrieval.retriever import load_retriever
from parts.safety import detection, redaction
from parts.student.model import count_tokens, tokenizer
from parts.verdict import document_update
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.redacted import Redacted


def main() -> None:
    """Write metrics/update_cost.json."""
    documents, chunks = Documents.read(), Chunks.read()
    count = partial(count_tokens, tokenizer(params.load("student", Student)))
    start = time.perf_counter()
    edited = document_update.edit_document(documents)
    most = params.load("chunk", splitting.ChunkParams).max_tokens
    cut = splitting.split_documents(edited, most, count)
    redacted, _ = redaction.redact(edited, cut, params.load("redact", detection.Params))
    found = {"prepare_seconds": time.perf_counter() - start}

    new = redacted.join(Redacted.read(), ["heading", "text"], how="anti")  # the others' answers are kept
    meter, seconds = asyncio.run(document_update.teach(new, params.names("synthesize"), params.load("teacher", Server)))
    found |= meter.metrics() | {"passages_taught": len(new)}
    found["teacher_seconds"] = seconds if meter.paid == meter.requests else None  # null: kept answers were replayed

    retriever = load_retriever(params.load("arms.rag", Arm).retriever)
    found |= document_update.reindex(retriever.indexed, chunks, cut, params.load("retrieve", postgres.RetrieveParams))
    found["passages_embedded"] = len(cut.join(chunks, ["chunk_id", "heading", "text"], how="anti"))
    metrics.write("update_cost", found)
    print(
        f"one document changed: {meter.requests} requests ({meter.paid} paid now), {found['passages_embedded']} embedded"
    )


if __name__ == "__main__":
    run(main)
