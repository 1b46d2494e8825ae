"""Write the page of a run: the verdict, its evidence, and every question with its answers.

reads   Questions, Chunks, Pairs, Ledger; Answers[arm], Scores[arm], Contexts[retriever], all arms
        metrics/, metrics/machine/
writes  report/index.html     one self-contained page
        plots/kinds.json, metrics/machine/plots/latency.json   for `dvc plots`

It runs in every `dvc repro`, and its page is no out, for seconds are on it (parts/project/machine.py).
"""

from pathlib import Path

import polars as pl

from parts.curation.coverage import uncovered_passages
from parts.page import charts, collect, coverage_strips, document, figures, questions, tables
from parts.page.cascade_curve import cascade_curve
from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.files import write_json, write_text
from parts.verdict import sentences
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.pairs import Ledger, Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PAGE = Path("report/index.html")


def page(exam: questions.Exam, ledger: pl.DataFrame) -> str:
    """Return the page of the run with the tables `exam` and `ledger`."""
    headline, _, rest = sentences.sentence().partition(". ")
    return document.document(
        questions.exam(exam, str(metrics.read("verdict")["scorer"])),
        headline=f"{headline.rstrip('.')}.", rest=rest, cautions=sentences.cautions(), arms=load_arms(),
        colours=charts.arm_colours(), descriptions={name: arm.description for name, arm in load_arms().items()},
        arm_table=[sentences.head(), *sentences.arm_rows()], charts=collect.run_figures(_cascade(exam)),
        groups=collect.group_figures(),
        first_lines=collect.first_lines(exam.questions), omissions=collect.omissions(),
        coverage=coverage_strips.coverage(exam.chunks, uncovered_passages(exam.chunks, ledger)),
    )  # fmt: skip


def _cascade(exam: questions.Exam) -> figures.Figure | None:
    tuned = metrics.read("tune_cascade")
    return cascade_curve(load_arms(), exam.answers, exam.scores, exam.questions, metrics.read("verdict"), tuned)


def main() -> None:
    """Write the page and the rows of its plots."""
    retrievers = {name: arm.retriever for name, arm in load_arms().items()}
    exam = questions.Exam(
        Questions.read(), Chunks.read(), Pairs.read(),
        answers={arm: Answers.read(arm) for arm in retrievers}, scores={arm: Scores.read(arm) for arm in retrievers},
        contexts={arm: Contexts.read(name) for arm, name in retrievers.items()},
    )  # fmt: skip
    html = page(exam, Ledger.read())
    write_json(Path("plots/kinds.json"), tables.groups(metrics.read("kinds")))
    write_json(Path("metrics/machine/plots/latency.json"), figures.steps(collect.latencies()))
    write_text(PAGE, html)
    print(f"{PAGE}: {len(exam.questions):,} questions, {len(html.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
