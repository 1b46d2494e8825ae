"""Print the verdict of the latest run: the table of arms, the verdict in a sentence, costs, cautions and files.

python -m commands.verdict
"""

from pathlib import Path

from parts.project.command import run
from parts.project.errors import UserError
from parts.text.terminal import table
from parts.verdict.sentences import arm_rows, cautions, cost_sentence, head, sentence


def text() -> str:
    """Return what `main` prints."""
    page = "report/index.html" if Path("report/index.html").exists() else "`dvc repro report` writes report/index.html"
    where = f"Page: {page}. Details: metrics/ (git), plots/ (`dvc plots show`), data/ (tables), `make ledger`."
    return "\n\n".join([table(head(), arm_rows()), sentence(), cost_sentence(), "\n".join(cautions()), where])


def main() -> None:
    """Print the verdict of the run in metrics/."""
    try:
        print(f"\n{text()}")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} does not exist yet: run `make repro`") from error


if __name__ == "__main__":
    run(main)
