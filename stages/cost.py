"""Say what each arm costs: before the first question, by question, and when documents change every month.

reads   metrics/answer, metrics/latency                   tokens and seconds of a question, by arm
        metrics/synthesize, metrics/train, metrics/update_cost   of teaching, training, indexing and a change
        metrics/chunk, metrics/ingest                   how many passages and documents there are
        prices.yaml
writes  metrics/cost.json, plots/cost.json

When documents change, each costs what the one of metrics/update_cost.json did: its changed passages embedded again (rag) or
taught again (tuned); and once for all of them, everything is cut and redacted, the index is opened, an adapter is trained
anew. Over M months in each of which a share of D documents changes, with q questions a month, an arm takes

    upfront + M x changed(share x D) + M x q x question

Cutting, redacting and reading the first time are left out: seconds, and the same for all.
"""

from pathlib import Path

from parts.project import metrics, params
from parts.project.command import run
from parts.project.prices import load
from parts.project.sections import Server, Student
from parts.verdict import break_even
from parts.verdict.arm_costs import Params, arm_costs, update_costs, upfront_costs
from schemas.files import write_json

PLOT = Path("plots/cost.json")


def main() -> None:
    """Write metrics/cost.json and plots/cost.json."""
    given, price, generators = params.load("cost", Params), load(), params.names("synthesize")
    teacher, student = params.load("teacher", Server).model, params.load("student", Student).model
    arms = arm_costs(given, price, teacher, student, generators)
    found = upfront_costs(price, teacher, generators) | vars(given)
    found |= {f"change_{what}": dollars for what, dollars in update_costs(price, teacher, 1).items()}
    for arm, spent in arms.items():
        found |= {
            f"upfront_{arm}": spent.upfront,
            f"per_1000_{arm}": spent.question * 1000,
            f"monthly_{arm}": spent.month,
        }
    even = break_even.break_even(arms["tuned"], arms["rag"])
    changing = break_even.break_even(arms["tuned"], arms["rag"], given.months)
    found |= {"break_even_questions": even, "break_even_questions_monthly": changing and -(-changing // given.months)}
    metrics.write("cost", found | {"prices_dated": price.dated.isoformat()})
    write_json(PLOT, break_even.curve(arms, even))
    print(f"break-even of tuned against rag: {'never' if even is None else f'{even:,} questions'}")


if __name__ == "__main__":
    run(main)
