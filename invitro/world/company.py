"""Make up a company: people, sites, products, policies, and their facts.

A company is drawn from a seed and a split of names (names.py). Every entity has a document; a document states most
of its entity's attributes and leaves some out, so that there are sensible questions the documents do not answer.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from invitro.world import grammar, names, values

MIX = {"policy": 6, "product": 6, "site": 4, "person": 6, "procedure": 3, "pricelist": 2, "contract": 3, "incident": 2}
"""Documents of each kind in a company of 32."""


@dataclass
class Entity:
    """One thing a company has a document about."""

    name: str
    kind: grammar.Kind
    facts: dict[str, str] = field(default_factory=dict)
    """attribute name -> value, as its document states it"""
    unstated: list[str] = field(default_factory=list)
    """attributes that its document leaves out"""

    def say(self, attribute: str, shape: str) -> str:
        """Return `shape` as a sentence about this entity's `attribute`."""
        return sentence(shape.replace("{S}", self.name).replace("{V}", self.facts[attribute]))

    def steps(self) -> list[str]:
        """Return the steps of a procedure in order; empty for other kinds."""
        return [value for name, value in self.facts.items() if name.startswith("step ")]


@dataclass(frozen=True)
class Company:
    """A made-up company: what its documents are about."""

    entities: list[Entity]

    def named(self, name: str) -> Entity | None:
        """Return the entity called `name`, or None when no document is about it."""
        return next((entity for entity in self.entities if entity.name == name), None)


def sentence(text: str) -> str:
    """Return `text` with a capital first letter."""
    return text[0].upper() + text[1:]


def make_company(seed: int, split: str, documents: int = 32) -> Company:
    """Return the company of `seed`, named from `split`, that is about `documents` entities."""
    rng = random.Random(f"{split} {seed}")
    words = names.words(rng, split)

    def coin() -> str:
        return next(words)

    entities = [Entity(name, kind) for kind, name in _entities(rng, coin, documents)]
    people = [entity.name for entity in entities if entity.kind.name == "person"]
    sites = [entity.name for entity in entities if entity.kind.name == "site"]
    people += [f"{coin()} {coin()}" for _ in range(1 + len(people) // 3)]
    sites += [_name(rng, grammar.kinds()["site"], coin) for _ in range(1 + len(sites) // 4)]
    for entity in entities:
        _fill(rng, entity, [p for p in people if p != entity.name], sites, coin)
    for first, twin in pairwise(entities):
        if first.kind.name == twin.kind.name == "product" and first.name.split()[:2] == twin.name.split()[:2]:
            _make_alike(rng, first, twin)
    for entity in entities:
        _leave_out(rng, entity)
    return Company(entities)


def _entities(rng: random.Random, coin: Callable[[], str], documents: int):
    """Yield (kind, name) for each document; one in two policies and products is followed by one with a similar name."""
    total = sum(MIX.values())
    shares = {kind: count * documents / total for kind, count in MIX.items()}
    counts = {kind: int(share) for kind, share in shares.items()}
    by_remainder = sorted(shares, key=lambda kind: counts[kind] - shares[kind])
    for kind in by_remainder[: documents - sum(counts.values())]:
        counts[kind] += 1
    for kind_name, count in counts.items():
        kind = grammar.kinds()[kind_name]
        last: str | None = None
        seen: set[str] = set()
        while len(seen) < count:
            twin = last if kind_name in ("policy", "product") else None
            name = _name(rng, kind, coin, twin)
            last = None if twin else name
            if name not in seen:
                seen.add(name)
                yield kind, name


def _name(rng: random.Random, kind: grammar.Kind, coin: Callable[[], str], twin: str | None = None) -> str:
    """Return a new name; for the twin of `twin`, a name that shares its first word (and a product's type)."""
    if kind.name == "person":
        return f"{coin()} {coin()}"
    parts = {"coin": twin.split()[0] if twin else coin(), "topic": rng.choice(kind.topics)}
    if kind.name == "product":
        parts["topic"] = twin.split()[1] if twin else parts["topic"]
        parts["model"] = str(rng.randrange(100, 1000, 100))
    return kind.naming.format(**parts)


def _fill(rng: random.Random, entity: Entity, people: list[str], sites: list[str], coin: Callable[[], str]) -> None:
    """Give every attribute of `entity` a value; draw the items of a price list and the steps of a procedure."""
    for name, attribute in entity.kind.attributes.items():
        if attribute.value != "step" and name not in entity.kind.listed:
            entity.facts[name] = values.value(rng, attribute.value, people, sites, coin)
    if entity.kind.name == "pricelist":
        for item in rng.sample(entity.kind.listed, rng.randint(5, 7)):
            entity.facts[item] = values.value(rng, "coins", people, sites, coin)
    if entity.kind.name == "procedure":
        for n, step in enumerate(rng.sample(entity.kind.listed, rng.randint(4, 6)), 1):
            entity.facts[f"step {n}"] = step


def _make_alike(rng: random.Random, first: Entity, twin: Entity) -> None:
    """Give `twin` all values of `first` but three."""
    different = [name for name in first.facts if first.facts[name] != twin.facts[name]]
    keep = set(rng.sample(different, min(3, len(different))))
    twin.facts.update({name: value for name, value in first.facts.items() if name not in keep})


def _leave_out(rng: random.Random, entity: Entity) -> None:
    """Drop about a quarter of the attributes; what a list or steps hold always stays."""
    own = [
        name for name in entity.facts if entity.kind.attributes[name].value != "step" and name not in entity.kind.listed
    ]
    for name in rng.sample(own, max(1, round(len(own) / 4))):
        del entity.facts[name]
        entity.unstated.append(name)
