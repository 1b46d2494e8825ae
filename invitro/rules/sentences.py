"""Extract the facts of an English passage by rules: a sentence, and the phrase in it that a question can ask for.

Nothing here knows the made-up world. The rules are of English: the position of the object in a short sentence, units,
prepositions. They work best on sentences that state a single fact about the document's subject, and skip what they
cannot parse.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_UNITS = (
    "euros?|dollars?|percent|%|kg|grams?|km|miles?|watts?|volts?|degrees|days?|weeks?|months?|years?|hours?|minutes?|"
    "seconds?|business days|calendar days"
)
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
COLOURS = "red|blue|green|yellow|black|white|grey|gray|orange|purple|brown|silver|pink"
_MEASURE = re.compile(
    rf"\b\d{{1,2}} (?:{MONTHS})\b|\b(?:{MONTHS})\b(?: \d{{1,2}})?|\b(?:{DAYS})\b|"
    rf"[$€£]?\b\d+(?:[.,:]\d+)*(?:%|(?:[- ](?:{_UNITS}))\b)?"
)
_COLOUR = re.compile(rf"\b(?:{COLOURS})\b")
_PREPOSITIONS = set(
    "of in at on by for from with without as to under over above below into about within after before since until "
    "through during between against per via among".split()
)
_AUXILIARIES = set("is are was were can could may might must should will would shall has have had does do did".split())
_COPULAS = {"is", "are", "was", "were", "be"}
_PRONOUN = re.compile(
    r"^(?:It|This \w+|The (?:product|model|site|list|incident|contract|procedure|policy|document|page))(?= [a-z])"
)
_OPENING = re.compile(r"^(?:For|At|On|By|In|From|With|After|Before|During|Each|Every|Under) [^,]{2,60}, (?=\S)")
_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!Dr\.)(?<!Mr\.)(?<!Ms\.)\s+(?=[\"“(]?[A-Z0-9])")
_STEP = re.compile(r"^\s*(?:step )?(\d{1,2})[.):]\s+(.+)$", re.IGNORECASE)
_PAIR = re.compile(rf"^\W*([A-Za-z][\w ()/'-]{{2,40}}?)(?:: | )((?:[$€£]?\d[\d.,:]*(?: (?:{_UNITS}))?))\s*$")
_IRREGULAR = set(
    "led put struck hit began drew lost cost took became held kept made gave went saw ran sent set paid came".split()
)
_RULE = re.compile(r"\|[|: -]*-[|: -]*")  # the line below the header of a table in Markdown
_NAMED = re.compile(r"[A-Z]\w+ [A-Z]\w+ [a-z]")  # somebody, or something, does what follows
_PRONOUNS = {"it", "them", "him", "her", "this", "that"}
_ADVERBS = {"only", "also", "again"}
_IMPERATIVES = set("wear bring dial plan use take call keep see add send".split())


@dataclass(frozen=True)
class Fact:
    """A sentence that names its subject, and the phrase in it that a question can ask for."""

    subject: str
    sentence: str
    answer: str
    """as it stands in the sentence"""

    @property
    def before(self) -> str:
        """The text before the answer."""
        return self.sentence[: self._start()].rstrip()

    @property
    def after(self) -> str:
        """The text after the answer, without the full stop."""
        return self.sentence[self._start() + len(self.answer) :].rstrip(" .")

    def _start(self) -> int:
        masked = self.sentence.replace(self.subject, "\0" * len(self.subject)) if self.subject else self.sentence
        match = re.search(rf"(?<!\w){re.escape(self.answer)}(?!\w)", masked, re.IGNORECASE)
        return match.start() if match else self.sentence.lower().rindex(self.answer.lower())


def facts(title: str, text: str) -> Iterator[Fact]:
    """Yield the facts that `text`, a passage of the document `title`, states, in order."""
    header: list[str] = []
    for line, below in pairwise([*lines(text), ""]):
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if _RULE.fullmatch(below):
                header = cells
            elif not _RULE.fullmatch(line):
                yield from _of_row(title, header if len(header) == len(cells) else [""] * len(cells), cells)
            continue
        header = []
        if line == title:  # a heading without its mark
            continue
        step, pair = _STEP.match(line), _PAIR.match(line)
        if step:
            action = step[2].rstrip(".")
            action = action[0].lower() + action[1:]
            yield Fact(title, f"Step {step[1]} of {title} is to {action}.", action)
        elif pair and not line.endswith("."):
            yield Fact(title, f"The {_lower(pair[1])} of {title} is {pair[2]}.", pair[2])
        else:
            for sentence in sentences(line):
                if stated := fact(title, sentence):
                    yield stated


def lines(text: str) -> Iterator[str]:
    """Yield the lines of `text`: broken paragraph lines joined, headings left out."""
    for block in re.split(r"\n\s*\n", text.replace("\f", "\n\n")):
        paragraph: list[str] = []
        for line in block.splitlines():
            line = re.sub(r"^\s*[-*•]\s+", "", line).strip()
            is_whole = line.startswith(("|", "#")) or _STEP.match(line) or (_PAIR.match(line) and not paragraph)
            if paragraph and is_whole:
                yield " ".join(paragraph)
                paragraph = []
            if is_whole and not line.startswith("#"):
                yield line
            elif line and not is_whole and not _bare_heading(line, paragraph):
                paragraph.append(line)
        if paragraph:
            yield " ".join(paragraph)


def _bare_heading(line: str, paragraph: list[str]) -> bool:
    """Return whether `line` looks like a heading without its mark: short, a capital first, no stop, after a stop or nothing."""
    after_stop = not paragraph or paragraph[-1].endswith((".", "!", "?"))
    return after_stop and len(line.split()) <= 3 and line[0].isupper() and line[-1].isalnum()


def sentences(line: str) -> list[str]:
    """Return the whole sentences of a paragraph."""
    return [
        piece.strip() for piece in _END.split(line) if re.search(r"[.!?]$", piece.strip()) and len(piece.split()) > 2
    ]


def fact(title: str, sentence: str) -> Fact | None:
    """Return the fact in `sentence`, with the document's subject for a pronoun at its start; None: no rule applies."""
    if not sentence.endswith(".") or len(sentence.split()) > 40:
        return None
    if title not in sentence:
        sentence = _PRONOUN.sub(title.replace("\\", " "), sentence)
    masked = sentence.replace(title, "\0" * len(title)) if title else sentence
    measure = max(_MEASURE.findall(masked), key=len, default="") or "".join(_COLOUR.findall(masked)[:1])
    if measure:
        return Fact(title, sentence, measure)
    if title not in sentence and len(sentence.split()) < 9:  # it does not say what it is about
        return None
    answer = _object(title, sentence.rstrip("."))
    if (
        not answer
        or len(answer.split()) > 8
        or answer.split()[0] in _PRONOUNS
        or not re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", sentence, re.IGNORECASE)
    ):
        return None
    return Fact(title, sentence, answer)


