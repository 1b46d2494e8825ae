"""The format of an answer: its reasoning, then `Answer:` and the answer alone, or a refusal.

One format for training rows, for what every arm is asked to write, and for what scorers read.
"""

import re
import string
from collections.abc import Sequence

from parts.project import prompts
from parts.text import refusals

MARK = "Answer:"
REFUSAL = "not in the documents"
OR = "\nor "  # between the references of a question, where they are read as one text
_MARK = re.compile(rf"{MARK}\**", re.IGNORECASE)
HEDGES = (
    "not sure", "unsure", "not certain", "uncertain", "unclear", "cannot tell", "can't tell", "cannot say", "can't say",
    "hard to say", "perhaps", "maybe", "probably", "possibly", "presumably", "might be", "it seems", "seems to be",
    "appears to be", "i think", "i believe", "i guess", "i suppose", "best guess", "as far as i know", "if i remember",
)  # fmt: skip
"""Words by which an answer says that it may be wrong. Not `may be` and `could be`: rules and plans are full of them."""
_HEDGE = re.compile(rf"(?<!\w)(?:{'|'.join(HEDGES)})(?!\w)")


def build_messages(
    question: str, passages: list[tuple[str, str]], options: Sequence[str] | None = None
) -> list[dict[str, str]]:
    """Return the chat messages that ask `question`; `passages` are (heading, text), none for closed book.

    `options` stand below the question, a letter before each; None: an open question.
    """
    if options:
        question = prompts.render("answer/options", question=question, options="\n".join(lettered(options))).strip()
    shown = "".join(prompts.render("answer/passage", heading=heading, text=text) for heading, text in passages)
    user = prompts.render("answer/user", passages=shown, question=question).strip()
    return [{"role": "system", "content": prompts.render("answer/system").strip()}, {"role": "user", "content": user}]


def lettered(options: Sequence[str]) -> list[str]:
    """Return the options as they are shown: "A. the first", "B. the second"."""
    letters = string.ascii_uppercase
    return [
        f"{letters[index] if index < len(letters) else index + 1}. {option}" for index, option in enumerate(options)
    ]


def format_answer(reasoning: str, answer: str) -> str:
    """Return a full answer; without reasoning, the last line alone."""
    return f"{reasoning}\n{MARK} {answer}" if reasoning else f"{MARK} {answer}"


def extract_answer(response: str) -> str:
    """Return the text after the last `Answer:`, in upper or lower case; the whole response when there is none."""
    return _MARK.split(response)[-1].strip()


def is_in_form(response: str) -> bool:
    """Tell whether the last line of the response is the mark and an answer, as asked."""
    return response.strip().rpartition("\n")[2].startswith(f"{MARK} ")


def is_refusal(response: str) -> bool:
    """Tell whether the final answer, as a whole, says that the documents do not give one."""
    return refusals.declines(extract_answer(response))


def is_unclear(response: str) -> bool:
    """Tell whether the final answer is neither a refusal nor an answer: empty, hedged, or with words of a refusal in it."""
    answer = extract_answer(response)
    words = refusals.has_words_of_a_refusal(answer) or _HEDGE.search(refusals.plain(answer))
    return not is_refusal(response) and (not answer or bool(words))


def is_hedged(response: str) -> bool:
    """Tell whether the response, reasoning included, is a refusal or says that it may be wrong."""
    return is_refusal(response) or bool(_HEDGE.search(refusals.plain(response)))
