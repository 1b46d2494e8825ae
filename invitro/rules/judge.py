"""A judge by rules: answers RAGAS's prompts and the pipeline's own, told apart by the schema that they carry.

A statement follows from a text when its numbers and nearly all of its other content words stand close together
there. That is a lexical check: it knows no synonyms and no negation, and its name says that it is rules.
"""

import json
import re

from invitro.rules import wordings
from invitro.rules.sentences import Fact, fact, sentences

_INPUT = re.compile(r"Now perform the same with the following input\s*input:\s*(\{.*\})\s*Output:", re.DOTALL)
_FIELD = re.compile(r"<(question|reference|answer)>(.*?)</\1>", re.DOTALL)
_PASSAGE = re.compile(r'<passage from="(?P<heading>[^"\n]*)">\n(?P<text>.*)\n</passage>', re.DOTALL)
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
_EMPTY = set(
    "a an the of in on at by for from with to as and or is are was were be been it this that these those its there "
    "what which who whom whose how when where answer says said tell do does did has have had will would can may must".split()
)
_EVASIVE = re.compile(
    r"\b(?:do(?:es)? not (?:tell|say|know)|don't know|not sure|not in the documents|it depends)\b", re.IGNORECASE
)
_NEAR = 60  # words within which a statement's words must stand
_ENOUGH = 0.75  # of a statement's content words


def words(text: str) -> list[str]:
    """Return the content words and numbers of `text`, lower case, a plural s dropped."""
    found = [word.lower() for word in _WORD.findall(text)]
    return [re.sub(r"(?<=[a-z]{3})s$", "", word) for word in found if word not in _EMPTY]


def follows(statement: str, text: str) -> bool:
    """Tell whether `statement` follows from `text`: all of its numbers and enough of its words, near each other."""
    wanted = set(words(statement))
    if not wanted:
        return False
    numbers = {word for word in wanted if word[0].isdigit()}
    given = words(text)
    for start in range(0, max(1, len(given) - _NEAR // 2), _NEAR // 4):
        window = set(given[start : start + _NEAR])
        if numbers <= window and len(wanted & window) >= _ENOUGH * len(wanted):
            return True
    return False


def statements(data: dict) -> dict:
    """RAGAS StatementGeneratorOutput: the sentences of an answer; a bare answer is joined to its question."""
    told, _, final = data["answer"].rpartition("Answer:")
    found = [piece for line in told.splitlines() for piece in sentences(line)]
    if not found and final.strip():
        found = [f"{data['question'].rstrip('?')}: {final.strip()}."]
    return {"statements": found}


def nli(data: dict) -> dict:
    """RAGAS NLIStatementOutput: whether each statement follows from the context."""
    judged = []
    for statement in data["statements"]:
        holds = follows(statement, data["context"])
        reason = (
            "its words stand together in the context" if holds else "its words do not stand together in the context"
        )
        judged.append({"statement": statement, "reason": reason, "verdict": int(holds)})
    return {"statements": judged}


def relevance(data: dict) -> dict:
    """RAGAS AnswerRelevanceOutput: the question that an answer seems to be an answer to."""
    told, _, final = data["response"].rpartition("Answer:")
    said = sentences(told.strip().splitlines()[0]) if told.strip() else []
    if said and final.strip().rstrip(".") and final.strip().rstrip(".") in said[-1]:
        guessed = wordings.backwards(Fact("", said[-1], final.strip().rstrip(".")))
    else:
        found = fact("", said[-1]) if said else None
        guessed = wordings.backwards(found) if found else f"What is {final.strip() or 'this'}?"
    return {"question": guessed, "noncommittal": int(bool(_EVASIVE.search(data["response"])))}


def precision(data: dict) -> dict:
    """RAGAS ContextPrecisionOutput: whether a passage was useful for the reference answer to a question."""
    answer, asked, given = words(data["answer"]), set(words(data["question"])), set(words(data["context"]))
    useful = bool(answer) and set(answer) <= given and len(asked & given) >= 0.4 * len(asked)
    return {
        "reason": "it holds the answer and what is asked about" if useful else "it lacks them",
        "verdict": int(useful),
    }


def correct(prompt: str) -> dict:
    """The pipeline's own Verdict: an answer is correct when it has the reference's numbers and most of its words."""
    fields = dict(_FIELD.findall(prompt))
    wanted, said = set(words(fields.get("reference", ""))), set(words(fields.get("answer", "")))
    numbers = {word for word in wanted if word[0].isdigit()}
    right = bool(wanted) and numbers <= said and len(wanted & said) >= 0.6 * len(wanted)
    return {"reason": f"{len(wanted & said)} of the reference's {len(wanted)} words are there", "verdict": int(right)}


def supported(prompt: str) -> dict:
    """The pipeline's own Support: a passage supports a text when it has all of its numbers and, but for framing, its words."""
    said = {word for text in _FIELD.findall(prompt) if text[0] == "answer" for word in words(text[1])}
    passage = _PASSAGE.search(prompt)
    given = set(words(f"{passage['heading']} {passage['text']}")) if passage else set()
    strange = said - given
    right = bool(said) and not any(word[0].isdigit() for word in strange) and len(strange) <= 0.5 * len(said)
    return {"reason": f"{len(strange)} of its {len(said)} words are not in the passage", "verdict": int(right)}


def ragas(prompt: str) -> dict | None:
    """Return the answer to one of RAGAS's prompts, by the schema it carries; None for another prompt."""
    found = _INPUT.search(prompt)
    if not found:
        return None
    for name, judge in _RAGAS.items():
        if f'"title": "{name}"' in prompt:
            return judge(json.loads(found[1]))
    return None


_RAGAS = {
    "StatementGeneratorOutput": statements,
    "NLIStatementOutput": nli,
    "AnswerRelevanceOutput": relevance,
    "ContextPrecisionOutput": precision,
}
