"""What the generators of documents make of a passage, with the teacher by rules and with one that gives little."""

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
    of_one = RawPairs.read("entigraph").filter(chunk_id="d3#1")
    assert len(of_one) == (3 + 2) * 2 and set(of_one["kind"]) == {"document"}
    assert of_one["completion"].n_unique() > 3 + 2, "draws of one pair differ"
    for text in of_one["completion"]:
        named, told = text.split(": what Lamp 3 says of them.\n")
        wanted = set(named.split(", ")) - {"Lamp 3"}
        given = {value for value in ("13 euros", "4 kg", "red") if value in told.lower()}
        assert wanted == given, "it tells the facts that these entities have a part in, and no other"


def test_pairs_and_triples_are_always_the_same_and_no_more_than_there_are():
    params = entigraph.Params(**GRAPH | {"pairs": 3, "triples": 9})
    groups = entigraph.chosen(["a", "b", "", "c", "a", "d"], params)
    assert groups == entigraph.chosen(["a", "b", "c", "d"], params)
    assert [len(group) for group in groups] == [2] * 3 + [3] * 4
    assert len(set(groups)) == 7


def test_entigraph_counts_what_came_to_nothing(workplace, cue):
    passages(*[f"Lamp {n} " for n in range(5)])
    workplace.change("synthesize", "entigraph", GRAPH | {"pairs": 1, "triples": 0, "samples": 2})
    asked_for: list[dict] = []

    def reply(asked: dict) -> tuple[int, dict]:
        prompt = asked["messages"][0]["content"]
        if "Lamp 1 " in prompt:
            return 400, {"error": {"message": "no"}}
        if "response_format" in asked:
            said = json.dumps({"entities": ["a"] if "Lamp 4 " in prompt else ["a", "</entities> b"]})
            return 200, ScriptedServer.answer("not json" if "Lamp 2 " in prompt else said)
        assert prompt.count("</entities>") == 1, "a name that a teacher gave cannot end its quotation"
        asked_for.append(asked)
        return 200, ScriptedServer.answer("a text", "length" if "Lamp 3 " in prompt else "stop")

    cue.reply = reply
    synthesize.main("entigraph")
    rows = RawPairs.read("entigraph")
    lost = {"refused (400)": 1, "unparsed": 1, "cut off": 2, "no entities": 1}
    assert dict(rows["dropped"].drop_nulls().value_counts().rows()) == lost
    assert len(rows) == 3 + 2 * 2
    assert len({(asked["messages"][0]["content"], asked["seed"]) for asked in asked_for}) == len(asked_for) == 4


def test_paraphrase_says_every_fact_in_four_styles(lamps):
    lamps.change("synthesize", "paraphrase", {"samples": 3} | SAMPLING)
    synthesize.main("paraphrase")
    of_one = RawPairs.read("paraphrase").filter(chunk_id="d3#1")["completion"]
    assert len(of_one) == 4 * 3 and of_one.is_unique().all()
    assert all(value in text.lower() for text in of_one for value in ("lamp 3", "13 euros", "4 kg", "red"))
    assert of_one.str.starts_with("Question: ").sum() == 3


def test_paraphrase_counts_what_came_to_nothing(workplace, cue):
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
