"""A reply of whatever server is read for what it says: its thoughts are no answer, and what is not whole is counted by reason."""

import asyncio
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from parts.generators import active_reading, entigraph, focal, qa
from parts.llm import structured_output
from parts.llm.client import Client, connect
from parts.llm.reply import Reply, read_reply
from parts.llm.transport import ServerReply
from parts.project.sections import Server
from tests.conftest import ScriptedServer
from tests.helpers.schema_server import source


class Word(BaseModel):
    word: str


class Question(BaseModel):
    question: str
    answer: str


class Questions(BaseModel):
    questions: list[Question]


def read(content: object = "A lamp.", finish: object = "stop", **message) -> Reply:
    choice = {"message": {"content": content} | message, "finish_reason": finish}
    return read_reply(ServerReply(json={"choices": [choice]}))


@pytest.mark.parametrize(
    "finish",
    ["stop", "STOP", None, "eos", "eos_token", "stop_sequence", "STOP_SEQUENCE", "end_turn", "COMPLETE", "completed"],
)
def test_a_reply_that_ended_by_itself_is_whole_on_every_server(finish):
    assert read(finish=finish) == Reply("A lamp.")


@pytest.mark.parametrize(
    ("finish", "problem"),
    [
        ("length", "cut off"),
        ("model_length", "cut off"),
        ("max_tokens", "cut off"),
        ("MAX_TOKENS", "cut off"),
        ("max_output_tokens", "cut off"),
        ("content_filter", "filtered"),
        ("SAFETY", "filtered"),
        ("RECITATION", "filtered"),
        ("PROHIBITED_CONTENT", "filtered"),
        ("ERROR_TOXIC", "filtered"),
        ("refusal", "declined"),
        ("error", "ended by error"),
        ("abort", "ended by abort"),
        ("tool_calls", "ended by tool calls"),
        ("insufficient_system_resource", "ended by insufficient system resource"),
        ({"x": "\n" * 99}, "ended by x n n n n n n n n n n n n n n"),
        ("\u4e2d", "ended by something"),
    ],
)
def test_a_reply_that_ended_otherwise_is_a_problem_with_a_short_name(finish, problem):
    assert read(finish=finish).problem == problem


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        ("<think>It is {a lamp}.</think>\n\nA lamp.", Reply("A lamp.")),
        ("\n<think></think><think>More.</think>A lamp.", Reply("A lamp.")),
        ("[THINK]Hm.[/THINK]A lamp.", Reply("A lamp.")),
        ("It is a lamp.\n</think>\n\nA lamp.", Reply("A lamp.")),
        ("Write </think> behind the thoughts.", Reply("Write </think> behind the thoughts.")),
        ("<think>It is a lamp, or", Reply("", "cut off")),
        ("<think>It is a lamp.</think>", Reply("", "thoughts alone")),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}], Reply("", "thoughts alone")),
        ([{"type": "thinking", "thinking": []}, {"type": "text", "text": "A "}, "lamp."], Reply("A lamp.")),
        ([{"type": "text", "text": None}, 5, {"text": "A lamp."}], Reply("A lamp.")),
        ("\ufeffA lamp.", Reply("A lamp.")),
        ("", Reply("")),
        (None, Reply("")),
        ({"text": "A lamp."}, Reply("", "thoughts alone")),
    ],
)
def test_thoughts_are_no_answer_and_parts_are_one_text(content, reply):
    assert read(content) == reply


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("content", [None, "", " \n"])
def test_thoughts_in_a_field_of_their_own_without_an_answer_are_counted(name, content):
    assert read(content, **{name: "It is a lamp."}).problem == "thoughts alone"
    assert read(content, "length", **{name: "It is"}).problem == "cut off"
    assert read("A lamp.", **{name: "It is a lamp."}) == Reply("A lamp.")


@pytest.mark.parametrize("choices", [[{}], [{"message": None}], ["stop"], {"0": {}}, [None], [{"text": "A lamp."}]])
def test_a_choice_without_a_message_is_a_broken_answer(choices):
    assert read_reply(ServerReply(json={"choices": choices})) == Reply("", "broken answer")


