"""docs/metrics.md has every key of metrics/, and no other; README.md quotes figures that are in metrics/."""

import json
import re

import pytest
import yaml

from tests.helpers.doc_pages import PAGES
from tests.helpers.source_code import ROOT

ARMS = yaml.safe_load((ROOT / "params.yaml").read_text())["arms"]
GENERATORS, RETRIEVERS = (
    [path.stem for path in (ROOT / "parts" / room).glob("*.py")] for room in ("generators", "retrieval/retrievers")
)

NAMES = {
    "ARM": "|".join(ARMS), "RETRIEVER": "|".join(RETRIEVERS), "GENERATOR": "|".join(GENERATORS),
    "SCORER": "exact|f1|squad_em|squad_f1|choice|choice_likelihood|judge|faithfulness|answer_relevancy|context_precision",
    "STEP": "embed|search|rerank|prefill|decode", "FORM": "direct|indirect", "GATE": "gated|open", "KIND": "[A-Z_]+",
    "CLASS": "self|human|(?:right|wrong)_[a-z]+",
    "GROUP": r"\w+", "CAUSE": r"\w+", "REASON": r"\w+", "NUMBER": r"[\d.]+", "SEED": r"\d+",
    "ABILITY": "(?:read_gold|read_8|two_documents|reasoning|closed_book_unseen)_em|declines_when_(?:absent|present)",
    "MODEL": "adapter|raw", "VARIANT": r"(?!before\.)[\w.]+", "RECIPE": r"\w+",
}  # fmt: skip


def pattern(entry: str) -> str:
    """Return the pattern of an entry of the glossary: a capital word of NAMES stands for any such name."""
    return re.sub(
        "|".join(sorted(NAMES, key=len, reverse=True)), lambda match: f"(?:{NAMES[match[0]]})", re.escape(entry)
    )


def glossary() -> dict[str, dict[str, bool]]:
    """Return, for each file of docs/metrics.md, its entries, and whether the keys of one may be missing."""
    files = {}
    for title, body in re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGES["docs/metrics.md"], re.MULTILINE | re.DOTALL):
        rows = re.findall(r"^\| (`.+?) \| (.+) \|$", body, re.MULTILINE)
        files[title] = {
            entry: meaning.startswith("Only ") for keys, meaning in rows for entry in re.findall(r"`([^`]+)`", keys)
        }
    return files


METRICS = {
    path.relative_to(ROOT / "metrics").as_posix(): path
    for path in (ROOT / "metrics").rglob("*.json")
    if path.parent.name != "plots"  # rows of charts
}


def test_every_file_of_metrics_is_in_the_glossary_and_the_other_way_round():
    titles = glossary()
    unknown = [file for file in METRICS if not any(re.fullmatch(pattern(title), file) for title in titles)]
    missing = [title for title in titles if not any(re.fullmatch(pattern(title), file) for file in METRICS)]
    assert (unknown, missing) == ([], []), "docs/metrics.md lacks the first, and metrics/ the others"


@pytest.mark.parametrize("title", glossary())
def test_every_key_of_metrics_is_in_the_glossary_and_the_other_way_round(title):
    entries = glossary()[title]
    files = [path for file, path in METRICS.items() if re.fullmatch(pattern(title), file)]
    keys = {key for path in files for key in flat(json.loads(path.read_text()))}
    unknown = [key for key in keys if not any(re.fullmatch(pattern(entry), key) for entry in entries)]
    missing = [
        e for e, optional in entries.items() if not optional and not any(re.fullmatch(pattern(e), key) for key in keys)
    ]
    assert (unknown, missing) == ([], []), "docs/metrics.md lacks the first, and metrics/ the others"


def test_a_figure_quoted_with_its_file_is_in_that_file():
    quoted = re.findall(r"^- (.+?)\(`(metrics/\w+\.json)`\)", PAGES["README.md"], re.MULTILINE | re.DOTALL)
    assert len(quoted) == 3
    for text, file in quoted:
        values = {
            f"{value:.3f}" for value in flat(json.loads((ROOT / file).read_text())).values() for value in numbers(value)
        }
        assert set(re.findall(r"\d\.\d{3}", text)) <= values, file


def numbers(value: object) -> list[float]:
    """Return the numbers in a value of a metrics file."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int | float)]


def flat(values: dict, before: str = "") -> dict[str, object]:
    """Return nested values by dotted key."""
    rows = {}
    for key, value in values.items():
        rows |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return rows
