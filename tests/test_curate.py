"""Rows are dropped for a reason that the ledger tells, kinds are balanced by tokens, and some rows are held out."""

import json

import polars as pl
import pytest

from schemas.chunks import Chunks
from schemas.pairs import Ledger, Pairs, RawPairs
from schemas.questions import Questions
from stages import curate

CHUNKS = Chunks.frame([
    {"chunk_id": "a#1", "doc_id": "a", "start": 0, "end": 40, "page": 1, "heading": "Dorva Lamp 200", "n_tokens": 9}
    | {"text": "It costs 1,430 euros and weighs 2.4 kg."}
])  # fmt: skip
QUESTIONS = Questions.frame([
    {"question_id": "q1", "doc_id": "a", "kind": "fact", "question": "What's its price?", "options": None}
    | {"reference": "1,430 euros", "answerable": True, "gold_chunk_ids": [["a#1"]]}
])  # fmt: skip


def raw(*rows: dict) -> pl.DataFrame:
    named = {
        "chunk_id": "a#1",
        "doc_id": "a",
        "generator": "qa",
        "kind": "qa",
        "teacher": "m",
        "reasoning": "",
        "dropped": None,
    }
    return RawPairs.frame([named | {"pair_id": f"{n:016x}"} | row for n, row in enumerate(rows)])


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("row", "dropped"),
    [
        ({"prompt": "What does it cost?", "completion": "1,430 euros"}, None),
        ({"prompt": "What does it cost?", "completion": "1,530 euros"}, "not grounded"),
        ({"prompt": "What is it made of?", "completion": "steel"}, "not grounded"),
        ({"prompt": "What weighs 2.4 kg?", "completion": "the Dorva Lamp 200"}, "not grounded"),
        ({"prompt": "What weighs 2.4 kg?", "completion": "Dorva Lamp 200"}, None),
        ({"prompt": "WHATS its... price?", "completion": "2.4 kg"}, None),
        ({"prompt": "What's its price", "completion": "1,430 euros"}, "in the exam"),
        ({"prompt": "", "completion": "1,430 euros"}, "empty"),
        ({"prompt": "What?", "completion": ""}, "empty"),
        ({"prompt": "", "completion": "", "dropped": "cut off"}, "cut off"),
        (
            {"kind": "document", "prompt": "", "completion": "A lamp of 2.4 kg, by a maker we shall not name here."},
            None,
        ),
        ({"kind": "document", "prompt": "", "completion": "A lamp of 3 kg."}, "not grounded"),
    ],
)
def test_a_row_is_dropped_for_the_right_reason(row, dropped):
    ledger = curate.curate(raw(row), CHUNKS, QUESTIONS, 0.5, words)
    assert ledger["dropped"].to_list() == [dropped]


def test_of_rows_that_differ_only_in_case_one_is_kept():
    row = {"prompt": "What does it cost?", "completion": "1,430 euros"}
    ledger = curate.curate(raw(row, row | {"prompt": "what DOES it cost?"}, row), CHUNKS, QUESTIONS, 0.5, words)
    assert sorted(ledger["dropped"].to_list(), key=str) == [None, "duplicate", "duplicate"]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_kinds_are_balanced_by_tokens_and_always_alike(share):
    qa = [{"prompt": f"What does it cost, {'x' * n}?", "completion": "1,430 euros"} for n in range(200)]
    document = [{"kind": "document", "prompt": "", "completion": "lamp " * n} for n in range(1, 60)]
    ledger = curate.curate(raw(*qa, *document), CHUNKS, QUESTIONS, share, words)
    kept = ledger.filter(pl.col("dropped").is_null())
    tokens = dict(kept.group_by("kind").agg(pl.col("n_tokens").sum()).rows())
    assert tokens["document"] / sum(tokens.values()) == pytest.approx(share, abs=0.03)
    assert set(ledger["dropped"].drop_nulls()) == {"surplus"}
    again = curate.curate(raw(*qa, *document).sample(fraction=1, shuffle=True, seed=1), CHUNKS, QUESTIONS, share, words)
    assert again.sort("pair_id").equals(ledger.sort("pair_id"))


def test_one_kind_alone_is_kept_whole():
    rows = [{"prompt": f"What does it cost, {n}?", "completion": "1,430 euros"} for n in range(20)]
    assert curate.curate(raw(*rows), CHUNKS, QUESTIONS, 0.5, words)["dropped"].null_count() == 20


@pytest.fixture
def ledger(tmp_path) -> tuple[pl.DataFrame, curate.Params]:
    rows = [
        {"prompt": f"What does it cost, {n}?", "completion": "1,430 euros", "reasoning": "It says so."}
        for n in range(2000)
    ]
    frame = raw(*rows).with_columns(pair_id=pl.Series([f"{n * 2654435761 % 2**32:08x}{n:08x}" for n in range(2000)]))
    replay = tmp_path / "replay.jsonl"
    replay.write_text("".join(json.dumps({"prompt": f"p {n}", "completion": "c"}) + "\n" for n in range(9000)))
    given = curate.Params(documents=0.5, dev=0.1, reasoning=True, replay=replay, replay_share=0.1)
    return curate.curate(frame, CHUNKS, QUESTIONS, 0.5, words), given


def test_some_rows_are_held_out_and_replayed_ones_make_up_their_share(ledger):
    pairs = curate.keep(*ledger, words)
    own = pairs.filter(pl.col("generator") != "replay")
    assert (own["split"] == "dev").mean() == pytest.approx(0.1, abs=0.03)
    replayed = pairs.filter(generator="replay")
    assert replayed["n_tokens"].sum() / pairs["n_tokens"].sum() == pytest.approx(0.1, abs=0.01)
    assert set(replayed["split"]) == {"train"}
    Pairs.check(pairs, "here")


def test_reasoning_can_be_left_out(ledger):
    rows, given = ledger
    pairs = curate.keep(rows, given.model_copy(update={"reasoning": False, "replay_share": 0}), words)
    assert set(pairs["reasoning"]) == {""}
    assert len(pairs) == 2000


def test_the_ledger_shows_asked_and_kept(workplace, capsys):
    from parts import ledger as shown

    rows = [{"prompt": "What does it cost?", "completion": "1,430 euros"}, {"prompt": "Q?", "completion": "steel"}]
    Ledger.write(curate.curate(raw(*rows), CHUNKS, QUESTIONS, 0.5, words))
    shown.main()
    told = capsys.readouterr().out
    assert "kept" in told
    assert "not grounded" in told
