"""An exam that the teacher writes reaches all documents, in the kinds asked for, and asks for nothing twice."""

import asyncio
import json
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from invitro.rules import examiner, wordings
from invitro.rules.sentences import Fact, fact
from invitro.world import corpus
from invitro.world.company import make_company
from parts.corpus import exam_passages
from parts.corpus.exam_hash import exam_sha
from parts.corpus.exam_writer import ExamMix, write_exam
from parts.corpus.splitting import split_documents
from parts.project import prompts
from parts.project.sections import Server
from parts.safety import quoting
from schemas.questions import Questions
from stages import exam, ingest
from tests.conftest import ScriptedServer

SERVER, SEED = Server(model="rules-4"), 5


def chunk(doc: str, number: int, text: str) -> dict:
    return {"chunk_id": f"{doc}#{number}", "doc_id": doc, "heading": f"{doc} > Part", "text": text, "quote": text}


def hashed(texts: list[str]) -> np.ndarray:
    """Return unit vectors of the texts' words, (n, 512): near where words are the same."""
    vectors = np.zeros((len(texts), 512))
    for row, text in zip(vectors, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[sum(map(ord, word)) * 31 % 512] += 1
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)


@pytest.fixture(scope="module")
def company():
    return make_company(SEED, "exam", 16)


@pytest.fixture(scope="module")
def passages(company, tmp_path_factory):
    """The passages of a company of 16 documents."""
    folder = tmp_path_factory.mktemp("company")
    corpus.write(company, SEED, 14, folder)
    documents, _ = ingest.ingest(folder / "raw")
    chunks = split_documents(documents, 60, lambda text: len(text.split()))
    return chunks.with_columns(quote=pl.col("text")).to_dicts()


def written(passages, count: int, two_documents: float = 0.2, unanswerable: float = 0.2):
    mix = ExamMix(two_documents=two_documents, unanswerable=unanswerable)
    return asyncio.run(write_exam(passages, count, mix, SERVER, hashed))


@pytest.mark.parametrize("count", [1, 3, 8, 16, 17, 20, 21, 22, 50])
def test_questions_are_spread_over_all_documents_and_passages(count):
    sizes = {f"{n}.md": n % 3 + 1 for n in range(8)} | {"long.md": 6}
    chunks = [chunk(doc, number, "") for doc, size in sizes.items() for number in range(size)]
    quotas = exam_passages.spread(chunks, count)
    assert sum(quotas.values()) == count
    assert len({chunks[index]["doc_id"] for index in quotas}) == min(count, len(sizes))
    assert len(quotas) == min(count, len(chunks)) and max(quotas.values()) - min(quotas.values()) <= 1
    assert max(quotas) > len(chunks) // 2 or count == 1, "the end is reached, too"


def test_pairs_share_a_name_that_the_second_passage_is_about_if_there_is_such():
    chunks = [
        chunk("Lyon Office", 1, "Visitors wear a badge. The head of Lyon Office is Ada Mill."),
        chunk("Ada Mill", 1, "The desk of Ada Mill is by the window."),
        chunk("Travel Policy", 1, "Visitors may ask. The owner of Travel Policy is Ada Mill. Bo Reed signs."),
        chunk("Leave Policy", 1, "Every form goes to Bo Reed."),
    ]
    pairs = [(p.name, p.first["doc_id"], p.second["doc_id"]) for p in exam_passages.linked_pairs(chunks, 9)]
    assert pairs[:2] == [("Ada Mill", "Lyon Office", "Ada Mill"), ("Ada Mill", "Travel Policy", "Ada Mill")]
    assert sorted(pairs[2:]) == [
        ("Bo Reed", "Leave Policy", "Travel Policy"),
        ("Bo Reed", "Travel Policy", "Leave Policy"),
    ]


def test_two_passages_that_share_two_names_are_one_pair():
    chunks = [chunk(doc, 1, "Ask Ada Mill for it. Or ask Bo Reed.") for doc in ("Leave Policy", "Travel Policy")]
    pairs = exam_passages.linked_pairs(chunks, 9)
    assert sorted(pair.first["doc_id"] for pair in pairs) == ["Leave Policy", "Travel Policy"]


