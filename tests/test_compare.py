"""The verdict follows from the answers, in all, by kind and by studied documents; sentences put it into words."""

import json

import polars as pl
import pytest

from commands import verdict
from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.seeds import seeds_of
from parts.verdict import comparison, sentences, subgroups, verdict_sentence
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores
from stages import compare, cost
from tests.helpers import sample_metrics
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

PARAMS = comparison.CompareParams(accuracy="exact", least_oracle=0.3, least_discordant=6, most_unjudged=0.05)


def exam(n_answerable: int, n_unanswerable: int = 0) -> pl.DataFrame:
    ids = [f"q{n:03}" for n in range(n_answerable + n_unanswerable)]
    answerable = [True] * n_answerable + [False] * n_unanswerable
    return pl.DataFrame({"question_id": ids, "answerable": answerable, "document": [None] * len(ids)}).cast(
        {"document": pl.String}
    )


def right(tuned: str | list[str], rag: str, oracle: str = "") -> pl.DataFrame:
    """Return who is right: 1, 0 or ? (not judged) a question; `tuned`: of each seed."""
    by_seed = [tuned] if isinstance(tuned, str) else tuned
    answers = {(arm, 0): rag for arm in load_arms(ROOT / "params.yaml")} | {("oracle", 0): oracle or "1" * len(rag)}
    del answers["tuned", 0]
    answers |= {("tuned", seed): letters for seed, letters in enumerate(by_seed, 1)}
    rows = [
        {"question_id": f"q{n:03}", "arm": arm, "seed": seed, "right": {"1": True, "0": False}.get(letter)}
        | {"reason": "cut off" if letter == "?" else None}
        for (arm, seed), letters in answers.items()
        for n, letter in enumerate(letters)
    ]
    return pl.DataFrame(rows, schema_overrides={"right": pl.Boolean, "reason": pl.String})


def compared(rows: pl.DataFrame, questions: pl.DataFrame, **params) -> dict:
    """Return the verdict as it is read back, words included."""
    values = comparison.compare(rows, questions, load_arms(ROOT / "params.yaml"), PARAMS.model_copy(update=params))
    return values | {"words": verdict_sentence.verdict_sentence(values)}


@pytest.mark.parametrize(
    ("tuned", "rag", "winner"),
    [
        ("1" * 40, "10" * 20, "tuned"),
        ("10" * 20, "1" * 40, "rag"),
        ("10" * 20, "01" * 20, "undecided"),
        ("10" * 20, "10" * 20, "undecided"),
    ],
)
def test_the_verdict_is_undecided_unless_the_interval_excludes_0(tuned, rag, winner):
    values = compared(right(tuned, rag), exam(40))
    assert values["verdict"] == winner
    assert values["n_questions"] == 40
    assert values["accuracy_oracle"] == 1
    assert values["accuracy_base_hi"] > 0
    assert values["answerable_tuned_minus_rag"] == pytest.approx((tuned.count("1") - rag.count("1")) / 40)
    assert (values["answerable_tuned_minus_rag_p"] < 0.05) == (winner != "undecided")


def test_the_verdict_is_about_answerable_questions_and_declining_is_told_apart():
    values = compared(right("10" * 20 + "0" * 20, "01" * 20 + "1" * 20), exam(40, 20))
    assert (values["verdict"], values["verdict_unanswerable"]) == ("undecided", "rag")
    assert (values["answerable_tuned_minus_rag"], values["unanswerable_tuned_minus_rag"]) == (0, -1)
    assert values["tuned_minus_rag"] == pytest.approx(-20 / 60)
    assert (values["answerable_tuned"], values["unanswerable_tuned"]) == (0.5, 0)
    assert values["words"].startswith("Undecided. On 40 answerable questions, tuned minus rag is +0.000 (")
    assert "On 20 unanswerable ones it is -1.000 (" in values["words"] and "RAG declines better" in values["words"]
    assert "one of up to 0." in values["words"] and "is not ruled out" in values["words"]


def test_the_difference_of_every_other_arm_is_its_own():
    rows = right("1" * 40, "10" * 20)
    best = rows.with_columns(right=pl.when(pl.col("arm") == "tuned_rag").then(pl.lit(True)).otherwise("right"))
    values = compared(best, exam(40))
    assert (values["tuned_rag_minus_rag"], values["raw_minus_rag"]) == (0.5, 0)
    assert values["answerable_tuned_rag_minus_rag_lo"] > 0


