"""What a teacher writes of several passages: joins, steps, and what no passage states; by the rules, from the prompt alone."""

import asyncio
import importlib
import random
import re

import numpy as np
import pytest

from invitro.rules import looks, several, wordings
from invitro.rules.sentences import fact
from invitro.world import grammar
from parts.corpus.exam_passages import linked_pairs
from parts.generators import boundary, joined, steps
from parts.generators.shared.base import Source, load_generator, quote
from parts.generators.shared.corpus import Corpus
from parts.llm.client import connect
from parts.project import prompts
from parts.project.sections import Server
from parts.text.answer_format import REFUSAL

LYON = "The head of Lyon Office is Ana Bright. Lyon Office has 12 floors. The number of desks of Lyon Office is 40."
BERN = "Bern Office carries a yellow badge. The number of floors of Bern Office is 9."
ANA = "Ana Bright speaks Dutch. The extension of Ana Bright is 353."
DRILL = "1. Open the side door.\n2. Lock the front gate.\n3. Wipe the sensor."
TEXTS = {"Lyon Office": LYON, "Bern Office": BERN, "Ana Bright": ANA, "Fire Drill": DRILL}
SERVER = Server(model="rules-4")


def chunk(title: str, number: int = 1) -> dict:
    return {"chunk_id": f"{title}#{number}", "doc_id": title, "heading": title, "text": TEXTS[title]}


def embed(texts: list[str]) -> np.ndarray:
    """Return vectors by the letters of the texts: enough to tell what is alike."""
    counts = np.array([[text.lower().count(letter) for letter in "abcdefghijklmnoprstuvwy"] for text in texts], float)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


CORPUS = Corpus([chunk(title) for title in TEXTS], embed)


def rows(module, source: Source, **knobs) -> list:
    section = dict.fromkeys(module.Params.model_fields, 2) | {"characters": 500, "temperature": 1.0} | knobs
    section = {key: value for key, value in section.items() if key in module.Params.model_fields}

    async def run():
        async with connect(SERVER) as client:
            return await module.generate(source, client.ask, module.Params(**section))

    return asyncio.run(run())


@pytest.fixture
def teacher(workplace, rules, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)


def test_a_joined_question_takes_both_passages_and_says_whom_its_description_means(teacher):
    (source,) = joined.sources(CORPUS, joined.Params(pairs=5, samples=1, count=1, temperature=1))
    assert (source.link, source.chunk_ids) == ("Ana Bright", ["Ana Bright#1", "Lyon Office#1"])
    questions = rows(joined, source, samples=8)
    assert {row.completion for row in questions} == {"Dutch", "353"}
    for row in questions:
        assert "Ana Bright" not in row.prompt and "head of Lyon Office" in row.prompt
        assert row.reasoning == "The head of Lyon Office is Ana Bright."


def test_a_question_that_names_what_it_should_describe_takes_one_passage_and_is_dropped(cue):
    cue.default = '{"questions": [{"question": "What does Ana Bright speak?", "reasoning": "r", "answer": "Dutch"}]}'
    dropped = rows(joined, Source(chunk("Ana Bright"), (chunk("Lyon Office"),), "Ana Bright"), samples=1)
    assert [row.dropped for row in dropped] == ["one passage"]


def test_steps_are_comparisons_totals_counts_and_orders_with_the_step_written_out(teacher):
    source = Source(chunk("Lyon Office"), (chunk("Bern Office"), chunk("Fire Drill")))
    by_answer = {row.completion: row for row in rows(steps, source, samples=30, count=4)}
    assert by_answer["Lyon Office"].reasoning.endswith("12 is more than 9.")
    assert by_answer["Bern Office"].reasoning.endswith("9 is less than 12.")
    assert by_answer["21"].reasoning.endswith("12 plus 9 is 21.")
    assert by_answer["3"].reasoning == "The last step of Fire Drill is number 3."
    assert by_answer["wipe the sensor"].reasoning == "Step 3 of Fire Drill is to wipe the sensor."


def test_a_document_is_shown_with_those_that_are_most_like_it_and_a_long_one_in_parts():
    params = steps.Params(alike=1, characters=500, samples=1, count=1, temperature=1)
    by_first = {source.chunk_ids[0]: source.chunk_ids[1:] for source in steps.sources(CORPUS, params)}
    assert len(by_first) == 4 and all(len(others) == 1 for others in by_first.values())
    assert by_first["Bern Office#1"] == ["Lyon Office#1"]
    long = Corpus([chunk("Lyon Office", n) for n in range(1, 5)] + [chunk("Bern Office")], embed)
    size = len(LYON)
    windows = [[one["chunk_id"] for one in window] for window, _ in long.alike(2 * size, 1)]
    assert windows == [["Lyon Office#1", "Lyon Office#2"], ["Lyon Office#3", "Lyon Office#4"], ["Bern Office#1"]]
    for window, others in long.alike(2 * size, 3):
        assert all(other[0]["doc_id"] != window[0]["doc_id"] for other in others)


