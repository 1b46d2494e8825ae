"""Turn a fact into questions, by rules of English: three sets of wordings for three uses, none shared.

`training` for rows a student studies, `examination` for the exam of those who have no questions, `backwards` for the
question that RAGAS has a judge guess from an answer.
"""

import re

from invitro.sentences import Fact

_NUMBER = re.compile(r"^[$€£]?\d[\d.,:]*(?:[ -]?(.+))?$")
_FRAMES = (
    "{q}", "Please tell me: {q}", "{q} What do the documents say?", "I need to know: {q}", "A quick question: {q}",
    "Do you know this? {q}", "For my notes: {q}", "Can you recall: {q}",
)  # fmt: skip


def training(fact: Fact) -> list[str]:
    """Return ways to ask for `fact`, each different; the sentence's own order, a turned one, a gap, a bare label."""
    what = _what(fact)
    told = f"{fact.before} {what}{_after(fact)}".strip()
    found = [told[0].upper() + told[1:] + "?"]
    found += [turned] if (turned := _turned(fact)) else []
    found += _labelled(fact)
    found.append(f"Fill the gap: {fact.before} ___{_after(fact)}.".replace(":  ", ": "))
    return [frame.format(q=question) for question in found for frame in _FRAMES]


def examination(fact: Fact) -> list[str]:
    """Return ways to ask for `fact` in an exam."""
    return [
        f"Which words or number complete what is stated here: {fact.before} ...{_after(fact)}",
        f"About {fact.subject}, one reads: {fact.before} [...]{_after(fact)}. What was left out?",
    ]


def backwards(fact: Fact) -> str:
    """Return the most natural question that `fact` answers."""
    return (_labelled(fact) or [_turned(fact)])[0] or f"What is stated about {fact.subject or fact.before}?"


def _what(fact: Fact) -> str:
    """Return the words that ask for the answer in its place: what, how many days, whom."""
    number = _NUMBER.match(fact.answer)
    if number:
        return f"how many {number[1]}" if number[1] and number[1].isalpha() else "what number"
    return "what"


def _turned(fact: Fact) -> str:
    """Return the question with its verb in front, where the subject comes first and the answer last; "" elsewhere."""
    if not fact.subject or not fact.before.startswith(fact.subject) or fact.after:
        return ""
    rest = fact.before.removeprefix(fact.subject).split()
    if not rest:
        return ""
    verb, more = rest[0], " ".join(rest[1:])
    what = _what(fact)
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
    found = re.match(rf"^The (.+) of ({subject}) (is|was|are|were)$", fact.before)
    if not found or fact.after:
        return []
    label, subject, verb = found.groups()
    return [f"What {verb} the {label} of {subject}?", f"{subject}: {label}?", f"Which {label} does {subject} have?"]


def _after(fact: Fact) -> str:
    """Return what follows the answer, with its space where there is one."""
    return fact.after if not fact.after or fact.after[0] in ",;:'" else f" {fact.after.strip()}"
