"""Share of hand-made answers that exact, choice and declining call right or wrong as a person does.

python -m benchmarks.scorers
"""

import sys
from pathlib import Path

from benchmarks.baselines.figures import RESULTS, Figures
from parts.scoring import choice, exact
from parts.text import answer_format
from parts.text.jsonl import read_lines

CALLS = Path(__file__).parent.parent / "tests/data/calls.jsonl"


def calls() -> list[dict]:
    """Return the pairs: scorer, response, references, options where there are some, and right, a person's call."""
    return [row for _, _, row in read_lines(CALLS)]


def is_called_right(call: dict) -> bool:
    """Return the scorer's own call."""
    response, references = call["response"], call["references"]
    match call["scorer"]:
        case "exact":
            return exact.score(response, references, True)["exact"] == 1
        case "choice":
            return choice.score(response, None, call["options"], references, True)["choice"][0] == 1
        case _:
            return answer_format.is_refusal(response)


def main(results: Path = RESULTS) -> None:
    figures, pairs = Figures("scorers", results), calls()
    agrees = [is_called_right(pair) == pair["right"] for pair in pairs]
    figures.add("pairs", len(pairs), "200 or more")
    figures.add("called_right", sum(agrees) / len(agrees), "0.95")
    figures.write()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
