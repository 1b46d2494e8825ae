"""The generators of documents, with the teacher by rules and with a scripted one that returns little."""

import json

import pytest

from parts.generators import entigraph
from schemas.pairs import RawPairs
from stages import synthesize
from tests.conftest import ScriptedServer
from tests.test_synthesize import passages

SAMPLING = {"temperature": 0.7, "top_p": 0.95}
GRAPH = {"entities": 5, "pairs": 3, "triples": 2, "samples": 2} | SAMPLING


@pytest.fixture
def lamps(workplace, rules, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    passages(*[f"Lamp {n} costs {n + 10} euros. It weighs {n + 1} kg. It is painted red." for n in range(4)])
    return workplace


def test_entigraph_writes_on_pairs_and_triples_of_a_passages_entities(lamps):
    lamps.change("synthesize", "entigraph", GRAPH)
    synthesize.main("entigraph")
    rows = RawPairs.read("entigraph").filter(chunk_id="d3#1")
    assert len(rows) == (3 + 2) * 2 and set(rows["kind"]) == {"document"}
    assert rows["completion"].n_unique() > 3 + 2, "samples of one pair differ"
    for text in rows["completion"]:
        head, body = text.split(": what Lamp 3 says of them.\n")
        entities = set(head.split(", ")) - {"Lamp 3"}
        values = {value for value in ("13 euros", "4 kg", "red") if value in body.lower()}
        assert values == entities, "the facts of these entities and no other"


def test_pairs_and_triples_are_the_same_for_the_same_entities_and_no_more_than_there_are():
    params = entigraph.Params(**GRAPH | {"pairs": 3, "triples": 9})
    groups = entigraph.choose_groups(["a", "b", "", "c", "a", "d"], params)
    assert groups == entigraph.choose_groups(["a", "b", "c", "d"], params)
    assert [len(group) for group in groups] == [2] * 3 + [3] * 4
    assert len(set(groups)) == 7


def test_entigraph_counts_requests_without_a_result(workplace, cue):
    passages(*[f"Lamp {n} " for n in range(5)])
    workplace.change("synthesize", "entigraph", GRAPH | {"pairs": 1, "triples": 0, "samples": 2})
    requests: list[dict] = []

    def reply(request: dict) -> tuple[int, dict]:
        prompt = request["messages"][0]["content"]
        if "Lamp 1 " in prompt:
            return 400, {"error": {"message": "no"}}
        if "response_format" in request or "JSON schema" in prompt:
            names = json.dumps({"entities": ["a"] if "Lamp 4 " in prompt else ["a", "</entities> b"]})
            return 200, ScriptedServer.answer("not json" if "Lamp 2 " in prompt else names)
        assert prompt.count("</entities>") == 1, "a name from the teacher cannot end its quotation"
        requests.append(request)
        return 200, ScriptedServer.answer("a text", "length" if "Lamp 3 " in prompt else "stop")

    cue.reply = reply
    synthesize.main("entigraph")
    rows = RawPairs.read("entigraph")
    lost = {"refused (400)": 1, "unparsed": 1, "cut off": 2, "no entities": 1}
    assert dict(rows["dropped"].drop_nulls().value_counts().rows()) == lost
    assert len(rows) == 3 + 2 * 2
    assert len({(request["messages"][0]["content"], request["seed"]) for request in requests}) == len(requests) == 4


def test_paraphrase_says_every_fact_in_four_styles(lamps):
    lamps.change("synthesize", "paraphrase", {"samples": 3} | SAMPLING)
    synthesize.main("paraphrase")
    rows = RawPairs.read("paraphrase").filter(chunk_id="d3#1")["completion"]
    assert len(rows) == 4 * 3 and rows.is_unique().all()
    assert all(value in text.lower() for text in rows for value in ("lamp 3", "13 euros", "4 kg", "red"))
    assert rows.str.starts_with("Question: ").sum() == 3


def test_paraphrase_counts_requests_without_a_result(workplace, cue):
    passages("Lamp 0 ")
    workplace.change("synthesize", "paraphrase", {"samples": 1} | SAMPLING)
    cue.script = [
        (400, {"error": {"message": "no"}}),
        (200, ScriptedServer.answer("half of", "length")),
        (200, ScriptedServer.answer("a")),
    ]
    cue.default = "b"
    synthesize.main("paraphrase")
    rows = RawPairs.read("paraphrase")
    assert sorted(rows["dropped"].drop_nulls()) == ["cut off", "refused (400)"]
    assert sorted(rows["completion"].filter(rows["dropped"].is_null())) == ["a", "b"]
