"""Ask about a company: one fact, facts of two documents, a step of reasoning, or what no document states.

Questions come in two disjoint sets of wordings: `asks`, which the base model was trained on, and `exam`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from invitro.world import grammar, values
from invitro.world.company import Company, Entity, sentence
from parts.text import answer_format

NAMING = ("Name {R}.", "Tell me the name of {R}.", "What is the name of {R}?", "What is {R} called?")
"""Wordings of the set `asks` that ask for what {R} refers to, and not about it."""


@dataclass(frozen=True)
class Case:
    """A question, the steps to its answer where there are any, the answer, and the facts one must find.

    A fact is (entity name, attribute).
    """

    form: str
    """fact, two_documents, reasoning or unanswerable"""
    question: str
    reasoning: str
    answer: str
    facts: tuple[tuple[str, str], ...] = ()


class Asker:
    """Asks about one company, in one set of wordings; `say` puts the facts that an answer rests on into sentences."""

    def __init__(
        self,
        rng: random.Random,
        company: Company,
        wording: str = "asks",
        say: Callable[[Entity, str], str] | None = None,
    ):
        self.rng, self.company, self.wording = rng, company, wording
        self.say = say or (lambda entity, name: entity.say(name, rng.choice(entity.kind.attributes[name].says)))

    def any(self) -> Case:
        """Return a question that the documents answer: three in five about one fact."""
        entity = self.rng.choice(self.company.entities)
        draw = self.rng.random()
        case = self.two_documents(entity) if draw > 0.8 else self.reasoning(entity) if draw > 0.6 else None
        return case or self.fact(entity)

    def fact(self, entity: Entity, name: str | None = None) -> Case:
        """Ask for one attribute that the document of `entity` states."""
        name = name or self.rng.choice(list(entity.facts))
        question = self._ask(entity.kind.attributes[name]).replace("{S}", entity.name)
        return Case("fact", sentence(question), "", entity.facts[name], ((entity.name, name),))

    def unanswerable(self, entity: Entity) -> Case:
        """Ask for an attribute that the document of `entity` leaves out."""
        name = self.rng.choice(entity.unstated)
        question = self._ask(entity.kind.attributes[name]).replace("{S}", entity.name)
        return Case("unanswerable", sentence(question), "", answer_format.REFUSAL)

    def two_documents(self, entity: Entity) -> Case | None:
        """Ask about the person or site that an attribute of `entity` names; None when no document is about them."""
        links = [name for name in entity.facts if entity.kind.attributes[name].refers]
        for name in self.rng.sample(links, len(links)):
            other = self.company.named(entity.facts[name])
            if other is None:
                continue
            attribute = entity.kind.attributes[name]
            phrases = attribute.refers if self.wording == "asks" else attribute.exam_refers
            phrase = self.rng.choice(phrases).replace("{S}", entity.name)
            second = self.fact(other)
            steps = f"{self.say(entity, name)} {self.say(other, second.facts[0][1])}"
            return Case(
                "two_documents",
                sentence(second.question.replace(other.name, phrase)),
                steps,
                second.answer,
                ((entity.name, name), *second.facts),
            )
        return None

    def reasoning(self, entity: Entity) -> Case | None:
        """Ask for a step beyond the facts: higher or lower, a total, the number or order of steps; None: no such."""
        if entity.steps():
            return self._count(entity) if self.rng.random() < 0.3 else self._after(entity)
        others = [other for other in self.company.entities if other.kind is entity.kind and other is not entity]
        for other in self.rng.sample(others, len(others)):
            measures = [
                n for n in entity.facts if n in other.facts and entity.kind.attributes[n].value in values.MEASURES
            ]
            differing = [n for n in measures if entity.facts[n] != other.facts[n]]
            if differing:
                return self._compare(entity, other, self.rng.choice(differing))
        return None

    def _ask(self, attribute: grammar.Attribute) -> str:
        """Return a question shape; of the set `asks` three in ten are a statement with a gap, and some a naming."""
        if self.wording == "asks" and self.rng.random() < 0.3:
            what = self.rng.choice(("what", values.ASKED.get(attribute.value, "what")))
            return self.rng.choice(attribute.says).replace("{V}", what).rstrip(".") + "?"
        if self.wording == "asks" and attribute.refers and self.rng.random() < 0.3:
            return self.rng.choice(NAMING).replace("{R}", self.rng.choice(attribute.refers))
        return self.rng.choice(getattr(attribute, self.wording))

    def _composed(
        self, form: str, facts: tuple[tuple[str, str], ...], statements: str, answer: str, **fill: object
    ) -> Case:
        shapes = grammar.composed()[form]
        why = grammar.put(shapes["why"], V=answer, **fill)
        question = grammar.put(self.rng.choice(shapes[self.wording]), **fill)
        return Case("reasoning", question, f"{statements} {why}".strip(), answer, facts)

    def _count(self, entity: Entity) -> Case:
        last = len(entity.steps())
        return self._composed("step_count", ((entity.name, f"step {last}"),), "", str(last), S=entity.name)

    def _after(self, entity: Entity) -> Case:
        steps = entity.steps()
        n = self.rng.randint(2, len(steps))
        fill = {"S": entity.name, "W": steps[n - 2], "n": n, "m": n - 1}
        return self._composed("after", ((entity.name, f"step {n}"),), "", steps[n - 1], **fill)

    def _compare(self, left: Entity, right: Entity, name: str) -> Case:
        """Ask which of two entities has more or less of `name`, or for the total of small numbers."""
        attribute = left.kind.attributes[name]
        statements = f"{self.say(left, name)} {self.say(right, name)}"
        facts = ((left.name, name), (right.name, name))
        fill = {"A": left.name, "B": right.name, "L": attribute.label}
        fill |= {"x": left.facts[name], "y": right.facts[name]}
        a, b = (values.amount(e.facts[name]) for e in (left, right))
        if attribute.value in values.ADDED and self.rng.random() < 0.4:
            total = left.facts[name].replace(f"{a:g}", f"{a + b:g}", 1)
            return self._composed("total", facts, statements, total, **fill)
        form = self.rng.choice(("higher", "lower"))
        if (a > b) == (form == "higher"):
            return self._composed(form, facts, statements, left.name, **fill)
        fill |= {"x": fill["y"], "y": fill["x"]}
        return self._composed(form, facts, statements, right.name, **fill)
