"""Count the teacher's rows, raw and kept, by document, generator and reason to drop, with costs.

python -m commands.ledger
"""

import polars as pl

from parts.llm import prices
from parts.project import metrics
from parts.project.command import run
from parts.project.queries import print_table, query, select
from schemas.pairs import PEOPLE, Ledger


def costs(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return generator and dollars: its tokens (metrics/synthesize) at the prices of prices.yaml; null without a price.

    People's rows cost nothing.
    """
    listed, rows = prices.load(), []
    for generator, teacher in ledger.select("generator", "teacher").unique().sort("generator", "teacher").rows():
        rows.append((generator, 0.0 if teacher == PEOPLE else _dollars(generator, teacher, listed)))
    return pl.DataFrame(rows, {"generator": pl.String, "dollars": pl.Float64}, orient="row")


def _dollars(generator: str, teacher: str, listed: prices.Prices) -> float | None:
    usage = metrics.read(f"synthesize/{generator}")  # of its latest run, cached replies included
    return listed.cost_of_tokens(teacher, usage["prompt_tokens"], usage["new_tokens"])


def main() -> None:
    """Print the counts by document and generator, then by generator and reason."""
    ledger = Ledger.read()
    print_table(select(query("documents"), ledger=ledger))
    print_table(select(query("ledger"), ledger=ledger, costs=costs(ledger)))


if __name__ == "__main__":
    run(main)