def _of_row(title: str, header: list[str], cells: list[str]) -> Iterator[Fact]:
    """Yield a fact per cell after the first, about what the row's first cell names."""
    for name, value in zip(header[1:], cells[1:], strict=True):
        if not cells[0] or not value:
            continue
        if name.lower() in ("value", ""):
            yield Fact(title, f"The {_lower(cells[0])} of {title} is {value}.", value)
        else:
            yield Fact(title, f"In {title}, the {_lower(name)} of the {_lower(cells[0])} is {value}.", value)


def _object(title: str, sentence: str) -> str:
    """Return the noun phrase of a sentence without numbers that is the answer: after its subject, or before its verb."""
    start = sentence.find(title) if title else -1
    if start < 0:
        return _complement(sentence.split())
    tail = sentence[start + len(title) :].strip(" ,").split()
    if tail and not _NAMED.match(sentence[:start]):
        return _complement(tail, led=start == 0)
    return _agent(_OPENING.sub("", sentence[:start]).split())


def _complement(words: list[str], led: bool = False) -> str:
    """Return the phrase after the last preposition or copula of `words`; else what follows the verb they start with."""
    words = [word for word in words if word.lower() not in _ADVERBS]
    for index in range(len(words) - 1, -1, -1):
        if words[index] in _COPULAS:
            rest = words[index + 1 :]
            return " ".join(rest[1:] if len(rest) > 1 and re.search(r"^[a-z]+(ed|en)$", rest[0]) else rest)
        if words[index] in _PREPOSITIONS and index + 1 < len(words):
            return " ".join(words[index + 1 :])
    verb = 0 if led or not words or words[0].lower() in _IMPERATIVES else 1
    return " ".join(words[verb + 1 :])


def _agent(words: list[str]) -> str:
    """Return the agent in `words`, which lead up to the document's subject: the phrase before the verb."""
    if words and words[0].lower() in _IMPERATIVES:
        stop = next((n for n, word in enumerate(words[1:], 1) if word in _PREPOSITIONS), len(words))
        return " ".join(words[1:stop])
    for index, word in enumerate(words[1:], 1):
        follows = words[index + 1] if index + 1 < len(words) else ""
        verb = word in _AUXILIARIES or word in _IRREGULAR or (word.islower() and re.search(r"(?:[^s]s|ed)$", word))
        if verb and follows not in _COPULAS:
            phrase = words[:index]
            if phrase[0] == "The" and "of" in phrase:
                phrase = phrase[phrase.index("of") + 1 :]
            return " ".join(phrase)
    return ""


def _lower(text: str) -> str:
    return text if text.isupper() else text[0].lower() + text[1:]
