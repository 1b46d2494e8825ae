"""Servers differ: what one refuses is left out or renamed and told once; what all would refuse ends the stage in its words."""

import asyncio
import contextlib
import json
import re

import pytest
from pydantic import BaseModel

from parts.llm import jobs
from parts.llm.client import Client, Reply, connect
from parts.llm.request import chat
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.llm.server_reply import error_text
from parts.project.errors import UserError
from parts.project.sections import Server
from tests.conftest import ScriptedServer


class Word(BaseModel):
    word: str


def openai_error(message: str, param: str | None = None) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param}}


SEED = {
    "Mistral": (422, {"message": {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}}),
    "Gemini": (
        400,
        [{"error": {"code": 400, "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'}}],
    ),
}
TEMPERATURE = (
    400,
    openai_error("Unsupported value: does not support 0.7 with this model. Only the default (1) is.", "temperature"),
)
NOT_BOTH = (400, openai_error("`temperature` and `top_p` cannot both be specified for this model."))
MAX_TOKENS = (
    400,
    openai_error("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
)


def speak(cue: ScriptedServer, refuses) -> None:
    """Have `cue` refuse the requests for which `refuses` returns (status, body)."""
    answer = cue.reply

    def reply(asked: dict) -> tuple[int, dict]:
        refusal = refuses(asked)
        if refusal:
            cue.seen.append(asked)
        return refusal or answer(asked)

    cue.reply = reply


def run(asking, count: int = 1) -> list[Reply]:
    """Return what `asking(client, n)` returns for n of `count`, one after the other."""

    async def work() -> list[Reply]:
        async with connect(Server(model="m")) as client:
            return [await asking(client, n) for n in range(count)]

    return asyncio.run(work())


def ask(**sampling):
    def asking(client: Client, number: int):
        return client.ask("a", sample=number, **sampling)

    return asking


@pytest.mark.parametrize("server", SEED)
def test_a_seed_that_is_refused_is_left_out_for_the_run_told_once_and_samples_stay_apart(cue, capsys, server):
    speak(cue, lambda asked: SEED[server] if "seed" in asked else None)
    cue.default = "x"
    assert run(ask(), 3) == [Reply("x")] * 3
    assert ["seed" in asked for asked in cue.seen] == [True, False, False, False]
    told = capsys.readouterr().err
    assert told.count("left out seed") == 1 and told.strip().count("\n") == 0
    assert run(ask(), 3) == [Reply("x")] * 3
    assert len(cue.seen) == 4, "each sample is in the cache by what was asked"
    run(ask(), 4)
    assert len(cue.seen) == 6


@pytest.mark.parametrize(
    ("refuses", "sent"),
    [
        (lambda asked: TEMPERATURE if "temperature" in asked else None, {"seed": 0, "top_p": 0.9, "max_tokens": 9}),
        (
            lambda asked: NOT_BOTH if {"temperature", "top_p"} <= set(asked) else None,
            {"seed": 0, "temperature": 0.7, "max_tokens": 9},
        ),
        (
            lambda asked: MAX_TOKENS if "max_tokens" in asked else None,
            {"seed": 0, "temperature": 0.7, "top_p": 0.9, "max_completion_tokens": 9},
        ),
        (lambda asked: None, {"seed": 0, "temperature": 0.7, "top_p": 0.9, "max_tokens": 9}),
    ],
    ids=["temperature", "one of two", "renamed", "none"],
)
def test_the_parameter_that_an_error_names_is_left_out_or_renamed_and_no_other(cue, refuses, sent):
    speak(cue, refuses)
    run(ask(temperature=0.7, top_p=0.9, max_tokens=9))
    assert {key: value for key, value in cue.seen[-1].items() if key not in ("messages", "model")} == sent


def test_refusals_one_after_the_other_are_each_learned(cue):
    def refuses(asked: dict) -> tuple[int, dict] | None:
        refusals = {"seed": SEED["Mistral"], "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}
        return next((refusal for name, refusal in refusals.items() if name in asked), None)

    speak(cue, refuses)
    run(ask(temperature=0.7, max_tokens=9), 2)
    assert [sorted(asked) for asked in cue.seen[-2:]] == [["max_completion_tokens", "messages", "model"]] * 2
    assert len(cue.seen) == 5


TOO_LONG = "This model's maximum context length is 8192 tokens, you asked for 9000 (8991 and 9 max_tokens): reduce it"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai_error(TOO_LONG, "messages")),
        (422, {"error": "Input validation error: `inputs` must have less than 4095 tokens"}),
        (400, {"error": {"message": "the request exceeds the available context size"}}),
        (400, {"error": {"message": "no", "code": "content_filter"}}),
        (413, {}),
    ],
)
def test_an_error_about_a_prompt_changes_nothing_and_is_a_counted_row(cue, status, error):
    speak(cue, lambda asked: (status, error) if asked["seed"] < 9 else None)
    assert [reply.problem for reply in run(ask(max_tokens=9), 10)] == [f"refused ({status})"] * 9 + [None]
    assert all("max_tokens" in asked for asked in cue.seen)


def test_what_is_refused_whatever_is_left_out_teaches_nothing(cue, capsys):
    speak(cue, lambda asked: (400, openai_error("the seed of doubt")) if "bad" in str(asked["messages"]) else None)
    run(lambda client, n: client.ask("bad" if n == 0 else "good"), 2)
    assert [asked.get("seed") for asked in cue.seen] == [0, None, 0]
    assert not capsys.readouterr().err


UNAVAILABLE = (400, openai_error("This response_format type is unavailable now"))


def of_type(kind: str):
    return lambda asked: UNAVAILABLE if asked.get("response_format", {}).get("type") == kind else None


def test_a_server_of_json_objects_alone_is_asked_for_one_with_the_schema_in_words_and_it_is_told(cue, capsys):
    speak(cue, of_type("json_schema"))
    cue.default = '{"word": "lamp"}'
    replies = run(lambda client, n: client.ask(f"{n}", schema=Word), 2)
    assert [reply.parse(Word)[0] for reply in replies] == [Word(word="lamp")] * 2
    assert [asked["response_format"]["type"] for asked in cue.seen] == ["json_schema", "json_object", "json_object"]
    assert capsys.readouterr().err.count("json_schema as json_object") == 1


def test_a_server_without_json_objects_still_gets_its_schemas_and_other_libraries_are_answered(cue):
    speak(cue, of_type("json_object"))
    cue.default = '{"word": "lamp"}'

    async def work(client: Client, number: int) -> None:
        body = {"messages": [{"role": "user", "content": "a"}], "model": "m"}
        await client.openai.chat.completions.create(**body, response_format={"type": "json_object"})
        await client.ask("a", schema=Word)

    run(work)
    kinds = [asked.get("response_format", {}).get("type") for asked in cue.seen]
    assert kinds == ["json_object", None, "json_schema"]


def test_a_server_without_any_response_format_is_asked_in_words(cue):
    speak(cue, lambda asked: UNAVAILABLE if "response_format" in asked else None)
    cue.default = '{"word": "lamp"}'
    replies = run(lambda client, n: client.ask(f"{n}", schema=Word), 2)
    assert [reply.parse(Word)[0] for reply in replies] == [Word(word="lamp")] * 2
    assert ["response_format" in asked for asked in cue.seen] == [True, True, False, False]


def test_a_refusal_that_speaks_of_the_format_ends_requests_that_had_none(cue):
    speak(cue, lambda asked: (400, openai_error("response_format: this model takes no requests")))
    with pytest.raises(UserError, match=r"refuses these requests \(400\)"):
        run(ask(), 6)
    assert len(cue.seen) == 5, "nothing more was asked"


def test_requests_that_are_all_refused_end_the_stage_early_in_the_words_of_the_server(cue, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_WORKERS", "2")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-teacher")
    speak(cue, lambda asked: (400, openai_error("\x1b[31mno \u202emodel for sk-of-the-teacher\n" + "x" * 500)))

    async def work(client: Client, number: int) -> None:
        asking = [lambda n=n: client.ask(f"prompt {n}") for n in range(200)]
        await jobs.run_all(asking, 200, "qa", client.meter)

    with pytest.raises(UserError, match=r"refuses these requests \(400\)") as error:
        run(work)
    assert len(cue.seen) <= 6
    words = re.search("nothing more was asked: (.*)", str(error.value))[1]
    assert words.isprintable() and words.startswith("[31mno model for *** xxx") and len(words) <= 200


def test_requests_of_one_kind_that_are_all_refused_end_the_stage_though_others_are_answered(cue):
    speak(cue, lambda asked: (400, openai_error("no tools here")) if "tools" in asked else None)
    with pytest.raises(UserError, match="no tools here"):
        run(lambda client, n: client.ask(f"{n}", **({"tools": []} if n % 2 else {})), 20)


def test_refusals_of_single_prompts_among_answers_are_counted_rows(cue):
    speak(cue, lambda asked: (400, openai_error("no")) if asked["messages"][0]["content"] in "bcdefghij" else None)
    assert [run(lambda client, n: client.ask("abcdefghij"[n]), 10)[n].problem for n in (0, 9)] == [
        None,
        "refused (400)",
    ]


ERRORS = [
    {"error": {"message": "overloaded"}}, {"choices": [], "error": {"code": 502}}, {"choices": None}, {"choices": []},
    {"choices": [None]}, {"choices": [{"finish_reason": "stop"}]}, {"choices": [{"message": []}]}, {"choices": {"0": 1}},
    {"choices": [{"message": {"content": 1}}]}, {"data": []}, {"data": [{}]}, [], None, "x",
    {"choices": [{"message": {"content": " "}, "finish_reason": "error"}]},
    {"choices": [{"message": {"content": "half"}, "finish_reason": "stop"}], "error": {"code": 502}},
]  # fmt: skip


@pytest.mark.parametrize("body", ERRORS, ids=repr)
def test_what_is_of_no_use_is_asked_again_and_not_stored(cue, tmp_path, body):
    cue.default, cue.script = "x", [(200, body)] if body is not None else []
    assert run(ask()) == [Reply("x")]
    with contextlib.closing(ResponseCache(tmp_path / "cache")) as cache:
        bodies = [json.loads(stored) for (stored,) in cache.db.execute("SELECT body FROM answers")]
    assert [stored["choices"][0]["message"]["content"] for stored in bodies] == ["x"]


PAGE, HALF, DEEP = b"<html>portal</html>", b'{"choices": [{"mess', b"[" * 100_000


@pytest.mark.parametrize("body", [PAGE, HALF, DEEP, *(json.dumps(body).encode() for body in ERRORS)])
def test_what_an_older_run_stored_and_is_of_no_use_is_asked_again(cue, tmp_path, body):
    cue.default = "x"
    with contextlib.closing(ResponseCache(tmp_path / "cache")) as cache:
        cache.store(CachedResponse(chat("m", "a", 0, {}).key, body, "m", 1, 1))
    assert [run(ask()), run(ask())] == [[Reply("x")]] * 2
    assert len(cue.seen) == 1


def test_a_prompt_that_is_never_answered_with_a_text_is_a_counted_row_after_three_tries(cue):
    speak(cue, lambda asked: (200, {"choices": []}) if asked["messages"][0]["content"] == "bad" else None)

    async def work(client: Client, number: int) -> list[Reply]:
        asking = [lambda prompt=prompt: client.ask(prompt) for prompt in ("bad", "good")]
        return await jobs.collect(asking, 2, "qa", client.meter)

    (replies,) = run(work)
    assert [reply.problem for reply in replies] == ["no text", None]
    assert len(cue.seen) == 4


def test_an_outage_ends_the_stage_when_no_request_is_answered_any_more(cue, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_WORKERS", "2")
    speak(cue, lambda asked: (529, openai_error("overloaded")) if len(cue.seen) >= 10 else None)

    async def work(client: Client, number: int) -> None:
        asking = [lambda n=n: client.ask(f"prompt {n}") for n in range(500)]
        await jobs.run_all(asking, 500, "qa", client.meter)

    with pytest.raises(
        UserError, match=r"answers no more: 3 requests in a row .*refused \(529\) .overloaded.; what was"
    ):
        run(work)
    assert len(cue.seen) < 10 + 9 * 8


def test_an_answer_of_no_use_counts_against_the_budget_if_it_was_paid_for(cue, tmp_path):
    cue.script = [(200, {"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 30}})]
    run(ask())
    with contextlib.closing(ResponseCache(tmp_path / "cache")) as cache:
        assert cache.tokens_paid() == [("m", 80, 35)]


def test_what_a_server_moderates_is_a_counted_row_and_what_it_forbids_ends_the_run(cue):
    cue.script = [(403, openai_error("m requires moderation: your input was flagged"))]
    assert run(ask())[0].problem == "refused (403)"
    cue.script = [(403, openai_error("no access to m"))]
    with pytest.raises(UserError, match=r"403: check .* \(no access to m\)"):
        run(ask())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "no such model"}, "no such model"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}, "body.seed: extra"),
        ({"error": {"message": "busy", "param": "seed"}}, "busy seed"),
        ({"other": 1}, '{"other": 1}'),
    ],
)
def test_the_words_of_an_error_are_its_messages_in_whatever_form(body, words):
    assert error_text(json.dumps(body).encode()) == words


def test_the_cache_makes_the_folders_that_it_is_told_to_be_in(tmp_path):
    with contextlib.closing(ResponseCache(tmp_path / "shared" / "replies")) as cache:
        assert cache.get(b"none") is None
