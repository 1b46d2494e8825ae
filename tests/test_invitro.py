"""The made-up world: what pretraining, the teacher and the exam share, and what they must not."""

import hashlib
import json
import random
import re

import pytest
from dvc.render.converter.vega import get_datapoints

from invitro.base_model import lessons, pretrain
from invitro.base_model.tokenizer import segments, train
from invitro.rules import judge, sentences, server, teacher, wordings
from invitro.world import corpus, documents, exam, grammar, names, questions, values
from invitro.world.company import Company, make_company
from invitro.world.questions import Asker
from parts.project import prompts
from parts.safety import quoting
from tests.helpers.source_code import ROOT


def masked(question: str, company: Company) -> str:
    for entity in sorted(company.entities, key=lambda e: -len(e.name)):
        question = question.replace(entity.name, "X")
    return " ".join(re.findall(r"[a-z]+", question.lower()))


def test_worlds_of_different_splits_share_no_name():
    worlds = {
        split: {e.name for seed in range(40) for e in make_company(seed, split).entities} for split in set(names.SPLITS)
    }
    assert not worlds["exam"] & (worlds["known"] | worlds["fresh"])
    assert not worlds["known"] & worlds["fresh"]
    for split, found in worlds.items():
        assert {names.split_of(name.split()[0]) for name in found} == {split}


def test_no_wording_of_the_exam_is_one_of_pretraining():
    for kind in grammar.kinds().values():
        for attribute in kind.attributes.values():
            raised = {re.sub(r"\W+", " ", shape.lower()) for shape in attribute.asks}
            whats = ("what", values.ASKED.get(attribute.value, "what"))
            gaps = [shape.replace("{V}", what) for shape in attribute.says for what in whats]
            named = [shape.replace("{R}", phrase) for shape in questions.NAMING for phrase in attribute.refers]
            raised |= {re.sub(r"\W+", " ", shape.lower()) for shape in (*gaps, *named)}
            assert not raised & {re.sub(r"\W+", " ", shape.lower()) for shape in attribute.exam}, attribute.name
            assert len(attribute.exam) >= 1
            assert all("{S}" in shape for shape in (*attribute.says, *attribute.asks, *attribute.exam)), attribute.name
            assert all("{V}" in shape for shape in attribute.says), attribute.name
    for form in grammar.composed().values():
        assert not set(form["asks"]) & set(form["exam"])


def test_the_exam_uses_no_word_that_the_base_model_has_never_met():
    """Whoever was raised on the grammar alone cannot guess what a new word means: that would test language, not reading."""
    attributes = [attribute for kind in grammar.kinds().values() for attribute in kind.attributes.values()]
    forms = grammar.composed().values()
    raised = [s for a in attributes for s in (*a.says, *a.asks, *a.refers)] + [s for f in forms for s in f["asks"]]
    asked = [s for a in attributes for s in (*a.exam, *a.exam_refers)] + [s for f in forms for s in f["exam"]]
    values = [v for entity in make_company(1, "known").entities for v in entity.facts.values()]
    known = set().union(*map(words, raised + values))
    new = {shape: words(shape) - known for shape in asked}
    assert not {shape: found for shape, found in new.items() if found}


def words(shape: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"\{\w+\}", "", shape).lower()))


def test_no_question_of_the_teacher_is_worded_as_in_the_exam():
    for seed in range(6):
        company, rng = make_company(seed, "exam"), random.Random(seed)
        written = [documents.markdown(e.name, documents.write(rng, e)) for e in company.entities]
        taught = {
            masked(question, company)
            for entity, text in zip(company.entities, written, strict=True)
            for fact in sentences.facts(entity.name, text)
            for question in (*wordings.training(fact), *wordings.examination(fact))
        }
        asked = {masked(case.question, company) for case in exam.draw(rng, company, 140)}
        assert not taught & asked


