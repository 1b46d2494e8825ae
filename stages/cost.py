"""Compute what each arm costs: before the first question, per question, and per month of changing documents.

reads   metrics/answer, metrics/machine/latency.json     tokens of a question, and what it is charged, by arm
        metrics/synthesize, metrics/machine/train.json   of the teacher, and of the training
        metrics/update_cost.json, metrics/machine/update_cost.json   of an update, and of the index
        metrics/chunk, metrics/ingest                    number of passages and of documents
        prices.yaml
writes  metrics/cost.json                 the teacher's dollars
        metrics/machine/cost.json         the machine's, and what is made of them
        metrics/machine/plots/cost.json   for a chart

A changed document costs what the one of metrics/update_cost.json did: its new passages are embedded (rag) or sent to the
teacher (tuned). Once for all changed documents, everything is chunked and redacted, the index opens, and an adapter is
trained anew. Over M months in each of which a share of D documents changes, with q questions a month, an arm costs

    upfront + M x update(share x D) + M x q x question

Left out is the first ingest, chunk and redact: seconds, and the same for all arms. It runs in every `dvc repro`, for DVC does
not know when seconds change (parts/project/machine.py).
"""

from pathlib import Path

from parts.llm.prices import load
from parts.project import machine, metrics, params
from parts.project.arms import BASELINE, CANDIDATE
from parts.project.command import run
from parts.project.files import write_json
from parts.project.sections import Server, Student
from parts.verdict import break_even
from parts.verdict.arm_costs import CostParams as Params
from parts.verdict.arm_costs import (
    arm_costs,
    index_cost,
    lesson_cost,
    question_saving,
    teacher_costs,
    training_cost,
    update_costs,
)
from parts.verdict.break_even_doubt import doubt
from parts.verdict.cost_sentence import payback

PLOT = Path("metrics/machine/plots/cost.json")


def pay_back(arms: dict[str, break_even.ArmCost], saving: break_even.Saving | None, months: int) -> dict:
    """Return the break-even of the candidate, its ends and the same a month; and why it cannot be told, or null."""
    reason = doubt(arms[CANDIDATE].upfront, saving)
    values = {"break_even_doubt": reason}
    for name, span in (("break_even_questions", 0), ("break_even_questions_monthly", months)):
        ends = (None, None, None)
        if saving and not reason:
            ends = break_even.break_even_range(arms[CANDIDATE], arms[BASELINE], saving, span)
        values |= {f"{name}{end}": questions for end, questions in zip(("", "_lo", "_hi"), ends, strict=True)}
    return values


def main() -> None:
    """Write metrics/cost.json, metrics/machine/cost.json and metrics/machine/plots/cost.json."""
    section, price, generators = params.load("cost", Params), load(), params.names("synthesize")
    teacher, student = params.load("teacher", Server).model, params.load("student", Student).model
    of_teacher = teacher_costs(price, teacher, generators)
    metrics.write("cost", of_teacher | vars(section) | {"prices_dated": price.dated.isoformat()})

    arms, saving = arm_costs(section, price, teacher, student, generators), question_saving(price, student)
    costs = {"training": training_cost(price, "adapter"), "index": index_cost(price, metrics.read("chunk")["passages"])}
    costs |= {"training_raw": training_cost(price, "raw"), "lesson": lesson_cost(price)}
    costs |= {f"change_{name}": dollars for name, dollars in update_costs(price, teacher, 1).items()}
    for arm, cost in arms.items():
        per_1000 = None if cost.question is None else cost.question * 1000
        costs |= {f"upfront_{arm}": cost.upfront, f"per_1000_{arm}": per_1000, f"monthly_{arm}": cost.month}
    ends = [None] * 3 if saving is None else [dollars * 1000 for dollars in saving]
    costs |= {f"saved_per_1000{end}": dollars for end, dollars in zip(("", "_lo", "_hi"), ends, strict=True)}
    costs |= pay_back(arms, saving, section.months)
    timed_on = {key: value for key, value in machine.read("latency").items() if key in machine.DESCRIPTION}
    machine.write("cost", costs | timed_on)
    write_json(PLOT, break_even.curve(arms, costs["break_even_questions"]))
    print(f"tuned against rag: {payback(costs | vars(section))}")


if __name__ == "__main__":
    run(main)
