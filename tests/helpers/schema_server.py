"""A teacher that answers whatever it is asked in the form that is asked for, and every generator with small knobs."""

import importlib
import json

import numpy as np

from parts.generators.shared.base import Source
from parts.generators.shared.corpus import Corpus
from tests.conftest import ScriptedServer
from tests.helpers.source_code import ROOT

GENERATORS = sorted(path.stem for path in (ROOT / "parts/generators").glob("*.py"))


def serve_schemas(cue: ScriptedServer, text: str = "Lamp") -> None:
    """Have `cue` answer in the form asked for, with `text` wherever text is wanted."""

    def reply(asked: dict) -> tuple[int, dict]:
        cue.seen.append(asked)
        wanted = asked.get("response_format", {}).get("json_schema")
        return 200, ScriptedServer.answer(
            json.dumps(_made(wanted["schema"], wanted["schema"], text)) if wanted else text
        )

    cue.reply = reply


def _made(schema: dict, whole: dict, text: str) -> object:
    """Return something of the form of `schema`, a part of the schema `whole`."""
    if "$ref" in schema:
        return _made(whole["$defs"][schema["$ref"].split("/")[-1]], whole, text)
    if schema["type"] == "object":
        return {name: _made(part, whole, text) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        return [_made(schema["items"], whole, f"{text} {n}" if n else text) for n in range(3)]
    return {"string": text, "integer": 1, "number": 1, "boolean": True}[schema["type"]]


def source(heading: str, text: str) -> Source:
    """Return what a generator writes about: a passage, with one of another document beside it."""
    other = {"chunk_id": "e#1", "doc_id": "e", "heading": "Desks", "text": "The Desk weighs 40 kg."}
    own = {"chunk_id": "d#1", "doc_id": "d", "heading": heading, "text": text}
    return Source(own, (other,), "Lamp", Corpus([own, other], lambda texts: np.ones((len(texts), 1))))


def knobs(name: str) -> dict:
    """Return a small section of params.yaml for the generator `name`."""
    fields = importlib.import_module(f"parts.generators.{name}").Params.model_fields
    return {
        key: 500 if key == "characters" else 2 if field.annotation is int else 0.5
        for key, field in fields.items()
        if field.is_required()
    }


def sent(cue: ScriptedServer) -> str:
    """Return all that `cue` was asked, as one text."""
    return "\n".join(json.dumps(asked, ensure_ascii=False) for asked in cue.seen)