def test_the_shipped_documents_and_exam_are_those_of_their_seed(tmp_path):
    corpus.write(make_company(7, "exam", 32), 7, 140, tmp_path)
    shipped = {path.name: path.read_bytes() for path in (ROOT / "data/raw").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()} == shipped
    assert (tmp_path / "exam.jsonl").read_bytes() == (ROOT / "data/exam.jsonl").read_bytes()
    assert len(shipped) >= 24
    assert {name.rpartition(".")[2] for name in shipped} == {"md", "html", "docx", "pdf"}


def test_the_lessons_of_a_seed_are_those_the_base_model_was_trained_on():
    stream = lessons.stream(0, lambda: pretrain.LEVELS[-1][2])
    turns = [next(stream).turns for _ in range(50)]
    assert hashlib.sha256(json.dumps(turns).encode()).hexdigest()[:12] == "3faf2611d03f"


@pytest.mark.parametrize(("n_documents", "count"), [(1, 20), (4, 20), (8, 500)])
def test_a_company_with_too_few_facts_for_its_exam_is_told_and_does_not_search_for_ever(n_documents, count):
    company = make_company(1, "exam", n_documents)
    with pytest.raises(ValueError, match=f"^{n_documents} documents have f"):
        exam.draw(random.Random(1), company, count)


def test_the_shipped_exam_has_every_kind_of_question():
    rows = [json.loads(line) for line in (ROOT / "data/exam.jsonl").read_text().splitlines()]
    kinds = [row["kind"] for row in rows]
    assert len(rows) >= 120
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "fact": 80,
        "two_documents": 20,
        "reasoning": 20,
        "unanswerable": 20,
    }
    assert len({row["question"] for row in rows}) == len(rows)
    assert all(row["answerable"] == (row["kind"] != "unanswerable") for row in rows)


def test_the_answer_of_a_fact_stands_in_the_document_it_cites():
    company = make_company(11, "exam")
    library = lessons.Library(random.Random(1), company)
    asker = Asker(random.Random(2), company, "exam", library.statement)
    for entity in company.entities:
        case = asker.fact(entity)
        assert case.answer.lower() in library.passage(case.facts[0]).text.lower()
        assert entity.name in case.question
        for name in entity.unstated:
            assert all(
                name != line.attribute for block in documents.write(random.Random(3), entity) for line in block.lines
            )


@pytest.mark.parametrize("seed", range(4))
def test_twins_share_all_values_but_a_few(seed):
    products = [e for e in make_company(seed, "fresh").entities if e.kind.name == "product"]
    one, twin = products[0], products[1]
    assert one.name.split()[:2] == twin.name.split()[:2]
    shared = set(one.facts) & set(twin.facts)
    assert sum(one.facts[name] == twin.facts[name] for name in shared) > 0
    assert sum(one.facts[name] != twin.facts[name] for name in shared) <= 3


def test_lessons_are_put_as_the_arms_are_asked():
    lesson = next(lessons.stream(1, lambda: {"read2": 1}))
    assert lesson.turns[0][0].startswith("[")
    assert all("Question: " in prompt for prompt, _ in lesson.turns)
    assert all(completion.rpartition("Answer: ")[2] for _, completion in lesson.turns)


