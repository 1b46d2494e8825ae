"""The student: any causal language model of Hugging Face, by name or folder."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from parts.project.errors import UserError
from parts.project.sections import Student

LIBRARIES = ("torch", "transformers", "peft", "trl")


def tokenizer(student: Student):
    """Return the student's tokenizer, padding left. Raises UserError if it cannot be loaded or has no chat template."""
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(student.model)
    except (OSError, ValueError) as error:
        raise no_model(student.model, error) from error
    if not loaded.chat_template:
        raise UserError(
            f"{student.model} has no chat template: choose an instruct model for student.model in params.yaml"
        )
    if loaded.pad_token is None:
        loaded.pad_token = loaded.eos_token
    loaded.padding_side = "left"
    return loaded


def token_counter(tokenizer) -> Callable[[list[str]], list[int]]:
    """Return a function that counts the tokens of each text, special tokens not included."""
    return lambda texts: [len(ids) for ids in tokenizer(texts, add_special_tokens=False).input_ids] if texts else []


def count_tokens(tokenizer, text: str) -> int:
    """Return the number of tokens of `text`, special tokens not included."""
    return token_counter(tokenizer)([text])[0]


def load(model: str, merge: bool = True):
    """Return the causal language model `model`: a name on the hub, a folder, or an adapter's folder.

    In bfloat16 on a GPU, in float32 elsewhere. Only safetensors are read, and no code of the model's repository is run.
    An adapter is merged into its base model, as in deployment, unless `merge` is false: unmerged, a layer costs three
    matrix products instead of one. Raises UserError if the model cannot be loaded.
    """
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # of weights, a bar for each model that is loaded
    if Path(model, "adapter_model.safetensors").exists():
        base = PeftConfig.from_pretrained(model).base_model_name_or_path
        adapter = PeftModel.from_pretrained(load(base), model)
        return adapter.merge_and_unload() if merge else adapter
    cuda = torch.cuda.is_available()
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.bfloat16 if cuda else torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise no_model(model, error) from error
    return loaded.to("cuda" if cuda else "cpu")


def files_digest(folder: str) -> str:
    """Return a hash of every file of a model's folder, tokenizer and chat template included."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def hub_revision(model: str) -> str:
    """Return the commit of a model on the hub, as it is in the local cache or at the hub. Raises UserError."""
    from transformers import AutoConfig

    try:
        return str(AutoConfig.from_pretrained(model)._commit_hash)
    except (OSError, ValueError) as error:
        raise no_model(model, error) from error


def fingerprint(model: str) -> str:
    """Return what identifies a training: the model's files (its name, on the hub) and the libraries that train and run it."""
    identity = files_digest(model) if Path(model).is_dir() else model
    return " ".join([identity, *(f"{name} {version(name)}" for name in LIBRARIES)])


def fast_bfloat16() -> bool:
    """Return whether matrix products are faster in bfloat16 than in float32: on a GPU, and on CPUs with AVX-512 BF16.

    On other CPUs they are about a hundred times slower.
    """
    import torch

    return torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()


def no_model(model: str, error: Exception) -> UserError:
    """Return the error for a model that cannot be loaded."""
    return UserError(f"cannot load the model {model!r} (student.model in params.yaml): {str(error).splitlines()[0]}")
