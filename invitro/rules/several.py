"""Training questions by rules about several passages: joins of two, steps beyond what is stated, and what no passage states.

It sees only the prompt. Numbers are compared where two sentences name them by one label, and what is asked for without an
answer is what another document states about its own subject, and this one, in any words, does not about its.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from invitro.rules import wordings
from invitro.rules.judge import words
from invitro.rules.looks import look, looks
from invitro.rules.meaning import nearness
from invitro.rules.prompts import number_wanted, passages, quoted
from invitro.rules.sentences import Fact

_NAME = re.compile(r"<name>(.*?)</name>", re.DOTALL)
_LABEL = re.compile(r"^The (.+) of (?:.+) (?:is|was|are|were)$")
_STEP = re.compile(r"Step (\d+) of .+ is to ")
_AMOUNT = re.compile(r"([$€£]?)(\d+(?:\.\d+)?)(?: (\D+))?")

_SAME_KIND = 0.48  # mean nearness of what two documents of one kind state
_HIGHER = (
    "Which has the higher {label}, {a} or {b}?", "Is it {a} or {b} that has the higher {label}?",
    "{a} and {b}: whose {label} is higher?", "Is the {label} higher for {a} or for {b}?",
    "Compare the {label} of {a} with that of {b}: where is it higher?",
)  # fmt: skip
_TOTAL = (
    "What do the {label} of {a} and that of {b} add up to?", "What is the {label} of {a} and {b} taken together?",
    "Add the {label} of {a} to that of {b}: what is the sum?",
)  # fmt: skip
_COUNT = ("How many steps does {a} have?", "{a} consists of how many steps?", "How many steps must one take for {a}?")
_AFTER = (
    "What comes right after step {m} of {a}, which is to {done}?", "In {a}, one has to {done}. What is the next step?",
    "Step {m} of {a} is to {done}. What follows it?",
)  # fmt: skip


def joined_questions(prompt: str, rng: random.Random) -> dict:
    """Return questions about the second passage's subject, by what the first passage says of it; none without a rule."""
    name = _NAME.search(prompt)[1]
    (_, first), (title, second) = passages(prompt)
    bridges = [(fact, text) for fact in first if fact.answer == name for text in wordings.descriptions(fact)]
    facts = [fact for fact in second if name in (title, fact.subject) and name in fact.sentence]
    rows = []
    for fact in rng.sample(facts, min(number_wanted(prompt), len(facts))) if bridges else []:
        bridge, description = rng.choice(bridges)
        question = rng.choice(wordings.training(fact)).replace(name, description)
        step = f"{description[0].upper()}{description[1:]} is {bridge.answer}."
        rows.append(_row(question, step, fact.answer))
    return {"questions": rows}


def step_questions(prompt: str, rng: random.Random) -> dict:
    """Return comparisons and totals of numbers that have one label, and counts and orders of steps."""
    by_title = facts_by_title(prompt)
    rows = [row for title, facts in by_title.items() for row in _of_steps(title, facts, rng)]
    measures = _measures(by_title)
    for a, b in combinations(by_title, 2):
        for label in sorted(measures[a].keys() & measures[b].keys()):
            rows += _compared(label, (a, measures[a][label]), (b, measures[b][label]), rng)
    return {"questions": rng.sample(rows, min(number_wanted(prompt), len(rows)))}


def boundary_questions(prompt: str, rng: random.Random) -> dict:
    """Return questions about the first document's subject for what only others of its kind state, of their own."""
    by_title = facts_by_title(prompt)
    title, *others = by_title
    text = "\n".join(text for heading, text in quoted(prompt) if heading.split(" > ")[0].strip() == title)
    own_looks = looks(text.replace(title, ""))
    rows = []
    for other in _of_its_kind(title, by_title) or others:
        for fact in _unstated(other, by_title[other], by_title[title], own_looks):
            if title not in fact.sentence:
                moved = Fact(title, fact.sentence.replace(other, title), fact.answer)
                rows.append(rng.choice(wordings.training(moved)))
    chosen = rng.sample(rows, min(number_wanted(prompt), len(rows)))
    return {"questions": [{"question": question} for question in chosen]}


def _of_its_kind(title: str, by_title: dict[str, list[Fact]]) -> list[str]:
    """Return the other titles whose documents state much the same as that of `title`, of themselves."""
    frames = {name: _frames(name, facts) for name, facts in by_title.items()}
    others = [name for name in by_title if name != title and frames[name] and frames[title]]
    both = {name: nearness(frames[title], frames[name]) for name in others}
    near = {name: (each.max(axis=0).mean() + each.max(axis=1).mean()) / 2 for name, each in both.items()}
    return [name for name in others if near[name] >= _SAME_KIND]


def _unstated(other: str, facts: list[Fact], own: list[Fact], own_looks: list[str]) -> Iterator[Fact]:
    """Yield those of `facts`, statements of `other`, that none of `own`, the first document's, makes in other words.

    Of each look (months, a colour, a person) the statements of both are paired, one to one, so that the pairs are nearest in
    meaning: what is left over is unstated. Where a sentence that no rule reads has a phrase of that look, nobody knows.
    """
    for name in dict.fromkeys(look(fact.answer) for fact in facts):
        theirs, ours = ([fact for fact in each if look(fact.answer) == name] for each in (facts, own))
        if name and own_looks.count(name) > len(ours):
            continue
        near = nearness(_frames(own[0].subject, ours), _frames(other, theirs)) if ours else np.empty((0, len(theirs)))
        _, paired = linear_sum_assignment(near, maximize=True)
        left = [fact for number, fact in enumerate(theirs) if number not in paired]
        yield from (fact for fact in left if other in fact.sentence and other not in fact.answer)


