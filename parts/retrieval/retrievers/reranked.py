"""Hybrid retrieval, reranked by a cross-encoder, which reads question and passage together."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts.project.errors import UserError
from parts.retrieval import postgres, tuned_settings
from parts.retrieval.contexts import passages_by_id
from parts.retrieval.embedder import SAFE
from parts.retrieval.index import Hits, Index
from parts.retrieval.passage_store import embedding_text
from parts.retrieval.postgres import RetrieveParams


@contextmanager
def indexed(chunks: pl.DataFrame, params: RetrieveParams) -> Iterator[Index]:
    """Yield the index of `chunks`. Raises UserError if the cross-encoder cannot be loaded."""
    weight, model = tuned_settings.read().lexical_weight, _cross_encoder(params.reranker)
    texts = {chunk_id: embedding_text(*passage) for chunk_id, passage in passages_by_id(chunks).items()}

    def rerank(question: str, hits: Hits) -> Hits:
        ids = [chunk_id for chunk_id, _ in hits]
        scores = (
            model.predict([(question, texts[chunk_id]) for chunk_id in ids], show_progress_bar=False) if ids else []
        )
        return sorted(zip(ids, map(float, scores), strict=True), key=lambda hit: (-hit[1], hit[0]))

    with postgres.open_store(chunks, params) as store:
        yield Index(store.embed.questions, lambda question, vector: store.hybrid(question, vector, weight), rerank)


def _cross_encoder(model: str):
    from sentence_transformers import CrossEncoder

    try:
        return CrossEncoder(model, model_kwargs=SAFE)
    except OSError as error:
        raise UserError(
            f"params.yaml: retrieve.reranker: cannot load the cross-encoder {model!r} from a folder or the hub: give "
            "the folder of a cross-encoder in safetensors, or let the arms use hybrid"
        ) from error
