"""A server of completions around an engine of this process, streaming, with a prompt's log-probabilities where it may."""

import contextlib
import json
import math
import threading
from collections.abc import Iterator

from parts.answering.transformers_engine import Engine
from tests.helpers import http_server


@contextlib.contextmanager
def completions_server(
    models: dict[str, Engine], echoes: bool = True, takes_ids: bool = True, tells: bool = True
) -> Iterator[tuple[str, list[dict]]]:
    """Yield the base URL of a server of `models` by name, and the list of what it was asked.

    It stops at the ids of a request, as vLLM does; without `takes_ids` it refuses them, and stops at the texts. Without `tells`
    it refuses to tell log-probabilities of what it answers.
    """
    seen: list[dict] = []
    alone = threading.Lock()

    class Handler(http_server.Handler):
        protocol_version = "HTTP/1.0"

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(request)
            engine = models.get(request["model"])
            if engine is None:
                return self.say(404, json.dumps({"error": {"message": f"no model {request['model']}"}}))
            if request.get("echo"):
                return self.say(200, json.dumps(echoed(engine, request))) if echoes else self.say(400, "{}")
            if "stop_token_ids" in request and not takes_ids:
                return self.say(422, '{"detail": "Unexpected fields in the request"}')
            if "logprobs" in request and not tells:
                return self.say(400, '{"error": {"message": "logprobs are not supported"}}')
            with alone:
                texts = [token for text in request["stop"] for token in engine.chat.ids(text)]
                engine.ends = engine.ends | set(request.get("stop_token_ids", texts))
                reply = engine.respond([as_text(engine, request["prompt"])], 1)[0]
            told = (
                {"token_logprobs": [math.log(reply.confidence)] * reply.new_tokens} if "logprobs" in request else None
            )
            pieces = [
                {"text": reply.text, "logprobs": told},
                {"text": "", "finish_reason": "stop" if reply.stopped else "length"},
            ]
            lines = [f"data: {json.dumps({'choices': [{'index': 0} | piece]})}\n\n" for piece in pieces]
            self.say(200, "".join(lines) + "data: [DONE]\n\n", "text/event-stream")

        def say(self, status: int, text: str, kind: str = "application/json"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

    with http_server.running(Handler) as url:
        yield f"{url}/v1", seen


def as_text(engine: Engine, prompt: str | list[int]) -> str:
    """Return what the model reads, as text: a server's tokenizer adds what it adds to texts, and nothing to token ids."""
    ids = engine.tokenizer(prompt).input_ids if isinstance(prompt, str) else prompt
    return engine.tokenizer.decode(ids)


def echoed(engine: Engine, request: dict) -> dict:
    """Return a completion with the log-probability of each token of its prompt, as vLLM tells them."""
    import torch

    text = as_text(engine, request["prompt"])
    tokens = engine.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = torch.tensor([tokens["input_ids"]])
    with torch.inference_mode():
        scores = engine.model(input_ids=ids).logits.log_softmax(-1)[0, :-1].gather(-1, ids[0, 1:, None])[:, 0]
    offsets = [start for start, _ in tokens["offset_mapping"]]
    logprobs = {"text_offset": offsets, "token_logprobs": [None, *scores.tolist()]}
    return {"choices": [{"index": 0, "text": text, "finish_reason": "length", "logprobs": logprobs}]}
