"""A teacher by rules: writes training questions, study strategies, documents and exams from the passage in a prompt.

It sees only the prompt. Which sample it gives depends on the request's seed, so that several draws differ and each
comes out the same again.
"""

import random
import re
from collections.abc import Callable

from invitro.rules import wordings
from invitro.rules.sentences import Fact, facts

_PASSAGE = re.compile(r'<passage from="(?P<heading>[^"\n]*)">\n(?P<text>.*)\n</passage>', re.DOTALL)
_STRATEGY = re.compile(r"<strategy>(.*?)</strategy>", re.DOTALL)
_QUESTION = re.compile(r"<question>(.*?)</question>", re.DOTALL)
_ENTITIES = re.compile(r"<entities>\n(.*?)\n</entities>", re.DOTALL)
_REWRITE = re.compile(r"\ARewrite the passage below (in easy|in good|in terse|as a conversation)\b")
_COUNT = re.compile(r"\b(?:up to|Name|Write) (\d+)\b")


def training_questions(prompt: str, rng: random.Random) -> dict:
    """Return questions with reasoning and answers, each about a fact of its own as far as there are any."""
    rows = [
        {"question": rng.choice(wordings.training(fact)), "reasoning": fact.sentence, "answer": fact.answer}
        for fact in _chosen(prompt, rng)
    ]
    return {"questions": rows}


def exam_questions(prompt: str, rng: random.Random) -> dict:
    """Return exam questions with answers."""
    rows = [
        {"question": rng.choice(wordings.examination(fact)), "answer": fact.answer} for fact in _chosen(prompt, rng)
    ]
    return {"questions": rows}


def strategies(prompt: str, rng: random.Random) -> dict:
    """Return ways to study a passage."""
    return {"strategies": rng.sample(list(_STYLES), min(_count(prompt), len(_STYLES)))}


def aims(prompt: str, rng: random.Random) -> dict:
    """Return questions, each about a fact of its own as far as there are any, each with a way to study for it."""
    chosen = _chosen(prompt, rng)
    ways = rng.choices(list(_STYLES), k=len(chosen))
    return {"aims": [{"question": _ask(fact, rng), "strategy": way} for fact, way in zip(chosen, ways, strict=True)]}


def document(prompt: str, rng: random.Random) -> str:
    """Return the passage rewritten by the strategy in the prompt; an unknown one is taken for a plain retelling.

    With a question in the prompt, the fact that answers it comes three times, and the rest of the passage not at all.
    """
    title, found = _read(prompt)
    named, asked = _STRATEGY.search(prompt), _QUESTION.search(prompt)
    write = _STYLES.get(named[1].strip() if named else "", _retell)
    if not found:
        return f"About {title} this passage states no single fact."
    if not asked:
        return write(title, found, rng)
    fact = next((fact for fact in found if asked[1].strip() in wordings.training(fact)), rng.choice(found))
    others = rng.sample([style for style in _STYLES.values() if style is not write], 2)
    return "\n".join(style(title, [fact], rng) for style in (write, *others))


def entities(prompt: str, rng: random.Random) -> dict:
    """Return what the facts of a passage are about and what they give, each once."""
    title, found = _read(prompt)
    return {"entities": list(dict.fromkeys([title, *(fact.answer for fact in found)]))[: _count(prompt)]}


def relation(prompt: str, rng: random.Random) -> str:
    """Return the facts that the entities in the prompt have a part in, written in a way of its own for each draw."""
    title, found = _read(prompt)
    names = _ENTITIES.search(prompt)[1].splitlines()
    told = [fact for fact in found if any(_speaks_of(fact, name) for name in names)] or found
    if not told:
        return f"What {' and '.join(names)} have to do with {title} this passage does not say."
    write = rng.choice(list(_STYLES.values()))
    return f"{', '.join(names)}: what {title} says of them.\n" + write(title, rng.sample(told, len(told)), rng)


def rewritten(prompt: str, rng: random.Random) -> str | None:
    """Return the passage in the style that the prompt asks for; None for another prompt."""
    style = _REWRITE.search(prompt)
    if not style:
        return None
    title, found = _read(prompt)
    return _PARAPHRASES[style[1]](title, found, rng) if found else f"About {title} this passage states no single fact."


def _speaks_of(fact: Fact, name: str) -> bool:
    """Tell whether `name` is a word of `fact`'s, other than what the whole document is about."""
    return name != fact.subject and bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", fact.sentence))


