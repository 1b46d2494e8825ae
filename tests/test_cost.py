"""Costs follow from metrics and prices.yaml; break-even is where two arms cost the same."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from parts.llm import prices
from parts.project import machine, metrics
from parts.project.errors import UserError
from parts.verdict import arm_costs
from parts.verdict.break_even import ArmCost, Saving, break_even, break_even_range, curve, two_digits
from parts.verdict.cost_sentence import cost_sentence
from stages import cost
from tests.helpers import sample_metrics

PAID = prices.Prices(dated="2026-01-01", machine_per_hour=1, machine_cpus=2, models={"m": {"prompt": 2, "new": 10}})
GENERATORS = ["active_reading", "qa"]
DOLLARS = st.floats(0, 1e4)


@pytest.fixture
def run(workplace):
    sample_metrics.write(GENERATORS)
    (workplace.path / "plots").mkdir()
    return workplace


def costs(
    price: prices.Prices = PAID, teacher: str = "m", student: str = "s", share: float = 0.1
) -> dict[str, ArmCost]:
    return arm_costs.arm_costs(
        arm_costs.CostParams(monthly_change=share, months=12), price, teacher, student, GENERATORS
    )


@given(DOLLARS, DOLLARS, st.floats(0.001, 1), st.floats(0, 1), DOLLARS, DOLLARS, st.integers(0, 24))
def test_from_break_even_on_and_not_before_the_candidate_costs_no_more(
    upfront, baseline_upfront, saved, question, month, baseline_month, months
):
    candidate = ArmCost(upfront, question, month)
    baseline = ArmCost(baseline_upfront, question + saved, baseline_month)
    even = break_even(candidate, baseline, months)
    slack = 1e-6 * (1 + abs(upfront) + abs(baseline_upfront) + months * (month + baseline_month))
    assert candidate.total(even, months) <= baseline.total(even, months) + slack
    assert even == 0 or candidate.total(even - 1, months) > baseline.total(even - 1, months) - slack


def test_a_total_has_months_only_where_they_are_asked_for():
    assert ArmCost(1, 2, 3).total(10) == 21
    assert ArmCost(1, 2, 3).total(10, months=2) == 27


def test_without_a_saving_or_a_price_there_is_no_break_even():
    assert break_even(ArmCost(1, 0.2), ArmCost(0, 0.2)) is None
    assert break_even(ArmCost(1, 0.3), ArmCost(0, 0.2)) is None
    assert break_even(ArmCost(None, 0.1), ArmCost(0, 0.2)) is None
    assert break_even(ArmCost(1, 0.1, None), ArmCost(0, 0.2), months=1) is None
    assert break_even(ArmCost(1, 0.1), ArmCost(2, 0.2)) == 0


def test_the_curves_meet_where_they_are_marked():
    arms = {"rag": ArmCost(1, 0.002), "tuned": ArmCost(9, 0.001), "base": ArmCost(0, 0.001)}
    even = break_even(arms["tuned"], arms["rag"])
    rows = curve(arms, even)
    marked = {row["arm"]: row["dollars"] for row in rows if row["crossing"]}
    assert even == 8000
    assert marked == {"rag": pytest.approx(17), "tuned": pytest.approx(17)}
    assert max(row["questions"] for row in rows) == 16_000
    assert not any(row["crossing"] for row in curve(arms, None))
    assert {row["arm"] for row in curve(arms | {"tuned": ArmCost(None, 0.001)}, None)} == {"rag", "base"}


def test_upfront_is_teacher_and_training_for_the_student_and_embedding_for_the_index(run):
    arms = costs()
    teacher, training, index = 2 * (2 + 5), 1 / 2, (10 + 1000 * 0.05 / 2) / 3600
    assert arms["tuned"].upfront == pytest.approx(teacher + training)
    assert arms["rag"].upfront == pytest.approx(index)
    assert arms["tuned_rag"].upfront == pytest.approx(teacher + training + index)
    assert arms["base"].upfront == arms["oracle"].upfront == 0


def test_training_on_the_documents_costs_its_seconds_and_no_teacher(run):
    raw = costs(teacher="unknown")["raw"]
    assert raw.upfront == pytest.approx(0.25) and raw.month == pytest.approx(0.25 + 5 / 2 / 3600)
    assert costs(share=0)["raw"].month == 0


def test_a_question_costs_the_cpu_seconds_that_its_answers_are_charged_on_average(run):
    assert costs()["rag"].question == pytest.approx(0.1 / 2 / 3600)
    assert costs()["tuned"].question == pytest.approx(0.02 / 2 / 3600)


def test_seconds_of_a_gpu_or_a_server_are_the_whole_machines(run):
    sample_metrics.write_latency(clock="wall")
    assert costs()["rag"].question == pytest.approx(0.1 / 3600)
    assert arm_costs.question_saving(PAID, "s").mean == pytest.approx(0.08 / 3600)


def test_a_student_that_prices_yaml_lists_is_paid_by_the_token_and_its_retrieval_by_time(run):
    assert costs(student="m")["tuned"].question == pytest.approx((20 * 2 + 10 * 10) / 1e6)
    assert costs(student="m")["rag"].question == pytest.approx((300 * 2 + 10 * 10) / 1e6 + 0.01 / 2 / 3600)
    saving = arm_costs.question_saving(PAID, "m")
    assert saving.mean == pytest.approx(280 * 2 / 1e6 + 0.01 / 2 / 3600) and saving.lo == pytest.approx(
        280 * 2 / 1e6 + 0.005 / 2 / 3600
    )


def test_a_month_costs_the_measured_update_times_the_documents_and_one_training(run):
    arms = costs()
    teacher, prepared = 10 * (10_000 * 2 + 5_000 * 10) / 1e6, 5 / 2 / 3600
    assert arms["tuned"].month == pytest.approx(teacher + prepared + 1 / 2)
    assert arms["rag"].month == pytest.approx(prepared + (10 + 10 * 2 * 0.05 / 2) / 3600)
    assert costs(share=0)["tuned"].month == costs(share=0)["rag"].month == 0


def test_a_teacher_without_a_price_leaves_the_student_without_one(run):
    arms = costs(teacher="unknown")
    assert arms["tuned"].upfront is arms["tuned"].month is arms["tuned_rag"].upfront is None
    assert arms["rag"].upfront > 0


def test_of_several_seeds_one_training_is_paid_for_the_mean(run):
    for seed, seconds in ((1, 1000.0), (2, 2000.0), (3, None)):
        machine.write(f"train/adapter/{seed}", {"seconds": seconds, "clock": "cpu"}, seed)
    assert arm_costs.training_cost(PAID, "adapter") == pytest.approx(1500 / 2 / 3600)


def test_a_training_by_a_seed_that_left_the_list_is_not_paid_for(run):
    before = arm_costs.training_cost(PAID, "adapter")
    machine.write("train/adapter/9", {"seconds": 1e6, "clock": "cpu"}, "of an earlier list")
    assert arm_costs.training_cost(PAID, "adapter") == before


def test_what_was_not_timed_here_has_no_price_and_what_is_not_made_of_it_has(run):
    for seed in sample_metrics.SEEDS:
        machine.write(f"train/adapter/{seed}", {"seconds": 1.0, "clock": "cpu"}, "another training")
        (run.path / f"data/timed/train/adapter/{seed}").write_text("0123")
    arms = costs()
    assert arms["tuned"].upfront is None and arms["rag"].upfront > 0
    (run.path / "metrics/machine/latency.json").unlink()
    assert costs()["rag"].question is None and arm_costs.question_saving(PAID, "s") is None
    cost.main()
    assert "was timed here" in machine.read("cost")["break_even_doubt"]


@pytest.mark.parametrize(("share", "months"), [(-0.1, 12), (1.1, 12), (0.1, 0)])
def test_a_share_of_documents_lies_between_0_and_1_and_months_are_at_least_one(share, months):
    with pytest.raises(ValidationError):
        arm_costs.CostParams(monthly_change=share, months=months)


SAVING = Saving(0.001, 0.0005, 0.002)


def test_break_even_is_a_range_of_two_digits_from_the_most_to_the_least_that_is_saved():
    assert break_even_range(ArmCost(1.234, 0.1), ArmCost(0, 5.0), SAVING) == (1200, 610, 2500)
    assert break_even_range(ArmCost(1, 0.1), ArmCost(1, 5.0), SAVING) == (0, 0, 0)
    assert break_even_range(ArmCost(None, 0.1), ArmCost(1, 5.0), SAVING) == (None, None, None)


@pytest.mark.parametrize("lo", [0.0, -0.0001])
def test_a_saving_that_may_be_none_has_no_break_even(lo):
    assert break_even_range(ArmCost(1, 0.1), ArmCost(0, 5.0), SAVING._replace(lo=lo)) == (None, None, None)


def test_the_monthly_break_even_is_rounded_up():
    even, _, _ = break_even_range(ArmCost(25, 0), ArmCost(0, 0), Saving(1, 1, 1), months=12)
    assert even == 3, "25 questions in 12 months are 2.1 a month: at 2 it does not pay back"


@given(st.integers(1, 10**9))
def test_two_digits_down_and_up_enclose_the_number(questions):
    lo, hi = (two_digits(questions, rounding) for rounding in (math.floor, math.ceil))
    assert lo <= questions <= hi and len(str(lo).rstrip("0")) <= 2 and len(str(hi).rstrip("0")) <= 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"saved_charged_ms_lo": -1.0}, "per 1,000 questions it saves between -$0.000011 and"),
        ({"saved_charged_ms": -80.0, "saved_charged_ms_lo": -160.0, "saved_charged_ms_hi": -40.0}, None),
        ({"charged_mean_over_median_rag": 2.4}, "the machine was busy, for the mean of the timings is 2.4 times"),
        ({"charged_mean_over_median_base": 2.4}, None),
        ({"cpu": "another"}, "timed on different machines, a processor and another"),
        ({"saved_charged_ms_lo": math.nan, "saved_charged_ms_hi": math.nan}, "has no interval"),
    ],
)
def test_what_cannot_be_told_of_break_even_has_its_reason(run, changes, reason):
    sample_metrics.write_latency(**changes)
    cost.main()
    values = machine.read("cost")
    assert reason in values["break_even_doubt"] if reason else values["break_even_doubt"] is None
    is_range = not reason and changes.get("saved_charged_ms", 1) > 0
    assert (values["break_even_questions_lo"] is not None) == is_range


def test_the_stage_keeps_the_teachers_dollars_apart_from_the_machines(run):
    cost.main()
    values, price = metrics.read("cost"), prices.load()
    assert values == {
        "teacher_qa": 0, "change_teacher": 0, "monthly_change": 0.1, "months": 12, "prices_dated": "2026-06-17"
    }  # fmt: skip
    values = machine.read("cost")
    assert list(values) == sorted(values)
    assert not any(isinstance(value, dict | list) for value in values.values())
    assert values["upfront_tuned"] == pytest.approx(price.machine_per_hour / 2, rel=1e-3)  # the rules are free
    assert values["change_student"] == pytest.approx(3605 / 3600 * price.machine_per_hour / 2, rel=1e-3)
    assert values["per_1000_tuned"] == pytest.approx(0.02 / 2 * price.machine_per_hour / 3.6, rel=1e-3)
    assert values["cpu"] == "a processor"
    extra = 3600 - 2 * 10 - 1000 * 0.05  # CPU seconds, the store's on the wall twice
    assert values["break_even_questions"] == pytest.approx(extra / 0.08, rel=0.02)
    assert values["break_even_questions_lo"] == pytest.approx(extra / 0.16, rel=0.02)
    assert values["break_even_questions_hi"] == pytest.approx(extra / 0.04, rel=0.02)
    monthly = (
        extra / 12 + 3600 - 2 * 10 - 1
    )  # a month: the rest, and training against 10 s + 20 passages, both after 5 s
    assert values["break_even_questions_monthly"] == pytest.approx(monthly / 0.08, rel=0.02)
    rows = json.loads(cost.PLOT.read_text())
    assert {frozenset(row) for row in rows} == {frozenset({"arm", "questions", "dollars", "crossing"})}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {},
            ": break-even between 22,000 and 89,000 questions; with 10% of the documents changing every month, between",
        ),
        ({"break_even_questions_lo": 5, "break_even_questions_hi": 5}, ": break-even at about 5 questions; with"),
        ({"upfront_tuned": None}, "The cost of fine-tuning is not known: it was not timed here."),
        ({"break_even_questions": None}, ": it never becomes cheaper than RAG."),
        (
            {"break_even_questions_lo": 0, "break_even_questions_hi": 0},
            ": it is cheaper than RAG from the first question on.",
        ),
        ({"break_even_questions": None, "break_even_doubt": "why"}, ": break-even cannot be told (why)."),
    ],
)
def test_the_cost_sentence_names_the_break_even(run, change, words):
    cost.main()
    machine.write("cost", machine.read("cost") | change)
    assert words in cost_sentence({"verdict": "undecided", "teacher": "rules-4"})


def test_without_changing_documents_there_is_no_monthly_break_even_in_the_sentence(run):
    run.change("cost", "monthly_change", 0.0)
    cost.main()
    assert cost_sentence({"verdict": "tuned", "teacher": "rules-4"}).endswith("89,000 questions.")


def test_the_cost_sentence_names_a_teacher_without_a_price(run, capsys):
    run.change("teacher", "model", "m-9")
    cost.main()
    assert "tuned against rag: break-even cannot be told (prices.yaml has no price" in capsys.readouterr().out
    assert "prices.yaml has no price for m-9" in cost_sentence({"verdict": "tuned", "teacher": "m-9"})


@pytest.mark.parametrize("winner", ["rag", "too_weak"])
def test_payback_of_an_arm_that_is_worse_is_not_told(run, winner):
    cost.main()
    words = cost_sentence({"verdict": winner, "teacher": "t"})
    assert "1,000 questions cost $0.00023, by RAG $0.0011." in words and "break-even" not in words


def test_fifty_millionths_of_a_dollar_are_not_nothing(workplace):
    metrics.write("small", {"dollars": 0.0000512345})
    assert metrics.read("small")["dollars"] == 0.00005123
    assert metrics.rounded(0.1 + 0.2 - 0.3) == 0 and math.copysign(1, metrics.rounded(0.3 - 0.1 - 0.2)) == 1
    assert metrics.rounded(math.nan) is metrics.rounded(math.inf) is None


def test_a_broken_price_list_is_an_error(workplace):
    (workplace.path / "prices.yaml").write_text("dated: 2026-01-01\n")
    with pytest.raises(UserError, match="machine_per_hour"):
        prices.load()