@pytest.mark.parametrize("text", ["a \ud83d lamp", "a \0 lamp", "\udc00"])
def test_text_that_no_table_takes_is_a_problem(text):
    assert read(text) == Reply("", "broken text")
    assert read(json.dumps({"word": text})).parse(Word) == (None, "broken text")
    assert read(json.dumps({"word": text}).replace("ud", "uD")).parse(Word) == (None, "broken text")


@pytest.mark.parametrize(
    "text",
    [
        '{"word": "lamp"}',
        '\ufeff{"word": "lamp"}',
        '```json\n{"word": "lamp"}\n```',
        '```\n{"word": "lamp"}\n```\nI hope that [this] helps {you}.',
        'The word of [1] is {here}:\n\n{"word": "lamp"}',
        'A draft: {"words": 1}. At last: {"word": "lamp", "more": [{}]}',
    ],
)
def test_json_is_taken_out_of_what_stands_around_it(text):
    assert Reply(text).parse(Word) == (Word(word="lamp"), None)


VALUES = st.recursive(st.text() | st.integers() | st.floats() | st.booleans() | st.none(), st.lists, max_leaves=3)


@given(st.lists(st.dictionaries(st.sampled_from(["question", "answer", "more"]), VALUES), max_size=3), st.booleans())
@settings(deadline=None)
def test_what_stands_around_the_json_changes_nothing(rows, is_ascii):
    text = json.dumps({"questions": rows}, ensure_ascii=is_ascii)
    assert Reply(text).parse(Questions) == Reply(f"Here: {text}").parse(Questions)


@given(st.text(st.characters()))
def test_text_is_what_has_neither_nul_nor_half_a_pair(text):
    assert structured_output.is_text(text) == all(
        letter != "\0" and not 0xD800 <= ord(letter) < 0xE000 for letter in text
    )


def test_a_number_where_text_is_wanted_stays_as_it_is_written():
    class Price(BaseModel):
        text: str
        number: float
        whole: int

    parsed, _ = Reply('{"text": 1430.50, "number": 1430.50, "whole": 3}').parse(Price)
    assert parsed == Price(text="1430.50", number=1430.5, whole=3)


WHOLE = {"question": "How much?", "answer": 5}


def test_a_bare_list_is_the_one_list_of_an_object():
    assert Reply(json.dumps([WHOLE])).parse(Questions)[0].questions == [Question(question="How much?", answer="5")]
    assert Reply("[1, 2]").parse(Word) == (None, "unparsed")


@pytest.mark.parametrize(
    ("text", "n", "reasons"),
    [
        (json.dumps({"questions": [WHOLE, {"question": "?"}, WHOLE, None]}), 2, ["incomplete"] * 2),
        (json.dumps([WHOLE, WHOLE | {"answer": "\ud83d"}]), 1, ["broken text"]),
        ('{"questions": [{"question": "The "big" one?", "answer": "x"}, {"question": "?", "answer": 5}]}', 1, ["incomplete"]),
        ('{"questions": []}', 0, []),
        ('{"questions": [{}]}', 0, ["unparsed"]),
        ("no", 0, ["unparsed"]),
    ],
)  # fmt: skip
def test_whole_items_are_taken_and_broken_ones_are_counted(text, n, reasons):
    items, lost = Reply(text).items(Questions)
    assert (len(items), lost) == (n, reasons)
    assert Reply(text, "cut off").items(Questions) == ([], ["cut off"])


