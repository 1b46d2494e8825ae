"""Turn a fact into questions, by rules of English: three disjoint sets of wordings for three uses.

`training` for training rows, `examination` for an exam that the teacher writes, `backwards` for the question that
RAGAS has a judge generate from an answer.
"""

import re

from invitro.rules.sentences import Fact

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_LOOKS = {  # pattern of an answer -> the words that ask for it
    r"(?:1[5-9]|20)\d\d": "what year",
    r"\d\d?:\d\d": "what hour",
    r"[A-Z][a-z]+day": "what day",
    _MONTH: "what month",
    rf"\d\d? {_MONTH}|{_MONTH} \d\d?": "what date",
    r"red|blue|green|yellow|black|white|grey|gray|orange|purple|brown|silver|pink": "what colour",
    r"\S+ (?:euros?|dollars?)|[$€£]\S+": "how much money",
    r"\S+ (?:percent|%)|\S+%": "what share",
    r"\S+ (?:kg|grams?)": "what weight",
    r"\S+ (?:watts?|volts?)": "what power",
    r"\S+ (?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)": "how long",
}
_NUMBER = re.compile(r"[$€£]?\d[\d.,:]*(?:[ -]?(.+))?")
_ROLE = re.compile(r"\bby$|^The (?:\w+ )?\w+[eo]r of .+ (?:is|was)$")  # before the name of an agent
_LABELLED = re.compile(r"^The (.+) of (?:.+) (?:is|was|are|were)$")
_SMALL = set("the a an all every each at by for from in to with on under questions orders".split())
_FRAMES = (
    "{q}", "Please tell me: {q}", "{q} What do the documents say?", "I need to know: {q}", "A quick question: {q}",
    "Do you know this? {q}", "For my notes: {q}", "Can you recall: {q}",
)  # fmt: skip
_OPENINGS = ("Say ", "State ", "Do you remember ")


def training(fact: Fact) -> list[str]:
    """Return ways to ask for `fact`: its questions, each as it is and after words that people put before one."""
    return [frame.format(q=question) for question in plain(fact) for frame in _FRAMES]


def plain(fact: Fact) -> list[str]:
    """Return questions for `fact`, each different: the sentence's own order, a turned one, a gap, a bare label."""
    questions = []
    for what in _whats(fact):
        question = f"{fact.before} {what}{_after(fact)}".strip()
        questions += [question[0].upper() + question[1:] + "?"]
        questions += [turned] if (turned := _turned(fact, what)) else []
    questions += _labelled(fact)
    return [*questions, f"Fill the gap: {fact.before} ___{_after(fact)}.".replace(":  ", ": ")]


def examination(fact: Fact) -> list[str]:
    """Return ways to ask for `fact` in an exam: indirect questions, none of which a training row begins like."""
    what, before, after = (answer_kinds(fact) or _whats(fact))[0], fact.before, _after(fact)
    if before and not before.startswith(fact.subject or before):
        before = before if before.split()[0].isupper() else before[0].lower() + before[1:]
    if not before:
        asked = f"{'who' if what == 'who or what' else what}{after}"
    elif not after:
        asked = f"{what} {before}"
    else:
        asked = f"{what} is missing here: {before} ...{after}"
    return [opening + asked + ("?" if opening.endswith("remember ") else ".") for opening in _OPENINGS]


def answer_kinds(fact: Fact) -> list[str]:
    """Return the words that ask for an answer like that of `fact`: what colour, how many days, who; not what alone."""
    kinds = [words for words in _whats(fact) if words.islower() and words not in ("what", "who", "who or what")]
    return kinds or (["who"] if fact.answer.istitle() else [])


def descriptions(fact: Fact) -> list[str]:
    """Return noun phrases for the answer of `fact`, such as "the head of Lyon Office"; none where no rule gives one."""
    if not fact.subject or fact.subject not in f"{fact.before} {fact.after}":
        return []
    if _LABELLED.match(fact.before) and not fact.after:
        return [re.sub(r"^The (.+) (?:is|was|are|were)$", r"the \1", fact.before)]
    if not fact.before:
        after = fact.after.strip()
        return [f"the one that {after}", f"the one who {after}", f"whoever {after}"]
    if fact.before.startswith(fact.subject) and not fact.after:
        return [f"the one {fact.before}", f"the one that {fact.before}"]
    rest, _, preposition = fact.before.rpartition(" ")
    if preposition in ("at", "by", "for", "from", "in", "to", "with") and not fact.after:
        return [f"the one {preposition} whom {_lower(rest)}", f"the one {_lower(rest)} {preposition}"]
    return []


def _lower(text: str) -> str:
    """Return `text` without the capital of a sentence's start, where that is an article's or a preposition's."""
    first = text.partition(" ")[0]
    return text[0].lower() + text[1:] if first.lower() in _SMALL else text


def backwards(fact: Fact) -> str:
    """Return the most natural question that `fact` answers."""
    questions = _labelled(fact) or [_turned(fact, _whats(fact)[0])]
    return questions[0] or f"What is stated about {fact.subject or fact.before}?"


def _whats(fact: Fact) -> list[str]:
    """Return the words that ask for the answer in its place: what, who; how many days and how long."""
    number = _NUMBER.fullmatch(fact.answer)
    unit = f"how many {number[1]}" if number and number[1] and number[1].isalpha() else ""
    look = next((words for look, words in _LOOKS.items() if re.fullmatch(look, fact.answer)), "")
    if specific := [words for words in (unit, look) if words]:
        return specific
    if number:
        return ["what number"]
    if not fact.answer.istitle():
        return ["what"]
    return ["who" if _ROLE.search(fact.before) else "what" if fact.before else "who or what"]


def _turned(fact: Fact, what: str) -> str:
    """Return the question with `what` and its verb in front, where the subject comes first and the answer last; "" elsewhere."""
    if not fact.subject or not fact.before.startswith(fact.subject) or fact.after:
        return ""
    rest = fact.before.removeprefix(fact.subject).split()
    if not rest:
        return ""
    verb, more = rest[0], " ".join(rest[1:])
    what = what[0].upper() + what[1:]
    if verb in ("is", "was", "are", "were", "can", "may", "must", "should", "has", "will") and not (
        verb == "has" and not more
    ):
        return f"{what} {verb} {fact.subject} {more}".strip() + "?"
    if verb.endswith("s") and not verb.endswith("ss"):
        return f"{what} does {fact.subject} {_plain(verb)} {more}".strip() + "?"
    return ""


def _plain(verb: str) -> str:
    """Return the verb without the ending of the third person: carries -> carry, reaches -> reach, costs -> cost."""
    if verb == "has":
        return "have"
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    if re.search(r"(?:ch|sh|ss|x|zz|o)es$", verb):
        return verb[:-2]
    return verb[:-1]


def _labelled(fact: Fact) -> list[str]:
    """Return questions for `The colour of X is red`: there the sentence itself names what is asked for."""
    subject = re.escape(fact.subject) or ".+"
    match = re.match(rf"^The (.+) of ({subject}) (is|was|are|were)$", fact.before)
    if not match or fact.after:
        return []
    label, subject, verb = match.groups()
    what = "Who" if _whats(fact) == ["who"] else "What"
    return [f"{what} {verb} the {label} of {subject}?", f"{subject}: {label}?", f"Which {label} does {subject} have?"]


def _after(fact: Fact) -> str:
    """Return what follows the answer, with its space where there is one."""
    return fact.after if not fact.after or fact.after[0] in ",;:'" else f" {fact.after.strip()}"