def test_a_boundary_question_is_what_only_another_document_states_and_is_declined(teacher):
    source = Source(chunk("Lyon Office"), (chunk("Bern Office"),), corpus=CORPUS)
    kept = [row for row in rows(boundary, source, samples=6) if not row.dropped]
    assert {(row.completion, row.answerable) for row in kept} == {(REFUSAL, False)}
    questions = {row.prompt for row in kept}
    assert all("Lyon Office" in text and "badge" in text for text in questions), "floors are stated, a badge is not"


def test_all_questions_on_a_document_are_embedded_at_once(teacher):
    sizes = []
    corpus = Corpus(CORPUS.chunks, lambda texts: sizes.append(len(texts)) or embed(texts))
    checked = rows(boundary, Source(chunk("Lyon Office"), (chunk("Bern Office"),), corpus=corpus), samples=6)
    assert sizes == [len(checked), len(TEXTS)] and len(checked) > 1
    assert corpus.near([], 3) == []


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("the night team", "a team"), ("Zork Depot", "a place"), ("Ana Bright", "a person"), ("Cork", "a material"),
        ("7 months", "months"), ("7 weeks", "weeks"), ("1,900 euros", "a sum of money"), ("8:30", "a time"),
        ("1988", "a year"), ("12", "a number"), ("Zork Ltd", "a firm"), ("a broken pump", ""),
    ],
)  # fmt: skip
def test_a_phrase_shows_by_its_look_what_it_is_alone_and_in_a_text(phrase, name):
    assert looks.look(phrase) == name
    assert looks.looks(f"It has {phrase}, too.") == [name] * bool(name)


@pytest.mark.parametrize(
    ("own", "other", "is_asked"),
    [
        ("Zork is made at Lyon Office.", "Blim was designed by Ana Bright.", True),
        ("Zork was drawn by Eva Stern.", "Blim was designed by Ana Bright.", False),
        ("Zork runs for 7 hours.", "Blim is under warranty for 9 months.", True),
        ("Zork is repaired free of charge for 7 months.", "Blim is under warranty for 9 months.", False),
        ("Cork is the material of Zork.", "Blim is made of steel.", False),
        (
            "Zork is employed as a nurse. This page is read by new colleagues.",
            "This page is read by new colleagues. Blim holds the post of a driver.",
            False,
        ),
        ("Zork is made at Lyon Office.", "Blim is managed by Zork.", False),
        ("Zork has 12 floors.", "The guide of Blim is the Blim Book.", False),
    ],
)
def test_a_boundary_question_asks_for_what_no_phrase_of_the_document_can_be(own, other, is_asked):
    documents = [quote([{"heading": name, "text": text}]) for name, text in (("Zork", own), ("Blim", other))]
    prompt = prompts.render("boundary/questions", count=9, document=documents[0], others=documents[1])
    assert bool(several.boundary_questions(prompt, random.Random(1))["questions"]) == is_asked


@pytest.mark.parametrize(
    ("own", "other", "word", "others"),
    [
        ("Dial 286 to reach Zork.", "Blim can be called on 12. Blim uses locker 9.", "locker", ("call", "reach")),
        ("Zork keeps things in locker 9.", "Dial 286 to reach Blim. Locker 12 belongs to Blim.", "reach", ("locker",)),
        (
            "Zork has 12 floors. Zork offers room for 50 desks.",
            "Blim is 9 floors high. There are 40 desks at Blim. 30 cars can park at Blim.", "park", ("desk", "floor"),
        ),
        (
            "Leaving Zork takes 14 weeks.",
            "Blim can be cancelled with 13 weeks of warning. Bills under Blim are paid within 6 weeks.", "paid", ("cancel",),
        ),
    ],
)  # fmt: skip
def test_what_a_document_states_in_other_words_is_no_boundary_question(own, other, word, others):
    documents = [quote([{"heading": name, "text": text}]) for name, text in (("Zork", own), ("Blim", other))]
    prompt = prompts.render("boundary/questions", count=9, document=documents[0], others=documents[1])
    questions = [row["question"] for row in several.boundary_questions(prompt, random.Random(1))["questions"]]
    assert questions and all(word in question for question in questions)
    assert not any(stated in question for question in questions for stated in others)


def test_a_number_that_a_document_tells_in_a_sentence_no_rule_reads_may_be_any():
    own, other = "Zork, in room 7 (", "Blim uses locker 9. Dial 286 to reach Blim."
    documents = [quote([{"heading": name, "text": text}]) for name, text in (("Zork", own), ("Blim", other))]
    prompt = prompts.render("boundary/questions", count=9, document=documents[0], others=documents[1])
    assert several.boundary_questions(prompt, random.Random(1)) == {"questions": []}


