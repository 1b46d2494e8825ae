"""Engines give the same answers in any batch and behind any server; options are shown to all arms in the same words."""

import asyncio
import contextlib
import copy
import json
import math
import re
import shutil
import time
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.answering import arm_engine, decoding, openai_engine, transformers_engine
from parts.answering.decoding import greedy, length_batches, prefill
from parts.answering.engine import PromptBuilder
from parts.llm import client
from parts.llm.server import SECRETS, running_server
from parts.project.errors import UserError
from parts.project.sections import Server, Student
from parts.student.chat_format import ChatFormat
from parts.student.model import tokenizer
from parts.text import answer_format
from schemas.answers import Answers
from schemas.questions import Questions
from stages import answer
from tests.helpers import http_server
from tests.helpers.completions_server import completions_server

OPTIONS = ["twelve days", "a lamp", "430 euros and some more words", "not at all"]


@pytest.fixture(scope="module")
def qwen_tokenizer(qwen_chat):
    return qwen_chat.tokenizer


@pytest.fixture(scope="module")
def here(qwen, qwen_chat):
    return transformers_engine.Engine(str(qwen), qwen_chat, 12, 512)


@pytest.fixture(scope="module")
def prompts(here):
    return [here.prompt("word " * n + f"{n}?", [])[0] for n in (1, 40, 3, 25, 2, 12, 7)]


def test_batches_that_finished_answers_leave_give_the_answers_of_a_plain_loop_of_generate(
    here, qwen_tokenizer, prompts
):
    import torch

    plain = []
    for prompt in prompts:
        ids = qwen_tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            output = here.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
                eos_token_id=sorted(here.ends), pad_token_id=qwen_tokenizer.pad_token_id,
            )  # fmt: skip
        plain.append(output[0, ids.shape[1] :].tolist())
    responses = here.respond(prompts, batch=4)
    assert [r.new_tokens for r in responses] == [len(ids) for ids in plain]
    assert [r.text for r in responses] == [
        qwen_tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in plain
    ]
    assert all(
        r.stopped == (ids[-1] in here.ends) and r.first_token_seconds > 0
        for r, ids in zip(responses, plain, strict=True)
    )


def test_a_device_for_many_tokens_takes_as_many_forwards_as_generate(qwen, qwen_chat, prompts, monkeypatch):
    engine, forwards = transformers_engine.Engine(str(qwen), qwen_chat, 12, 512), []
    engine.ends = set()  # so that all answers are of 12 tokens
    engine.model.register_forward_pre_hook(lambda *_: forwards.append(1))
    monkeypatch.setitem(decoding.PREFILL_TOKENS, "cpu", decoding.PREFILL_TOKENS["cuda"])
    engine.respond(prompts * 2, batch=len(prompts))
    assert len(forwards) == 2 * 12
    monkeypatch.setitem(decoding.PREFILL_TOKENS, "cpu", 1)
    engine.respond(prompts * 2, batch=len(prompts))
    assert len(forwards) == 2 * 12 + 2 * (len(prompts) + 11), "prompts one by one, answers at once"


def test_a_batch_that_fills_the_memory_is_answered_in_halves_and_no_later_one_is_larger(qwen, qwen_chat, prompts, here):
    import torch

    engine, refused, fits = transformers_engine.Engine(str(qwen), qwen_chat, 12, 512), [], 2

    def refuse(module, args, inputs) -> None:
        if len(inputs["input_ids"]) > fits:
            refused.append(len(inputs["input_ids"]))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    engine.model.register_forward_pre_hook(refuse, with_kwargs=True)
    whole = [response.text for response in here.respond(prompts, batch=4)]
    assert [response.text for response in engine.respond(prompts, batch=4)] == whole and len(refused) == 1
    assert [response.text for response in engine.respond(prompts, batch=4)] == whole and len(refused) == 1
    fits = 0
    with pytest.raises(UserError, match="the memory of the device is full: one question and its answer do not fit"):
        engine.respond(prompts, batch=4)


