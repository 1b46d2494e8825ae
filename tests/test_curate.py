"""Rows are dropped for a reason in the ledger, kinds are balanced by tokens, and some questions are held out."""

import json
import random
from pathlib import Path

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from parts.curation import deduplication, ledger, replay
from parts.project import metrics, params
from parts.project.sections import Student
from parts.student import dataset
from parts.student.chat_format import chat_format
from parts.student.recipe import Recipe
from parts.verdict import sentences
from parts.verdict.curation_cautions import curation_cautions
from schemas.chunks import Chunks
from schemas.pairs import Ledger, Pairs, PeoplePairs, RawPairs
from schemas.questions import Questions
from schemas.redacted import Redacted
from stages import curate
from tests.helpers import git_runs
from tests.helpers.cli import error_line
from tests.helpers.schema_server import sent, serve_schemas
from tests.helpers.source_code import ROOT

CHUNKS = Chunks.frame([
    {"chunk_id": "a#1", "doc_id": "a", "start": 0, "end": 40, "page": 1, "heading": "Dorva Lamp 200", "n_tokens": 9}
    | {"text": "It costs 1,430 euros and weighs 2.4 kg."}
])  # fmt: skip
QUESTIONS = Questions.frame([
    {"question_id": "q1", "doc_id": "a", "kind": "fact", "question": "What's its price?", "options": None}
    | {"references": ["1,430 euros"], "answerable": True, "gold_chunk_ids": [["a#1"]]}
])  # fmt: skip


PARAMS = curate.Params(
    grounding="lexical", trusted=[], duplicate_threshold=0.9, exam_overlap_threshold=0.8, dev_similarity_threshold=0.5,
    unstudied=0, tokens_per_source={}, documents=0.5, dev=0, reasoning=["qa"], replay="replay.jsonl", replay_share=0.1,
)  # fmt: skip


def curated(rows: pl.DataFrame, chunks: pl.DataFrame = CHUNKS, **other) -> pl.DataFrame:
    return curate.curate(rows, chunks, QUESTIONS, PARAMS.model_copy(update=other), words)


def dropped(*rows: dict, **other) -> list[str | None]:
    """Return the reason to drop each row, in order."""
    return curated(raw(*rows), **other).sort("pair_id")["dropped"].to_list()


def raw(*rows: dict) -> pl.DataFrame:
    defaults = {
        "chunk_id": "a#1",
        "doc_id": "a",
        "other_chunk_ids": [],
        "generator": "qa",
        "kind": "qa",
        "answerable": True,
        "teacher": "m",
        "reasoning": "",
        "dropped": None,
    }
    return RawPairs.frame([defaults | {"pair_id": f"{n:016x}"} | row for n, row in enumerate(rows)])


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "What does it cost?", "completion": "1,430 euros"}, None),
        ({"prompt": "Whom to write to?", "completion": "<EMAIL_ADDRESS_1>"}, "private value"),
        ({"prompt": "Whose is <PHONE_NUMBER_12>?", "completion": "1,430 euros"}, "private value"),
        ({"prompt": "What does <it_1> cost?", "completion": "1,430 euros"}, None),
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
def test_a_row_is_dropped_for_the_right_reason(row, reason):
    assert dropped(row) == [reason]


