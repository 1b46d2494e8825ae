"""Print the verdict of the latest run: the table of the arms, the sentence, and where the details are.

python -m commands.verdict
"""

from pathlib import Path

from parts.verdict.sentences import HEAD, arm_rows, cautions, cost_sentence, sentence
from schemas.errors import UserError


def text() -> str:
    """Return the same for a terminal."""
    lines = [HEAD, *arm_rows()]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]
    table = "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
    page = "report/index.html" if Path("report/index.html").exists() else "`dvc repro report` writes report/index.html"
    where = f"Page: {page}. Details: metrics/ (git), plots/ (`dvc plots show`), data/ (tables), `make ledger`."
    return "\n\n".join([table, sentence(), cost_sentence(), "\n".join(cautions()), where])


def main() -> None:
    """Print the report of the committed or latest run."""
    try:
        print(f"\n{text()}")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not there yet: run `make repro`") from error
