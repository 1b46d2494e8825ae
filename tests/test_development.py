"""Settings are chosen on questions that are not the exam's."""

import asyncio

from parts.corpus.exam_writer import ExamMix, write_exam
from parts.project.sections import Server
from schemas.questions import Questions
from stages.development import outside_exam


def question(key: str, text: str, answer: str, chunk_id: str) -> dict:
    row = {"question_id": key, "doc_id": "d", "kind": "fact", "question": text, "options": None, "references": [answer]}
    return row | {"answerable": bool(answer), "gold_chunk_ids": [[chunk_id]] if chunk_id else []}


def test_a_question_of_the_exam_is_left_out_and_so_is_one_with_its_answer_from_its_passage():
    exam = Questions.frame([question("e1", "What does Lamp 1 cost?", "430 euros", "c1")])
    written = [
        question("d1", "what does lamp 1 cost", "430 euros", "c9"),
        question("d2", "How much is Lamp 1?", "430 Euros", "c1"),
        question("d3", "How much is Lamp 2?", "430 euros", "c2"),
        question("d4", "How heavy is Lamp 1?", "3 kg", "c1"),
    ]
    assert outside_exam(Questions.frame(written), exam)["question_id"].to_list() == ["d3", "d4"]


def test_another_sample_of_the_teacher_is_another_exam(workplace, rules, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    text = " ".join(f"The {name} of Lamp 1 is {n}0 euros." for n, name in enumerate(("price", "fee", "rent"), 1))
    chunk = {"chunk_id": "d#1", "doc_id": "d", "heading": "Lamp 1", "text": text, "quote": text}
    mix, server = ExamMix(two_documents=0, unanswerable=0), Server(model="rules-4")
    exams = [asyncio.run(write_exam([chunk], 2, mix, server, None, sample))[0] for sample in (0, 0, 1)]
    first, again, other = ([each.question for each in exam] for exam in exams)
    assert first == again != other