def test_a_boundary_question_is_what_documents_of_the_same_kind_state_where_some_are_like_it():
    zork = "The price of Zork is 9 euros."
    blim = "The price of Blim is 7 euros. Blim is made of steel."
    party = "Party begins at 8:30. The host of Party is Ana Bright."
    texts = {"Zork": zork, "Blim": blim, "Party": party}

    def asked(*names: str) -> str:
        first, *others = (quote([{"heading": name, "text": texts[name]}]) for name in ("Zork", *names))
        prompt = prompts.render("boundary/questions", count=9, document=first, others="\n".join(others))
        return " ".join(row["question"] for row in several.boundary_questions(prompt, random.Random(1))["questions"])

    assert "Zork is made of" in asked("Blim", "Party") and "begin" not in asked("Blim", "Party")
    assert "begin" in asked("Party"), "nothing else is there to go by"


def test_a_boundary_question_that_some_passage_answers_is_dropped_with_the_reason(teacher):
    elsewhere = chunk("Ana Bright") | {"chunk_id": "x", "doc_id": "x", "text": "Lyon Office carries a red badge."}
    corpus = Corpus([*CORPUS.chunks, elsewhere], embed)
    source = Source(chunk("Lyon Office"), (chunk("Bern Office"),), corpus=corpus)
    assert {row.dropped for row in rows(boundary, source, samples=4, checked=5)} == {"answered"}


def test_a_boundary_question_is_checked_in_the_document_itself_and_in_what_is_nearest_to_it(cue):
    cue.script = [(200, cue.answer('{"questions": [{"question": "Which badge?"}]}'))]
    cue.default = '{"reason": "", "answered": false}'
    source = Source(chunk("Lyon Office"), (chunk("Bern Office"),), corpus=CORPUS)
    rows(boundary, source, samples=1, checked=1)
    asked, checked = (each["messages"][0]["content"] for each in cue.seen)
    assert quote([chunk("Lyon Office")]) in checked and "Which badge?" in checked
    assert quote([chunk("Bern Office")]) in asked


def test_a_passage_of_the_document_that_is_nearest_too_is_checked_once(cue):
    cue.script = [(200, cue.answer('{"questions": [{"question": "Which badge?"}]}'))]
    cue.default = '{"reason": "", "answered": false}'
    rows(boundary, Source(chunk("Lyon Office"), corpus=CORPUS), samples=1, checked=len(TEXTS))
    assert all(cue.seen[1]["messages"][0]["content"].count(text) == 1 for text in TEXTS.values())


def test_no_wording_of_several_passages_is_one_of_the_exams():
    """Only the words around names, labels and steps are compared: those are of the documents."""
    own = {
        _frame(text) for shapes in (several._HIGHER, several._TOTAL, several._COUNT, several._AFTER) for text in shapes
    }
    exam = {
        _frame(question)
        for form, shapes in grammar.composed().items()
        for question in shapes["exam"]
        for form in (form,)
    }
    assert own and exam and not own & exam


def _frame(text: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in re.findall(r"\w+", re.sub(r"\{\w+\}", " ", text)))


def test_the_rules_know_nothing_but_the_prompt():
    """Made-up names and numbers of no world come out as they went in."""
    text = "The price of Zork is 7 euros. Zork weighs 3 kg."
    other = "The price of Blim is 9 euros."
    passages = quote([
        {"heading": "Zork", "text": text}, {"heading": "Blim", "text": other},
    ])  # fmt: skip
    prompt = prompts.render("steps/questions", count=9, passages=passages)
    questions = several.step_questions(prompt, random.Random(1))["questions"]
    assert {row["answer"] for row in questions} == {"Blim", "Zork", "16 euros"}


@pytest.mark.parametrize(
    ("sentence", "description"),
    [
        ("The head of Lyon is Ana Bright.", "the head of Lyon"),
        ("Ana Bright leads Lyon.", "the one who leads Lyon"),
        ("Lyon is led by Ana Bright.", "the one Lyon is led by"),
        ("Questions about Lyon go to Ana Bright.", "the one to whom questions about Lyon go"),
    ],
)
def test_a_person_is_described_by_what_a_sentence_says(sentence, description):
    stated = fact("Lyon", sentence)
    assert stated.answer == "Ana Bright" and description in wordings.descriptions(stated)


def test_pairs_are_spread_over_the_documents():
    chunks = [chunk("Lyon Office", n) | {"doc_id": f"d{n}", "chunk_id": f"d{n}"} for n in range(40)]
    pairs = linked_pairs([*chunks, chunk("Ana Bright")], 30)
    uses = [pair.first["doc_id"] for pair in pairs]
    assert len(set(uses)) == len(uses)


@pytest.mark.parametrize("name", ["boundary", "joined", "steps"])
def test_a_generator_of_several_passages_is_one_of_params_yaml(workplace, name):
    knobs = {"alike": 1, "characters": 500, "samples": 1, "count": 1, "checked": 1, "pairs": 1, "temperature": 0}
    assert load_generator("qa").is_about_each_passage
    wanted = importlib.import_module(f"parts.generators.{name}").Params.model_fields
    generator = load_generator(name, {key: knobs[key] for key in wanted})
    assert not generator.is_about_each_passage and generator.name == name
