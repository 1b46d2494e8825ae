"""Put what the experiments found into tables of Markdown, for the README."""

from parts import metrics


def abilities() -> str:
    """Return what the base model can do, from metrics/base.json."""
    found = metrics.read("base")
    rows = {
        "the passage that answers, alone": "read_gold_em", "among seven others": "read_8_em",
        "two documents": "two_documents_em", "a step of reasoning": "reasoning_em",
        "nothing to read": "closed_book_unseen_em",
        "passages that do not tell (says so)": "declines_when_absent",
        "passages that do (says that they do not)": "declines_when_present",
    }  # fmt: skip
    return table(["asked with", "right"], [[label, f"{found[key]:.3f}"] for label, key in rows.items()])


def scaling() -> str:
    """Return accuracy by recipe and size, and the fits, from metrics/scaling.json."""
    found = metrics.read("scaling")
    recipes = {name: row for name, row in found.items() if isinstance(row, dict)}
    sizes = next(iter(recipes.values()))["tokens"]
    rows = [
        [name, *(f"{value:.3f}" for value in row["accuracy"]), f"{row['slope']:+.3f}", f"{row['r2']:.2f}"]
        for name, row in recipes.items()
    ]
    head = ["recipe", *(f"{size // 1000}k" for size in sizes), "per doubling", "R²"]
    return table(head, rows) + f"\n\nLooking it up (rag): {found['rag_accuracy']:.3f}."


def ablations() -> str:
    """Return accuracy and the abilities left of each variant, from metrics/ablations.json."""
    found = metrics.read("ablations")
    columns = {
        "accuracy": "accuracy", "reads 1": "read_gold_em", "reads 8": "read_8_em", "two documents": "two_documents_em",
        "declines": "declines_when_absent", "seconds": "seconds",
    }  # fmt: skip
    rows = [
        [
            name,
            *(
                f"{row[key]:.0f}" if key == "seconds" else f"{row[key]:.3f}" if key in row else "-"
                for key in columns.values()
            ),
        ]
        for name, row in found.items()
        if isinstance(row, dict)
    ]
    return table(["", *columns], rows)


def seeds() -> str:
    """Return the ratios over companies with their intervals, from metrics/seeds.json."""
    found = metrics.read("seeds")
    names = {"tuned_over_rag": "tuned / rag", "tuned_rag_over_rag": "tuned_rag / rag"}
    rows = [
        [label, f"{found[key]:.3f}", f"{found[f'{key}_lo']:.3f} to {found[f'{key}_hi']:.3f}"]
        for key, label in names.items()
    ]
    return table(["", f"mean of {len(found['seeds'])} companies", "95% interval"], rows)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
