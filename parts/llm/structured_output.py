"""Ask for a reply of a certain structure: by response_format, or by a schema in the prompt where that is not supported."""

import json
import re
from functools import cache
from typing import Any

from pydantic import BaseModel

from parts.project import prompts

MAX_ITEMS = 32  # in a list of a stub answer
UNSUPPORTED = (b"response_format", b"json_schema", b"guided")
_FENCED = re.compile(r"\s*```(?:json)?\n(.*)\n```\s*", re.DOTALL)


@cache
def response_format(model: type[BaseModel]) -> dict[str, Any]:
    """Return the response_format of the OpenAI protocol for a reply of the structure of `model`."""
    json_schema = {"name": model.__name__, "schema": _strict(model.model_json_schema()), "strict": True}
    return {"type": "json_schema", "json_schema": json_schema}


def prompt_with_schema(prompt: str, model: type[BaseModel]) -> str:
    """Return `prompt` with the schema of `model` in it."""
    return prompts.render(
        "shared/schema", prompt=prompt, schema=json.dumps(response_format(model)["json_schema"]["schema"])
    )


def is_unsupported(status: int, body: bytes) -> bool:
    """Tell whether an error says that the server does not support response_format."""
    return status in (400, 422) and any(name in body for name in UNSUPPORTED)


def without_fence(text: str) -> str:
    """Return `text` without the code fence that models often put around JSON."""
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def stub_answer(response_format: dict[str, Any] | None, length: int) -> str:
    """Return an answer of the structure of `response_format`, with lists of `length`; a word without one."""
    if not response_format:
        return "something"
    schema = response_format["json_schema"]["schema"]
    return json.dumps(_stub_value(schema, schema.get("$defs", {}), length, "0"))


def _stub_value(schema: dict, definitions: dict, length: int, name: str) -> Any:
    """Return a value that `schema` allows; strings are made of `name`, so that all differ."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    match schema.get("type"):
        case "object":
            return {
                key: _stub_value(part, definitions, length, f"{key} {name}")
                for key, part in schema["properties"].items()
            }
        case "array":
            return [_stub_value(schema["items"], definitions, length, f"{name}.{n}") for n in range(length)]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return schema["enum"][0] if "enum" in schema else name


def list_length(params: BaseModel) -> int:
    """Return the length of lists in a stub answer: generators cut lists to a number among their `params`."""
    return max(
        [value for value in params.model_dump().values() if isinstance(value, int) and value <= MAX_ITEMS], default=1
    )


def _strict(schema: Any) -> Any:
    """Return `schema` with all properties required and no others allowed, as OpenAI's strict mode demands."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if strict.get("type") == "object":
        strict |= {"additionalProperties": False, "required": list(strict.get("properties", {}))}
    return strict
