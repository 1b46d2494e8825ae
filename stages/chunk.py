"""Split each document into passages.

reads   Documents           one row per document
writes  Chunks              one row per passage
"""

from parts.corpus.splitting import ChunkParams as Params
from parts.corpus.splitting import split_documents
from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval.embedder import Embedder, EmbedderParams
from schemas.chunks import Chunks
from schemas.documents import Documents


def main() -> None:
    """Write Chunks."""
    embed = Embedder(params.load("retrieve", EmbedderParams).embedder)
    chunks = split_documents(Documents.read(), params.load("chunk", Params).max_tokens, embed.count_tokens)
    Chunks.write(chunks)
    metrics.write("chunk", {"passages": len(chunks), "tokens": int(chunks["n_tokens"].sum())})
    print(f"{len(chunks)} passages, {chunks['n_tokens'].sum():,} tokens")


if __name__ == "__main__":
    run(main)