def test_an_answer_that_ends_early_leaves_the_batch_and_the_others_go_on(qwen, qwen_tokenizer, prompts, qwen_chat):
    """Ends are put where some answers pass by and others do not."""
    engine = transformers_engine.Engine(str(qwen), qwen_chat, 12, 512)
    tokens = greedy(
        engine.model, qwen_tokenizer, qwen_tokenizer(prompts, add_special_tokens=False).input_ids, set(), 2, 1
    )
    engine.ends = {[token for row, token, _ in tokens if row == 1][1]}  # what the second prompt is answered second
    lengths = [r.new_tokens for r in engine.respond(prompts, batch=len(prompts))]
    assert min(lengths) < max(lengths)
    assert lengths == [engine.respond([prompt], batch=1)[0].new_tokens for prompt in prompts]


def test_confidence_is_that_of_the_tokens_of_the_answer_whatever_the_batch(here, prompts, qwen_tokenizer):
    import torch

    batched = here.respond(prompts, batch=4)
    for prompt, response in zip(prompts, batched, strict=True):
        ids = torch.tensor([here.tokenizer(prompt, add_special_tokens=False).input_ids])
        with torch.inference_mode():
            output = here.model.generate(
                ids, max_new_tokens=12, do_sample=False, eos_token_id=sorted(here.ends), output_logits=True,
                return_dict_in_generate=True,
            )  # fmt: skip
        best = [logits.float().log_softmax(-1).max().item() for logits in output.logits]
        assert response.confidence == pytest.approx(math.exp(sum(best) / len(best)), abs=1e-4)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(1, 16), st.integers(1, 5000))
def test_batches_hold_every_prompt_once_the_longest_first_within_rows_and_tokens(lengths, max_rows, max_tokens):
    batches = list(length_batches(lengths, max_rows, max_tokens))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    flat = [lengths[index] for batch in batches for index in batch]
    assert flat == sorted(flat, reverse=True)
    assert all(len(b) <= max_rows and (len(b) == 1 or len(b) * lengths[b[0]] <= max_tokens) for b in batches)


def test_a_cache_that_others_cannot_join_is_decoded_to_its_end_first(
    qwen, qwen_tokenizer, prompts, here, tmp_path, qwen_chat
):
    """A model with a sliding window has a cache of another kind; its prompts fit the window, so its answers are the same."""
    shutil.copytree(qwen, tmp_path / "sliding")
    config = json.loads((qwen / "config.json").read_text())
    config |= {
        "use_sliding_window": True,
        "sliding_window": 512,
        "layer_types": ["sliding_attention", "full_attention"],
    }
    (tmp_path / "sliding/config.json").write_text(json.dumps(config))
    engine = transformers_engine.Engine(str(tmp_path / "sliding"), qwen_chat, 12, 512)
    prompt_ids = qwen_tokenizer(prompts[:2], add_special_tokens=False).input_ids
    batches = [prefill(item.model, qwen_tokenizer, prompt_ids, [0, 1]) for item in (engine, here)]
    assert [batch.mergeable() for batch in batches] == [False, True]
    assert [r.text for r in engine.respond(prompts, 2)] == [r.text for r in here.respond(prompts, 2)]


def test_the_likeliest_option_is_the_one_of_the_highest_mean_log_probability(here, qwen_tokenizer, prompts):
    import torch

    for prompt in prompts[:3]:
        means = []
        for option in OPTIONS:
            prefix = qwen_tokenizer(prompt + answer_format.MARK, add_special_tokens=False).input_ids
            ids = qwen_tokenizer(prompt + answer_format.format_answer("", option), add_special_tokens=False).input_ids
            assert ids[: len(prefix)] == prefix
            with torch.inference_mode():
                logprobs = here.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
            values = [logprobs[n - 1, ids[n]].item() for n in range(len(prefix), len(ids))]
            means.append(sum(values) / len(values))
        assert here.choose(prompt, OPTIONS) == OPTIONS[means.index(max(means))]
        assert here.choose(prompt, OPTIONS[::-1]) == here.choose(prompt, OPTIONS)


