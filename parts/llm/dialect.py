"""What a server does not take: a parameter that its error names is left out, or renamed, for the rest of the run.

The cache knows a request as it was asked, not as it was sent: samples stay apart where the server has no `seed`.
"""

import re

from parts.llm.server_reply import MAX_ERROR, error_text

OPTIONAL = ("seed", "top_p", "temperature")  # where an error names several, the first is left out first
RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
JSON_OBJECT = {"response_format": {"type": "json_object"}}

_REFUSAL = re.compile(
    r"not support|n't support|unsupported|unknown|unrecogni[sz]ed|unexpected|extra|not permitted|not allowed|cannot find"
    r"|only the default",
    re.IGNORECASE,
)
_OF_THE_PROMPT = re.compile(
    r"\bcontext\b|context_length|\btokens\b|too (?:long|large|many)|content.?(?:filter|policy|management)|safety"
    r"|moderation|blocked|inappropriate|sensitive",
    re.IGNORECASE,
)

Changes = dict[str, str | None]
"""the name of a parameter -> its name at this server; None: left out"""

IN_WORDS: Changes = {"json_schema": "json_object with the schema in words"}
"""what `Client.ask` does where a server refuses a schema"""


def sent(request: dict, changes: Changes) -> dict:
    """Return `request` as a server takes it."""
    names = {name: changes.get(name, name) for name in request}
    if changes.get("json_object", "") is None and JSON_OBJECT.items() <= request.items():
        names["response_format"] = None
    return {name: request[old] for old, name in names.items() if name is not None}


def learn(request: dict, changes: Changes, status: int, body: bytes) -> Changes | None:
    """Return `changes` with one more, by the error that `request` as sent met; None where it names no such parameter."""
    if status not in (400, 422):
        return None
    text = error_text(body)
    named = [name for name in sent(request, changes) if re.search(rf"\b{name}\b", text)]
    for name in OPTIONAL:
        if name in named:
            return changes | {name: None}
    for name in RENAMED:
        if name in named and _REFUSAL.search(text):
            original = next((old for old, new in changes.items() if new == name), name)
            return changes | {original: RENAMED[name] if original == name else None}
    is_json_object = JSON_OBJECT.items() <= sent(request, changes).items()
    return changes | {"json_object": None} if is_json_object and re.search("response_format|json", text) else None


def is_of_the_prompt(status: int, body: bytes) -> bool:
    """Tell whether an error is about one prompt, its length or its content, so that others may be taken."""
    return status == 413 or bool(_OF_THE_PROMPT.search(body[:MAX_ERROR].decode(errors="replace")))


def describe(changes: Changes, before: Changes) -> str:
    """Return what changed since `before`, in words."""
    new = {name: to for name, to in changes.items() if before.get(name, name) != to}
    return " and ".join(f"sent {name} as {to}" if to else f"left out {name}" for name, to in new.items())
