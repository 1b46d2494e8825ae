"""A teacher by rules: writes training questions, study strategies and documents from the passage in a prompt.

It sees only the prompt. Its reply depends on the request's seed, so that samples differ and each is reproducible.
"""

import random
import re
from collections.abc import Callable

from invitro.rules import prose, wordings
from invitro.rules.prompts import number_wanted, passages, quoted
from invitro.rules.sentences import Fact

_STRATEGY = re.compile(r"<strategy>(.*?)</strategy>", re.DOTALL)
_QUESTION = re.compile(r"<question>(.*?)</question>", re.DOTALL)
_ENTITIES = re.compile(r"<entities>\n(.*?)\n</entities>", re.DOTALL)
_REWRITE = re.compile(r"\ARewrite the passage below (in easy|in good|in terse|as a conversation)\b")


def training_questions(prompt: str, rng: random.Random) -> dict:
    """Return questions with reasoning and answers, each about another fact."""
    rows = [
        {"question": rng.choice(wordings.training(fact)), "reasoning": fact.sentence, "answer": fact.answer}
        for fact in _sample(prompt, rng)
    ]
    return {"questions": rows}


def questions_about_prose(prompt: str, rng: random.Random) -> dict:
    """Return the same of free prose: of every number, date, name and place that its sentences have."""
    stated = [each for heading, text in quoted(prompt)[:1] for each in prose.asked(heading, text)]
    rows = [
        {"question": rng.choice(each.questions), "reasoning": each.reasoning, "answer": each.answer}
        for each in rng.sample(stated, min(number_wanted(prompt), len(stated)))
    ]
    return {"questions": rows}


def strategies(prompt: str, rng: random.Random) -> dict:
    """Return strategies to study a passage."""
    return {"strategies": rng.sample(list(_STYLES), min(number_wanted(prompt), len(_STYLES)))}


def aims(prompt: str, rng: random.Random) -> dict:
    """Return questions, each about another fact, each with a strategy to study for it."""
    facts = _sample(prompt, rng)
    styles = rng.choices(list(_STYLES), k=len(facts))
    return {
        "aims": [{"question": _ask(fact, rng), "strategy": style} for fact, style in zip(facts, styles, strict=True)]
    }


def document(prompt: str, rng: random.Random) -> str:
    """Return the passage rewritten by the strategy in the prompt; an unknown strategy is a plain retelling.

    With a question in the prompt, the fact that answers it occurs three times, and the rest of the passage is left out.
    """
    title, facts = passages(prompt)[0]
    strategy, question = _STRATEGY.search(prompt), _QUESTION.search(prompt)
    write = _STYLES.get(strategy[1].strip() if strategy else "", _retell)
    if not facts:
        return f"About {title} this passage states no single fact."
    if not question:
        return write(title, facts, rng)
    fact = next((fact for fact in facts if question[1].strip() in wordings.training(fact)), rng.choice(facts))
    others = rng.sample([style for style in _STYLES.values() if style is not write], 2)
    return "\n".join(style(title, [fact], rng) for style in (write, *others))


def entities(prompt: str, rng: random.Random) -> dict:
    """Return the subject and the answers of a passage's facts, each once."""
    title, facts = passages(prompt)[0]
    return {"entities": list(dict.fromkeys([title, *(fact.answer for fact in facts)]))[: number_wanted(prompt)]}


def relation(prompt: str, rng: random.Random) -> str:
    """Return the facts about the entities in the prompt, in a style that the seed draws."""
    title, facts = passages(prompt)[0]
    names = _ENTITIES.search(prompt)[1].splitlines()
    related = [fact for fact in facts if any(_mentions(fact, name) for name in names)] or facts
    if not related:
        return f"What {' and '.join(names)} have to do with {title} this passage does not say."
    write = rng.choice(list(_STYLES.values()))
    return f"{', '.join(names)}: what {title} says of them.\n" + write(title, rng.sample(related, len(related)), rng)