@pytest.mark.parametrize("piece", ["[", "{", '{"a":', '[{"question": "', "</think> ", "<think>", "```json\n{"])
def test_reading_takes_time_linear_in_the_length(piece):
    def seconds(length: int) -> float:
        text, start = piece * (length // len(piece)), time.process_time()
        read(text).items(Questions)
        return time.process_time() - start

    def least(length: int) -> float:
        return min(seconds(length) for _ in range(3))  # Python may tidy its memory in one of them

    assert least(400_000) < 20 * max(least(80_000), 0.05)


def client_run(job) -> tuple[object, Client]:
    async def run():
        async with asyncio.timeout(30), connect(Server(model="m")) as client:
            return await job(client), client

    return asyncio.run(run())


def heedless(cue: ScriptedServer, in_words: str = '```json\n{"word": "lamp"}\n```') -> None:
    """Have `cue` pay no heed to response_format: without a schema in the prompt it answers in prose."""

    def reply(asked: dict) -> tuple[int, dict]:
        cue.seen.append(asked)
        return 200, cue.answer(in_words if "JSON schema" in asked["messages"][0]["content"] else "It is a lamp.")

    cue.reply = reply


def has_schema(asked: dict) -> bool:
    """Tell whether a request has its schema as a parameter."""
    return asked.get("response_format", {}).get("type") == "json_schema"


def words(count: int, client: Client):
    return asyncio.gather(*(client.ask(f"word {n}", schema=Word) for n in range(count)))


def test_a_server_that_pays_no_heed_to_the_format_is_asked_in_words_once_that_is_clear(cue):
    heedless(cue)
    replies, _ = client_run(lambda client: words(20, client))
    assert [reply.parse(Word)[0] for reply in replies] == [Word(word="lamp")] * 20
    assert len([asked for asked in cue.seen if has_schema(asked)]) <= 4
    assert len(cue.seen) <= 24
    cue.seen.clear()
    again, _ = client_run(lambda client: words(20, client))
    assert again == replies and not cue.seen, "a run from the cache takes the same replies"


def test_which_reply_is_taken_does_not_depend_on_the_order_in_which_replies_come(cue):
    heedless(cue)
    replies, _ = client_run(lambda client: words(8, client))

    async def backwards(client: Client) -> list[Reply]:
        return [await client.ask(f"word {n}", schema=Word) for n in reversed(range(8))]

    cue.seen.clear()
    assert client_run(backwards)[0] == replies[::-1] and not cue.seen


def test_a_server_that_is_of_the_format_but_for_one_reply_is_asked_in_words_for_that_one(cue):
    cue.script = [(200, cue.answer("It is a lamp."))]
    cue.default = '{"word": "lamp"}'

    async def one_by_one(client: Client) -> list[Reply]:
        return [await client.ask(f"word {n}", schema=Word) for n in range(6)]

    replies, _ = client_run(one_by_one)
    assert all(reply.parse(Word)[0] for reply in replies)
    assert [has_schema(asked) for asked in cue.seen] == [True, False, *[True] * 5]


@pytest.mark.parametrize(
    ("part", "items", "knobs"),
    [
        (qa, "questions", {"samples": 1, "count": 2, "temperature": 1}),
        (focal, "aims", {"questions": 2, "samples": 1, "temperature": 1, "top_p": 1}),
        (active_reading, "strategies", {"strategies": 2, "samples": 1, "temperature": 1, "top_p": 1}),
        (entigraph, "entities", {"entities": 2, "pairs": 1, "triples": 0, "samples": 1, "temperature": 1, "top_p": 1}),
    ],
)
def test_a_generator_makes_rows_of_what_is_whole_and_counts_the_rest(cue, part, items, knobs):
    whole = {"question": "Q?", "reasoning": "R.", "answer": "A", "strategy": "S"}
    values = [whole, whole] if part in (qa, focal) else ["one", "two"]
    cue.script = [(200, cue.answer(json.dumps({items: [*values, None]})))]
    cue.default = "a text"
    rows, _ = client_run(
        lambda client: part.generate(source("Lamp", "It costs 5 euros."), client.ask, part.Params(**knobs))
    )
    assert [row.dropped for row in rows] == [None] * (len(rows) - 1) + ["incomplete"] and len(rows) > 1


def test_a_stub_answer_is_read_as_one():
    stub = structured_output.stub_answer(structured_output.response_format(Questions), 3)
    assert len(Reply(stub).items(Questions)[0]) == 3
