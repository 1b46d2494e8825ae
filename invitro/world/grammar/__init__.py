"""Load the grammar: the kinds of document, their attributes, and the shapes of statements and questions."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent

# Every attribute is also stated and asked by its label, except the steps of a procedure.
_SAYS = "The {L} of {S} is {V}."
_ASKS = ("What is the {L} of {S}?", "Tell me the {L} of {S}.", "Please give the {L} of {S}.")


@dataclass(frozen=True)
class Attribute:
    """An attribute of an entity. In the shapes, {S} is the entity and {V} the value."""

    name: str
    label: str
    value: str
    """type of its values, see values.py"""
    says: tuple[str, ...]
    asks: tuple[str, ...]
    """wordings the base model was trained on"""
    exam: tuple[str, ...]
    """wordings held out for exams"""
    refers: tuple[str, ...]
    """noun phrases for the person or site it names, for questions over two documents"""
    exam_refers: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of document, and of entity: each document is about one entity."""

    name: str
    naming: str
    topics: tuple[str, ...]
    pronouns: tuple[str, ...]
    filler: tuple[str, ...]
    attributes: dict[str, Attribute]
    listed: tuple[str, ...]
    """what its list is drawn from: steps of a procedure, items of a price list, or nothing"""


def _attribute(name: str, raw: dict, **fill: str) -> Attribute:
    def shapes(key: str) -> tuple[str, ...]:
        return tuple(put(shape, **fill) for shape in raw.get(key, ()))

    label = put(raw["label"], **fill)
    plain = {"says": (_SAYS,), "asks": _ASKS} if "value" in raw else {"says": (), "asks": ()}
    says, asks = (shapes(key) + tuple(put(shape, L=label) for shape in plain[key]) for key in ("says", "asks"))
    return Attribute(
        name, label, raw.get("value", "step"), says, asks, shapes("exam"), shapes("refers"), shapes("exam_refers")
    )


def put(shape: str, **fill: object) -> str:
    """Return `shape` with each {key} of `fill` replaced."""
    for key, text in fill.items():
        shape = shape.replace("{" + key + "}", str(text))
    return shape


@cache
def kinds() -> dict[str, Kind]:
    """Return every kind of the grammar by name."""
    by_name = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.stem == "composed":
            continue
        raw = yaml.safe_load(path.read_text())
        attributes = {name: _attribute(name, body) for name, body in raw["attributes"].items()}
        for item in raw.get("items", ()):
            attributes[item] = _attribute(item, raw["item"], item=item)
        for n in range(1, 7 if "step" in raw else 1):
            attributes[f"step {n}"] = _attribute(f"step {n}", raw["step"], n=str(n))
        listed = tuple(raw.get("items", ())) or tuple(raw.get("steps", ()))
        by_name[path.stem] = Kind(
            path.stem,
            raw["name"],
            tuple(raw.get("topics", ("",))),
            tuple(raw["pronouns"]),
            tuple(raw["filler"]),
            attributes,
            listed,
        )
    return by_name


@cache
def composed() -> dict[str, dict]:
    """Return the question shapes that need more than one sentence: shape name -> why, asks, exam."""
    return yaml.safe_load((FOLDER / "composed.yaml").read_text())
