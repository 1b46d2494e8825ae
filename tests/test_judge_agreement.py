"""The judge is asked again past the cache and compared with known answers and people; cautions follow."""

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
from parts.scoring import judge_agreement, known_answers
from parts.verdict.judge_cautions import ANSWERS, judge_cautions
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


def test_a_judge_that_never_changes_its_mind_agrees_with_itself_and_knows_right_and_wrong_answers(by_rules):
    figures = judge_figures(model="rules-judge-1")
    assert (figures["self_agreement"], figures["self_n"], figures["self_n_null"]) == (1, 3, 0), (
        "what it declined was not asked"
    )
    assert {name: (figures[f"{name}_agreement"], figures[f"{name}_n"]) for name in known_answers.CLASSES} == {
        "right_sentence": (1, 4), "right_format": (1, 2), "right_both": (None, 0), "wrong_other": (1, 4),
        "wrong_twin": (None, 0), "wrong_number": (1, 2), "wrong_negation": (1, 4), "wrong_half": (None, 0),
        "wrong_either": (None, 0),
    }  # fmt: skip


def test_every_judgement_is_asked_for_anew_and_then_kept(cue):
    cue.default = '{"reason": "", "verdict": 1}'
    first = judge_figures()
    assert len(cue.seen) == len(cue.distinct()) == 3 * 2 + 4 + 2 + 4 + 2 + 4
    assert {request["seed"] for request in cue.seen} == {0, 1, 2} and {
        request["temperature"] for request in cue.seen
    } == {0}
    assert judge_figures() == first and len(cue.seen) == 22


def test_the_judge_sees_nothing_private(cue):
    cue.default = '{"reason": "", "verdict": 1}'
    judge_figures(mask=lambda texts: [text.replace("430", "<NUMBER_1>") for text in texts])
    assert "<NUMBER_1> euros" in json.dumps(cue.seen) and "430" not in json.dumps(cue.seen)


def test_a_judge_that_always_says_right_agrees_with_itself_and_fails_on_wrong_answers_alone(cue):
    cue.default = '{"reason": "", "verdict": 1}'
    figures = judge_figures([each | {"judge": 1} for each in ROWS])
    assert [figures[f"{name}_agreement"] for name in ("self", "right_sentence", "right_format")] == [1, 1, 1]
    assert [figures[f"wrong_{name}_agreement"] for name in ("other", "number", "negation")] == [0, 0, 0]


def test_the_verdicts_of_each_class_are_those_on_its_own_answers(cue):
    cue.reply = lambda request: verdict(0 if "<answer>440 euros" in request["messages"][-1]["content"] else 1)
    figures = judge_figures()
    assert (figures["wrong_number_agreement"], figures["wrong_other_agreement"]) == (0.5, 0)
    assert (figures["right_sentence_agreement"], figures["right_format_agreement"]) == (1, 1)


def test_one_contradiction_among_the_samples_of_an_answer_counts_against_the_judge(cue):
    cue.reply = lambda request: verdict(int("sales" in str(request) or request["seed"] != 2))
    figures = judge_figures([each | {"judge": 1} for each in ROWS])
    assert (figures["self_agreement"], figures["self_n"]) == (pytest.approx(1 / 3), 3)
    assert figures["self_agreement_lo"] < 1 / 3 < figures["self_agreement_hi"]


def test_a_verdict_that_the_judge_cannot_give_again_is_no_contradiction(cue):
    cue.reply = lambda request: (200, ScriptedServer.answer("well")) if request["seed"] == 2 else verdict(1)
    assert judge_figures([each | {"judge": 1} for each in ROWS])["self_agreement"] == 1
    cue.reply = lambda request: (200, ScriptedServer.answer("well"))
    again = [row("q1", "Answer: 430 dollars", 1)]
    assert [judge_figures(again)[f"self_{name}"] for name in ("agreement", "n", "n_null")] == [None, 0, 1]


def test_what_the_judge_cannot_say_of_known_answers_is_counted_and_left_out(cue):
    cue.default = "well"
    figures = judge_figures([each for each in ROWS if each["question_id"] != "q4"])
    assert (figures["wrong_other_agreement"], figures["wrong_other_n"], figures["wrong_other_n_null"]) == (None, 0, 3)


def test_exact_matches_that_the_judge_calls_wrong_are_counted_and_arms_that_answer_alike_once():
    figures = judge_agreement.agreement_with_labels(
        [
            *ROWS,
            row("q4", "Answer: Monday", 0, 1),
            row("q1", "430 Euros", None, 1),
            row("q3", "So.\nAnswer: 12 days", 1, 1),
        ],
        [],
    )
    names = ("right_match_agreement", "right_match_n", "right_match_n_null")
    assert [figures[name] for name in names] == [pytest.approx(2 / 3), 3, 1]
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


def figures_of(**pairs: list) -> dict:
    """Return the figures of a judge: by class its pairs of verdicts, all others without any."""
    classes = {name: [] for name in ("self", "human", *ANSWERS)} | pairs
    figures = {
        key: value for name, each in classes.items() for key, value in judge_agreement.agreement(name, each).items()
    }
    return figures | {"judge": "gpt-4.1", "same_model": 0}