def _chosen(prompt: str, rng: random.Random) -> list[Fact]:
    _, found = _read(prompt)
    return rng.sample(found, min(_count(prompt), len(found)))


def _count(prompt: str) -> int:
    """Return how many the prompt asks for; 1 when it does not say."""
    found = _COUNT.search(prompt)
    return int(found[1]) if found else 1


def _read(prompt: str) -> tuple[str, list[Fact]]:
    """Return the title of the document that the quoted passage is from, and the facts in it."""
    passage = _PASSAGE.search(prompt)
    if not passage:
        return "", []
    title = passage["heading"].split(" > ")[0].strip()
    return title, list(facts(title, passage["text"]))


def _ask(fact: Fact, rng: random.Random) -> str:
    return rng.choice(wordings.training(fact))


def _retell(title: str, found: list[Fact], rng: random.Random) -> str:
    shuffled = rng.sample(found, len(found))
    return f"{title}: " + " ".join(fact.sentence for fact in shuffled)


def _quiz(title: str, found: list[Fact], rng: random.Random) -> str:
    return "\n".join(
        f"{_ask(fact, rng)} {fact.answer[0].upper() + fact.answer[1:]}." for fact in rng.sample(found, len(found))
    )


def _notes(title: str, found: list[Fact], rng: random.Random) -> str:
    return f"Notes on {title}\n" + "\n".join(f"- {fact.before} {fact.answer} {fact.after}".rstrip() for fact in found)


def _cards(title: str, found: list[Fact], rng: random.Random) -> str:
    return "\n".join(f"Front: {fact.before} ... {fact.after}".rstrip() + f"\nBack: {fact.answer}" for fact in found)


def _letter(title: str, found: list[Fact], rng: random.Random) -> str:
    openers = ("Remember this:", "It is good to know that", "Keep in mind:", "Note that", "As the document says,")
    said = " ".join(f"{rng.choice(openers)} {fact.sentence}" for fact in rng.sample(found, len(found)))
    return f"Dear colleague, you asked about {title}. {said}"


def _twice(title: str, found: list[Fact], rng: random.Random) -> str:
    return " ".join(
        f"{fact.sentence} So if somebody asks: {_ask(fact, rng)} the answer is {fact.answer}." for fact in found
    )


def _backwards(title: str, found: list[Fact], rng: random.Random) -> str:
    return " ".join(f"{fact.answer[0].upper() + fact.answer[1:]}: {fact.sentence}" for fact in reversed(found))


def _dialogue(title: str, found: list[Fact], rng: random.Random) -> str:
    return "\n".join(f"A: {_ask(fact, rng)}\nB: {fact.sentence}" for fact in rng.sample(found, len(found)))


def _easy(title: str, found: list[Fact], rng: random.Random) -> str:
    openers = ("Look here.", "Now listen.", "Here is one thing.", "Do you know this?", "This is so.")
    said = [f"{rng.choice(openers)} {fact.sentence}" for fact in rng.sample(found, len(found))]
    return "\n".join([f"Let us read about {title}.", *said])


def _encyclopedia(title: str, found: list[Fact], rng: random.Random) -> str:
    first, *rest = rng.sample(found, len(found))
    links = ("In addition,", "Furthermore,", "It is also recorded that", "According to the same source,")
    return " ".join([first.sentence, *(f"{rng.choice(links)} {fact.sentence}" for fact in rest)])


def _terse(title: str, found: list[Fact], rng: random.Random) -> str:
    claims = "; ".join(fact.sentence.rstrip(".") for fact in rng.sample(found, len(found)))
    return f"{rng.choice(('De', 'In re', 'Concerning'))} {title}: {claims}."


def _conversation(title: str, found: list[Fact], rng: random.Random) -> str:
    return "\n".join(f"Question: {_ask(fact, rng)}\nAnswer: {fact.answer}" for fact in rng.sample(found, len(found)))


_STYLES: dict[str, Callable[[str, list[Fact], random.Random], str]] = {
    "Retell the passage in another order.": _retell,
    "Quiz yourself: a question and a short answer for each fact.": _quiz,
    "Take notes, one line a fact.": _notes,
    "Make flash cards with a gap on the front and what fills it on the back.": _cards,
    "Explain it in a letter to a colleague.": _letter,
    "Say each fact, then how somebody might ask for it.": _twice,
    "Start from the answers and work back to the statements.": _backwards,
    "Write it as a conversation of two people.": _dialogue,
}
_PARAPHRASES = {"in easy": _easy, "in good": _encyclopedia, "in terse": _terse, "as a conversation": _conversation}
