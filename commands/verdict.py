"""Print the verdict of the latest run: the table of the arms, the sentence, and where the details are.

python -m commands.verdict
"""

from pathlib import Path

from parts.project.command import run
from parts.project.errors import UserError
from parts.text.terminal import table
from parts.verdict.sentences import HEAD, arm_rows, cautions, cost_sentence, sentence


def text() -> str:
    """Return the same for a terminal."""
    page = "report/index.html" if Path("report/index.html").exists() else "`dvc repro report` writes report/index.html"
    where = f"Page: {page}. Details: metrics/ (git), plots/ (`dvc plots show`), data/ (tables), `make ledger`."
    return "\n\n".join([table(HEAD, arm_rows()), sentence(), cost_sentence(), "\n".join(cautions()), where])


def main() -> None:
    """Print the report of the committed or latest run."""
    try:
        print(f"\n{text()}")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not there yet: run `make repro`") from error


if __name__ == "__main__":
    run(main)
