"""Write the generated blocks of README.md and docs/, each between two marks <!-- NAME -->.

python -m commands.docs
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from commands import docs_configuration, docs_experiments, docs_licences, docs_scale, docs_tables
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.files import write_text
from parts.text.markdown import table
from parts.verdict import sentences

Block = Callable[[], str]
"""-> the Markdown of a block, from the working directory"""

MARKS = re.compile(r"<!-- (\w+) -->\n(.*?)\n?<!-- \1 -->", re.DOTALL)

ROOMS = {
    "stages": "a DVC stage a file: its section of params.yaml, one verb, its tables",
    "commands": "what a person types: a file for each target of the Makefile that has code, and what these share",
    "schemas": "the tables: grain, columns and checks, a file each",
    "parts": "what stages and commands are built from; docs/architecture.md has which room may use which",
    "parts/project": "what every stage stands on: params, metrics, prompts, queries, errors, the table of arms",
    "parts/text": "text in and out: answers, Markdown, numbers, JSONL",
    "parts/llm": "the client of teacher and judge: retries, rate limits, cache, budget, Batch API",
    "parts/safety": "personal data masked, documents quoted, disclosure recognised",
    "parts/student": "the student: its files, chat format, fine-tuning (its system prompt is prompts/answer/system.md)",
    "parts/corpus": "documents: readers, splitting, the exam and its evidence",
    "parts/generators": "a generator of training rows a file",
    "parts/curation": "which rows are kept: grounding, deduplication, exam overlap, replay",
    "parts/scoring": "exact match, multiple choice, judge, RAGAS, and the judge's agreement",
    "parts/retrieval": "passages in Postgres: embedding, hybrid search, tuning, a retriever a file",
    "parts/answering": "the engines that answer, in this process or behind a server, and their latency",
    "parts/verdict": "stats (intervals, tests), subgroups, costs, and the sentences about them",
    "parts/page": "the pages of report/ and the model card",
    "params": "profiles: a few lines of params.yaml each, for `make repro PROFILE=NAME`",
    "configs": "accelerate's configurations, for trainings in several processes: docs/training.md",
    "queries": "all SQL",
    "prompts": "all that is asked of a model, a folder a generator or stage",
    "invitro": "the embedded default",
    "invitro/world": "made-up companies: documents, exam, grammar",
    "invitro/rules": "teacher and judge by rules, behind a local OpenAI-compatible server",
    "invitro/base_model": "the student of 3.6 million parameters: lessons, pretraining, abilities",
    "experiments": "other companies, scaling, ablations, leakage: stages that a plain `dvc repro` leaves alone",
    "benchmarks": "speed and statistics against reference implementations (`make bench`)",
    "tests": "behaviour against real servers, a real Postgres, a real git",
    "docs": "the pages linked below",
}  # fmt: skip
"""The folders of code and text, with what is in them."""


def verdict() -> str:
    """Return the table of the arms, the verdict and the costs in a sentence each, from metrics/."""
    return "\n\n".join(
        [table(sentences.head(), sentences.arm_rows()), f"**{sentences.sentence()}**", sentences.cost_sentence()]
    )


def real() -> str:
    """Return the same of the run by params/real.yaml that is in git, with its cautions."""
    with contextlib.chdir("experiments/real"):
        return "\n\n".join([verdict(), *sentences.cautions()])


def rooms() -> str:
    """Return ROOMS as a tree."""
    names = {path: f"{'  ' * path.count('/')}{path.rsplit('/', 1)[-1]}/" for path in ROOMS}
    return "\n".join(["```", *(f"{names[path]:<16} {line}" for path, line in ROOMS.items()), "```"])


MEASURED: Mapping[str, Block] = {
    "verdict": verdict, "real": real, "abilities": docs_experiments.abilities, "seeds": docs_experiments.seeds,
    "companies": docs_experiments.companies,
    "scaling": docs_experiments.scaling, "ablations": partial(docs_experiments.variants, "ablations"),
    "mixture": partial(docs_experiments.variants, "mixture"), "search": partial(docs_experiments.variants, "search"),
    "leak": docs_experiments.leak, "growth": docs_scale.measured, "million": docs_scale.million,
}  # fmt: skip
"""Blocks from metrics/, the table of arms and benchmarks/results."""

SOURCE: Mapping[str, Block] = {
    "rooms": rooms, "params": docs_configuration.params, "experiments_params": docs_configuration.experiments_params,
    "tables": docs_tables.tables, "licences": docs_licences.licences,
}  # fmt: skip
"""Blocks from the code."""


def pages() -> list[Path]:
    """Return the pages of docs/, and README.md."""
    return [*sorted(Path("docs").glob("*.md")), Path("README.md")]


def fill(text: str) -> str:
    """Return a page with its blocks made again. Raises KeyError for a mark that names no block."""
    blocks = {**MEASURED, **SOURCE}
    return MARKS.sub(lambda match: f"<!-- {match[1]} -->\n{blocks[match[1]]()}\n<!-- {match[1]} -->", text)


def main() -> None:
    """Write every page whose blocks differ."""
    for page in pages():
        text = page.read_text()
        try:
            filled = fill(text)
        except FileNotFoundError as error:
            raise UserError(
                f"{page}: {error.filename} is missing: `git checkout` brings it back as committed"
            ) from error
        if filled != text:
            write_text(page, filled)
            print(f"{page}: written")


if __name__ == "__main__":
    run(main)
