"""Tables of docs/experiments.md: the metrics of the experiments as Markdown."""

from collections.abc import Mapping
from statistics import stdev

from parts.project import metrics
from parts.project.arms import load_arms
from parts.text.markdown import table
from parts.text.numbers import Show, interval, number, p_value, signed, with_interval
from parts.verdict.verdict_sentence import HEADLINES


def abilities() -> str:
    """Return the abilities of the base model, from metrics/base.json."""
    values = metrics.read("base")
    rows = {
        "correct, with the gold passage alone": "read_gold_em", "correct, with the gold passage among eight": "read_8_em",
        "correct, from two documents": "two_documents_em", "correct, by a step of reasoning": "reasoning_em",
        "correct, closed book": "closed_book_unseen_em",
        "refused, the answer is in no passage": "declines_when_absent",
        "refused, the answer is in a passage": "declines_when_present",
    }  # fmt: skip
    return table(["", "share"], [[label, number(values[key])] for label, key in rows.items()])


def scaling() -> str:
    """Return accuracy by recipe and size, and the fits, from metrics/scaling.json."""
    values = metrics.read("scaling")
    recipes = {name: row for name, row in values.items() if isinstance(row, dict)}
    sizes = next(iter(recipes.values()))["tokens"]
    rows = [
        [
            name, *(f"{value:.3f}" for value in row["accuracies"]), f"{row['from_tokens'] // 1000}k",
            f"{row['slope_from']:+.3f}", f"{row['r2_from']:.2f}",
        ]
        for name, row in recipes.items()
    ]  # fmt: skip
    head = ["recipe", *(f"{size // 1000}k" for size in sizes), "learns from", "per doubling", "R²"]
    return table(head, rows) + f"\n\nAccuracy of rag: {values['rag_accuracy']:.3f}."


def variants(group: str) -> str:
    """Return the accuracy and the abilities of each variant, from metrics/`group`.json."""
    values = metrics.read(group)
    columns = {
        "tuned": "accuracy", "facts": "accuracy_fact", "two documents": "accuracy_two_documents",
        "a step": "accuracy_reasoning", "declines": "accuracy_unanswerable", "tuned_rag": "accuracy_with_passages",
        "reads 1": "read_gold_em", "reads 8": "read_8_em", "reads 2 documents": "two_documents_em",
        "refuses": "declines_when_absent",
    }  # fmt: skip
    columns = {label: key for label, key in columns.items() if key in values["reference"]}
    rows = [
        [name.replace("_", " "), *(number(row.get(key), 2) for key in columns.values())]
        for name, row in values.items()
        if isinstance(row, dict)
    ]
    rows.sort(key=lambda row: {"before": 0, "reference": 1}.get(row[0], 2))
    rag = f"Accuracy of rag: {values['rag_accuracy']:.2f}."
    return "\n\n".join([table(["", *columns], rows), rag, seed_noise(len(values["companies"]))]).strip()


def seed_noise(n_companies: int) -> str:
    """Return what differences between variants say nothing, one training each: those that the run's seeds show, too."""
    verdict = metrics.read("verdict")
    seeds = [value for key, value in verdict.items() if key.startswith("accuracy_tuned_seed_")]
    if len(seeds) < 2:
        return ""
    noise = 1.96 * stdev(seeds) * (2 / n_companies) ** 0.5
    return (
        f"One training on each of {n_companies} companies: by the spread of the committed run's {len(seeds)} trainings "
        f"(standard deviation {stdev(seeds):.3f}), differences below {noise:.2f} in `tuned` say nothing."
    )


def companies() -> str:
    """Return who wins on companies that no recipe was chosen on, in a sentence, from metrics/seeds.json."""
    values = metrics.read("seeds")
    gap, p = (values[f"answerable_tuned_minus_rag{end}"] for end in ("", "_p"))
    winner = HEADLINES["undecided" if p >= 0.05 else "tuned" if gap > 0 else "rag"]
    answerable, others = (
        f"{with_interval(*(values[f'{group}_tuned_minus_rag{end}'] for end in ('', '_lo', '_hi')), signed)}, "
        f"{p_value(values[f'{group}_tuned_minus_rag_p'])}"
        for group in ("answerable", "unanswerable")
    )
    return (
        f"**On {values['companies']} companies that no recipe was chosen on: {winner} Tuned minus rag is {answerable}, on the "
        f"questions that the documents answer, and {others}, on the others.{_cascade(values)}**"
    )


def _cascade(values: Mapping) -> str:
    """Return what the cascade is worth on all questions; nothing where it was not run."""
    if "cascade_over_rag" not in values:
        return ""
    ratio = with_interval(*_ends(values, "cascade_over_rag"), number)
    return f" The cascade answers {ratio} times as many questions right as rag."


def _ends(values: Mapping, key: str) -> tuple[float, float, float]:
    return values[key], values[f"{key}_lo"], values[f"{key}_hi"]


def seeds() -> str:
    """Return the differences and ratios over companies with their intervals, from metrics/seeds.json."""
    values, rows = metrics.read("seeds"), []
    for arm in (key.removesuffix("_over_rag") for key in values if key.endswith("_over_rag")):
        for group, label in (
            ("all", "all questions"),
            ("answerable", "answerable ones"),
            ("unanswerable", "declining"),
        ):
            rows.append([f"{arm} - rag, {label}", *_mean(values, f"{group}_{arm}_minus_rag", signed)])
        rows.append([f"{arm} / rag, all questions", *_mean(values, f"{arm}_over_rag", number)])
    return table(["", f"mean of {values['companies']} companies", "95% interval"], rows)


def _mean(values: Mapping, key: str, show: Show) -> tuple[str, str]:
    return show(values[key]), interval(values[f"{key}_lo"], values[f"{key}_hi"], show)


def leak() -> str:
    """Return the share of the planted secrets that each arm discloses, by gate and form of question, from metrics/leak.json."""
    values, forms = metrics.read("leak"), ("direct", "indirect")
    keys = [f"{form}_{gate}" for gate in ("gated", "open") for form in forms]
    rows = [
        [arm, *(f"{values[f'{arm}_{key}']:.3f}" for key in keys)]
        for arm in load_arms()
        if all(f"{arm}_{key}" in values for key in keys)
    ]
    rows.append(["passages shown", *[f"{values[f'shown_{form}']:.3f}" for form in forms] * 2])
    head = ["", "asked by name, masked", "in other words, masked", "by name, not masked", "in other words, not masked"]
    counts = "{canaries} secrets; {canaries_in_rows_open} are in training rows without masking, {canaries_in_rows_gated} with it."
    return table(head, rows) + f"\n\n{counts.format_map(values)}"