def test_cautions_name_what_speaks_against_the_judge_with_intervals():
    figures = figures_of(
        self=[(1, 1)] * 19 + [(1, 0)], right_match=[(1, 1)] * 30, right_format=[(1, 0), (1, 1)], human=[(1, 0), (1, 1)],
        wrong_number=[(0, 1)] * 2 + [(0, 0)] * 48, wrong_half=[(0, 1)], wrong_other=[(0, 0)] * 50,
    )  # fmt: skip
    assert judge_cautions(figures | {"same_model": 1}) == [
        "Teacher and judge are the same model (gpt-4.1): it may favour what it taught.",
        "The judge calls right answers wrong: a number in another format, in 50.0% of 2 cases (95% interval 9.5% to 90.5%).",
        "The judge calls wrong answers right: one number changed, in 4.0% of 50 cases (95% interval 1.1% to 13.5%); one "
        "answer to two questions at once, in 100.0% of 1 cases (95% interval 20.7% to 100.0%).",
        "The judge contradicts itself when asked again, in 5.0% of 20 cases (95% interval 0.9% to 23.6%).",
        "The judge contradicts people, in 50.0% of 2 cases (95% interval 9.5% to 90.5%).",
    ]


def test_a_judge_that_people_agree_with_is_not_cautioned_of_and_one_that_nobody_labelled_is():
    asked = {"self": [(1, 1)] * 20, "right_match": [(1, 1)] * 20}
    unlabelled = "Nobody labelled answers: whether people agree with the judge is not known."
    assert judge_cautions(figures_of(**asked)) == [unlabelled]
    assert judge_cautions(figures_of(**asked, human=[(1, 1)])) == []
    assert judge_cautions(figures_of(**asked, human=[(1, None)])) == [], "people labelled what the judge could not say"
    assert judge_cautions(figures_of()) == [], "nothing was judged"


def test_a_verdict_that_rests_on_rules_is_told_and_one_that_rests_on_a_model_is_not():
    labelled = figures_of(human=[(1, 1)])
    (line,) = judge_cautions(labelled | {"judge": "rules-judge-1"}, decides=True)
    assert line.startswith("The verdict rests on rules-judge-1, a set of rules that compares words")
    assert judge_cautions(labelled | {"judge": "rules-judge-1"}) == []
    assert judge_cautions(labelled, decides=True) == []


def test_every_class_of_known_answers_has_its_words():
    assert set(ANSWERS) == {"right_match", *known_answers.CLASSES}


def test_a_share_has_wilsons_interval_and_none_without_verdicts():
    figures = judge_agreement.agreement("x", [(1, 1)] * 45 + [(1, 0)] * 5 + [(1, None)])
    ends = [figures[f"x_agreement{end}"] for end in ("", "_lo", "_hi")]
    assert ends == pytest.approx([0.9, 0.7864, 0.9565], abs=1e-4)  # Wilson (1927), 45 of 50
    nothing = dict.fromkeys(("x_agreement", "x_agreement_lo", "x_agreement_hi"))
    assert judge_agreement.agreement("x", [(1, None)]) == nothing | {"x_n": 0, "x_n_null": 1}


@pytest.fixture
def scored(workplace):
    """One question, answered and scored for every arm."""
    question = {"question_id": "q1", "doc_id": None, "kind": "fact", "question": "What does it cost?", "options": None}
    Questions.write(
        Questions.frame([question | {"references": ["430 euros"], "answerable": True, "gold_chunk_ids": []}])
    )
    for arm in load_arms():
        answer = {"question_id": "q1", "seed": 0, "response": "Answer: 430 euros", "passages": 0, "prompt_tokens": 9}
        Answers.write(Answers.frame([answer | {"new_tokens": 5, "stopped": True, "likeliest": None}]), arm)
        score = {"question_id": "q1", "seed": 0, "version": "1", "value": 1.0, "reason": None}
        Scores.write(Scores.frame([score | {"scorer": name} for name in ("exact", "judge")]), arm)
    return workplace


def test_the_stage_writes_its_figures_and_warns_of_a_judge_that_people_contradict(scored, by_rules, capsys):
    labels = [{"question_id": "q1", "arm": arm, "correct": arm != "base"} for arm in ("base", "rag")]
    (scored.path / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))
    scored.change("judge_agreement", "labels", "labels.jsonl")
    scored.change("redact", "private", "count")
    stage.main()
    figures = json.loads(Path("metrics/judge_agreement.json").read_text())
    names = ("self_n", "self_agreement", "right_match_n", "human_agreement", "wrong_number_n", "wrong_number_agreement")
    assert [figures[name] for name in names] == [1, 1, 1, 0.5, 1, 1]
    assert (figures["same_model"], figures["judge"], figures["human_kappa"]) == (0, "rules-judge-1", 0)
    assert "The judge contradicts people, in 50.0% of 2 cases" in capsys.readouterr().out
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
    assert all(figures[f"{name}_n"] == 0 for name in known_answers.CLASSES)


def test_a_judge_that_is_the_teacher_is_warned_of(scored, by_rules, capsys):
    scored.change("teacher", "model", "rules-judge-1")
    scored.change("redact", "private", "count")
    stage.main()
    assert json.loads(Path("metrics/judge_agreement.json").read_text())["same_model"] == 1
    assert "Teacher and judge are the same model (rules-judge-1)" in capsys.readouterr().out
