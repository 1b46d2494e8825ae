"""Retrieve as hybrid does, and let a cross-encoder, which reads question and passage together, order what was found."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts.retrieval import postgres, tuned_settings
from parts.retrieval.index import Hits, Index
from parts.retrieval.passage_store import embedding_text
from parts.retrieval.postgres import Params
from schemas.errors import UserError


def retrieve(questions: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return the best `depth` passages for each question."""
    with indexed(chunks, params) as index:
        return index.contexts(questions)


@contextmanager
def indexed(chunks: pl.DataFrame, params: Params) -> Iterator[Index]:
    """Yield the index of `chunks`. Raises Mistake when the cross-encoder cannot be had."""
    weight, model = tuned_settings.read().lexical_weight, _encoder(params.reranker)
    texts = {row["chunk_id"]: embedding_text(row["heading"], row["text"]) for row in chunks.iter_rows(named=True)}

    def rerank(question: str, hits: Hits) -> Hits:
        ids = [chunk_id for chunk_id, _ in hits]
        scores = (
            model.predict([(question, texts[chunk_id]) for chunk_id in ids], show_progress_bar=False) if ids else []
        )
        return sorted(zip(ids, map(float, scores), strict=True), key=lambda hit: (-hit[1], hit[0]))

    with postgres.open_store(chunks, params) as held:
        yield Index(held.embed, lambda question, vector: held.fused(question, vector, weight), rerank)


def _encoder(model: str):
    from sentence_transformers import CrossEncoder

    try:
        return CrossEncoder(model)
    except OSError as error:
        raise UserError(
            f"params.yaml: retrieve.reranker: the cross-encoder {model!r} is neither a folder here nor to be had from the "
            "hub: give a folder that holds one, or let the arms use hybrid"
        ) from error
