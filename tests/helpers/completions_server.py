"""A server of completions around an engine of this process, streaming, with a prompt's log-probabilities where it may."""

import contextlib
import json
import threading
from collections.abc import Iterator

from parts.answering.transformers_engine import Engine
from tests.helpers import http_server


@contextlib.contextmanager
def completions_server(models: dict[str, Engine], echoes: bool = True) -> Iterator[tuple[str, list[dict]]]:
    """Yield the base URL of a server of `models` by name, and the list of what it was asked."""
    seen: list[dict] = []
    alone = threading.Lock()

    class Handler(http_server.Handler):
        protocol_version = "HTTP/1.0"

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(asked)
            engine = models.get(asked["model"])
            if engine is None:
                return self.say(404, json.dumps({"error": {"message": f"no model {asked['model']}"}}))
            if asked.get("echo"):
                return self.say(200, json.dumps(echoed(engine, asked))) if echoes else self.say(400, "{}")
            with alone:
                said = engine.respond([asked["prompt"]], 1)[0]
            pieces = [{"text": said.text}, {"text": "", "finish_reason": "stop" if said.stopped else "length"}]
            lines = [f"data: {json.dumps({'choices': [{'index': 0} | piece]})}\n\n" for piece in pieces]
            self.say(200, "".join(lines) + "data: [DONE]\n\n", "text/event-stream")

        def say(self, status: int, text: str, kind: str = "application/json"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

    with http_server.running(Handler) as url:
        yield f"{url}/v1", seen


def echoed(engine: Engine, asked: dict) -> dict:
    """Return a completion with the log-probability of each token of its prompt, as vLLM tells them."""
    import torch

    told = engine.tokenizer(asked["prompt"], add_special_tokens=False, return_offsets_mapping=True)
    ids = torch.tensor([told["input_ids"]])
    with torch.inference_mode():
        sure = engine.model(input_ids=ids).logits.log_softmax(-1)[0, :-1].gather(-1, ids[0, 1:, None])[:, 0]
    offsets = [start for start, _ in told["offset_mapping"]]
    found = {"text_offset": offsets, "token_logprobs": [None, *sure.tolist()]}
    return {"choices": [{"index": 0, "text": asked["prompt"], "finish_reason": "length", "logprobs": found}]}