def test_accuracy_is_the_mean_over_the_seeds_and_every_seed_is_shown():
    values = compared(right(["1" * 30 + "0" * 10, "1" * 20 + "0" * 20, "1" * 25 + "0" * 15], "10" * 20), exam(40))
    assert values["n_seeds"] == 3
    assert values["accuracy_tuned"] == pytest.approx(25 / 40)
    assert [values[f"accuracy_tuned_seed_{seed}"] for seed in (1, 2, 3)] == [0.75, 0.5, 0.625]
    assert comparison.compared_arms(values) == list(load_arms(ROOT / "params.yaml"))
    assert "mean of 3 trainings" in values["words"]
    assert "for one training" in compared(right("1" * 40, "10" * 20), exam(40))["words"]


def test_seeds_that_disagree_keep_the_verdict_open():
    one, three = "1" * 32 + "0" * 8, ["1" * 32 + "0" * 8, "1" * 24 + "0" * 16, "1" * 40]
    rag = "1" * 20 + "0" * 20
    alone, together = (compared(right(seeds, rag), exam(40)) for seeds in (one, three))
    assert alone["answerable_tuned_minus_rag"] == together["answerable_tuned_minus_rag"]
    assert (alone["verdict"], together["verdict"]) == ("tuned", "undecided")


def test_questions_about_one_document_widen_the_interval():
    rows = right("1" * 30 + "0" * 10, "0" * 10 + "1" * 10 + "0" * 20)
    apart = compared(rows, exam(40))
    four = exam(40).with_columns(document=pl.Series([f"{n // 10}.md" for n in range(40)]))
    together = compared(rows, four)
    assert (apart["n_documents"], together["n_documents"]) == (40, 4)
    assert (apart["verdict"], together["verdict"]) == ("tuned", "undecided")
    assert apart["document_correlation"] is None and together["document_correlation"] > 0.9


def test_an_answer_without_a_score_is_left_out_and_counted_by_its_cause():
    values = compared(right("?1" + "1" * 38, "1?" + "10" * 19), exam(40), most_unjudged=0.1)
    assert (values["unjudged_tuned"], values["unjudged_rag"], values["unjudged_tuned_cut_off"]) == (1, 1, 1)
    assert values["accuracy_tuned"] == 1 and values["accuracy_rag"] == pytest.approx(20 / 39)
    assert values["answerable_tuned_minus_rag"] == pytest.approx(19 / 38)


@pytest.mark.parametrize("tuned", ["?" * 40, "?" * 3 + "1" * 37])
def test_where_too_many_answers_are_not_judged_there_is_no_verdict(tuned):
    values = compared(right(tuned, "10" * 20), exam(40))
    assert (values["verdict"], values["verdict_reason"]) == ("none", "unjudged")
    assert values["words"].startswith(f"No verdict. Too many answers have no score ({tuned.count('?')} of tuned)")


def test_where_the_oracle_was_not_judged_there_is_no_verdict_and_the_student_is_not_called_weak():
    values = compared(right("1" * 40, "10" * 20, "0" + "?" * 39), exam(40))
    assert (values["verdict"], values["verdict_reason"]) == ("none", "unjudged")
    assert "no score (39 of oracle)" in values["words"]


def test_a_judge_that_refuses_all_but_what_needs_no_judge_gives_no_verdict():
    values = compared(right("1" * 120 + "10" * 10, "0" * 5 + "?" * 115 + "1" * 20), exam(120, 20))
    assert (values["verdict"], values["verdict_reason"]) == ("none", "unjudged")
    assert values["verdict_unanswerable"] == "rag", "declining is scored without a judge"


def test_two_of_forty_answers_that_are_not_judged_still_leave_a_verdict():
    assert compared(right("??" + "1" * 38, "10" * 20), exam(40))["verdict"] == "tuned"


