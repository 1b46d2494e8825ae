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

from invitro.rules import judge, teacher

# Another name whenever the rules say something else: answers are kept, and stages run again, by it.
MODEL, EMBEDDING = "rules-2", "rules-embedding-1"
WIDTH = 256  # of an embedding

_BY_SCHEMA = {
    "TrainingQuestions": teacher.training_questions,
    "ExamQuestions": teacher.exam_questions,
    "Strategies": teacher.strategies,
    "Aims": teacher.aims,
    "Entities": teacher.entities,
}
_JUDGED = {"Verdict": judge.correct, "Support": judge.supported}


class NoRule(ValueError):
    """A prompt that no rule fits."""


def reply(messages: list[dict], schema: str | None, seed: int) -> str:
    """Return what the rules say to `messages`; `schema` names the structure asked for. Raises NoRule."""
    prompt = messages[-1]["content"]
    rng = random.Random(f"{seed} {prompt}")
    if schema in _BY_SCHEMA:
        return json.dumps(_BY_SCHEMA[schema](prompt, rng), ensure_ascii=False)
    if schema in _JUDGED:
        return json.dumps(_JUDGED[schema](prompt), ensure_ascii=False)
    if (judged := judge.ragas(prompt)) is not None:
        return json.dumps(judged, ensure_ascii=False)
    if "<entities>" in prompt:
        return teacher.relation(prompt, rng)
    if "<strategy>" in prompt:
        return teacher.document(prompt, rng)
    if (text := teacher.rewritten(prompt, rng)) is not None:
        return text
    raise NoRule(f"{MODEL} is a set of rules for closedbook's own prompts and RAGAS's; it has none for this one")


def embed(text: str) -> list[float]:
    """Return a unit vector of the text's words, hashed (Weinberger et al. 2009), (WIDTH,)."""
    vector = np.zeros(WIDTH)
    for word in judge.words(text):
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "big") % WIDTH] += 1 if digest[4] % 2 else -1
    return (vector / (np.linalg.norm(vector) or 1)).round(6).tolist()


async def chat(request: web.Request) -> web.Response:
    """Answer POST /v1/chat/completions."""
    asked = await request.json()
    if asked.get("model") != MODEL:
        return _error(404, f"there is no model {asked.get('model')!r} here; this server has {MODEL}")
    if not asked.get("messages"):
        return _error(400, "messages are missing")
    wanted = asked.get("response_format") or {}
    schema = (wanted.get("json_schema") or {}).get("name")
    try:
        text = reply(asked["messages"], schema, asked.get("seed") or 0)
    except NoRule as error:  # anything else is a fault of the rules, a 500
        return _error(400, str(error))
    message = {"role": "assistant", "content": text}
    used = {
        "prompt_tokens": _tokens("".join(m["content"] for m in asked["messages"])),
        "completion_tokens": _tokens(text),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "chatcmpl-rules", "object": "chat.completion", "created": 0, "model": MODEL}
    return web.json_response(head | {"choices": [choice], "usage": used | {"total_tokens": sum(used.values())}})


async def embeddings(request: web.Request) -> web.Response:
    """Answer POST /v1/embeddings."""
    asked = await request.json()
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    rows = [{"object": "embedding", "index": at, "embedding": embed(text)} for at, text in enumerate(texts)]
    used = sum(map(_tokens, texts))
    return web.json_response(
        {"object": "list", "model": EMBEDDING, "data": rows, "usage": {"prompt_tokens": used, "total_tokens": used}}
    )


async def models(request: web.Request) -> web.Response:
    """Answer GET /v1/models."""
    return web.json_response(
        {"object": "list", "data": [{"id": name, "object": "model"} for name in (MODEL, EMBEDDING)]}
    )


def _tokens(text: str) -> int:
    """Return about how many tokens a language model would count: four characters each."""
    return len(text) // 4 + 1


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=status)


def app() -> web.Application:
    """Return the server."""
    made = web.Application(client_max_size=2**26)
    made.add_routes([
        web.post("/v1/chat/completions", chat), web.post("/v1/embeddings", embeddings), web.get("/v1/models", models),
    ])  # fmt: skip
    return made


async def _serve(port: int) -> None:
    """Serve until standard input closes: whoever started the server holds its other end."""
    runner = web.AppRunner(app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve on the given port."""
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--port", type=int, required=True)
    asyncio.run(_serve(args.parse_args().port))


if __name__ == "__main__":
    main()