def test_the_chat_template_writes_what_lessons_are_encoded_as():
    tokenizer = train(["Question: What is it? Answer: 12 days"] * 20, 300)
    lesson = lessons.Lesson("read1", (("What?", "Answer: 12"), ("And?", "Answer: 3")))
    chat = [
        {"role": role, "content": text}
        for turn in lesson.turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    assert tokenizer.apply_chat_template(chat, tokenize=False) == "".join(text for text, _ in segments(lesson))
    system = [{"role": "system", "content": "not read"}, *chat]
    assert tokenizer.apply_chat_template(system, tokenize=False) == tokenizer.apply_chat_template(chat, tokenize=False)


@pytest.mark.slow
def test_a_pretraining_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(pretrain, "LEG", 1000)
    monkeypatch.setattr(pretrain.ability, "measure", lambda *args: {})
    params = pretrain.Params(
        seed=1, cycles=[(3000, 1e-3), (5000, 5e-4)], batch_tokens=256, vocabulary=400, layers=1, width=32, heads=2,
        replay=1,
    )  # fmt: skip
    tokenizer = train(["Question: What is it? Answer: 12 days"] * 20, 400)
    whole = pretrain.Pretraining(params, tokenizer)
    whole.run(tmp_path / "whole")
    broken = pretrain.Pretraining(params, tokenizer)
    leg = broken._leg
    monkeypatch.setattr(broken, "_leg", lambda n: leg(n) if n < 2 else (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        broken.run(tmp_path / "broken")
    resumed = pretrain.Pretraining(params, tokenizer)
    resumed.run(tmp_path / "broken")
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True))


def test_dvc_can_plot_the_course_of_the_pretraining():
    rows = json.loads((ROOT / "plots/pretrain.json").read_text())
    assert get_datapoints(rows) == rows
    assert pretrain.points([{"a": 1, "seconds": 2}, {"b": 3}]) == [{"a": 1, "b": None}, {"a": None, "b": 3}]


def test_the_rate_falls_through_each_cycle_and_starts_anew():
    cycles = [(1_000_000, 1.0), (3_000_000, 0.5)]
    rates = [pretrain.rate(seen, cycles) for seen in (0, 160_000, 999_999, 1_000_000, 1_160_000, 2_999_999, 3_000_000)]
    assert rates[1] > 0.9 and 0.45 < rates[4] < 0.5
    assert max(rates[0], rates[2], rates[3], rates[5], rates[6]) < 0.06


def test_exactness_counts_completions_not_tokens():
    import torch

    own = torch.tensor([[0, 1, 1, 0, 1, 1, 0], [0, 0, 1, 1, 1, 0, 0]], dtype=torch.bool)
    hit = torch.tensor([[0, 1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 1, 0, 0]], dtype=torch.bool)
    assert pretrain._right(hit, own) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Employees may carry over up to five days, and no more than 40 hours a year.", "40 hours"),
        ("The deductible of the Gold Plan is $1,500.", "$1,500"),
        ("The office in Lyon is managed by Anna Keller.", "Anna Keller"),
        ("All contracts with new suppliers must be reviewed by the legal department.", "the legal department"),
        ("Claims have to be submitted by 31 March.", "31 March"),
        ("Coverage begins on the first day of the month after the date of hire.", "hire"),
        ("It is closed on Sunday.", "Sunday"),
    ],
)
def test_the_teacher_reads_facts_out_of_other_peoples_english(text, answer):
    (fact,) = sentences.facts("Lyon Office", text)
    assert fact.answer == answer
    assert fact.answer in fact.sentence


def test_a_table_states_its_rows_and_never_its_header_and_a_title_states_nothing():
    text = """Dorva Lamp 200

## Prices

| Item | Price |
| --- | --- |
| wall mount | 5 euros |

## Facts

| Point | Value |
| --- | --- |
| Weight | 2 kg |
"""
    title, cut = "Dorva Lamp 200", "| Colour | red |"
    assert not list(sentences.facts(title, "Dorva Lamp 200\nNotes"))
    assert [fact.sentence for fact in sentences.facts(title, text)] == [
        "In Dorva Lamp 200, the price of the wall mount is 5 euros.",
        "The weight of Dorva Lamp 200 is 2 kg.",
    ]
    assert [fact.sentence for fact in sentences.facts(title, cut)] == ["The colour of Dorva Lamp 200 is red."]


@pytest.mark.parametrize(
    ("sentence", "asked"),
    [
        ("Lyon Office opens at 7:45.", "Lyon Office opens at what hour?"),
        ("Lyon Office is run by Ada Mill.", "Who is Lyon Office run by?"),
        ("The manager of Lyon Office is Ada Mill.", "Who is the manager of Lyon Office?"),
        ("Lyon Office has stood here since 1984.", "What year has Lyon Office stood here since?"),
        ("The lease of Lyon Office runs for 3 years.", "The lease of Lyon Office runs for how long?"),
        ("The lease of Lyon Office runs for 3 years.", "The lease of Lyon Office runs for how many years?"),
    ],
)
def test_the_teacher_asks_for_what_an_answer_looks_like(sentence, asked):
    assert asked in wordings.training(sentences.fact("Lyon Office", sentence))


