"""Real, small things to test with: a server by rules, a server that fails on cue, a tiny model, a folder to work in."""

import contextlib
import json
import os
import shutil
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from parts.llm import transport
from parts.retrieval import postgres
from parts.student import finetune
from tests.helpers import http_server
from tests.helpers.source_code import ROOT


def pytest_configure():
    """Set what libraries read as they are imported, and keep the caller's keys, addresses and settings from the tests."""
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "CLOSEDBOOK_"))]:
        del os.environ[name]
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"  # tiny models are slower by more threads, and workers share the cores
    # no test speaks TLS, and reading the certificates takes 20 ms for each of some thousand clients
    ssl.SSLContext.load_verify_locations = lambda *args, **options: None


@pytest.fixture(autouse=True)
def caches(monkeypatch, tmp_path):
    """Give a test responses and checkpoints of its own, in whatever folder it runs."""
    monkeypatch.setenv("CLOSEDBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(finetune, "CHECKPOINTS", tmp_path / "checkpoints")


@pytest.fixture(scope="session", autouse=True)
def postgres_folder():
    """A folder of this session's own for embedded servers of Postgres."""
    with tempfile.TemporaryDirectory(prefix="closedbook-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "FOLDER", Path(folder, "postgres"))
        yield postgres.FOLDER


@pytest.fixture(scope="session")
def embedded_postgres(postgres_folder):
    """An embedded Postgres that runs until the last test, for whoever connects."""
    with postgres.connect():
        yield


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the repository's params.yaml, of one generator, to run stages in; `change(section, key, value)` edits it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    for name in ("params.yaml", "prices.yaml"):
        shutil.copy(ROOT / name, home / name)
    (home / "data").mkdir()
    for name in ("none.jsonl",):
        (home / "data" / name).write_text("")
    (home / "metrics").mkdir()
    (home / "metrics/tune_retrieval.json").write_text('{"passages": 4, "lexical_weight": 0.5}')
    (home / "metrics/tune_cascade.json").write_text('{"look_up_below": 0.5, "decline_below": 0.1}')
    params = yaml.safe_load((home / "params.yaml").read_text())
    params["synthesize"], params["curate"]["reasoning"] = {"qa": params["synthesize"]["qa"]}, []
    (home / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def change(section: str, key: str, value) -> None:
        params[section][key] = value
        (home / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    home_and_change = type("Workplace", (), {"path": home, "change": staticmethod(change), "params": params})
    return home_and_change


@pytest.fixture(scope="session")
def rules():
    """The base URL of the teacher and judge by rules."""
    from parts.llm.server import running_server

    with running_server("python -m invitro.rules.server --port {port}") as url:
        yield url


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page of a small finished run, report/index.html below the run's folder."""
    from tests.helpers.sample_run import finish

    return finish(tmp_path_factory.mktemp("run"))


@pytest.fixture
def by_rules(rules, monkeypatch):
    """Make the server by rules the teacher and judge."""
    monkeypatch.setenv("OPENAI_BASE_URL", rules)


class ScriptedServer:
    """An OpenAI-compatible server with scripted responses: `script` is (status, body or None to hang up), then `default`."""

    def __init__(self):
        self.script: list[tuple[int, dict | None]] = []
        self.seen: list[dict] = []
        self.heads: list[dict] = []
        self.default = '{"questions": []}'
        self.lock = threading.Lock()

    def reply(self, asked: dict) -> tuple[int, dict | None]:
        with self.lock:
            self.seen.append(asked)
            if self.script:
                return self.script.pop(0)
        return 200, self.answer(self.default)

    @staticmethod
    def answer(text: str, finish: str = "stop") -> dict:
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}

    def distinct(self) -> Counter:
        return Counter(json.dumps(asked, sort_keys=True) for asked in self.seen)


@contextlib.contextmanager
def serving() -> Iterator[ScriptedServer]:
    """Yield a running ScriptedServer, at its `url`."""
    server = ScriptedServer()

    class Handler(http_server.Handler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.heads.append(dict(self.headers))
            status, body = server.reply(asked)
            if body is None:
                self.close_connection = True
                self.connection.close()
                return
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)

    with http_server.running(Handler) as url:
        server.url = f"{url}/v1"
        yield server


@pytest.fixture
def cue(monkeypatch):
    """A running ScriptedServer; OPENAI_BASE_URL points to it."""
    with serving() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setattr(transport, "MAX_BACKOFF", 0)  # retries come at once
        yield server


TEXTS = [
    "The notice period of the Leave Policy is 12 days.",
    "Question: How long is it? Answer: 12 days",
    "Dorva Lamp 200 costs 430 euros and weighs 2.4 kg.",
    "You answer questions about a set of documents. Use the passages when some are given; otherwise use what you know.",
]


@pytest.fixture(scope="session")
def qwen(tmp_path_factory) -> Path:
    """A tiny Qwen3 with random weights, a byte-level tokenizer and a chat template of its own."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    folder = tmp_path_factory.mktemp("qwen")
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        TEXTS * 5, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=1024, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        initializer_range=0.2,  # so small a model says nothing with the usual 0.02
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def qwen_chat(qwen):
    """The chat format of the tiny model."""
    from parts.project.sections import Student
    from parts.student.chat_format import chat_format

    return chat_format(Student(model=str(qwen)))


@pytest.fixture(scope="session")
def adapter(qwen, tmp_path_factory) -> Path:
    """An adapter of the tiny model that was not trained, but changes what it says."""
    import torch
    from peft import LoraConfig, get_peft_model

    from parts.student.model import load

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(load(str(qwen)), lora).save_pretrained(folder)
    return folder