def test_a_served_model_gets_the_same_prompts_and_gives_and_chooses_the_same_answers(here, qwen_chat, prompts):
    with completions_server({"student": here}) as (url, requests):
        there = openai_engine.Engine(url, "student", qwen_chat, 12, 512)
        assert there.prompt("Where?", [("Title", "text")]) == here.prompt("Where?", [("Title", "text")])
        served, local = there.respond(prompts, batch=3), here.respond(prompts, batch=3)
        assert [(r.text, r.stopped, r.prompt_tokens) for r in served] == [
            (r.text, r.stopped, r.prompt_tokens) for r in local
        ]
        assert {(request["temperature"], request["max_tokens"]) for request in requests} == {(0, 12)}
        assert {request["prompt"] for request in requests} == set(prompts)
        assert all(0 < response.first_token_seconds < 60 for response in served + local)
        assert [there.choose(p, OPTIONS) for p in prompts[:3]] == [here.choose(p, OPTIONS) for p in prompts[:3]]
        echoes = [request for request in requests if request.get("echo")]
        assert len(echoes) == 3 * len(OPTIONS)
        assert {(request["logprobs"], request["max_tokens"], request["temperature"]) for request in echoes} == {
            (1, 1, 0)
        }


@pytest.mark.parametrize("takes_ids", [True, False])
def test_a_served_adapter_stops_where_its_student_does_and_not_where_its_base_would(
    qwen, qwen_chat, prompts, takes_ids
):
    """A token of an answer is made the end; the server does not know it of itself."""
    base = transformers_engine.Engine(str(qwen), qwen_chat, 12, 512)
    ids = base.tokenizer(prompts, add_special_tokens=False).input_ids
    chat = copy.copy(qwen_chat)
    tokens = [token for row, token, _ in greedy(base.model, base.tokenizer, ids, set(), 12, 1) if row == 1]
    chat.ends = {next(token for token in tokens[1:] if chat.ids(chat.tokenizer.decode([token])) == [token])}
    base.ends = set()
    with completions_server({"student": base}, takes_ids=takes_ids) as (url, requests):
        there = openai_engine.Engine(url, "student", chat, 12, 512)
        served = there.respond(prompts, batch=3)
    local = transformers_engine.Engine(str(qwen), chat, 12, 512).respond(prompts, batch=3)
    assert served[1].stopped
    assert [(r.text, r.stopped) for r in served] == [(r.text, r.stopped) for r in local]
    assert takes_ids == ("stop_token_ids" in requests[-1])