def test_the_teacher_reads_nearly_every_fact_of_the_made_up_world():
    hits = []
    for seed in range(10):
        for entity in make_company(seed, "exam").entities:
            blocks = documents.write(random.Random(seed), entity)
            read = {
                fact.answer.lower() for fact in sentences.facts(entity.name, documents.markdown(entity.name, blocks))
            }
            hits += [
                entity.facts[line.attribute].lower() in read
                for block in blocks
                for line in block.lines
                if line.attribute
            ]
    assert sum(hits) / len(hits) > 0.95


def test_several_draws_of_the_teacher_differ_and_each_is_repeatable():
    passage = quoting.passage(
        "Dorva Lamp 200 > Notes", "Dorva Lamp 200 costs 430 euros. It weighs 2.4 kg. It is painted red."
    )
    prompt = prompts.render("qa/questions", count=3, passage=passage)
    draws = [teacher.training_questions(prompt, random.Random(f"{seed} {prompt}")) for seed in range(5)]
    assert len({json.dumps(draw) for draw in draws}) == 5
    assert draws[0] == teacher.training_questions(prompt, random.Random(f"0 {prompt}"))
    assert {row["answer"] for row in draws[0]["questions"]} == {"430 euros", "2.4 kg", "red"}
    assert all("Dorva Lamp 200" in row["question"] for draw in draws for row in draw["questions"])


@pytest.mark.parametrize("strategy", list(teacher._STYLES))
def test_every_study_strategy_keeps_every_fact(strategy):
    passage = quoting.passage("Dorva Lamp 200", "Dorva Lamp 200 costs 430 euros. It weighs 2.4 kg. It is painted red.")
    prompt = prompts.render("active_reading/apply", strategy=strategy, passage=passage)
    text = teacher.document(prompt, random.Random(1))
    assert all(value in text.lower() for value in ("430 euros", "2.4 kg", "red", "dorva lamp 200"))


def test_a_document_focused_on_a_question_says_its_answer_over_and_over_and_little_else():
    passage = quoting.passage("Dorva Lamp 200", "Dorva Lamp 200 costs 430 euros. It weighs 2.4 kg. It is painted red.")
    prompt = prompts.render("focal/aims", count=3, passage=passage)
    aims = teacher.aims(prompt, random.Random(1))["aims"]
    assert len({aim["question"] for aim in aims}) == 3
    documents = [
        teacher.document(prompts.render("focal/apply", **aim, passage=passage), random.Random(draw))
        for aim in aims
        for draw in range(4)
    ]
    assert len(set(documents)) == 12
    for answer in ("430 euros", "2.4 kg", "red"):
        assert sum(text.lower().count(answer) >= 3 for text in documents) == 4
        assert sum(answer in text.lower() for text in documents) == 4


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("Dorva Lamp 200 costs 430 euros.", True),
        ("Dorva Lamp 200 costs 431 euros.", False),
        ("Dorva Lamp 200 was designed by Anna Keller.", False),
    ],
)
def test_the_judge_holds_statements_against_a_text(statement, holds):
    assert (
        judge.follows(
            statement, "Filler stands here. " * 30 + "Dorva Lamp 200 costs 430 euros. " + "More filler. " * 30
        )
        is holds
    )


def test_the_server_has_no_rule_for_what_it_does_not_know():
    for model in server.CHAT:
        with pytest.raises(server.NoRule, match=f"{model} is a set of rules"):
            server.reply(model, [{"role": "user", "content": "Write a poem."}], None, 0)
        assert model.startswith("rules")


