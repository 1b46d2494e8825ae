"""Write the page of the experiments: scaling, kinds of rows, ablations, other companies, leakage.

reads   metrics/{scaling,mixture,ablations,search,leak,seeds}.json
writes  report/experiments.html
"""

from pathlib import Path

from parts.page import collect, document
from parts.project.command import run
from parts.project.files import write_text

PAGE = Path("report/experiments.html")


def main() -> None:
    """Write report/experiments.html."""
    figures = collect.experiment_figures()
    write_text(PAGE, document.experiments_document(figures))
    print(f"{PAGE}: {', '.join(figure.name for figure in figures)}")


if __name__ == "__main__":
    run(main)
