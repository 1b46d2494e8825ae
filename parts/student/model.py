"""The student: any causal language model of Hugging Face, by name or folder."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from parts.project.sections import Student
from schemas.errors import UserError

LIBRARIES = ("torch", "transformers", "peft", "trl")


def tokenizer(student: Student):
    """Return the student's tokenizer. Raises Mistake when it cannot be had or has no chat template."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(student.model)
    except (OSError, ValueError) as error:
        raise no_model(student.model, error) from error
    if not found.chat_template:
        raise UserError(
            f"{student.model} has no chat template: choose an instruct model for student.model in params.yaml"
        )
    if found.pad_token is None:
        found.pad_token = found.eos_token
    found.padding_side = "left"
    return found


def load(model: str, merge: bool = True):
    """Return the causal language model `model` (a name, a folder, or an adapter's folder) ready to answer.

    On a GPU in bfloat16, elsewhere in float32. Weights are read from safetensors only, and no code of the model's
    repository is run. An adapter is merged into its model, as it would be deployed, unless `merge` is false: beside it, every
    layer costs three products instead of one. Raises Mistake when it cannot be had.
    """
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM

    if Path(model, "adapter_model.safetensors").exists():
        released = PeftConfig.from_pretrained(model).base_model_name_or_path
        found = PeftModel.from_pretrained(load(released), model)
        return found.merge_and_unload() if merge else found
    cuda = torch.cuda.is_available()
    try:
        found = AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.bfloat16 if cuda else torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise no_model(model, error) from error
    return found.to("cuda" if cuda else "cpu")


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
    """Tell whether matrix products in bfloat16 are faster here than in float32: on a GPU, and on CPUs that have them.

    Elsewhere they are some hundred times slower.
    """
    import torch

    return torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()


def no_model(model: str, error: Exception) -> UserError:
    """Return the line for a model that cannot be had."""
    return UserError(f"cannot load the model {model!r} (student.model in params.yaml): {str(error).splitlines()[0]}")
