"""Costs follow from metrics and prices.yaml; break-even is where two arms cost the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.llm import prices
from parts.project import metrics
from parts.project.errors import UserError
from parts.verdict import arm_costs
from parts.verdict.break_even import ArmCost, break_even, curve
from stages import cost
from tests.helpers import sample_metrics

PAID = prices.Prices(dated="2026-01-01", machine_per_hour=1, models={"m": {"prompt": 2, "new": 10}})
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
    teacher, training, index = 2 * (2 + 5), 1, (10 + 1000 * 0.05) / 3600
    assert arms["tuned"].upfront == pytest.approx(teacher + training)
    assert arms["rag"].upfront == pytest.approx(index)
    assert arms["tuned_rag"].upfront == pytest.approx(teacher + training + index)
    assert arms["base"].upfront == arms["oracle"].upfront == 0


def test_training_on_the_documents_costs_its_seconds_and_no_teacher(run):
    raw = costs(teacher="unknown")["raw"]
    assert raw.upfront == pytest.approx(0.5) and raw.month == pytest.approx(0.5 + 5 / 3600)
    assert costs(share=0)["raw"].month == 0


def test_a_question_costs_the_machine_for_its_time(run):
    assert costs()["rag"].question == pytest.approx(0.1 / 3600)
    assert costs()["tuned"].question == pytest.approx(0.02 / 3600)


def test_a_student_that_prices_yaml_lists_is_paid_by_the_token_and_its_retrieval_by_time(run):
    assert costs(student="m")["tuned"].question == pytest.approx((20 * 2 + 10 * 10) / 1e6)
    assert costs(student="m")["rag"].question == pytest.approx((300 * 2 + 10 * 10) / 1e6 + 0.01 / 3600)


def test_a_month_costs_the_measured_update_times_the_documents_and_one_training(run):
    arms = costs()
    teacher, prepared = 10 * (10_000 * 2 + 5_000 * 10) / 1e6, 5 / 3600
    assert arms["tuned"].month == pytest.approx(teacher + prepared + 1)
    assert arms["rag"].month == pytest.approx(prepared + (10 + 10 * 2 * 0.05) / 3600)
    assert costs(share=0)["tuned"].month == costs(share=0)["rag"].month == 0


def test_a_teacher_without_a_price_leaves_the_student_without_one(run):
    arms = costs(teacher="unknown")
    assert arms["tuned"].upfront is arms["tuned"].month is arms["tuned_rag"].upfront is None
    assert arms["rag"].upfront > 0


def test_the_stage_writes_flat_costs_and_the_curve(run):
    cost.main()
    values, price = metrics.read("cost"), prices.load()
    assert list(values) == sorted(values)
    assert not any(isinstance(value, dict | list) for value in values.values())
    assert values["upfront_tuned"] == pytest.approx(price.machine_per_hour, abs=1e-4)  # the rules are free
    assert values["change_student"] == pytest.approx(3605 / 3600 * price.machine_per_hour, abs=1e-4)
    assert values["break_even_questions"] == pytest.approx(3540 / 0.08, abs=1)  # (3600 - 60) s, 0.08 s saved on each
    monthly = 3540 / 12 + 3600 - 11  # a month: the rest, and training against 10 s + 20 passages, both after 5 s
    assert values["break_even_questions_monthly"] == pytest.approx(monthly / 0.08, abs=2)
    rows = json.loads((run.path / "plots/cost.json").read_text())
    assert {frozenset(row) for row in rows} == {frozenset({"arm", "questions", "dollars", "crossing"})}


def test_a_broken_price_list_is_an_error(workplace):
    (workplace.path / "prices.yaml").write_text("dated: 2026-01-01\n")
    with pytest.raises(UserError, match="machine_per_hour"):
        prices.load()
