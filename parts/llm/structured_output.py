"""Ask for a reply of a certain structure, and read it: by response_format, or by a schema in the prompt where a server
does not support that, or pays no heed to it.

A reply is read leniently: what stands around the JSON is passed over, and numbers are taken for text where text is wanted.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from parts.project import prompts

Model = TypeVar("Model", bound=BaseModel)

MAX_ITEMS = 32  # in a list of a stub answer
MAX_STARTS = 100  # places of a text at which JSON is looked for
UNSUPPORTED = (b"response_format", b"json_schema", b"guided")
UNPARSED, INCOMPLETE, BAD_TEXT = "unparsed", "incomplete", "broken text"
_START = re.compile(r"[{\[]")
# what becomes NUL, or half of a surrogate pair, when it is read
_ESCAPED = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
# numbers stay as they are written: Pydantic makes numbers of them where numbers are wanted
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


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


def parse(text: str, model: type[Model]) -> tuple[Model | None, str | None]:
    """Return the JSON in `text` as a `model` and None; or None and why: "unparsed", or "broken text"."""
    reason, is_clean = UNPARSED, is_text(text) and not ("\\u" in text and _ESCAPED.search(text))
    if is_clean and (whole := _validated(text, model)):
        return whole, None
    for value in json_values(text):
        try:
            parsed = model.model_validate(_wrapped(value, model))
        except ValidationError:
            continue
        if is_clean or all(map(is_text, _strings(value))):
            return parsed, None
        reason = BAD_TEXT
    return None, reason


def parse_items(text: str, model: type[BaseModel]) -> tuple[list, list[str]]:
    """Return the whole items of the one list that a `model` is, and for each other why: "incomplete", or "broken text".

    Without any item the reason is that of `parse`; a list that was meant to be empty has none.
    """
    parsed, reason = parse(text, model)
    name = _list_field(model)
    if parsed is not None:
        return getattr(parsed, name), []
    adapter = TypeAdapter(get_args(model.model_fields[name].annotation)[0])
    for value in json_values(text):
        wrapped = _wrapped(value, model)
        items = wrapped.get(name) if isinstance(wrapped, dict) else None
        pairs = [_item(item, adapter) for item in items] if isinstance(items, list) else []
        if whole := [item for item, problem in pairs if problem is None]:
            return whole, [problem for _, problem in pairs if problem]
    # a list that is no JSON as a whole, for a quotation mark in one of its items
    pairs = [_item(value, adapter) for value in json_values(text)]
    whole = [item for item, problem in pairs if problem is None and isinstance(item, BaseModel)]
    return whole, [INCOMPLETE] if whole else [reason]


def is_read(text: str, model: type[BaseModel]) -> bool:
    """Tell whether `text` is a `model`, or has whole items of the one list that it is."""
    return parse(text, model)[0] is not None or bool(_list_field(model) and parse_items(text, model)[0])


def _validated(text: str, model: type[Model]) -> Model | None:
    """Return `text` as a `model` where it is that and nothing else, as most replies are: faster than to look for one in it."""
    try:
        return model.model_validate_json(text)
    except ValidationError:
        return None


def _item(item: Any, adapter: TypeAdapter) -> tuple[Any, str | None]:
    try:
        parsed = adapter.validate_python(item)
    except ValidationError:
        return None, INCOMPLETE
    return (parsed, None) if all(map(is_text, _strings(item))) else (None, BAD_TEXT)


def json_values(text: str, decoder: json.JSONDecoder = _DECODER) -> list[Any]:
    """Return the outermost JSON objects in `text`, then the outermost lists, with numbers as they are written."""
    values, end = [], 0
    for _ in range(MAX_STARTS):
        start = _START.search(text, end)
        if start is None:
            break
        try:
            value, end = decoder.raw_decode(text, start.start())
            values.append(value)
        except (ValueError, RecursionError):
            end = start.end()
    return sorted(values, key=lambda value: isinstance(value, list))


def is_text(text: str) -> bool:
    """Tell whether `text` has neither NUL nor half of a surrogate pair, which no table takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _strings(part)


def _wrapped(value: Any, model: type[BaseModel]) -> Any:
    """Return a bare list as the object with one list that `model` is."""
    name = _list_field(model)
    return {name: value} if isinstance(value, list) and name else value


@cache
def _list_field(model: type[BaseModel]) -> str | None:
    """Return the name of the only field of `model` where it is a list; None for other models."""
    names = [name for name, field in model.model_fields.items() if get_origin(field.annotation) is list]
    return names[0] if len(names) == len(model.model_fields) == 1 else None


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
    """Return the length of lists in a stub answer: generators cut lists to a number among their `params`, samples aside."""
    numbers = params.model_dump(exclude={"samples"}).values()
    return max([value for value in numbers if isinstance(value, int) and value <= MAX_ITEMS], default=1)


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