LANGUAGES = {  # a passage, a right answer, a wrong one, and a question that both the exam and a row ask
    "chinese": ("员工每年享有十二天年假。须提前两周申请。", "十二天", "二十天", "员工每年有多少天年假?"),
    "japanese": ("従業員は年に１２日の有給休暇を取得できます。", "12日", "15日", "従業員の有給休暇は何日ですか?"),
    "korean": ("직원의 연차 휴가는 12일입니다.", "12일", "15일", "직원의 연차 휴가는 며칠입니까?"),
    "hindi": (
        "कर्मचारियों को वर्ष में बारह दिन की छुट्टी मिलती है।",
        "बारह दिन",
        "पंद्रह दिन",
        "कर्मचारियों को कितने दिन की छुट्टी मिलती है?",
    ),
    "thai": ("พนักงานลาพักร้อนได้สิบสองวันต่อปี", "สิบสองวัน", "สิบห้าวัน", "พนักงานลาพักร้อนได้กี่วันต่อปี"),
    "german": (
        "Angestellte erhalten zwölf Tage Urlaub.",
        "zwölf Tage",
        "fünfzehn Tage",
        "Wie viele Tage Urlaub erhalten Angestellte?",
    ),
    "spanish": (
        "El personal tiene doce días de vacaciones al año.",
        "doce días",
        "quince días",
        "¿Cuántos días de vacaciones tiene el personal?",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_right_answer_in_any_language_is_grounded_and_a_wrong_one_and_a_question_of_the_exam_are_not_studied(
    language,
):
    text, right, wrong, asked = LANGUAGES[language]
    chunks = CHUNKS.with_columns(text=pl.lit(text), heading=pl.lit(""))
    questions = QUESTIONS.with_columns(question=pl.lit(asked))
    rows = raw(
        *({"prompt": prompt, "completion": answer} for prompt, answer in (("?1", right), ("?2", wrong), (asked, right)))
    )
    ledger = curate.curate(rows, chunks, questions, PARAMS, words).sort("pair_id")
    assert ledger["dropped"].to_list() == [None, "not grounded", "in the exam"]


@pytest.mark.parametrize("leaflet", yaml.safe_load((ROOT / "tests/data/languages.yaml").read_text()).values())
def test_of_two_answers_in_the_words_of_a_leaflet_the_right_one_is_grounded(leaflet):
    chunks = CHUNKS.with_columns(text=pl.lit(leaflet["text"]), heading=pl.lit(""))
    answers = [(f"{asked} {number}", answer) for asked, *pair in leaflet["facts"] for number, answer in enumerate(pair)]
    ledger = curated(raw(*({"prompt": asked, "completion": answer} for asked, answer in answers)), chunks)
    assert ledger.sort("pair_id")["dropped"].to_list() == [None, "not grounded"] * len(leaflet["facts"])


def test_of_rows_that_differ_only_in_case_one_is_kept():
    row = {"prompt": "What does it cost?", "completion": "1,430 euros"}
    assert dropped(row, row | {"prompt": "what DOES it cost?"}, row) == [None, "duplicate", "duplicate"]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_kinds_are_balanced_by_tokens_and_always_alike(share):
    qa = [{"prompt": f"What does it cost, {'x' * n}?", "completion": "1,430 euros"} for n in range(200)]
    document = [{"kind": "document", "prompt": "", "completion": f"lamp{'p' * n} " * n} for n in range(1, 60)]
    ledger = curated(raw(*qa, *document), documents=share)
    kept = ledger.filter(pl.col("dropped").is_null())
    tokens = dict(kept.group_by("kind").agg(pl.col("n_tokens").sum()).rows())
    assert tokens["document"] / sum(tokens.values()) == pytest.approx(share, abs=0.03)
    assert set(ledger["dropped"].drop_nulls()) == {"surplus"}
    again = curated(raw(*qa, *document).sample(fraction=1, shuffle=True, seed=1), documents=share)
    assert again.sort("pair_id").equals(ledger.sort("pair_id"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("duplicate", "exam_overlap", "dev_similarity") for value in (0, 1.01)),
        *((name, value) for name in ("unstudied", "dev", "replay_share") for value in (-0.01, 1)),
        ("documents", 0), ("documents", 1), ("grounding", "none"),
    ],
)  # fmt: skip
def test_a_share_or_threshold_out_of_its_range_is_refused(name, value):
    key = name if name in curate.Params.model_fields else f"{name}_threshold"
    with pytest.raises(ValidationError, match=key):
        curate.Params.model_validate(PARAMS.model_dump() | {key: value})


def test_a_summary_counts_rows_kept_replayed_and_dropped_by_reason_and_the_tokens_to_train_on(ledger_and_params):
    _, params = ledger_and_params
    ledger = pl.DataFrame({"dropped": [None, None, None, "in the exam", "empty", "empty"]})
    rows = [("qa", "qa", 7, "train"), ("focal", "document", 20, "train"), ("qa", "qa", 100, "dev")]
    rows += [("replay", "qa", 5, "train"), ("replay", "document", 4, "train")]
    pairs = pl.DataFrame(rows, ["generator", "kind", "n_tokens", "split"], orient="row")
    counts = {"asked": 6, "kept": 3, "replayed": 2, "dropped_in_the_exam": 1, "dropped_empty": 2, "replay_share": 0.25}
    tokens = {"tokens_qa": 7, "tokens_document": 20, "tokens_replay": 9}
    summary = curate.summary(ledger, pairs, params.model_copy(update={"replay_share": 0.25}))
    assert summary == counts | tokens | {"replay_tokens_missing": 0}
    summary = curate.summary(ledger, pairs, params.model_copy(update={"replay_share": 0.5}))
    assert summary["replay_tokens_missing"] == 18
    assert curate.summary(ledger, pairs.head(0), params)["tokens_qa"] == 0


def test_replayed_rows_are_questions_where_they_have_a_prompt_in_the_order_of_their_file(tmp_path):
    (tmp_path / "replay.jsonl").write_text(
        "".join(json.dumps({"prompt": prompt, "completion": "a b"}) + "\n" for prompt in ("Who?", "", "Why?"))
    )
    rows = replay.rows(tmp_path / "replay.jsonl", 7, words)
    assert rows.select("prompt", "kind", "generator", "n_tokens").rows() == [
        ("Who?", "qa", "replay", 4),
        ("", "document", "replay", 3),
    ]
    assert len(replay.rows(tmp_path / "replay.jsonl", 7.5, words)) == 3


def test_one_kind_alone_is_kept_whole():
    rows = [{"prompt": f"What does it cost, {n}?", "completion": "1,430 euros"} for n in range(20)]
    assert dropped(*rows) == [None] * 20


@pytest.fixture
def ledger_and_params(tmp_path) -> tuple[pl.DataFrame, curate.Params]:
    rng = random.Random(1)
    questions = ["".join(rng.choices("abcdefg ", k=60)) + "?" for _ in range(600)]
    rows = [{"prompt": question, "completion": "1,430 euros", "reasoning": "It says so."} for question in questions]
    frame = raw(*rows).with_columns(pair_id=pl.Series([f"{n * 2654435761 % 2**32:08x}{n:08x}" for n in range(600)]))
    replay = tmp_path / "replay.jsonl"
    replay.write_text("".join(json.dumps({"prompt": f"p {n}", "completion": "c"}) + "\n" for n in range(2700)))
    params = PARAMS.model_copy(update={"dev": 0.1, "replay": replay})
    return curate.curate(frame, CHUNKS, QUESTIONS, params, words), params


def test_some_rows_are_held_out_and_replayed_ones_make_up_their_share(ledger_and_params):
    pairs = curate.training_rows(*ledger_and_params, words)
    own = pairs.filter(pl.col("generator") != "replay")
    assert (own["split"] == "dev").mean() == pytest.approx(0.1, abs=0.03)
    replayed, train = pairs.filter(generator="replay"), pairs.filter(split="train")
    assert replayed["n_tokens"].sum() / train["n_tokens"].sum() == pytest.approx(0.1, abs=0.002)
    assert set(replayed["split"]) == {"train"}
    Pairs.check(pairs, "here")


def test_reasoning_that_is_not_trained_on_is_not_counted_and_a_row_without_a_completion_has_no_tokens():
    row = {"prompt": "What does it cost?", "completion": "1,430 euros", "reasoning": "The passage says so at its end."}
    rows = raw(row, row | {"prompt": "And what?"}, {"prompt": "", "completion": "", "dropped": "cut off"})
    with_reasoning, without = (curated(rows, reasoning=reasoning).sort("pair_id") for reasoning in (["qa"], []))
    assert without["n_tokens"].to_list() == [4 + 3 + 1, 2 + 3 + 1, 0]  # prompt, "Answer: 1,430 euros", the end token
    assert with_reasoning["n_tokens"].to_list() == [8 + 7, 6 + 7, 0]
    assert without["reasoning"].to_list() == rows["reasoning"].to_list(), "the ledger keeps what the teacher wrote"


@pytest.mark.parametrize("reasoning", [["qa"], []])
def test_kinds_and_replay_have_their_shares_of_the_tokens_that_are_trained_on(tmp_path, reasoning):
    qa = [
        {"prompt": f"What does {n:03} cost?", "completion": "1,430 euros", "reasoning": "so " * 40} for n in range(300)
    ]
    texts = [f"lamp {'p' * n} " * 8 for n in range(1, 60)]
    document = [{"kind": "document", "prompt": "", "completion": text} for text in texts]
    replay = tmp_path / "replay.jsonl"
    replay.write_text('{"prompt": "", "completion": "c d"}\n' * 5000)
    params = PARAMS.model_copy(update={"reasoning": reasoning, "replay": replay, "replay_share": 0.25, "dev": 0.3})
    ledger = curate.curate(raw(*qa, *document), CHUNKS, QUESTIONS, params, words)
    pairs = curate.training_rows(ledger, params, words)
    trained = pl.Series(dataset.trained_tokens(pairs.to_dicts(), words))
    assert pairs["n_tokens"].to_list() == trained.to_list()
    train = pairs.filter(split="train")
    tokens = {key: part["n_tokens"].sum() for key, part in train.group_by("generator", "kind")}
    assert tokens["qa", "document"] / (tokens["qa", "document"] + tokens["qa", "qa"]) == pytest.approx(0.5, abs=0.05)
    assert tokens["replay", "document"] / sum(tokens.values()) == pytest.approx(0.25, abs=0.002)
    values = curate.summary(ledger, pairs, params)
    assert [values[f"tokens_{name}"] for name in ("qa", "document", "replay")] == [
        tokens["qa", "qa"], tokens["qa", "document"], tokens["replay", "document"]
    ]  # fmt: skip
    assert values["replay_share"] == tokens["replay", "document"] / sum(tokens.values())
    assert values["replay_tokens_missing"] == 0


@pytest.fixture
def lamps(workplace):
    """Tables of one passage with eight questions, ready to be curated."""
    rows = [{"prompt": f"What does it cost, {n}?", "completion": "1,430 euros"} for n in range(8)]
    RawPairs.write(raw(*rows), "qa")
    PeoplePairs.write(raw())
    Redacted.write(CHUNKS)
    Questions.write(QUESTIONS)
    Path("data/replay.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    workplace.change("student", "model", str(ROOT / "models/base"))
    workplace.change("curate", "replay_of", str(ROOT / "models/base"))
    return workplace


def test_replay_that_runs_out_is_told_and_measured(lamps, capsys):
    lamps.change("curate", "replay_share", 0.5)
    curate.main()
    values, train = metrics.read("curate"), Pairs.read().filter(split="train")
    replayed = train.filter(generator="replay")["n_tokens"].sum()
    assert (values["replayed"], values["tokens_replay"]) == (3, replayed)
    assert values["replay_tokens_missing"] == values["tokens_qa"] - replayed > 0
    assert values["replay_share"] == pytest.approx(replayed / train["n_tokens"].sum(), abs=1e-3)
    share, missing = f"{values['replay_share']:.0%}", f"{values['replay_tokens_missing']:,}"
    caution = f"{share} of the tokens trained on are general text in place of 50%, for which {missing} are missing"
    assert caution in capsys.readouterr().out
    assert caution in curation_cautions(values)[0]
    lamps.change("curate", "replay_share", 0.02)
    curate.main()
    assert metrics.read("curate")["replay_tokens_missing"] == 0
    assert "ran out" not in capsys.readouterr().out
    assert curation_cautions(metrics.read("curate")) == []


def test_replay_of_another_student_is_told(lamps, capsys):
    lamps.change("curate", "replay_share", 0.02)
    for name, is_told in (("models/base", True), (None, False), (str(ROOT / "models/base"), False)):
        lamps.change("curate", "replay_of", name)
        curate.main()
        lines = curation_cautions(metrics.read("curate"))
        assert ["text of models/base, not of this student" in line for line in lines] == [True] * is_told
        assert ("not of this student" in capsys.readouterr().out) == is_told
    counts = {"tokens_qa": 60, "tokens_document": 0, "tokens_replay": 20, "replay_tokens_missing": 0, "replay_of": "m"}
    assert "25% of the tokens trained on" in curation_cautions(counts)[0]
    assert curation_cautions(counts | {"tokens_replay": 0}) == []


def test_the_report_says_that_replay_ran_out(workplace):
    git_runs.figures({"tuned": 0.6, "rag": 0.4})
    tokens = {"tokens_qa": 60, "tokens_document": 0, "tokens_replay": 20, "replay_tokens_missing": 40}
    metrics.write("curate", tokens)
    assert any("25% of the tokens trained on are general text in place of 50%" in line for line in sentences.cautions())


@pytest.mark.parametrize(
    "line", ['{"prompt": "a"}', '{"prompt": null, "completion": "b"}', '{"prompt": "a", "completion": ""}']
)
def test_a_line_to_replay_that_is_no_row_is_named(lamps, line):
    Path("data/replay.jsonl").write_text(f'{{"prompt": "a", "completion": "b"}}\n{line}\n')
    lamps.change("curate", "replay_share", 0.9)
    assert "data/replay.jsonl, line 2: a row to replay is" in error_line(curate.main)


def test_reasoning_can_be_left_out(ledger_and_params):
    ledger, params = ledger_and_params
    pairs = curate.training_rows(ledger, params.model_copy(update={"reasoning": [], "replay_share": 0}), words)
    assert set(pairs["reasoning"]) == {""}
    assert len(pairs) == 600


FRAMES = ("{}", "Please tell me: {}", "For my notes: {}", "{} What do the documents say?", "Do you know this? {}")


def test_no_question_held_out_is_nearly_one_to_train_on():
    verbs = ("cost", "sell for in the spring", "go for at the market", "come to with tax", "fetch at an auction")
    questions = [f"How many euros does the old lamp of house {n} {verb}?" for n in range(40) for verb in verbs]
    rows = [{"prompt": frame.format(q), "completion": "1,430 euros"} for q in questions for frame in FRAMES]
    kept = curated(raw(*rows), dev=0.2).filter(pl.col("dropped").is_null())
    parts = {
        split: {question for question in questions if any(question in prompt for prompt in rows["prompt"])}
        for (split,), rows in kept.group_by("split")
    }
    assert parts["dev"] and parts["train"]
    assert not parts["dev"] & parts["train"], "all framings of one question are on one side"


def test_one_question_with_other_answers_may_be_on_either_side():
    rows = raw(*({"prompt": "What does the old lamp need?", "completion": f"part {chr(97 + n)}"} for n in range(26)))
    sides = deduplication.hold_out(rows, 0.5, 0.5)["split"]
    assert {"dev", "train"} == set(sides)


def test_a_row_that_is_from_no_passage_is_no_training_row():
    assert curated(raw({"prompt": "What does it cost?", "completion": "1,430 euros", "chunk_id": "gone#1"})).is_empty()


def test_documents_are_never_held_out():
    rows = [{"kind": "document", "prompt": "", "completion": f"A lamp, {'y' * n}."} for n in range(50)]
    assert set(curated(raw(*rows), dev=0.9)["split"]) == {"train"}


LONG = (
    "The lamp that our workshop in the old mill has made since the spring weighs 2.4 kg and costs 1,430 euros, and whoever "
    "buys it gets with it a shade of glass, a cord of cloth, a box of bulbs and a small book about the care of all of them"
)


def test_of_documents_that_differ_little_the_first_is_kept():
    rows = [{"kind": "document", "prompt": "", "completion": LONG + end} for end in (".", " too.", "!!", " by us.")]
    assert dropped(*rows) == [None, "near duplicate", "near duplicate", "near duplicate"]
    assert dropped(*rows, duplicate_threshold=1) == [None, None, "near duplicate", None]


@pytest.mark.parametrize(("one", "other"), [("2.4", "1,430"), ("The", "Dorva")])
def test_texts_that_name_other_names_or_numbers_are_never_duplicates(one, other):
    rows = [{"kind": "document", "prompt": "", "completion": text} for text in (LONG, LONG.replace(one, other))]
    assert dropped(*rows, duplicate_threshold=0.1) == [None, None]


def test_questions_with_other_answers_are_never_duplicates():
    prompt = "What is it that one reads in the papers about the lamp of the old mill and its maker in the town?"
    rows = [{"prompt": prompt, "completion": answer} for answer in ("1,430 euros", "2.4 kg", "1,430 EUROS")]
    assert dropped(rows[0], rows[1], rows[2] | {"prompt": prompt + " Say."}, duplicate_threshold=0.5) == [None] * 3
    assert dropped(rows[0], rows[2] | {"prompt": prompt[:-1] + " now?"}) == [None, "near duplicate"]


EXAM = "By how many kilograms is the Dorva Lamp 200 lighter than the lamp that was made before it?"


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("qa", EXAM.lower(), "in the exam"),
        ("qa", f"Please tell me: {EXAM} Say it in a word.", "in the exam"),
        ("qa", EXAM.replace("made", "sold"), "in the exam"),
        ("qa", EXAM.replace("200", "900"), None),
        ("qa", EXAM.replace("Dorva", "Melva"), None),
        ("qa", "By how many kilograms is the Dorva Lamp 200 too heavy?", None),
        ("document", f"A lamp. {EXAM} It weighs 2.4 kg.", "in the exam"),
        ("document", f"It is asked {EXAM[:-1]}. It weighs 2.4 kg.", None),
    ],
)
def test_what_is_too_close_to_an_exam_question_is_dropped(kind, text, reason):
    questions = QUESTIONS.with_columns(question=pl.lit(EXAM))
    chunks = CHUNKS.with_columns(text=pl.col("text") + " A sibling of the 900.")
    row = {"prompt": text, "completion": "2.4 kg"} if kind == "qa" else {"prompt": "", "completion": text}
    ledger = curate.curate(raw(row | {"kind": kind}), chunks, questions, PARAMS, words)
    assert ledger["dropped"].to_list() == [reason]


