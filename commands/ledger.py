"""Show what became of what was asked of the teacher: asked -> kept, by generator, document and reason, and what it cost.

python -m commands.ledger
"""

import polars as pl

from parts.llm import prices
from parts.project import metrics
from parts.project.command import run
from parts.project.queries import print_table, query, select
from schemas.pairs import Ledger


def costs(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return what each generator's requests cost by metrics/synthesize and prices.yaml; null without a price."""
    listed, found = prices.load(), []
    for generator, teacher in ledger.select("generator", "teacher").unique().sort("generator", "teacher").rows():
        used = metrics.read(f"synthesize/{generator}")  # of its latest run, cached answers at their price too
        found.append((generator, listed.cost_of_tokens(teacher, used["prompt_tokens"], used["new_tokens"])))
    return pl.DataFrame(found, {"generator": pl.String, "dollars": pl.Float64}, orient="row")


def main() -> None:
    """Print what became of the rows by document and generator, then by generator and reason."""
    ledger = Ledger.read()
    print_table(select(query("documents"), ledger=ledger))
    print_table(select(query("ledger"), ledger=ledger, costs=costs(ledger)))


if __name__ == "__main__":
    run(main)
