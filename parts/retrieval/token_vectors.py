"""Keep the embedder's vector of every token of the passages in Postgres, beside their texts, for MaxSim."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from parts.project.progress import ProgressBar
from parts.retrieval.contexts import passages_by_id
from parts.retrieval.passage_store import PassageStore, embedding_text

BATCH = 256
"""Passages whose vectors are written together: all that a stop loses."""


class TokenVectors:
    """The vectors of the tokens of the passages in `store`: a row a passage's text, of two bytes a number."""

    def __init__(self, store: PassageStore):
        self.store, self.connection = store, store.connection

    def sync(self, chunks: pl.DataFrame) -> int:
        """Embed the tokens of the texts that have none yet, and forget texts that no passage has; return their number."""
        texts = {chunk_id: embedding_text(*passage) for chunk_id, passage in passages_by_id(chunks).items()}
        with self.store.alone("tokens"):
            self.connection.execute("DELETE FROM token_vectors WHERE sha256 NOT IN (SELECT sha256 FROM passages)")
            rows = self.connection.execute(
                "SELECT DISTINCT ON (sha256) sha256, chunk_id FROM passages LEFT JOIN token_vectors USING (sha256) "
                "WHERE vectors IS NULL ORDER BY sha256, chunk_id"
            ).fetchall()
            with ProgressBar(total=len(rows), desc="embed tokens", unit="passage", disable=len(rows) < BATCH) as bar:
                for start in range(0, len(rows), BATCH):
                    self._write([(digest, texts[chunk_id]) for digest, chunk_id in rows[start : start + BATCH]])
                    bar.update(len(rows[start : start + BATCH]))
        return len(rows)

    def of(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Return chunk id -> the unit vectors of its tokens, (tokens, width) float32."""
        rows = self.connection.execute(
            "SELECT chunk_id, vectors FROM passages JOIN token_vectors USING (sha256) WHERE chunk_id = ANY(%s)",
            (list(ids),),
            binary=True,
        )
        return {chunk_id: self._matrix(vectors) for chunk_id, vectors in rows}

    def _matrix(self, vectors: bytes) -> np.ndarray:
        return np.frombuffer(vectors, np.float16).reshape(-1, self.store.embed.width).astype(np.float32)

    def _write(self, texts: Sequence[tuple[str, str]]) -> None:
        """Write the vectors of `texts`, (digest, text) each."""
        vectors = self.store.embed.tokens([text for _, text in texts])
        rows = [(digest, each.astype(np.float16).tobytes()) for (digest, _), each in zip(texts, vectors, strict=True)]
        self.store.tables.copy("token_vectors (sha256, vectors)", ["text", "bytea"], rows)
