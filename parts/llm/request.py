"""A request to a server of the OpenAI protocol: the same arguments, the same bytes, and so the same place in the cache."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from pydantic import BaseModel

from parts.llm import structured_output

CHAT = "/chat/completions"
Shape = tuple
"""what requests have in common that a server refuses together"""

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Request:
    """What is asked of the endpoint at `path`."""

    path: str
    body: dict[str, Any]
    content: bytes
    """the body as it is hashed"""

    @cached_property
    def key(self) -> bytes:
        """The hash of all that determines the response: path and body, not the server's address."""
        return hashlib.sha256(f"POST {self.path}\n".encode() + self.content).digest()

    @property
    def model(self) -> str:
        """The model that is asked, as the server calls it."""
        return self.body["model"]

    @property
    def schema_name(self) -> str | None:
        """The name of the schema that the response is to have; None: of none."""
        return ((self.body.get("response_format") or {}).get("json_schema") or {}).get("name")

    @property
    def shape(self) -> Shape:
        """What it has in common with others that a server refuses with it."""
        return self.path, self.model, self.schema_name, *sorted(self.body)


def chat(
    model: str, prompt: str, sample: int, sampling: dict[str, Any], schema: type[BaseModel] | None = None
) -> Request:
    """Return the request for reply number `sample` to `prompt`, with the response_format of `schema` where one is given."""
    body = {"messages": [{"role": "user", "content": prompt}], "model": model, "seed": sample} | sampling
    encoded = {name: _to_json(value) for name, value in body.items()}
    if schema:
        body["response_format"] = structured_output.response_format(schema)
        encoded["response_format"] = _response_format(schema)
    content = ",".join(f'"{name}":{encoded[name]}' for name in sorted(encoded))
    return Request(CHAT, dict(sorted(body.items())), f"{{{content}}}".encode())


@cache
def _response_format(schema: type[BaseModel]) -> str:  # longer than many a prompt
    return _to_json(structured_output.response_format(schema))


def of_library(path: str, content: bytes) -> Request:
    """Return the request that a library has written as `content`."""
    return Request(path, json.loads(content), content)
