"""Write the page that shows a run: the verdict, what it rests on, and every question with its answers.

reads   Questions, Chunks, Pairs, Ledger; Answers[arm], Scores[arm], Contexts[retriever], all arms
        metrics/, plots/cost.json   what the run measured, and what was measured beside it, where it was
writes  report/index.html           one page that needs nothing beside it
        plots/latency.json, plots/kinds.json   for `dvc plots`, what the page shows of them
"""

from pathlib import Path

import polars as pl

from parts.curation.coverage import uncovered_passages
from parts.page import charts, collect, coverage_strips, document, figures, questions, tables
from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.command import run
from parts.verdict import sentences
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.files import write_json, write_text
from schemas.pairs import Ledger, Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PAGE = Path("report/index.html")


def page(given: questions.Exam, ledger: pl.DataFrame) -> str:
    """Return the page of the run whose tables these are."""
    headline, _, rest = sentences.sentence().partition(". ")
    return document.document(
        questions.exam(given, str(metrics.read("verdict")["scorer"])),
        headline=f"{headline.rstrip('.')}.", rest=rest, cautions=sentences.cautions(), arms=load_arms(),
        colours=charts.arm_colours(),
        arm_table=[sentences.HEAD, *sentences.arm_rows()], charts=collect.run_figures(), groups=collect.group_figures(),
        coverage=coverage_strips.coverage(given.chunks, uncovered_passages(given.chunks, ledger)),
    )  # fmt: skip


def main() -> None:
    """Write the page and what `dvc plots` shows of it."""
    contexts = {name: arm.retriever for name, arm in load_arms().items()}
    given = questions.Exam(
        Questions.read(), Chunks.read(), Pairs.read(),
        answers={arm: Answers.read(arm) for arm in contexts}, scores={arm: Scores.read(arm) for arm in contexts},
        contexts={arm: Contexts.read(name) for arm, name in contexts.items()},
    )  # fmt: skip
    html = page(given, Ledger.read())
    rows = {"latency": figures.steps(collect.latencies()), "kinds": tables.groups(metrics.read("kinds"))}
    for name, found in rows.items():
        write_json(Path("plots", f"{name}.json"), found)
    write_text(PAGE, html)
    print(f"{PAGE}: {len(given.questions):,} questions, {len(html.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
