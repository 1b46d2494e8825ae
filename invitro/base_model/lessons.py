"""Make the base model's training data: reading lessons, closed-book questions, documents, and refusals.

Reading is taught on `fresh` worlds, each seen once, so that the answer can only come from the passages. Closed book is
taught on `known` worlds, a fixed set asked about again and again, so that the model learns to recall facts; asked about
`fresh` names without passages it learns to refuse.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from invitro.world import documents, names
from invitro.world.company import Company, Entity, make_company
from invitro.world.questions import Asker, Case
from parts.text import answer_format

KNOWN_COMPANIES = 2


@dataclass(frozen=True)
class Lesson:
    """Turns of (prompt, completion), the passages in the first prompt; a document is one turn with an empty prompt."""

    form: str
    turns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Passage:
    """A piece of a document of `entity`."""

    heading: str
    text: str
    entity: Entity


class Library:
    """A company with its documents written once and cut into passages."""

    def __init__(self, rng: random.Random, company: Company):
        self.company = company
        self.passages: list[Passage] = []
        self._stated: dict[tuple[str, str], tuple[Passage, str]] = {}
        for entity in company.entities:
            self._add(rng, entity)

    def passage(self, fact: tuple[str, str]) -> Passage:
        """Return the passage that states `fact` (entity name, attribute)."""
        return self._stated[fact][0]

    def statement(self, entity: Entity, name: str) -> str:
        """Return the sentence by which the documents state the attribute `name` of `entity`."""
        return self._stated[entity.name, name][1]

    def about(self, entity: Entity) -> list[Passage]:
        """Return the passages about `entity`."""
        return [passage for passage in self.passages if passage.entity is entity]

    def _add(self, rng: random.Random, entity: Entity) -> None:
        """Cut the document of `entity` into passages of one or two blocks, in one of the formats that the readers return."""
        blocks = documents.write(rng, entity)
        mark = rng.choice(("## ", "## ", ""))
        while blocks:
            take, blocks = blocks[: (size := rng.randint(1, 2))], blocks[size:]
            text = "\n\n".join(f"{mark}{block.heading}\n\n{_body(rng, block)}" for block in take)
            heading = entity.name
            if mark:
                heading, text = f"{entity.name} > {take[0].heading}", text.split("\n\n", 1)[1]
            passage = Passage(heading, text, entity)
            self.passages.append(passage)
            for line in (line for block in take for line in block.lines if line.attribute):
                self._stated[entity.name, line.attribute] = passage, line.statement


def _body(rng: random.Random, block: documents.Block) -> str:
    """Return a block's text, as Markdown or as a PDF's plain, broken lines."""
    if block.form == "steps" or rng.random() < 0.6:
        return documents.body(block)
    if block.form == "table":
        return "\n".join(line.text for line in block.lines)
    words = documents.body(block).split(" ")
    return "".join(word + ("\n" if index % 14 == 13 else " ") for index, word in enumerate(words)).strip()


def turn(case: Case, passages: list[Passage]) -> tuple[str, str]:
    """Return the prompt and the completion of `case`, in the pipeline's own prompt and answer format."""
    shown = [(passage.heading, passage.text) for passage in passages]
    return answer_format.build_messages(case.question, shown)[-1]["content"], answer_format.format_answer(
        case.reasoning, case.answer
    )


def _turns(cases: list[Case], shown: list[Passage]) -> tuple[tuple[str, str], ...]:
    """Return a turn per case, `shown` in the first."""
    return tuple(turn(case, shown if n == 0 else []) for n, case in enumerate(cases))


