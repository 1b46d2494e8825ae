"""Write the document of an entity: headings, sentences, filler, tables, numbered steps.

A document is a list of blocks, so that it can be written in any format (writers.py); each sentence and row remembers
which attribute it states, so that an exam can cite it.
"""

import random
from dataclasses import dataclass

from invitro.world.company import Entity, sentence

HEADINGS = ("Overview", "Details", "More", "Notes", "In practice", "Further points")
LEADS = ("Here is what to know.", "The main points follow.", "This page sums it up.", "Please read with care.")


@dataclass(frozen=True)
class Line:
    """A sentence, a step or a table row, and the attribute it states (None: filler)."""

    text: str
    attribute: str | None = None
    statement: str = ""
    """the same as a sentence that names its entity"""
    cells: tuple[str, str] | None = None
    """a table row's two cells"""


@dataclass(frozen=True)
class Block:
    """A section's part: a paragraph of sentences, a table, or numbered steps, under `heading`."""

    heading: str
    form: str
    """paragraph, table or steps"""
    lines: tuple[Line, ...]


def write(rng: random.Random, entity: Entity) -> list[Block]:
    """Return the document of `entity`: its facts in sections of two or three, some as a table."""
    facts = [name for name in entity.facts if name not in entity.kind.listed and not name.startswith("step ")]
    rng.shuffle(facts)
    headings = rng.sample(HEADINGS, len(HEADINGS))
    blocks: list[Block] = []
    while facts:
        take = facts[: rng.randint(2, 3)]
        facts = facts[len(take) :]
        heading = headings[len(blocks) % len(headings)]
        form = "table" if rng.random() < 0.15 and blocks else "paragraph"
        lines = [_row(entity, name) for name in take] if form == "table" else _sentences(rng, entity, take, not blocks)
        blocks.append(Block(heading, form, tuple(lines)))
    listed = [name for name in entity.facts if name in entity.kind.listed]
    if listed:
        rows = [_row(entity, item, item) for item in listed]
        blocks.insert(
            rng.randint(0, len(blocks)), Block("Prices", "table", (Line("Item Price", cells=("Item", "Price")), *rows))
        )
    if entity.steps():
        steps = [
            Line(
                sentence(step) + ".", f"step {n}", entity.say(f"step {n}", entity.kind.attributes[f"step {n}"].says[0])
            )
            for n, step in enumerate(entity.steps(), 1)
        ]
        blocks.insert(rng.randint(0, len(blocks)), Block("Steps", "steps", tuple(steps)))
    return blocks


def _row(entity: Entity, name: str, label: str = "") -> Line:
    attribute = entity.kind.attributes[name]
    label = label or sentence(attribute.label)
    value = entity.facts[name]
    return Line(f"{label} {value}", name, entity.say(name, attribute.says[-1]), (label, value))


def _sentences(rng: random.Random, entity: Entity, names: list[str], first: bool) -> list[Line]:
    """Return a paragraph: each fact in one of its shapes, a pronoun now and then, filler in between."""
    lines = [Line(rng.choice(LEADS))] if first and rng.random() < 0.3 else []
    for index, name in enumerate(names):
        shape = rng.choice(entity.kind.attributes[name].says)
        text = statement = entity.say(name, shape)
        if index and shape.startswith("{S} ") and rng.random() < 0.6:
            text = rng.choice(entity.kind.pronouns) + statement.removeprefix(entity.name)
        lines.append(Line(text, name, statement))
    if rng.random() < 0.3:
        lines.insert(rng.randint(1, len(lines)), Line(rng.choice(entity.kind.filler)))
    return lines


def markdown(title: str, blocks: list[Block]) -> str:
    """Return the document as Markdown, `title` as its first heading."""
    return "\n\n".join([f"# {title}", *(f"## {block.heading}\n\n{body(block)}" for block in blocks)]) + "\n"


def body(block: Block) -> str:
    """Return the text of one block in Markdown, without its heading."""
    if block.form == "paragraph":
        return " ".join(line.text for line in block.lines)
    if block.form == "steps":
        return "\n".join(f"{n}. {line.text}" for n, line in enumerate(block.lines, 1))
    head, rows = table(block)
    return "\n".join(f"| {a} | {b} |" for a, b in (head, ("---", "---"), *rows))


def table(block: Block) -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """Return the header and the rows of a table."""
    cells = [line.cells for line in block.lines if line.cells]
    return (cells[0], cells[1:]) if block.lines[0].attribute is None else (("Point", "Value"), cells)