@pytest.mark.parametrize(("n_right", "winner"), [(12, "tuned"), (11, "none")])
def test_where_the_student_cannot_read_the_gold_passages_there_is_no_verdict(n_right, winner):
    rows = right("1" * 40 + "0" * 10, "0" * 50, "1" * n_right + "0" * (40 - n_right) + "1" * 10)
    values = compared(rows, exam(40, 10))
    assert values["verdict"] == winner
    assert values["verdict_reason"] == (None if winner == "tuned" else "too weak")
    assert ("too weak to compare" in values["words"]) == (winner == "none")


def test_an_arm_that_declines_everything_wins_nothing_with_a_student_that_cannot_read():
    values = compared(right("0" * 50, "0" * 40 + "1" * 10, "0" * 50), exam(40, 10))
    assert (values["verdict"], values["verdict_unanswerable"]) == ("none", "none")


@pytest.mark.parametrize(("won", "winner"), [(5, "undecided"), (6, "tuned")])
def test_a_winner_takes_six_questions_in_which_the_arms_differ(won, winner):
    values = compared(right("1" * won + "0" * 114, "0" * (won + 114)), exam(won + 114))
    assert (values["verdict"], values["n_discordant"]) == (winner, won)
    assert values["verdict_reason"] == ("few" if winner == "undecided" else None)


def test_an_exam_without_answerable_questions_has_no_verdict():
    assert compared(right("1" * 9, "0" * 9), exam(0, 9))["verdict"] == "none"


def test_further_questions_come_with_their_assumption_and_the_design():
    values = compared(right("110" * 40, "101" * 39 + "100"), exam(120))
    assert values["questions_for_5_points"] > 3 * values["questions_for_10_points"] > 120
    assert values["questions_for_the_most"] < values["questions_for_this"]
    words = values["words"]
    assert f"If the true difference is the one seen, {values['questions_for_this']:,} questions decide it" in words
    assert f"at the far end of the interval {values['questions_for_the_most']:,} questions, at 0 none ever" in words
    assert f"10 points take {values['questions_for_10_points']:,} questions" in words
    assert words.index("Such an exam sees") < words.index("If the true")
    assert "If the true" not in compared(right("1" * 40, "10" * 20), exam(40))["words"], "decided"


@pytest.mark.parametrize(
    ("lo", "verdict", "is_named"), [(0.01, "rag", True), (-0.01, "rag", False), (0.01, "none", False)]
)
def test_a_cascade_is_named_where_it_beats_rag_and_there_is_a_verdict(lo, verdict, is_named):
    values = compared(right("1" * 30, "0" * 30), exam(30)) | {"verdict": verdict, "verdict_reason": None}
    values |= {
        "cascade_minus_rag": 0.1,
        "cascade_minus_rag_lo": lo,
        "cascade_minus_rag_hi": 0.2,
        "cascade_minus_rag_p": 0.03,
    }
    sentence = "The cascade, which looks up what it is not sure of, beats RAG: on all questions it is +0.100 (+0.010 to +0.200)"
    assert (sentence in verdict_sentence.verdict_sentence(values)) == is_named


def test_where_trainings_differ_too_much_for_any_number_of_questions_the_sentence_says_so():
    values = compared(right("110" * 40, "101" * 39 + "100"), exam(120))
    words = verdict_sentence.verdict_sentence(values | {"questions_for_5_points": None, "questions_for_this": None})
    assert "5 points are out of reach, for trainings differ by more; 10 points take" in words
    assert "no number of questions decides it, for trainings differ by more; at the far end" in words
    words = verdict_sentence.verdict_sentence(values | {"questions_for_the_most": None})
    assert "at the far end of the interval none, at 0 none ever" in words


def passage(doc_id: str) -> dict:
    text = {"start": 0, "end": 4, "page": 1, "heading": "T", "text": "text", "n_tokens": 1}
    return {"chunk_id": f"{doc_id}#001", "doc_id": doc_id} | text


def pair(doc_id: str, split: str) -> dict:
    rest = {"kind": "qa", "prompt": "?", "reasoning": "", "completion": "x", "teacher": "t", "n_tokens": 2}
    return {
        "pair_id": f"{doc_id} {split}",
        "chunk_id": f"{doc_id}#001",
        "doc_id": doc_id,
        "other_chunk_ids": [],
        "answerable": True,
        "generator": "qa",
        "split": split,
    } | rest