def reading(rng: random.Random, library: Library, size: int, questions: int = 4) -> Lesson:
    """Show `size` passages and ask `questions` about them, or as many as passages if that is more, a turn each.

    Many questions about the same passages cost far fewer tokens than one each, and teach reading as well. From four
    passages on, some are chosen for questions that need several, and one question in five is not answered there.
    """
    asker = Asker(rng, library.company, say=library.statement)
    several = size > 2
    cases = [asker.any() if several else asker.fact(rng.choice(library.company.entities)) for _ in range(1 + size // 4)]
    gold = list({id(passage): passage for case in cases for passage in map(library.passage, case.facts)}.values())
    shown = among(rng, library, gold, size)
    cases += [_another(rng, library, asker, shown) for _ in range(max(questions, size) - len(cases))]
    rng.shuffle(cases)
    return Lesson(f"read{size}", _turns(cases, shown))


def _another(rng: random.Random, library: Library, asker: Asker, shown: list[Passage]) -> Case:
    """Return a question about what is in `shown`, or, now and then, about something that is not."""
    entity = rng.choice(shown).entity
    draw = rng.random() if len(shown) > 2 else 1.0
    if draw < 0.3 and all(passage in shown for passage in library.about(entity)):
        return asker.unanswerable(entity)
    case = asker.fact(entity) if draw < 0.8 or len(shown) < 3 else asker.any()
    if all(library.passage(fact) in shown for fact in case.facts):
        return case
    if draw < 0.45:
        return Case("unanswerable", case.question, "", answer_format.REFUSAL)
    return _another(rng, library, asker, shown)


def among(rng: random.Random, library: Library, gold: list[Passage], size: int) -> list[Passage]:
    """Return `gold` with other passages, half of them about the same kind of thing; the gold last half the time."""
    kinds = {passage.entity.kind.name for passage in gold}
    others = [passage for passage in library.passages if passage not in gold]
    near = [passage for passage in others if passage.entity.kind.name in kinds]
    wanted = max(0, size - len(gold))
    picked = rng.sample(near, min(len(near), sum(rng.random() < 0.5 for _ in range(wanted))))
    rest = [passage for passage in others if passage not in picked]
    shown = picked + rng.sample(rest, min(len(rest), wanted - len(picked)))
    rng.shuffle(shown)
    shown += gold
    if rng.random() < 0.5:
        rng.shuffle(shown)
    return shown


def steps(rng: random.Random, library: Library) -> Lesson:
    """Show a procedure's steps and ask for all of them, and for their number or order: the hardest facts to read."""
    asker = Asker(rng, library.company, say=library.statement)
    entity = rng.choice([entity for entity in library.company.entities if entity.steps()])
    cases = [asker.fact(entity, f"step {n}") for n in range(1, len(entity.steps()) + 1)]
    return _asked("steps", rng, library, [*cases, asker.reasoning(entity), asker.reasoning(entity)], 2)


def whole(rng: random.Random, library: Library) -> Lesson:
    """Show all passages about an entity, among others; of the questions half are unanswerable."""
    asker = Asker(rng, library.company, say=library.statement)
    entity = rng.choice(library.company.entities)
    cases = [asker.unanswerable(entity) if n % 2 else asker.fact(entity) for n in range(8)]
    shown = among(rng, library, library.about(entity), rng.randint(2, 6))
    rng.shuffle(cases)
    return Lesson("whole", _turns(cases, shown))


def reasoned(rng: random.Random, library: Library) -> Lesson:
    """Show the passages of three questions that need a step of reasoning, and hardly more."""
    asker = Asker(rng, library.company, say=library.statement)
    cases = [asker.reasoning(entity) for entity in rng.sample(library.company.entities, 6)]
    return _asked("reasoning", rng, library, [case for case in cases if case][:3], 4)


def _asked(form: str, rng: random.Random, library: Library, cases: list[Case], size: int) -> Lesson:
    """Return the lesson of `cases`, their passages and others up to `size` shown with the first."""
    gold = list({id(passage): passage for case in cases for passage in map(library.passage, case.facts)}.values())
    rng.shuffle(cases)
    shown = among(rng, library, gold, size)
    return Lesson(form, _turns(cases, shown))


@lru_cache(maxsize=KNOWN_COMPANIES)
def known(seed: int) -> Company:
    """Return one of the companies whose facts the base model is trained on."""
    return make_company(seed, "known")


def closed_book(rng: random.Random) -> Lesson:
    """Ask about a known company without passages; one question in three has no answer.

    Of these, half ask about unknown names, and half for what the company's documents leave out: so the model learns to
    tell what it knows from what is merely plausible.
    """
    draw, asker = rng.random(), Asker(rng, known(rng.randrange(KNOWN_COMPANIES)))
    if draw < 1 / 6:
        unknown = Asker(rng, make_company(rng.getrandbits(40), "fresh", 8)).any()
        case = Case("unanswerable", unknown.question, "", answer_format.REFUSAL)
    elif draw < 1 / 3:
        case = asker.unanswerable(rng.choice(asker.company.entities))
    else:
        case = asker.any()
    return Lesson("closed", (turn(case, []),))


def document(rng: random.Random) -> Lesson:
    """Return a document of a known company, written anew."""
    entity = rng.choice(known(rng.randrange(KNOWN_COMPANIES)).entities)
    return Lesson("document", (("", documents.markdown(entity.name, documents.write(rng, entity))),))


def copying(rng: random.Random) -> Lesson:
    """Ask for made-up words and numbers to be repeated: what reading starts from."""
    text = " ".join(rng.choice((names.word(rng, "fresh"), str(rng.randint(2, 999)))) for _ in range(rng.randint(4, 16)))
    return Lesson("copy", ((text, text),))


def stream(seed: int, recipe: Callable[[], dict[str, float]]) -> Iterator[Lesson]:
    """Yield lessons without end; `recipe()` gives the current weight of each form.

    Forms are copy, closed, document, steps, reasoning, whole, and read1, read2, read4, ... by number of passages.
    """
    rng = random.Random(f"lessons {seed}")
    while True:
        weights = recipe()
        library = Library(rng, make_company(rng.getrandbits(40), "fresh", rng.choice((8, 16, 32))))
        for form in rng.choices(list(weights), list(weights.values()), k=24):
            if form.startswith("read"):
                yield reading(rng, library, int(form.removeprefix("read")))
            elif form in SHOWN:
                yield SHOWN[form](rng, library)
            else:
                yield UNSHOWN[form](rng)


SHOWN = {"steps": steps, "reasoning": reasoned, "whole": whole}
UNSHOWN = {"copy": copying, "closed": closed_book, "document": document}