def test_pairs_take_turns_over_the_documents():
    chunks = [chunk(f"Person A{n}", 1, "Nothing.") for n in "xyz"]
    chunks += [
        chunk("Big List", n, f"Ask Person A{x} for it. Or ask Person A{y}.") for n, (x, y) in enumerate(["xy", "yz"])
    ]
    chunks.append(chunk("Note", 1, "Then ask Person Ax for it."))
    firsts = [pair.first["doc_id"] for pair in exam_passages.linked_pairs(chunks, 2)]
    assert sorted(firsts) == ["Big List", "Note"]


def test_a_written_exam_has_the_kinds_asked_for_and_reaches_every_document(passages, by_rules):
    questions, counts = written(passages, 60)
    kinds = Counter(question.kind for question in questions)
    assert kinds == {"fact": 36, "two_documents": 12, "unanswerable": 12}
    assert {piece.file for question in questions for piece in question.evidence} == {c["doc_id"] for c in passages}
    assert len({question.question for question in questions}) == len({q.question_id for q in questions}) == 60
    assert counts["requests"] and counts["left_out_answered"], "the check leaves questions out"
    for question in questions:
        assert len(question.evidence) == {"fact": 1, "two_documents": 2, "unanswerable": 0}[question.kind]
        assert bool(question.references) == question.answerable == (question.kind != "unanswerable")


def test_the_same_documents_have_the_same_exam(passages, by_rules):
    assert written(passages, 30)[0] == written(passages, 30)[0]


def test_a_two_document_question_names_the_first_passages_subject_and_has_the_seconds_answer(passages, by_rules):
    texts = {c["quote"]: c for c in passages}
    questions = [q for q in written(passages, 60)[0] if q.kind == "two_documents"]
    for question in questions:
        first, second = (texts[piece.quote] for piece in question.evidence)
        assert first["doc_id"] != second["doc_id"]
        assert question.references[0].lower() in second["text"].lower()
        assert exam_passages.title(first) in question.question and exam_passages.title(second) not in question.question


def asked_attribute(company, question: str):
    """Return the entity that `question` names, and the attribute of its own kind that it asks for, if it is one."""
    entity = max((e for e in company.entities if e.name in question), key=lambda e: len(e.name))
    for other in company.entities:
        for name, value in other.facts.items():
            for shape in entity.kind.attributes[name].says if name in entity.kind.attributes else ():
                sentence = shape.replace("{S}", entity.name).replace("{V}", value)
                stated = fact(entity.name, sentence[0].upper() + sentence[1:])
                if stated and question in wordings.examination(stated):
                    return entity, name
    return entity, None


def test_written_unanswerable_questions_are_unanswerable_in_the_world(passages, company, by_rules):
    questions = [q.question for q in written(passages, 100, unanswerable=0.4)[0] if q.kind == "unanswerable"]
    asked = [asked_attribute(company, question) for question in questions]
    answered = [(entity.name, name) for entity, name in asked if name in entity.facts]
    assert len(questions) >= 20 and sum(name is not None for _, name in asked) >= 5
    assert len(answered) <= 0.05 * len(questions), answered


def test_questions_that_the_check_finds_answered_or_cannot_tell_are_left_out(cue):
    chunks = [chunk("Lyon Office", 1, "It has 3 floors."), chunk("Bern Office", 1, "It has 5 desks.")]
    verdict = '{"reason": "", "answered": %s}'
    replies = iter([verdict % "true", "what?", verdict % "false", verdict % "false"])

    def reply(asked: dict) -> tuple[int, dict]:
        if asked["response_format"]["type"] == "json_object":
            return 200, ScriptedServer.answer("what, in words?")
        schema, number = asked["response_format"]["json_schema"]["name"], len(cue.seen)
        cue.seen.append(asked)
        rows = [{"question": f"Question {number} {letter}?", "answer": "3"} for letter in "ab"]
        return 200, ScriptedServer.answer(
            next(replies) if schema == "PassageCheck" else json.dumps({"questions": rows})
        )

    cue.reply = reply
    questions, counts = written(chunks, 1, 0, 1)
    assert [q.kind for q in questions] == ["unanswerable"]
    assert (counts["left_out_answered"], counts["left_out_check_unparsed"]) == (1, 1)


def test_lost_requests_are_counted_by_reason_and_other_passages_stand_in(cue):
    chunks = [chunk(f"Office {n}", 1, f"It has {n} floors.") for n in range(4)]
    rows = [{"question": f"How many floors, {n}?", "answer": str(n)} for n in range(2)]
    good = ScriptedServer.answer(json.dumps({"questions": rows}))
    cut, private = (
        ScriptedServer.answer("{", "length"),
        json.dumps({"questions": [{"question": "<PERSON_1>?", "answer": "x"}]}),
    )
    cue.script = [(200, good), (200, cut), (200, ScriptedServer.answer(private))]
    cue.default = "no"
    questions, counts = written(chunks, 4, 0, 0)
    assert [q.question for q in questions] == ["How many floors, 0?", "How many floors, 1?"]
    assert counts == {"requests": 4, "failed_cut_off": 1, "failed_unparsed": 1, "left_out_placeholder": 1}