@pytest.fixture
def run(workplace):
    """A small finished run: two kinds of question, of documents studied and not, scores of every arm, and its metrics."""
    rows = [
        {"question_id": f"q{n}", "doc_id": None, "kind": "fact" if n < 6 else "unanswerable", "question": "?", "options": None}
        | {"references": ["x"], "answerable": n < 6, "gold_chunk_ids": [["a#001" if n < 4 else "b#001"]] if n < 6 else []}
        for n in range(8)
    ]  # fmt: skip
    Questions.write(Questions.frame(rows))
    Chunks.write(Chunks.frame([passage("a"), passage("b")]))
    Pairs.write(Pairs.frame([pair("a", "train"), pair("b", "dev")]))
    for index, arm in enumerate(("base", "rag", "tuned", "tuned_rag", "oracle", "raw", "cascade")):
        scores = [
            {"question_id": f"q{n}", "seed": seed, "scorer": scorer, "version": "1"}
            | {"value": float(n <= index) if n else None, "reason": None if n else "cut off"}
            for n in range(8)
            for seed in seeds_of(load_arms()[arm].model)
            for scorer in ("exact", "judge")
        ]  # fmt: skip
        Scores.write(Scores.frame(scores), arm)
        metrics.write(f"score/{arm}", {"faithfulness": 0.5, "in_form": 1.0, "cut_off": 0.0, "empty": 0.0})
    metrics.write("exam", {"exam_by": "people", "exam_sha": "abc"})
    sample_metrics.write(list(workplace.params["synthesize"]))
    (workplace.path / "plots").mkdir()
    cost.main()
    return workplace


def rightness(scorer: str) -> pl.DataFrame:
    return compare.rightness({arm: Scores.read(arm) for arm in load_arms()}, scorer, Questions.read())


def test_an_answer_that_was_not_judged_is_neither_right_nor_wrong_and_says_why(run):
    rows = rightness("exact").filter(arm="rag").sort("question_id")
    assert rows["right"].to_list() == [None, True, False, False, False, False, False, False]
    assert rows["reason"].to_list() == ["cut off"] + [None] * 7
    Scores.write(Scores.read("rag").filter(pl.col("question_id") != "q1"), "rag")
    rows = rightness("exact").filter(arm="rag").sort("question_id")
    assert rows["right"].to_list() == [None, None, False, False, False, False, False, False]


def test_the_scorer_of_the_params_decides(run):
    is_judge = pl.col("scorer") == "judge"
    Scores.write(Scores.read("rag").with_columns(value=pl.when(is_judge).then(1.0).otherwise("value")), "rag")
    assert rightness("judge").filter(arm="rag")["right"].all()
    run.change("compare", "accuracy", "judge")
    compare.main()
    assert metrics.read("verdict")["accuracy_rag"] == 1 and metrics.read("verdict")["scorer"] == "judge"


def test_a_question_is_of_its_own_document_or_of_that_of_its_first_gold_passage(run):
    questions = Questions.read().with_columns(doc_id=pl.when(pl.col("question_id") == "q1").then(pl.lit("c")))
    by_id = dict(compare.documents(questions, Chunks.read()).select("question_id", "document").rows())
    assert [by_id[key] for key in ("q0", "q1", "q4", "q7")] == ["a", "c", "b", None]


def test_arms_scored_by_different_versions_are_not_compared(run):
    Scores.write(Scores.read("rag").with_columns(version=pl.lit("exact 0")), "rag")
    assert "different versions" in error_line(compare.main)


def test_the_whole_verdict_is_flat_sorted_and_without_nan(run):
    compare.main()
    text = (run.path / "metrics/verdict.json").read_text()
    values = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert list(values) == sorted(values)
    assert not any(isinstance(value, dict | list) for value in values.values())
    arms = {f"accuracy_{arm}{end}" for arm in load_arms() for end in ("", "_lo", "_hi")}
    difference = {
        "tuned_minus_rag",
        "answerable_tuned_minus_rag_lo",
        "unanswerable_tuned_minus_rag_p",
        "verdict",
        "n_seeds",
    }
    assert arms | difference | {"judge", "teacher", "student", "exam_by", "exam_sha", "scorer_version"} <= set(values)
    kinds = json.loads((run.path / "metrics/kinds.json").read_text())
    assert (kinds["fact_n"], kinds["unanswerable_n"]) == (6, 2)
    assert len(json.loads((run.path / "plots/accuracy.json").read_text())) == len(load_arms())
    assert sentences.sentence().startswith(
        "No verdict. Too many answers have no score (1 of tuned, 1 of rag, 1 of oracle)"
    )
    assert sentences.sentence() in verdict.text()
    assert sentences.cost_sentence() in verdict.text() and sentences.cost_sentence() in sentences.markdown()
    assert "Teacher rules-4, judge rules-judge-1, student models/base; accuracy by exact." in verdict.text()


