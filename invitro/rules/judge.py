"""A judge by rules: answers RAGAS's prompts and the pipeline's own, told apart by the schema that they carry.

A statement follows from a text when its numbers and most of its other content words occur close together there. That
is a lexical check, without synonyms and negation, and its name says that it is rules.
"""

import json
import re

from invitro.rules import wordings
from invitro.rules.sentences import Fact, fact, sentences

_INPUT = re.compile(r"Now perform the same with the following input\s*input:\s*(\{.*\})\s*Output:", re.DOTALL)
FIELD = re.compile(r"<(question|reference|answer)>(.*?)</\1>", re.DOTALL)
_PASSAGE = re.compile(r'<passage from="(?P<heading>[^"\n]*)">\n(?P<text>.*)\n</passage>', re.DOTALL)
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
EMPTY = set(
    "a an the of in on at by for from with to as and or is are was were be been it this that these those its there "
    "what which who whom whose how when where answer says said tell do does did has have had will would can may must".split()
)
_EVASIVE = re.compile(
    r"\b(?:do(?:es)? not (?:tell|say|know)|don't know|not sure|not in the documents|it depends)\b", re.IGNORECASE
)
_WINDOW = 60  # words within which a statement's words must occur
_THRESHOLD = 0.75  # share of a statement's content words


def words(text: str) -> list[str]:
    """Return the content words and numbers of `text`, lower case, a plural s dropped."""
    lower = [word.lower() for word in _WORD.findall(text)]
    return [re.sub(r"(?<=[a-z]{3})s$", "", word) for word in lower if word not in EMPTY]


def follows(statement: str, text: str) -> bool:
    """Return whether `statement` follows from `text`: all of its numbers and enough of its words, in one window."""
    wanted = set(words(statement))
    if not wanted:
        return False
    numbers = {word for word in wanted if word[0].isdigit()}
    sequence = words(text)
    for start in range(0, max(1, len(sequence) - _WINDOW // 2), _WINDOW // 4):
        window = set(sequence[start : start + _WINDOW])
        if numbers <= window and len(wanted & window) >= _THRESHOLD * len(wanted):
            return True
    return False


def statements(data: dict) -> dict:
    """RAGAS StatementGeneratorOutput: the sentences of an answer; a bare answer is joined to its question."""
    reasoning, _, final = data["answer"].rpartition("Answer:")
    pieces = [piece for line in reasoning.splitlines() for piece in sentences(line)]
    if not pieces and final.strip():
        pieces = [f"{data['question'].rstrip('?')}: {final.strip()}."]
    return {"statements": pieces}


def nli(data: dict) -> dict:
    """RAGAS NLIStatementOutput: whether each statement follows from the context."""
    verdicts = []
    for statement in data["statements"]:
        holds = follows(statement, data["context"])
        reason = (
            "its words stand together in the context" if holds else "its words do not stand together in the context"
        )
        verdicts.append({"statement": statement, "reason": reason, "verdict": int(holds)})
    return {"statements": verdicts}


def relevance(data: dict) -> dict:
    """RAGAS AnswerRelevanceOutput: the question that a response seems to answer."""
    reasoning, _, final = data["response"].rpartition("Answer:")
    answer = final.strip().rstrip(".")
    steps = sentences(reasoning.strip().splitlines()[0]) if reasoning.strip() else []
    if steps and answer and answer in steps[-1]:
        question = wordings.backwards(Fact("", steps[-1], answer))
    else:
        last = fact("", steps[-1]) if steps else None
        question = wordings.backwards(last) if last else f"What is {final.strip() or 'this'}?"
    return {"question": question, "noncommittal": int(bool(_EVASIVE.search(data["response"])))}


def precision(data: dict) -> dict:
    """RAGAS ContextPrecisionOutput: whether a passage was useful for the reference answer to a question."""
    answer, question, context = (set(words(data[key])) for key in ("answer", "question", "context"))
    useful = bool(answer) and answer <= context and len(question & context) >= 0.4 * len(question)
    return {
        "reason": "it holds the answer and what is asked about" if useful else "it lacks them",
        "verdict": int(useful),
    }


def supported(prompt: str) -> dict:
    """The pipeline's own Support: a passage supports a text when it has all of its numbers and, but for framing, its words."""
    answer = {word for name, text in FIELD.findall(prompt) if name == "answer" for word in words(text)}
    passage = _PASSAGE.search(prompt)
    context = set(words(f"{passage['heading']} {passage['text']}")) if passage else set()
    unsupported = answer - context
    has_number = any(word[0].isdigit() for word in unsupported)
    right = bool(answer) and not has_number and len(unsupported) <= 0.5 * len(answer)
    return {"reason": f"{len(unsupported)} of its {len(answer)} words are not in the passage", "verdict": int(right)}


def ragas(prompt: str) -> dict | None:
    """Return the answer to one of RAGAS's prompts, by the schema it carries; None for another prompt."""
    match = _INPUT.search(prompt)
    if not match:
        return None
    for name, judge in _RAGAS.items():
        if f'"title": "{name}"' in prompt:
            return judge(json.loads(match[1]))
    return None


_RAGAS = {
    "StatementGeneratorOutput": statements,
    "NLIStatementOutput": nli,
    "AnswerRelevanceOutput": relevance,
    "ContextPrecisionOutput": precision,
}
