"""Compute what each arm costs: before the first question, per question, and per month of changing documents.

reads   metrics/answer, metrics/latency                  tokens and seconds of a question, by arm
        metrics/synthesize, metrics/train, metrics/update_cost   of the teacher, training, indexing and an update
        metrics/chunk, metrics/ingest                    number of passages and of documents
        prices.yaml
writes  metrics/cost.json, plots/cost.json

A changed document costs what the one of metrics/update_cost.json did: its new passages are embedded (rag) or sent to the
teacher (tuned). Once for all changed documents, everything is chunked and redacted, the index opens, and an adapter is
trained anew. Over M months in each of which a share of D documents changes, with q questions a month, an arm costs

    upfront + M x update(share x D) + M x q x question

Left out is the first ingest, chunk and redact: seconds, and the same for all arms.
"""

from pathlib import Path

from parts.llm.prices import load
from parts.project import metrics, params
from parts.project.command import run
from parts.project.files import write_json
from parts.project.sections import Server, Student
from parts.verdict import break_even
from parts.verdict.arm_costs import CostParams as Params
from parts.verdict.arm_costs import arm_costs, update_costs, upfront_costs

PLOT = Path("plots/cost.json")


def main() -> None:
    """Write metrics/cost.json and plots/cost.json."""
    section, price, generators = params.load("cost", Params), load(), params.names("synthesize")
    teacher, student = params.load("teacher", Server).model, params.load("student", Student).model
    arms = arm_costs(section, price, teacher, student, generators)
    costs = upfront_costs(price, teacher, generators) | vars(section)
    costs |= {f"change_{name}": dollars for name, dollars in update_costs(price, teacher, 1).items()}
    for arm, cost in arms.items():
        costs |= {
            f"upfront_{arm}": cost.upfront,
            f"per_1000_{arm}": cost.question * 1000,
            f"monthly_{arm}": cost.month,
        }
    even = break_even.break_even(arms["tuned"], arms["rag"])
    total = break_even.break_even(arms["tuned"], arms["rag"], section.months)
    costs |= {"break_even_questions": even, "break_even_questions_monthly": total and -(-total // section.months)}
    metrics.write("cost", costs | {"prices_dated": price.dated.isoformat()})
    write_json(PLOT, break_even.curve(arms, even))
    print(f"break-even of tuned against rag: {'never' if even is None else f'{even:,} questions'}")


if __name__ == "__main__":
    run(main)