def test_a_question_with_the_shared_name_takes_one_document_only(cue):
    chunks = [
        chunk("Lyon Office", 1, "The head of Lyon Office is Ada Mill."),
        chunk("Ada Mill", 1, "Ada Mill is away."),
    ]
    cue.default = '{"questions": [{"question": "Where is Ada Mill?", "answer": "away"}]}'
    questions, counts = written(chunks, 1, 1, 0)
    assert not [q for q in questions if q.kind == "two_documents"] and counts["left_out_one_document"] == 1


def test_shares_of_more_than_the_whole_are_refused():
    with pytest.raises(ValueError, match="add up to more than 1"):
        ExamMix(two_documents=0.6, unanswerable=0.5)


def test_the_hash_of_an_exam_follows_what_is_asked_and_not_its_kinds_or_order():
    row = {"doc_id": None, "kind": "fact", "options": None, "answerable": True, "gold_chunk_ids": []}
    rows = [row | {"question_id": f"q{n}", "question": f"Which, {n}?", "references": ["red"]} for n in (1, 2)]
    sha = exam_sha(Questions.frame(rows))
    assert exam_sha(Questions.frame([r | {"kind": "other", "doc_id": "a.md"} for r in rows[::-1]])) == sha
    for change in (
        {"references": ["blue"]},
        {"question": "What?"},
        {"answerable": False},
        {"options": ["red", "blue"]},
    ):
        assert exam_sha(Questions.frame([rows[0] | change, rows[1]])) != sha, change


def test_the_examiner_by_rules_asks_in_other_words_than_the_teacher():
    for sentence, answer in (
        ("The notice period of Leave Policy is 12 days.", "12 days"),
        ("Ada Mill runs Lyon Office.", "Ada Mill"),
        ("Inside Lyon Office stand 21 desks.", "21"),
    ):
        stated = Fact("Lyon Office" if "Lyon" in sentence else "Leave Policy", sentence, answer)
        assert not set(wordings.examination(stated)) & set(wordings.training(stated))


def test_the_examiner_by_rules_tells_what_passages_answer():
    shown = quoting.passage("Lyon Office", "Lyon Office opened in 1971. Visitors to Lyon Office wear a red badge.")
    for question, answered in (
        ("Say what year work at Lyon Office began in.", True),
        ("Say what colour the badge at Lyon Office is.", True),
        ("Say how many floors Lyon Office has.", False),
        ("Say what year Bern Office opened in.", False),
    ):
        prompt = prompts.render("shared/answered", question=question, passages=shown)
        assert examiner.passage_check(prompt, random.Random(1))["answered"] is answered, question


def test_the_stage_says_who_wrote_the_exam(passages, workplace, by_rules, monkeypatch):
    from schemas.chunks import Chunks
    from schemas.documents import Documents
    from schemas.redacted import Redacted

    monkeypatch.setattr(exam, "Embedder", lambda model: hashed)
    texts = {c["doc_id"]: "" for c in passages}
    rows = []
    for c in passages:
        start = len(texts[c["doc_id"]])
        texts[c["doc_id"]] += c["text"] + "\n"
        rows.append({k: c[k] for k in Chunks.types()} | {"start": start, "end": start + len(c["text"])})
    Documents.write(Documents.frame([{"doc_id": d, "title": d, "text": t} for d, t in texts.items()]))
    Chunks.write(Chunks.frame(rows))
    Redacted.write(Redacted.frame(rows))
    workplace.change("exam", "questions", "data/none.jsonl")
    workplace.change("exam", "count", 40)
    exam.main()
    figures = json.loads(Path("metrics/exam.json").read_text())
    assert figures["exam_by"] == workplace.params["teacher"]["model"]
    assert figures["exam_sha"] == exam_sha(Questions.read())
    assert (figures["documents"], figures["documents_reached"], figures["evidence_not_found"]) == (16, 16, 0)
    assert (figures["kind_fact"], figures["kind_two_documents"], figures["kind_unanswerable"]) == (28, 6, 6)