def rewritten(prompt: str, rng: random.Random) -> str | None:
    """Return the passage in the style that the prompt asks for; None for another prompt."""
    style = _REWRITE.search(prompt)
    if not style:
        return None
    title, facts = passages(prompt)[0]
    return _PARAPHRASES[style[1]](title, facts, rng) if facts else f"About {title} this passage states no single fact."


def _mentions(fact: Fact, name: str) -> bool:
    """Return whether `fact` contains `name`, which is not its subject."""
    return name != fact.subject and bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", fact.sentence))


def _sample(prompt: str, rng: random.Random) -> list[Fact]:
    _, facts = passages(prompt)[0]
    return rng.sample(facts, min(number_wanted(prompt), len(facts)))


def _ask(fact: Fact, rng: random.Random) -> str:
    return rng.choice(wordings.training(fact))


def _retell(title: str, facts: list[Fact], rng: random.Random) -> str:
    shuffled = rng.sample(facts, len(facts))
    return f"{title}: " + " ".join(fact.sentence for fact in shuffled)


def _quiz(title: str, facts: list[Fact], rng: random.Random) -> str:
    return "\n".join(
        f"{_ask(fact, rng)} {fact.answer[0].upper() + fact.answer[1:]}." for fact in rng.sample(facts, len(facts))
    )


def _notes(title: str, facts: list[Fact], rng: random.Random) -> str:
    return f"Notes on {title}\n" + "\n".join(f"- {fact.before} {fact.answer} {fact.after}".rstrip() for fact in facts)


def _cards(title: str, facts: list[Fact], rng: random.Random) -> str:
    return "\n".join(f"Front: {fact.before} ... {fact.after}".rstrip() + f"\nBack: {fact.answer}" for fact in facts)


def _letter(title: str, facts: list[Fact], rng: random.Random) -> str:
    openers = ("Remember this:", "It is good to know that", "Keep in mind:", "Note that", "As the document says,")
    text = " ".join(f"{rng.choice(openers)} {fact.sentence}" for fact in rng.sample(facts, len(facts)))
    return f"Dear colleague, you asked about {title}. {text}"


def _twice(title: str, facts: list[Fact], rng: random.Random) -> str:
    return " ".join(
        f"{fact.sentence} So if somebody asks: {_ask(fact, rng)} the answer is {fact.answer}." for fact in facts
    )


def _backwards(title: str, facts: list[Fact], rng: random.Random) -> str:
    return " ".join(f"{fact.answer[0].upper() + fact.answer[1:]}: {fact.sentence}" for fact in reversed(facts))


def _dialogue(title: str, facts: list[Fact], rng: random.Random) -> str:
    return "\n".join(f"A: {_ask(fact, rng)}\nB: {fact.sentence}" for fact in rng.sample(facts, len(facts)))


def _easy(title: str, facts: list[Fact], rng: random.Random) -> str:
    openers = ("Look here.", "Now listen.", "Here is one thing.", "Do you know this?", "This is so.")
    lines = [f"{rng.choice(openers)} {fact.sentence}" for fact in rng.sample(facts, len(facts))]
    return "\n".join([f"Let us read about {title}.", *lines])


def _encyclopedia(title: str, facts: list[Fact], rng: random.Random) -> str:
    first, *rest = rng.sample(facts, len(facts))
    links = ("In addition,", "Furthermore,", "It is also recorded that", "According to the same source,")
    return " ".join([first.sentence, *(f"{rng.choice(links)} {fact.sentence}" for fact in rest)])


def _terse(title: str, facts: list[Fact], rng: random.Random) -> str:
    claims = "; ".join(fact.sentence.rstrip(".") for fact in rng.sample(facts, len(facts)))
    return f"{rng.choice(('De', 'In re', 'Concerning'))} {title}: {claims}."


def _conversation(title: str, facts: list[Fact], rng: random.Random) -> str:
    return "\n".join(f"Question: {_ask(fact, rng)}\nAnswer: {fact.answer}" for fact in rng.sample(facts, len(facts)))


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