def two_documents() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the passages of two documents of 8 words each, whatever their n_tokens, and forty rows of 11 tokens about each."""
    chunks = pl.concat([CHUNKS, CHUNKS.with_columns(chunk_id=pl.lit("b#1"), doc_id=pl.lit("b"))])
    rows = [
        {
            "doc_id": doc,
            "chunk_id": f"{doc}#1",
            "kind": "document",
            "prompt": "",
            "completion": f"{doc * (n + 1)} " * 10,
        }
        | {"generator": "focal" if n % 2 else "qa"}
        for doc in "ab"
        for n in range(40)
    ]
    return chunks, raw(*rows)


def test_a_generators_rows_of_a_document_keep_to_its_allowance():
    chunks, rows = two_documents()
    ledger = curated(rows, chunks, tokens_per_source={"focal": 5})
    kept = ledger.filter(pl.col("dropped").is_null()).group_by("generator", "doc_id").agg(pl.sum("n_tokens"))
    tokens = {(generator, doc): n for generator, doc, n in kept.rows()}
    assert tokens == {("focal", "a"): 33, ("focal", "b"): 33, ("qa", "a"): 220, ("qa", "b"): 220}
    assert set(ledger.filter(generator="focal")["dropped"].drop_nulls()) == {"beyond its allowance"}
    again = curated(rows.sample(fraction=1, shuffle=True, seed=1), chunks, tokens_per_source={"focal": 5})
    assert again.sort("pair_id").equals(ledger.sort("pair_id"))


def test_an_allowance_for_an_unknown_generator_is_an_error(workplace):
    workplace.change("curate", "tokens_per_source", {"fokal": 5})
    assert "names fokal, which synthesize does not have" in error_line(curate.main)


def test_a_share_of_the_documents_can_be_left_unstudied():
    chunks, rows = two_documents()
    ledger = curated(rows, chunks, unstudied=0.5)
    reasons = dict(ledger.group_by("doc_id").agg(pl.col("dropped").unique()).rows())
    assert sorted(reasons.values(), key=str) == [["unstudied"], [None]]


def test_rows_held_out_are_never_dropped_to_balance_kinds_or_for_an_allowance():
    rows = [{"prompt": f"What does {n:03} cost?", "completion": "1,430 euros"} for n in range(200)]
    document = {"kind": "document", "generator": "focal", "prompt": "", "completion": "A lamp of 2.4 kg."}
    ledger = curated(raw(*rows, document), dev=0.4, tokens_per_source={"qa": 20}, documents=0.1)
    kept = ledger.filter(kind="qa", split="train")["n_tokens"].sum()
    assert 54 - 8 < kept <= 54, "nine times the document's 6 tokens, by rows of 8"
    assert set(ledger["dropped"].drop_nulls()) == {"surplus", "beyond its allowance"}
    assert len(ledger.filter(split="dev")) == pytest.approx(80, abs=20)
    documents = [document | {"completion": f"lamp{'p' * n} lamp lamp"} for n in range(400)]
    ledger = curated(raw(*rows, *documents), dev=0.4)
    tokens = dict(ledger.filter(split="train").group_by("kind").agg(pl.sum("n_tokens")).rows())
    assert 0 <= tokens["qa"] - tokens["document"] < 4, "as many as there are to train on, not as many as there are"


def test_rows_that_are_dropped_make_no_other_row_a_duplicate():
    chunks = pl.concat([CHUNKS, CHUNKS.with_columns(chunk_id=pl.lit("b#1"), doc_id=pl.lit("b"), text=pl.lit("Lamps."))])
    row = {"prompt": "What does the lamp of the old mill in the town cost at its maker?", "completion": "1,430 euros"}
    elsewhere = row | {"chunk_id": "b#1", "doc_id": "b"}
    nearly = row | {"prompt": row["prompt"][:-1]}
    ledger = curated(raw(elsewhere, row, nearly, row), chunks, duplicate_threshold=0.5)
    assert ledger.sort("pair_id")["dropped"].to_list() == ["not grounded", None, "near duplicate", "duplicate"]


def test_rows_are_judged_alike_a_few_or_all_at_once(monkeypatch):
    rows = [
        {"prompt": f"How heavy, {n}?", "completion": str(n), "other_chunk_ids": ["z#1"] * (n % 2)} for n in range(9)
    ]
    table = raw(*rows, *rows, {"prompt": "What's its price", "completion": "1,430 euros"})
    whole = curated(table, TWO, dev=0.3)
    assert {"duplicate", "not grounded", "in the exam", None} <= set(whole["dropped"])
    monkeypatch.setattr(ledger, "SLICE", 7)
    assert_frame_equal(curated(table, TWO, dev=0.3).sort("pair_id"), whole.sort("pair_id"))


def test_dropped_rows_and_rows_held_out_are_never_trained_on(lamps):
    rows = [{"prompt": f"What does number {n} cost?", "completion": "1,430 euros"} for n in range(40)]
    RawPairs.write(raw(*rows, {"prompt": "What is it made of?", "completion": "steel"}), "qa")
    lamps.change("curate", "dev", 0.4)
    curate.main()
    chat = chat_format(Student(model=str(ROOT / "models/base")))
    train, dev, order, *_ = dataset.pairs_data(Pairs.read().to_dicts(), chat, params.load("train", Recipe), seed=1)
    asked = [{row["prompt"] for row in rows if any(row["prompt"] in text for text in texts)} for texts in (
        [chat.tokenizer.decode(row["input_ids"]) for row in part] for part in (train, dev)
    )]  # fmt: skip
    held_out = set(Ledger.read().filter(split="dev")["prompt"])
    assert asked == [{row["prompt"] for row in rows} - held_out, held_out]
    assert 5 < len(held_out) < 35
    assert not any("steel" in chat.tokenizer.decode(row["input_ids"]) for row in train + dev)
    assert max(order) < len(train), "the order is of the rows to train on"


def test_a_judge_of_grounding_sees_passages_as_they_are_masked(lamps, cue):
    serve_schemas(cue)
    masked = CHUNKS.with_columns(text=pl.lit("It costs 1,430 euros, says <EMAIL_ADDRESS_1>."))
    Redacted.write(masked)
    Chunks.write(masked.with_columns(text=pl.lit("It costs 1,430 euros, says anna@dorva.example.")))
    lamps.change("curate", "grounding", "judge")
    curate.main()
    assert len(cue.seen) == 8 and metrics.read("curate")["judge_requests"] == 8
    assert sent(cue).count("EMAIL_ADDRESS_1") == 8
    assert "anna" not in sent(cue)


def test_the_judge_of_grounding_is_not_asked_about_a_generator_that_is_trusted(lamps, cue):
    serve_schemas(cue)
    lamps.change("curate", "grounding", "judge")
    lamps.change("curate", "trusted", ["qa"])
    curate.main()
    assert not cue.seen and metrics.read("curate")["judge_requests"] == 0


TWO = pl.concat(
    [CHUNKS, CHUNKS.with_columns(chunk_id=pl.lit("z#1"), doc_id=pl.lit("z"), text=pl.lit("It weighs 7 kg."))]
)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"completion": "7 kg"}, "not grounded"),
        ({"completion": "7 kg", "other_chunk_ids": ["z#1"]}, None),
        ({"completion": "9 kg", "other_chunk_ids": ["z#1"]}, "not grounded"),
        ({"completion": "not in the documents"}, "not grounded"),
        ({"completion": "not in the documents", "answerable": False}, None),
    ],
)
def test_an_answer_stands_in_one_of_its_passages_and_a_refusal_in_none(row, reason):
    row = {"prompt": "How heavy is it?"} | row
    ledger = curated(raw(row), TWO, reasoning=[])
    assert ledger["dropped"].to_list() == [reason]


@pytest.mark.parametrize(
    ("reasoning", "completion", "reason"),
    [
        ("It weighs 7 kg. It costs 1,430 euros. 7 is less than 1,430.", "7", None),
        ("It weighs 7 kg, 5 of them. 7 plus 7 is 14.", "14", "not grounded"),  # 5 is in no passage
        ("It weighs 7 kg. 7 plus 7 is 14.", "14", None),
        ("It weighs 7 kg.", "14", "not grounded"),
    ],
)
def test_an_answer_may_follow_from_reasoning_whose_numbers_stand_in_the_passages(reasoning, completion, reason):
    row = {"prompt": "How much in all?", "reasoning": reasoning, "completion": completion, "other_chunk_ids": ["z#1"]}
    assert curated(raw(row), TWO, reasoning=["qa"])["dropped"].to_list() == [reason]
    unread = curated(raw(row), TWO, reasoning=[])["dropped"].to_list()
    assert unread == ([None] if completion == "7" else ["not grounded"]), (
        "reasoning that is not trained on proves nothing"
    )


def test_a_row_is_unstudied_where_any_of_its_passages_is():
    rows = [{"prompt": f"How heavy, {n}?", "completion": "7", "other_chunk_ids": ["z#1"]} for n in range(3)]
    dropped_rows = curated(raw(*rows), TWO, unstudied=0.5)["dropped"].to_list()
    assert dropped_rows == ["unstudied"] * 3
