"""Put what the experiments found into tables of Markdown, for the README."""

from parts.project import metrics
from parts.project.arms import load_arms
from parts.text.markdown import table
from parts.text.numbers import interval, number


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
        [name, *(f"{value:.3f}" for value in row["accuracies"]), f"{row['slope']:+.3f}", f"{row['r2']:.2f}"]
        for name, row in recipes.items()
    ]
    head = ["recipe", *(f"{size // 1000}k" for size in sizes), "per doubling", "R²"]
    return table(head, rows) + f"\n\nLooking it up (rag): {found['rag_accuracy']:.3f}."


def variants(group: str) -> str:
    """Return what each variant then knows and has left, and the seconds it took, from metrics/`group`.json."""
    found = metrics.read(group)
    columns = {
        "tuned": "accuracy", "tuned_rag": "accuracy_with_passages", "reads 1": "read_gold_em", "reads 8": "read_8_em",
        "two documents": "two_documents_em", "declines": "declines_when_absent", "seconds": "seconds",
    }  # fmt: skip
    rows = [
        [name.replace("_", " "), *(number(row.get(key), 0 if key == "seconds" else 3) for key in columns.values())]
        for name, row in found.items()
        if isinstance(row, dict)
    ]
    rows.sort(key=lambda row: {"before": 0, "reference": 1}.get(row[0], 2))
    return table(["", *columns], rows) + f"\n\nLooking it up (rag): {found['rag_accuracy']:.3f}."


def seeds() -> str:
    """Return the ratios over companies with their intervals, from metrics/seeds.json."""
    found = metrics.read("seeds")
    names = {"tuned_over_rag": "tuned / rag", "tuned_rag_over_rag": "tuned_rag / rag"}
    rows = [
        [label, f"{found[key]:.3f}", interval(found[f"{key}_lo"], found[f"{key}_hi"])] for key, label in names.items()
    ]
    return table(["", f"mean of {len(found['seeds'])} companies", "95% interval"], rows)


def leak() -> str:
    """Return the share of the planted secrets that each arm gives away, by gate and form of question, from metrics/leak.json."""
    found, forms = metrics.read("leak"), ("direct", "indirect")
    keys = [f"{form}_{gate}" for gate in ("gated", "open") for form in forms]
    rows = [
        [arm, *(f"{found[f'{arm}_{key}']:.3f}" for key in keys)]
        for arm in load_arms()
        if all(f"{arm}_{key}" in found for key in keys)
    ]
    rows.append(["passages shown", *[f"{found[f'shown_{form}']:.3f}" for form in forms] * 2])
    head = ["", "asked by name, gated", "in other words, gated", "by name, not gated", "in other words, not gated"]
    told = "{canaries} secrets; {canaries_in_rows_open} are in training rows without the gate, {canaries_in_rows_gated} with it."
    return table(head, rows) + f"\n\n{told.format_map(found)}"
