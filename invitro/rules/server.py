"""Serve the rule-based teacher and judge on loopback, by the OpenAI protocol: chat completions and embeddings.

python -m invitro.rules.server --port 8000
"""

import argparse
import asyncio
import hashlib
import json
import random
import sys

import numpy as np
from aiohttp import web

from invitro.rules import equivalence, examiner, judge, several, teacher

# Another name whenever the replies change: it is in the key of cached replies, and in params.yaml.
TEACHER, PROSE_TEACHER, JUDGE, EMBEDDING = "rules-4", "rules-prose-1", "rules-judge-1", "rules-embedding-1"
CHAT = (TEACHER, PROSE_TEACHER, JUDGE)
WIDTH = 256  # of an embedding

_BY_SCHEMA = {
    "TrainingQuestions": teacher.training_questions,
    "ExamQuestions": examiner.exam_questions,
    "TwoDocumentQuestions": examiner.two_document_questions,
    "UnansweredQuestions": examiner.unanswered_questions,
    "PassageCheck": examiner.passage_check,
    "JoinedQuestions": several.joined_questions,
    "StepQuestions": several.step_questions,
    "BoundaryQuestions": several.boundary_questions,
    "Strategies": teacher.strategies,
    "Aims": teacher.aims,
    "Entities": teacher.entities,
}
_JUDGED = {"Verdict": equivalence.correct, "Support": judge.supported}


class NoRule(ValueError):
    """A prompt that no rule fits."""


def reply(model: str, messages: list[dict], schema: str | None, seed: int) -> str:
    """Return the reply of `model`, one of CHAT, to `messages`; `schema` names the structured output. Raises NoRule."""
    prompt, rng = messages[-1]["content"], random.Random(f"{seed} {messages[-1]['content']}")
    if model == PROSE_TEACHER and schema == "TrainingQuestions":
        output = teacher.questions_about_prose(prompt, rng)
    else:
        output = _judge(prompt, schema) if model == JUDGE else _teach(prompt, schema, rng)
    if output is None:
        raise NoRule(f"{model} is a set of rules for prompts of closedbook and RAGAS; it has none for this one")
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)


def _judge(prompt: str, schema: str | None) -> dict | None:
    return _JUDGED[schema](prompt) if schema in _JUDGED else judge.ragas(prompt)


def _teach(prompt: str, schema: str | None, rng: random.Random) -> dict | str | None:
    if schema in _BY_SCHEMA:
        return _BY_SCHEMA[schema](prompt, rng)
    if "<entities>" in prompt:
        return teacher.relation(prompt, rng)
    if "<strategy>" in prompt:
        return teacher.document(prompt, rng)
    return teacher.rewritten(prompt, rng)


def embed(text: str) -> list[float]:
    """Return a unit vector of the text's words, hashed (Weinberger et al. 2009), (WIDTH,)."""
    vector = np.zeros(WIDTH)
    for word in judge.words(text):
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "big") % WIDTH] += 1 if digest[4] % 2 else -1
    return (vector / (np.linalg.norm(vector) or 1)).round(6).tolist()


async def chat(request: web.Request) -> web.Response:
    """Answer POST /v1/chat/completions."""
    body = await request.json()
    model = body.get("model")
    if model not in CHAT:
        return _error(404, f"there is no model {model!r} here; this server has {', '.join(CHAT)}")
    if not body.get("messages"):
        return _error(400, "messages are missing")
    output = body.get("response_format") or {}
    schema = (output.get("json_schema") or {}).get("name")
    try:
        text = reply(model, body["messages"], schema, body.get("seed") or 0)
    except NoRule as error:  # another error is a bug of the rules, a 500
        return _error(400, str(error))
    message = {"role": "assistant", "content": text}
    usage = {
        "prompt_tokens": _tokens("".join(m["content"] for m in body["messages"])),
        "completion_tokens": _tokens(text),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "chatcmpl-rules", "object": "chat.completion", "created": 0, "model": model}
    return web.json_response(head | {"choices": [choice], "usage": usage | {"total_tokens": sum(usage.values())}})


async def embeddings(request: web.Request) -> web.Response:
    """Answer POST /v1/embeddings."""
    body = await request.json()
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = [{"object": "embedding", "index": index, "embedding": embed(text)} for index, text in enumerate(texts)]
    tokens = sum(map(_tokens, texts))
    return web.json_response(
        {"object": "list", "model": EMBEDDING, "data": rows, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    )


async def models(request: web.Request) -> web.Response:
    """Answer GET /v1/models."""
    return web.json_response(
        {"object": "list", "data": [{"id": name, "object": "model"} for name in (*CHAT, EMBEDDING)]}
    )


def _tokens(text: str) -> int:
    """Return about how many tokens a language model would count: four characters each."""
    return len(text) // 4 + 1


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=status)


def app() -> web.Application:
    """Return the server."""
    server = web.Application(client_max_size=2**26)
    server.add_routes([
        web.post("/v1/chat/completions", chat), web.post("/v1/embeddings", embeddings), web.get("/v1/models", models),
    ])  # fmt: skip
    return server


async def _serve(port: int) -> None:
    """Serve until standard input closes: whoever started the server holds its other end."""
    runner = web.AppRunner(app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve on the port of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
