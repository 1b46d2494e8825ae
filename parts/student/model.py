"""The student: any causal language model of Hugging Face, by name or folder."""

import contextlib
import hashlib
import struct
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from parts.project.errors import UserError
from parts.project.sections import Student
from parts.student.memory import full_memory_told

PLAIN_CHAT = Path(__file__).with_name("plain_chat.jinja")
"""The chat template of a student that has none: plain text, for a base model knows no marks."""

LESSON = Path("models/lesson")
"""The student's weights as taught by the stage `lesson`, where it had one."""

SMALL = 20_000_000  # parameters; the products of a smaller student are too small for several threads, and for casts

AT_ONCE = 5000  # texts that are tokenised to be counted: ten kilobytes each

LIBRARIES = ("torch", "transformers", "peft", "trl")


def tokenizer(student: Student):
    """Return the student's tokenizer, padding left, with a chat template: our plain one where it has none.

    Raises UserError if it cannot be loaded.
    """
    from transformers import AutoTokenizer

    with _loading(student.model):
        loaded = AutoTokenizer.from_pretrained(student.model, gguf_file=student.gguf_file)
    if not loaded.chat_template:
        loaded.chat_template = PLAIN_CHAT.read_text()
    if loaded.pad_token is None:
        loaded.pad_token = loaded.eos_token
    loaded.padding_side = "left"
    return loaded


def has_plain_chat(tokenizer) -> bool:
    """Tell whether the student has no chat template of its own."""
    return tokenizer.chat_template == PLAIN_CHAT.read_text()


def context_tokens(student: Student) -> int | None:
    """Return the most tokens that the student reads and writes; None where its configuration does not say."""
    return getattr(_config(student).get_text_config(), "max_position_embeddings", None)


def is_small(student: Student) -> bool:
    """Tell whether the student has fewer than SMALL parameters, by its configuration alone. Raises UserError."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), _loading(student.model):
        model = AutoModelForCausalLM.from_config(_config(student), trust_remote_code=False)
    return model.num_parameters() < SMALL


def refuse_quantised(student: Student) -> None:
    """Raise UserError for weights of few bits, which cannot be trained and merged here."""
    settings = getattr(_config(student), "quantization_config", None)
    if settings and not student.gguf_file:  # which is read as weights of full precision
        method = settings.get("quant_method", "") if isinstance(settings, dict) else settings.quant_method
        raise UserError(
            f"{student.model} is quantised ({getattr(method, 'value', method)}), and is not trained here: name the model "
            "that it was made from in student.model of params.yaml"
        )


def token_counter(tokenizer) -> Callable[[list[str]], list[int]]:
    """Return a function that counts the tokens of each text, special tokens not included."""

    def count(texts: list[str]) -> list[int]:
        parts = (texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE))
        return [len(ids) for part in parts for ids in tokenizer(part, add_special_tokens=False).input_ids]

    return count


def load(model: str, merge: bool = True, dtype=None, gguf_file: str | None = None, load_in_4bit: bool = False):
    """Return the causal language model `model`: a name on the hub, a folder, or an adapter's folder.

    In `dtype`, or by default in bfloat16 on a GPU and in float32 elsewhere. Only safetensors are read, or `gguf_file` of
    a model that has it, and no code of the model's repository is run. An adapter is merged into its base model, as in
    deployment, unless `merge` is false: unmerged, a layer costs three matrix products instead of one. `load_in_4bit`, for
    training beside an adapter, rounds the weights to NF4. Raises UserError if the model cannot be loaded.
    """
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()  # of weights, a bar for each model that is loaded
    if Path(model, "adapter_model.safetensors").exists():
        base = PeftConfig.from_pretrained(model).base_model_name_or_path
        adapter = PeftModel.from_pretrained(load(base, dtype=dtype, gguf_file=gguf_file), model)
        return adapter.merge_and_unload() if merge else adapter
    cuda = torch.cuda.is_available()
    dtype = dtype or (torch.bfloat16 if cuda else torch.float32)
    source = {}
    if gguf_file and (Path(model, gguf_file).exists() or not Path(model).is_dir()):  # weights trained here have none
        source = {
            "gguf_file": gguf_file,
            "quantization_config": GgufConfig(dequantize=True),
        }  # blocks cannot be trained
    if load_in_4bit:
        source["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    with full_memory_told(f"the weights of {model} do not fit; name a smaller model"):
        with _loading(model):
            loaded = AutoModelForCausalLM.from_pretrained(
                model, dtype=dtype, use_safetensors=True, trust_remote_code=False, **source
            )
        return loaded.to("cuda" if cuda else "cpu")


@contextlib.contextmanager
def _loading(model: str) -> Iterator[None]:
    """Raise UserError where a model cannot be loaded, or a package that it needs is missing."""
    try:
        yield
    except (OSError, ValueError, ImportError, struct.error) as error:
        raise no_model(model, error) from error


def _config(student: Student):
    """Return the configuration of the student, as transformers reads it. Raises UserError."""
    from transformers import AutoConfig

    with _loading(student.model):
        return AutoConfig.from_pretrained(student.model, gguf_file=student.gguf_file)


def weights(student: Student) -> str:
    """Return the folder or the name of the weights that every arm starts from: as taught, or as released."""
    return str(LESSON) if Path(LESSON, "config.json").exists() else student.model


def files_digest(folder: str) -> str:
    """Return a hash of every file of a model's folder, tokenizer and chat template included."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def hub_revision(student: Student) -> str:
    """Return the commit of a model on the hub, as it is in the local cache or at the hub. Raises UserError."""
    return str(_config(student)._commit_hash)


def fingerprint(model: str) -> str:
    """Return what identifies a training: the model's files (its name, on the hub) and the libraries that train and run it."""
    identity = files_digest(model) if Path(model).is_dir() else model
    return " ".join([identity, *(f"{name} {version(name)}" for name in LIBRARIES)])


def multiplies_in_bfloat16(small: bool) -> bool:
    """Tell whether a student, `small` or not, is trained with matrix products in bfloat16, where they are faster than in float32.

    They are on a GPU, and on CPUs with AVX-512 BF16 if it is not small; on other CPUs they take a hundred times as long.
    """
    import torch

    return torch.cuda.is_available() or (fast_bfloat16() and not small)


def fast_bfloat16() -> bool:
    """Return whether large matrix products are faster in bfloat16 than in float32: on a GPU, and on CPUs with AVX-512 BF16."""
    import torch

    return torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()


def no_model(model: str, error: Exception) -> UserError:
    """Return the error for a model that cannot be loaded."""
    return UserError(f"cannot load the model {model!r} (student.model in params.yaml): {str(error).splitlines()[0]}")