def _frames(title: str, facts: list[Fact]) -> list[str]:
    """Return the sentences of `facts` without the name of what they are about and the answer."""
    return [fact.sentence.replace(title, "it").replace(fact.answer, "so") for fact in facts]


def facts_by_title(prompt: str) -> dict[str, list[Fact]]:
    """Return the facts of the prompt's passages by the title of their document, in its order."""
    by_title: dict[str, list[Fact]] = {}
    for title, facts in passages(prompt):
        by_title.setdefault(title, []).extend(facts)
    return by_title


def _row(question: str, reasoning: str, answer: str) -> dict:
    return {"question": question, "reasoning": reasoning, "answer": answer}


def _measures(by_title: dict[str, list[Fact]]) -> dict[str, dict[str, Fact]]:
    """Return the facts of each document that tell a number, by the label that some sentence of the documents has for it.

    A fact without a label has that of its unit whose words it shares, or the unit's only one; where a document has two for a
    label, neither.
    """
    labels = _labels(by_title)
    measures: dict[str, dict[str, list[Fact]]] = {title: defaultdict(list) for title in by_title}
    for title, fact in ((title, fact) for title, own in by_title.items() for fact in own):
        if label := _label_of(fact, labels):
            measures[title][label].append(fact)
    return {
        title: {label: own[0] for label, own in facts_of.items() if len(own) == 1}
        for title, facts_of in measures.items()
    }


def _unit(fact: Fact) -> str | None:
    """Return the unit of the number that is the answer, "" for a bare one; None for another answer, such as a year."""
    amount = _AMOUNT.fullmatch(fact.answer)
    return None if not amount or look(fact.answer) == "a year" else f"{amount[1]}{amount[3] or ''}"


def _labels(by_title: dict[str, list[Fact]]) -> dict[str, set[str]]:
    """Return the labels that sentences such as "The price of X is 12 euros." have for numbers, by their unit."""
    labels: dict[str, set[str]] = defaultdict(set)
    for fact in (fact for facts in by_title.values() for fact in facts):
        unit, label = _unit(fact), _LABEL.match(fact.before)
        if unit is not None and label and not fact.after:
            labels[unit].add(label[1])
    return labels


def _label_of(fact: Fact, labels: dict[str, set[str]]) -> str | None:
    """Return the label of the number that `fact` tells: its own, the one whose words it shares, or the unit's only one."""
    unit, own = _unit(fact), _LABEL.match(fact.before)
    if unit is None:
        return None
    if own and not fact.after:
        return own[1]
    sharing = [label for label in sorted(labels[unit]) if set(words(label)) & set(words(fact.sentence))]
    candidates = sharing or (sorted(labels[unit]) if unit else [])
    return candidates[0] if len(candidates) == 1 else None


def _compared(label: str, left: tuple[str, Fact], right: tuple[str, Fact], rng: random.Random) -> Iterator[dict]:
    """Yield which of two has the higher and the lower number, and what they come to; nothing where their units differ."""
    (a, first), (b, second) = left, right
    (sign, x, unit), (other_sign, y, other_unit) = (_AMOUNT.fullmatch(fact.answer).groups() for fact in (first, second))
    if (sign, unit) != (other_sign, other_unit) or float(x) == float(y):
        return
    statements = f"The {label} of {a} is {first.answer}. The {label} of {b} is {second.answer}."
    fill = {"a": a, "b": b, "label": label}
    for word, is_first in (("higher", float(x) > float(y)), ("lower", float(x) < float(y))):
        question = rng.choice(_HIGHER).format(**fill).replace("higher", word)
        than = f"{first.answer} is {'more' if word == 'higher' else 'less'} than {second.answer}."
        if not is_first:
            than = f"{second.answer} is {'more' if word == 'higher' else 'less'} than {first.answer}."
        yield _row(question, f"{statements} {than}", a if is_first else b)
    total = first.answer.replace(x, f"{float(x) + float(y):g}", 1)
    yield _row(
        rng.choice(_TOTAL).format(**fill), f"{statements} {first.answer} plus {second.answer} is {total}.", total
    )


def _of_steps(title: str, facts: list[Fact], rng: random.Random) -> Iterator[dict]:
    """Yield the number of numbered steps, and what comes after each, where the passages show them from the first on."""
    steps = {int(match[1]): fact for fact in facts if (match := _STEP.match(fact.sentence))}
    if len(steps) < 2 or sorted(steps) != [*range(1, len(steps) + 1)]:
        return
    last = len(steps)
    yield _row(rng.choice(_COUNT).format(a=title), f"The last step of {title} is number {last}.", str(last))
    for number in range(2, last + 1):
        fill = {"a": title, "m": number - 1, "done": steps[number - 1].answer}
        yield _row(rng.choice(_AFTER).format(**fill), steps[number].sentence, steps[number].answer)
