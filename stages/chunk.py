"""Split each document into passages.

reads   Documents           one row per document
writes  Chunks              one row per passage
"""

from functools import partial

from parts.corpus.splitting import ChunkParams as Params
from parts.corpus.splitting import split_documents
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.model import count_tokens, tokenizer
from schemas.chunks import Chunks
from schemas.documents import Documents


def main() -> None:
    """Write Chunks."""
    max_tokens = params.load("chunk", Params).max_tokens
    count = partial(count_tokens, tokenizer(params.load("student", Student)))
    chunks = split_documents(Documents.read(), max_tokens, count)
    Chunks.write(chunks)
    metrics.write("chunk", {"passages": len(chunks), "tokens": int(chunks["n_tokens"].sum())})
    print(f"{len(chunks)} passages, {chunks['n_tokens'].sum():,} tokens")


if __name__ == "__main__":
    run(main)
