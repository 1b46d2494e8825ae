"""The judge is asked again past the cache and compared with exact matches, swapped references and people; cautions follow."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.llm.client import connect
from parts.project.arms import load_arms
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.scoring import judge_agreement
from parts.verdict.judge_cautions import judge_cautions
from schemas.answers import Answers
from schemas.questions import Questions
from schemas.scores import Scores
from stages import judge_agreement as stage
from tests.conftest import ScriptedServer
from tests.helpers.cli import error_line

PARAMS = judge_agreement.JudgeAgreementParams(answers=10, samples=3, seed=1, labels=Path("labels.jsonl"))
REFERENCES = {"q1": "430 euros", "q2": "the finance team", "q3": "12 days", "q4": "Monday"}


def row(question_id: str, response: str, verdict: float | None, right: float = 0, answerable: bool = True) -> dict:
    question = {"question_id": question_id, "question": f"What is {question_id}?", "answerable": answerable}
    return question | {
        "reference": REFERENCES[question_id],
        "response": response,
        "judge": verdict,
        "exact": right,
        "arm": "rag",
    }


ROWS = [
    row("q1", "Answer: 430 euros", 1, 1), row("q2", "Answer: sales", 0), row("q3", "Answer: 12 days", 1, 1),
    row("q4", "Answer: not in the documents", 0),
]  # fmt: skip


def verdict(value: int) -> tuple[int, dict]:
    return 200, ScriptedServer.answer(json.dumps({"reason": "so", "verdict": value}))


def judge_figures(rows: list[dict] = ROWS, model: str = "m", mask=list) -> dict:
    async def run():
        async with connect(Server(model=model)) as client:
            return await judge_agreement.agreement_of_judge(rows, PARAMS, client, mask)

    return asyncio.run(run())


def test_a_judge_that_never_changes_its_mind_agrees_with_itself_and_knows_wrong_answers(by_rules):
    figures = judge_figures(model="rules-2")
    assert (figures["self_agreement"], figures["self_n"], figures["self_n_null"]) == (1, 6, 0), (
        "what it declined was not asked"
    )
    assert (figures["wrong_agreement"], figures["wrong_n"]) == (1, 4)


def test_every_judgement_is_asked_for_anew_and_then_kept(cue):
    cue.default = '{"reason": "", "verdict": 1}'
    first = judge_figures()
    assert len(cue.seen) == len(cue.distinct()) == 3 * 2 + 4
    assert {request["seed"] for request in cue.seen} == {0, 1, 2} and {
        request["temperature"] for request in cue.seen
    } == {0}
    assert judge_figures() == first and len(cue.seen) == 10


def test_the_judge_sees_nothing_private(cue):
    cue.default = '{"reason": "", "verdict": 1}'
    judge_figures(mask=lambda texts: [text.replace("430", "<NUMBER_1>") for text in texts])
    assert "<NUMBER_1> euros" in json.dumps(cue.seen) and "430" not in json.dumps(cue.seen)


def test_a_judge_that_always_says_right_agrees_with_itself_and_fails_on_answers_to_other_questions(cue):
    cue.default = '{"reason": "", "verdict": 1}'
    figures = judge_figures([each | {"judge": 1} for each in ROWS])
    assert (figures["self_agreement"], figures["wrong_agreement"]) == (1, 0)


def test_a_judge_that_tosses_a_coin_contradicts_itself_and_what_it_cannot_say_is_counted(cue):
    cue.reply = lambda request: (
        verdict(request["seed"] % 2) if request["seed"] else (200, ScriptedServer.answer("well"))
    )
    figures = judge_figures([each | {"judge": 1} for each in ROWS if each["question_id"] != "q4"])
    assert (figures["self_agreement"], figures["self_n"]) == (0.5, 6)
    assert (figures["wrong_agreement"], figures["wrong_n"], figures["wrong_n_null"]) == (None, 0, 3)


def test_a_swapped_answer_shares_no_word_with_question_or_reference_and_the_sample_is_always_the_same():
    swapped = judge_agreement.swap_references(ROWS, PARAMS)
    assert swapped == judge_agreement.swap_references(ROWS[::-1], PARAMS)
    for each in swapped:
        assert REFERENCES[each["question_id"]] not in each["response"]
    assert judge_agreement.swap_references(ROWS[:1], PARAMS) == []


def test_exact_matches_that_the_judge_calls_wrong_are_counted():
    figures = judge_agreement.agreement_with_labels(
        [*ROWS, row("q1", "Answer: 430 euros", 0, 1), row("q1", "Answer: 430 euros", None, 1)], []
    )
    assert (figures["right_agreement"], figures["right_n"], figures["right_n_null"]) == (pytest.approx(2 / 3), 3, 1)
    assert (figures["human_agreement"], figures["human_n"], figures["human_kappa"]) == (None, 0, None)


def test_agreement_with_people_is_measured_with_kappa():
    correct = {"q1": True, "q2": True, "q3": True, "q4": False}
    labels = [judge_agreement.Label(question_id=name, arm="rag", correct=value) for name, value in correct.items()]
    figures = judge_agreement.agreement_with_labels(ROWS, labels)
    assert (figures["human_agreement"], figures["human_n"]) == (0.75, 4)
    assert figures["human_kappa"] == pytest.approx((0.75 - 0.5) / (1 - 0.5))
    with pytest.raises(UserError, match="tuned on q1, which was never judged"):
        judge_agreement.agreement_with_labels(
            ROWS, [judge_agreement.Label(question_id="q1", arm="tuned", correct=True)]
        )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0, None])), max_size=30))
def test_kappa_is_cohens_and_agreement_a_share(pairs):
    both = [pair for pair in pairs if pair[1] is not None]
    figures, kappa = judge_agreement.agreement("x", pairs), judge_agreement.kappa(pairs)
    assert (figures["x_n"], figures["x_n_null"]) == (len(both), len(pairs) - len(both))
    if len({verdict for pair in both for verdict in pair}) < 2:
        assert kappa is None
        return
    equal = sum(first == second for first, second in both) / len(both)
    yes = [sum(pair[rater] for pair in both) / len(both) for rater in (0, 1)]
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    assert figures["x_agreement"] == pytest.approx(equal)
    assert kappa == pytest.approx((equal - chance) / (1 - chance))
    assert judge_agreement.kappa([(second, first) for first, second in both]) == pytest.approx(kappa)


LABEL = '{"question_id": "q1", "arm": "rag"'


RESTS = ("}", ', "correct": "yes"}', ', "correct": 1}', ', "correct": true, "by": 1}')


@pytest.mark.parametrize("line", ["{", "[]", *(LABEL + rest for rest in RESTS)])
def test_an_invalid_label_is_an_error_with_its_line(tmp_path, line):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"question_id": "q0", "arm": "rag", "correct": false}\n\n' + line + "\n")
    with pytest.raises(UserError, match=r"labels.jsonl, line 3: (must be|not) a JSON object"):
        list(judge_agreement.labels(path))


def test_duplicate_labels_and_a_missing_file_are_errors(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"question_id": "q0", "arm": "rag", "correct": false}\n' * 2)
    with pytest.raises(UserError, match="line 2: rag on q0 is labelled twice"):
        list(judge_agreement.labels(path))
    with pytest.raises(UserError, match="there is no file"):
        list(judge_agreement.labels(tmp_path / "none.jsonl"))


def test_cautions_name_what_speaks_against_the_judge_and_nothing_else():
    figures = (
        judge_agreement.agreement("self", [(1, 1)] * 19 + [(1, 0)])
        | judge_agreement.agreement("wrong", [(0, 0)])
        | judge_agreement.agreement("right", [])
    )
    figures |= judge_agreement.agreement("human", [(1, 0), (1, 1)]) | {"judge": "gpt-4.1", "same_model": 1}
    assert judge_cautions(figures) == [
        "Teacher and judge are the same model (gpt-4.1): it may favour what it taught.",
        "The judge contradicts itself when asked again in 5.0% of 20 cases.",
        "The judge contradicts people in 50.0% of 2 cases.",
    ]
    assert judge_cautions(figures | {"same_model": 0, "self_agreement": 1.0, "human_agreement": None}) == []


@pytest.fixture
def scored(workplace):
    """One question, answered and scored for every arm."""
    question = {"question_id": "q1", "doc_id": None, "kind": "fact", "question": "What does it cost?", "options": None}
    Questions.write(Questions.frame([question | {"reference": "430 euros", "answerable": True, "gold_chunk_ids": []}]))
    for arm in load_arms():
        answer = {"question_id": "q1", "seed": 0, "response": "Answer: 430 euros", "passages": 0, "prompt_tokens": 9}
        Answers.write(Answers.frame([answer | {"new_tokens": 5, "stopped": True, "likeliest": None}]), arm)
        score = {"question_id": "q1", "seed": 0, "version": "1", "value": 1.0, "reason": None}
        Scores.write(Scores.frame([score | {"scorer": name} for name in ("exact", "judge")]), arm)
    return workplace


def test_the_stage_writes_its_figures_and_warns_of_a_judge_that_is_the_teacher(scored, by_rules, capsys):
    labels = [{"question_id": "q1", "arm": arm, "correct": arm != "base"} for arm in ("base", "rag")]
    (scored.path / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))
    scored.change("judge_agreement", "labels", "labels.jsonl")
    scored.change("redact", "private", "count")
    stage.main()
    figures = json.loads(Path("metrics/judge_agreement.json").read_text())
    assert (figures["self_n"], figures["self_agreement"], figures["right_n"], figures["human_agreement"]) == (
        2,
        1,
        len(load_arms()),
        0.5,
    )
    assert (figures["same_model"], figures["judge"], figures["human_kappa"]) == (1, "rules-2", 0)
    assert "Teacher and judge are the same model (rules-2)" in capsys.readouterr().out
    (scored.path / "labels.jsonl").write_text('{"question_id": "q9", "arm": "rag", "correct": true}')
    assert "rag on q9, which was never judged" in error_line(stage.main)


def test_without_verdicts_no_request_is_made(scored):
    scored.change("judge", "serve", None)
    scored.change("judge", "model", "gpt-4.1")
    for arm in load_arms():
        Scores.write(Scores.read(arm).filter(scorer="exact"), arm)
    stage.main()
    figures = json.loads(Path("metrics/judge_agreement.json").read_text())
    assert (figures["self_n"], figures["self_agreement"], figures["same_model"]) == (0, None, 0)
