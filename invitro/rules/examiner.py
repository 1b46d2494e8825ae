"""An examiner by rules: asks for facts, for facts by way of another document, and for what a passage does not state.

It sees only the prompt. What it asks for where there is no answer is what another passage states about its own subject.
"""

import random
import re

from invitro.rules import wordings
from invitro.rules.judge import words
from invitro.rules.prompts import number_wanted, passages
from invitro.rules.sentences import Fact

_NAME = re.compile(r"<name>(.*?)</name>", re.DOTALL)
_QUESTION = re.compile(r"<question>(.*?)</question>", re.DOTALL)
_FRAME = set(
    "who number missing here one long much many money hour share answer remember please tell me documents say need know quick "
    "question notes you recall fill gap my i what".split()
)


def exam_questions(prompt: str, rng: random.Random) -> dict:
    """Return exam questions with answers, each about another fact."""
    _, facts = passages(prompt)[0]
    rows = [_row(fact, rng) for fact in rng.sample(facts, min(number_wanted(prompt), len(facts)))]
    return {"questions": rows}


def two_document_questions(prompt: str, rng: random.Random) -> dict:
    """Return a question about the second passage's subject, by what the first passage says of it; none without a rule."""
    name = _NAME.search(prompt)[1]
    (_, first), (title, second) = passages(prompt)
    descriptions = [text for fact in first if fact.answer == name for text in wordings.descriptions(fact)[:1]]
    facts = [fact for fact in second if name in (title, fact.subject) and name in fact.sentence]
    if not descriptions or not facts:
        return {"questions": []}
    row, description = _row(rng.choice(facts), rng), rng.choice(descriptions)
    return {"questions": [row | {"question": row["question"].replace(name, description)}]}


def unanswered_questions(prompt: str, rng: random.Random) -> dict:
    """Return questions about the first passage's subject for facts that only the second passage states, of its own.

    Only for facts whose kind of answer shows in the question: whether there is an answer can then be told by that.
    """
    (title, own), (other, facts) = passages(prompt)
    named = [fact for fact in facts if other in fact.sentence and other not in fact.answer]
    moved = [Fact(title, fact.sentence.replace(other, title), fact.answer) for fact in named]
    asked = [(fact, _row(fact, rng)["question"]) for fact in rng.sample(moved, len(moved))]
    rows = [question for fact, question in asked if any(kind in question for kind in wordings.answer_kinds(fact))]
    rows = [question for question in rows if not any(_answers(fact, title, question) for fact in own)]
    return {"questions": [{"question": question} for question in rows[: number_wanted(prompt)]]}


def passage_check(prompt: str, rng: random.Random) -> dict:
    """Return whether a fact of the passages answers the question in the prompt."""
    question = _QUESTION.search(prompt)[1]
    facts = [(title, fact) for title, facts in passages(prompt) for fact in facts]
    answer = next((fact for title, fact in facts if _answers(fact, title, question)), None)
    return {"reason": answer.sentence if answer else "no passage states it", "answered": answer is not None}


def _row(fact: Fact, rng: random.Random) -> dict:
    return {"question": rng.choice(wordings.examination(fact)), "answer": fact.answer}


def _answers(fact: Fact, title: str, question: str) -> bool:
    """Return whether `fact` may answer `question`: it has its names, and the kind of answer or half of the words asked for.

    The kind (how many days, what colour, who) decides where it shows: other words may say the same.
    """
    names = {name for name in re.findall(r"(?<=\s)[A-Z]\w+|\b\w*\d\w*\b", question) if name.lower() not in _FRAME}
    if not names <= set(re.findall(r"\w+", f"{title} {fact.sentence}")):
        return False
    if any(kind in question for kind in wordings.answer_kinds(fact)):
        return True
    plain = re.sub(r"\b(?:[A-Z]\w+|\w*\d\w*)\b", "", question)
    wanted = set(words(plain)) - _FRAME
    return bool(wanted) and len(wanted & set(words(fact.sentence))) >= 0.5 * len(wanted)
