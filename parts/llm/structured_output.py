"""Ask for an answer of a certain structure: as response_format where the server has it, in words where it has not."""

import json
import re
from functools import cache
from typing import Any

from pydantic import BaseModel

from parts.project import prompts

MAX_ITEMS = 32  # things in a list of a stand-in
REFUSALS = (b"response_format", b"json_schema", b"guided")
_FENCED = re.compile(r"\s*```(?:json)?\n(.*)\n```\s*", re.DOTALL)


@cache
def response_format(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAI protocol calls for to have an answer of `model`."""
    wanted = {"name": model.__name__, "schema": _strict(model.model_json_schema()), "strict": True}
    return {"type": "json_schema", "json_schema": wanted}


def prompt_with_schema(prompt: str, model: type[BaseModel]) -> str:
    """Return `prompt` with the schema of `model` in it."""
    return prompts.render("schema", prompt=prompt, schema=json.dumps(response_format(model)["json_schema"]["schema"]))


def is_unsupported(status: int, body: bytes) -> bool:
    """Tell whether a server said that it does not know response_format."""
    return status in (400, 422) and any(name in body for name in REFUSALS)


def without_fence(text: str) -> str:
    """Return `text` without the code fence that models like to put around JSON."""
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def stub_answer(wanted: dict[str, Any] | None, length: int) -> str:
    """Return an answer of the structure that `wanted`, a response_format, calls for, with lists of `length`."""
    if not wanted:
        return "something"
    schema = wanted["json_schema"]["schema"]
    return json.dumps(_filled(schema, schema.get("$defs", {}), length, "0"))


def _filled(schema: dict, named: dict, length: int, name: str) -> Any:
    """Return a value that `schema` allows; strings are `name`s, so that no two are alike."""
    if "$ref" in schema:
        schema = named[schema["$ref"].rpartition("/")[2]]
    match schema.get("type"):
        case "object":
            return {key: _filled(part, named, length, f"{key} {name}") for key, part in schema["properties"].items()}
        case "array":
            return [_filled(schema["items"], named, length, f"{name}.{n}") for n in range(length)]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return schema["enum"][0] if "enum" in schema else name


def list_length(knobs: BaseModel) -> int:
    """Return how long the lists of a stand-in must be: generators cut them to a number among their knobs."""
    return max(
        [value for value in knobs.model_dump().values() if isinstance(value, int) and value <= MAX_ITEMS], default=1
    )


def _strict(schema: Any) -> Any:
    """Return `schema` with nothing optional and nothing more allowed, without which OpenAI refuses it."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if found.get("type") == "object":
        found |= {"additionalProperties": False, "required": list(found.get("properties", {}))}
    return found