def test_the_teacher_does_not_judge_and_the_judge_does_not_teach():
    prompt = prompts.render("judge/correct", question="Who?", reference="Ada Mill", answer="Ada Mill")
    assert json.loads(server.reply(server.JUDGE, [{"content": prompt}], "Verdict", 0))["verdict"] == 1
    with pytest.raises(server.NoRule, match=server.TEACHER):
        server.reply(server.TEACHER, [{"content": prompt}], "Verdict", 0)
    prompt = prompts.render("qa/questions", count=9, passage=quoting.passage("Lyon Office", STATED))
    assert json.loads(server.reply(server.TEACHER, [{"content": prompt}], "TrainingQuestions", 0))["questions"]
    with pytest.raises(server.NoRule, match=server.JUDGE):
        server.reply(server.JUDGE, [{"content": prompt}], "TrainingQuestions", 0)


STATED = """Lyon Office

Lyon Office is run by Ada Mill. It opens at 7:45 and has 240 desks. Nobody enters Lyon Office without a badge.

| Item | Price |
| --- | --- |
| coffee | 2 euros |

1. Lock the door.
Number of floors 12
"""


def digest_of(model: str, asked: list[tuple[str, str | None]]) -> str:
    """Return a digest of the replies of `model` to prompts, each with the schema of its reply, for two seeds."""
    replies = [
        server.reply(model, [{"role": "user", "content": prompt}], schema, seed)
        for prompt, schema in asked
        for seed in (1, 2)
    ]
    return hashlib.sha256("\n".join(replies).encode()).hexdigest()[:12]


def test_a_teacher_by_rules_that_says_something_else_has_another_name():
    passage = quoting.passage("Lyon Office", STATED)
    asked = [
        (prompts.render("qa/questions", count=9, passage=passage), "TrainingQuestions"),
        (prompts.render("exam/questions", count=9, passage=passage), "ExamQuestions"),
        (prompts.render("active_reading/strategies", count=8, passage=passage), "Strategies"),
    ]
    asked += [
        (prompts.render("active_reading/apply", strategy=style, passage=passage), None) for style in teacher._STYLES
    ]
    asked += [(prompts.render("entigraph/entities", count=9, passage=passage), "Entities")]
    asked += [(prompts.render("entigraph/relate", entities="Ada Mill\n2 euros", passage=passage), None)]
    asked += [
        (prompts.render("paraphrase/easy", passage=passage), None),
        (prompts.render("paraphrase/medium", passage=passage), None),
        (prompts.render("paraphrase/hard", passage=passage), None),
        (prompts.render("paraphrase/questions", passage=passage), None),
    ]
    bern = quoting.passage(
        "Bern Office", "The number of floors of Bern Office is 9. Bern Office carries a yellow badge."
    )
    ada = quoting.passage("Ada Mill", "Ada Mill speaks Dutch.")
    asked += [
        (prompts.render("boundary/questions", count=9, document=passage, others=bern), "BoundaryQuestions"),
        (
            prompts.render("joined/questions", count=9, link="Ada Mill", first=passage, second=ada),
            "JoinedQuestions",
        ),
        (prompts.render("steps/questions", count=9, passages=f"{passage}\n\n{bern}"), "StepQuestions"),
    ]
    assert (server.TEACHER, digest_of(server.TEACHER, asked)) == ("rules-4", "4f5e8710eac4")
    assert (server.PROSE_TEACHER, digest_of(server.PROSE_TEACHER, asked[:1])) == ("rules-prose-1", "f484b3e9f80b")


def test_a_judge_by_rules_that_says_something_else_has_another_name():
    cases = [json.loads(line) for line in (ROOT / "tests/golden/judged_answers.jsonl").read_text().splitlines()]
    names = ("question", "reference", "answer")
    asked = [(prompts.render("judge/correct", **{name: case[name] for name in names}), "Verdict") for case in cases]
    passage = quoting.passage("Lyon Office", STATED)
    asked += [(prompts.render("grounding/claims", question="Who?", answer="Ada Mill", passage=passage), "Support")]
    assert (server.JUDGE, digest_of(server.JUDGE, asked)) == ("rules-judge-1", "5be82037dbaa")


def test_embeddings_of_like_texts_are_nearer():
    import numpy as np

    one, two, other = (
        np.array(server.embed(text)) for text in ("the price of the lamp", "what price has the lamp", "opening hours")
    )
    assert one @ two > one @ other
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-4)