def test_a_question_is_of_studied_documents_when_all_its_evidence_is():
    chunks = Chunks.frame([passage(name) for name in "abc"])
    pairs = Pairs.frame([pair("a", "train"), pair("b", "train"), pair("c", "dev")])
    gold = {
        "one": [["a#001"]], "both": [["a#001"], ["b#001"]], "half": [["a#001"], ["c#001"]],
        "either": [["a#001", "c#001"]], "neither": [["c#001"]], "nothing": [],
    }  # fmt: skip
    questions = pl.DataFrame({"question_id": list(gold), "gold_chunk_ids": list(gold.values())})
    groups = dict(subgroups.by_study(questions, chunks, pairs).rows())
    assert {name for name, group in groups.items() if group == "studied"} == {"one", "both", "either"}
    assert {name for name, group in groups.items() if group == "unstudied"} == {"half", "neither"}
    assert groups["nothing"] == "no_evidence"


def test_accuracy_is_split_by_documents_studied_or_not(run):
    compare.main()
    values = metrics.read("studied")
    assert (values["studied_n"], values["unstudied_n"], values["no_evidence_n"]) == (4, 2, 2)
    assert values["studied_tuned"] == pytest.approx(2 / 3, abs=1e-4), "q0 was not judged"
    assert values["unstudied_oracle"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(("n_few", "has_interval"), [(19, False), (20, True)])
def test_a_group_of_fewer_than_twenty_has_no_interval(n_few, has_interval):
    groups = pl.DataFrame({"question_id": exam(70)["question_id"], "group": ["few"] * n_few + ["many"] * (70 - n_few)})
    questions = exam(70).with_columns(document="question_id")
    values = subgroups.effects(right("1" * 70, "01" * 35), questions, groups, ["tuned", "rag"])
    assert values["few_tuned_minus_rag"] == pytest.approx(0.5, abs=0.03)
    assert (values["few_tuned_minus_rag_lo"] is not None) == has_interval
    assert 0 < values["many_tuned_minus_rag_lo"] < 0.5 < values["many_tuned_minus_rag_hi"] < 1
    assert values["many_rag"] == pytest.approx(0.5, abs=0.03) and values["many_tuned"] == 1


def test_the_p_values_of_groups_are_adjusted_for_their_number():
    groups = pl.DataFrame({"question_id": exam(60)["question_id"], "group": ["a"] * 30 + ["b"] * 30})
    questions = exam(60).with_columns(document="question_id")
    rows = right("1" * 15 + "10" * 22 + "1", "01" * 7 + "1" + "01" * 22 + "1")
    values = subgroups.effects(rows, questions, groups, ["tuned", "rag"])
    alone = comparison.difference(rows, questions.filter(pl.col("question_id") < "q030"), "tuned").p
    assert values["a_tuned_minus_rag_p"] == pytest.approx(2 * alone)


def test_a_weak_student_is_called_weak(run):
    compare.main()
    metrics.write("verdict", metrics.read("verdict") | {"answerable_oracle": 0.41})
    assert "this student answers 41% of the answerable questions correctly: weak for these documents" in verdict.text()


def test_one_training_is_a_caution_and_several_are_shown(run):
    compare.main()
    assert "Accuracy of tuned by training seed: " in verdict.text()
    metrics.write("verdict", metrics.read("verdict") | {"n_seeds": 1})
    assert "The student was trained once" in verdict.text()


def test_the_verdict_of_no_run_is_an_error_that_names_the_command(workplace):
    assert "make repro" in error_line(verdict.main)