@pytest.mark.slow
def test_a_real_server_answers_as_this_process_does(here, qwen_chat, prompts, qwen, monkeypatch):
    """transformers' own server, which returns no log-probabilities."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # two processes, so few cores
    command = (
        "python -m transformers.cli.transformers serve --host 127.0.0.1 --port {port} --dtype float32 --device cpu"
    )
    with running_server(command) as url:
        there = openai_engine.Engine(url, str(qwen), qwen_chat, 12, 512)
        served, local = there.respond(prompts[:4], batch=2), here.respond(prompts[:4], batch=2)
        assert [(r.text, r.stopped) for r in served] == [(r.text, r.stopped) for r in local]
        assert there.choose(prompts[0], OPTIONS) is None


def test_a_prompt_to_this_machine_goes_to_no_proxy(here, qwen_chat, prompts, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(openai_engine, "RETRIES", 0)
    with completions_server({"student": here}) as (url, requests):
        openai_engine.Engine(url, "student", qwen_chat, 12, 512).respond(prompts[:1], 1)
        assert len(requests) == 1


@pytest.mark.parametrize("tells", [True, False])
def test_a_served_answer_has_the_confidence_that_the_server_tells_or_none(here, qwen_chat, prompts, tells):
    with completions_server({"student": here}, tells=tells) as (url, _):
        served = openai_engine.Engine(url, "student", qwen_chat, 12, 512).respond(prompts[:3], 2)
    local = here.respond(prompts[:3], 2)
    assert [r.text for r in served] == [r.text for r in local]
    confidences = [pytest.approx(r.confidence, abs=1e-4) for r in local] if tells else [None] * 3
    assert [r.confidence for r in served] == confidences


def test_a_server_without_log_probabilities_leaves_the_likeliest_open(here, qwen_chat, prompts):
    with completions_server({"student": here}, echoes=False) as (url, _):
        assert openai_engine.Engine(url, "student", qwen_chat, 12, 512).choose(prompts[0], OPTIONS) is None


def test_a_model_that_the_server_does_not_have_is_an_error_of_one_line(here, qwen_chat, prompts):
    with (
        completions_server({"student": here}) as (url, _),
        pytest.raises(UserError, match=r"adapter at http.*answer\.served"),
    ):
        openai_engine.Engine(url, "adapter", qwen_chat, 12, 512).respond(prompts[:2], 2)


@pytest.mark.parametrize("begins", [True, False], ids=["a template with BOS", "a template without"])
def test_a_served_model_whose_tokenizer_adds_a_bos_token_reads_the_same_as_here(qwen, qwen_tokenizer, begins):
    from tokenizers.processors import TemplateProcessing

    adding = tokenizer(Student(model=qwen_tokenizer.name_or_path))
    adding.add_special_tokens({"bos_token": "<|im_start|>"})
    bos = ("<|im_start|>", adding.bos_token_id)
    adding._tokenizer.post_processor = TemplateProcessing(single="<|im_start|> $A", special_tokens=[bos])
    adding.chat_template = adding.chat_template if begins else adding.chat_template.replace("<|im_start|>", "")
    chat = ChatFormat(adding, Student(model="m"))
    here = transformers_engine.Engine(str(qwen), chat, 12, 512)
    prompts = [here.prompt(f"Where, {n}?", [])[0] for n in range(3)]
    assert prompts[0].startswith("<|im_start|>") and not prompts[0].startswith("<|im_start|><|im_start|>")
    with completions_server({"student": here}) as (url, requests):
        there = openai_engine.Engine(url, "student", chat, 12, 512)
        served, local = there.respond(prompts, 2), here.respond(prompts, 2)
        assert [(r.text, r.stopped, r.prompt_tokens) for r in served] == [
            (r.text, r.stopped, r.prompt_tokens) for r in local
        ]
        assert [there.choose(p, OPTIONS) for p in prompts] == [here.choose(p, OPTIONS) for p in prompts]
        sent = [request["prompt"] for request in requests if not request.get("echo")]
        assert sorted(sent) == sorted(adding(prompts, add_special_tokens=False).input_ids)


LATE = 0.3  # seconds
EVENT = 'data: {"choices": [{"index": 0, "text": "A lamp"%s}]}\n\n'
CHAT = 'data: {"choices": [{"index": 0, "delta": {"content": "A lamp"}, "finish_reason": "stop"}]}\n\n'


@contextlib.contextmanager
def saying(body: str, length: int | None = None, rest: str = ""):
    """Yield the URL of a server that says `body` with status 200, and that it were `length` bytes long; `rest` comes late."""

    class Handler(http_server.Handler):
        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(length or len((body + rest).encode())))
            self.end_headers()
            self.wfile.write(body.encode())
            if rest:
                time.sleep(LATE)
                self.wfile.write(rest.encode())

    with http_server.running(Handler) as url:
        yield f"{url}/v1"


@pytest.mark.parametrize(
    ("body", "length", "told"),
    [
        ("<html>\n<p>Sign in</p>\n</html>", None, "without a finish reason, or is no stream of events"),
        ('{"error": {"message": "overloaded"}}', None, "is no stream of events"),
        ("", None, "is no stream of events"),
        (EVENT % "", None, "ended without a finish reason"),
        (EVENT % "" + "data: [DONE]\n\n", None, "ended without a finish reason"),
        (EVENT % "", 9999, "peer closed connection"),
        ('data: {"error": {"message": "out of memory"}}\n\n', None, "out of memory"),
        ("data: {\n\n", None, "no completion"),
        ('data: "yes"\n\n', None, "no completion"),
        ("data: []\n\n", None, "no completion"),
        (CHAT, None, "no completion"),
        (EVENT % ', "finish_reason": "abort"', None, "ended by 'abort'"),
        (EVENT % ', "finish_reason": "content_filter"', None, "ended by 'content_filter'"),
    ],
)
def test_what_is_no_whole_response_is_an_error_of_one_line_and_no_empty_answer(
    qwen_chat, monkeypatch, body, length, told
):
    monkeypatch.setattr(openai_engine, "RETRIES", 0)
    with saying(body, length) as url:
        engine = openai_engine.Engine(url, "m", qwen_chat, 4, 64)
        with pytest.raises(UserError, match=told) as error:
            engine.respond(["?"], 1)
        assert "\n" not in str(error.value) and url in str(error.value)
        with pytest.raises(UserError, match=r"no completion|Connection error"):
            engine.choose("?", OPTIONS)


def test_the_time_of_the_first_token_is_that_of_the_first_piece_of_text(qwen_chat):
    with saying(EVENT % "", rest=EVENT % ', "finish_reason": "stop"') as url:
        engine = openai_engine.Engine(url, "m", qwen_chat, 4, 64)
        start = time.perf_counter()
        (response,) = engine.respond(["?"], 1)
    assert 0 < response.first_token_seconds <= time.perf_counter() - start - LATE


@pytest.mark.parametrize(("finish", "stopped"), [("stop", True), ("eos_token", True), ("length", False)])
def test_a_response_stops_by_itself_or_at_the_limit(qwen_chat, finish, stopped):
    usage = 'data: {"choices": [], "usage": {"completion_tokens": 2}}\n\n'
    with saying(EVENT % "" + EVENT % f', "finish_reason": "{finish}"' + usage) as url:
        (response,) = openai_engine.Engine(url, "m", qwen_chat, 4, 64).respond(["?"], 1)
    assert (response.text, response.stopped) == ("A lampA lamp", stopped)


def test_a_tokenizer_that_adds_a_token_to_every_text_adds_none_to_a_prompt(qwen, here, qwen_tokenizer, prompts):
    from tokenizers.processors import TemplateProcessing

    adding = tokenizer(Student(model=qwen_tokenizer.name_or_path))
    token = ("<|im_start|>", adding.convert_tokens_to_ids("<|im_start|>"))
    adding._tokenizer.post_processor = TemplateProcessing(single="<|im_start|> $A", special_tokens=[token])
    assert adding("a").input_ids != qwen_tokenizer("a").input_ids
    engine = transformers_engine.Engine(str(qwen), ChatFormat(adding, Student(model="m")), 12, 512)
    assert engine.tokens("a lamp") == here.tokens("a lamp")
    assert [(r.text, r.prompt_tokens) for r in engine.respond(prompts[:3], 2)] == [
        (r.text, r.prompt_tokens) for r in here.respond(prompts[:3], 2)
    ]
    assert [engine.choose(p, OPTIONS) for p in prompts[:3]] == [here.choose(p, OPTIONS) for p in prompts[:3]]


@pytest.mark.parametrize("merge", [True, False])
def test_an_adapter_is_merged_unless_it_is_not_to_be(adapter, qwen_chat, merge):
    engine = transformers_engine.Engine(str(adapter), qwen_chat, 4, 64, merge=merge)
    assert any("lora" in name for name, _ in engine.model.named_parameters()) != merge


def test_options_stand_lettered_below_the_question_in_the_same_words_for_all(here):
    text, shown = here.prompt("How long?", [("Leave", "It is 12 days.")], OPTIONS)
    assert shown == 1
    assert "Question: How long?\nA. twelve days\nB. a lamp\nC. 430 euros and some more words\nD. not at all\n" in text
    assert text.index("It is 12 days.") < text.index("How long?")
    assert answer_format.lettered(["x"] * 28)[-3:] == ["Z. x", "27. x", "28. x"]
    assert "A. " not in PromptBuilder(here.chat, 4, 512).prompt("How long?", [])[0]


def test_an_arm_answers_open_questions_in_words_and_others_by_likelihood_too(here):
    row = {"doc_id": None, "kind": "fact", "references": ["x"], "answerable": True, "gold_chunk_ids": []}
    rows = [
        row | {"question_id": "a", "question": "How long?", "options": None},
        row | {"question_id": "b", "question": "Which?", "options": OPTIONS},
    ]
    answers = answer.answer(Questions.frame(rows), {}, here, 2, "exam", 4)
    Answers.check(answers, "answers")
    likeliest = dict(answers.select("question_id", "likeliest").rows())
    assert likeliest["a"] is None and likeliest["b"] in OPTIONS
    assert answers["new_tokens"].min() > 0 and set(answers["seed"]) == {4}
    assert answers.schema["likeliest"] == pl.String


def answer_params(**changes) -> arm_engine.AnswerParams:
    values = {"engine": "openai", "serve": None, "served": {}, "max_prompt_tokens": 512, "max_new_tokens": 8}
    return arm_engine.AnswerParams(**values | changes)


def test_models_are_asked_for_by_the_names_that_the_server_has_for_them(workplace, qwen, monkeypatch, tmp_path):
    workplace.change("student", "model", str(qwen))
    monkeypatch.setenv("CLOSEDBOOK_ENGINE_URL", "http://127.0.0.1:9/v1")
    section = answer_params(served={"adapter": "tuned-{seed}"})
    models = [("student", 0), ("adapter", 2), ("raw", 2), ("models/other", 0)]
    with arm_engine.server(section) as url:
        names = [arm_engine.engine(model, section, url, seed=seed).model for model, seed in models]
    assert names == [str(qwen), "tuned-2", "models/raw/2", "models/other"]


def test_the_server_is_the_one_of_the_environment_or_the_one_that_params_start(monkeypatch):
    with pytest.raises(UserError, match=r"answer\.serve"), arm_engine.server(answer_params()):
        pass
    with arm_engine.server(answer_params(serve="python -m invitro.rules.server --port {port}")) as url:
        assert url.startswith("http://127.0.0.1:")
    with arm_engine.server(answer_params(engine="transformers")) as url:
        assert url is None


def test_a_key_for_the_server_goes_to_it_and_a_teachers_does_not(here, qwen_chat, monkeypatch, cue):
    monkeypatch.setenv("OPENAI_API_KEY", "teachers")
    monkeypatch.setenv("CLOSEDBOOK_ENGINE_KEY", "engines")
    cue.reply = lambda request: (400, {"error": {"message": "no"}})
    with pytest.raises(UserError) as error:
        openai_engine.Engine(cue.url, "m", qwen_chat, 4, 64).respond(["?"], 1)
    sent = json.dumps(cue.heads)
    assert "Bearer engines" in sent and "teachers" not in sent and "engines" not in str(error.value)


LOGGING = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[2], "a") as log:
            print(self.path, self.headers, json.dumps(dict(os.environ)), file=log)
        self.send_response(401); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def set_secrets(monkeypatch) -> None:
    """Set every secret variable to its name in small letters."""
    for name in SECRETS:
        monkeypatch.setenv(name, f"mark-{name.lower()}")


def test_of_secrets_a_server_that_answers_sees_its_own_key_and_the_teachers_server_the_teachers(tmp_path, monkeypatch):
    set_secrets(monkeypatch)
    (tmp_path / "server.py").write_text(LOGGING)
    serve = f"python {tmp_path}/server.py {{port}} {tmp_path}"
    with arm_engine.server(answer_params(serve=f"{serve}/engine")):
        log = (tmp_path / "engine").read_text()
    assert "/v1/models" in log and "PATH" in log and "Authorization" not in log
    assert set(re.findall(r"mark-\w+", log)) == {"mark-closedbook_engine_key"}

    async def teacher() -> None:
        async with client.connect(Server(model="m", serve=f"{serve}/teacher")):
            pass

    asyncio.run(teacher())
    assert set(re.findall(r"mark-\w+", (tmp_path / "teacher").read_text())) == {"mark-openai_api_key"}


@pytest.mark.parametrize(("device", "clock"), [("cpu", "cpu"), ("cuda", "wall"), ("mps", "wall")])
def test_answers_are_charged_seconds_of_the_cpu_or_of_the_device(monkeypatch, device, clock):
    own = SimpleNamespace(device=SimpleNamespace(type=device), generation_config=SimpleNamespace(eos_token_id=1))
    own.eval = lambda: own
    monkeypatch.setattr(transformers_engine, "load", lambda *words, **flags: own)
    chat = SimpleNamespace(tokenizer=None, context=None, stops=lambda model: {1})
    assert transformers_engine.Engine("large", chat, 8, 100).clock == clock


def test_a_server_that_tells_no_places_has_no_likelihood_of_a_text_and_one_of_tokens():
    told = SimpleNamespace(token_logprobs=[None, -1.0, -3.0], text_offset=[])
    assert openai_engine._mean_logprob(told, 1, "a text") is None
    assert openai_engine._mean_logprob(told, 1, [5, 6, 7]) == -2.0
