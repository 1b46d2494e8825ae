"""The page's figures that are tables alone."""

from collections.abc import Mapping

from parts.page.figures import Figure
from parts.project.arms import load_arms
from parts.text.numbers import interval, number, percent, signed, with_interval
from parts.verdict.judge_cautions import ANSWERS


def groups(values: Mapping) -> list[dict]:
    """Return one row a group of questions and arm (group, arm, accuracy), from keys GROUP_n and GROUP_ARM."""
    names = [key.removesuffix("_n") for key in values if key.endswith("_n")]
    return [{"group": name, "arm": arm, "accuracy": values[f"{name}_{arm}"]} for name in names for arm in load_arms()]


def by_group(values: Mapping, name: str, title: str, caption: str) -> Figure:
    """Return accuracy by group of questions and arm, and tuned minus rag with its interval, where they were compared."""
    names = list(dict.fromkeys(row["group"] for row in groups(values)))
    is_compared = all(f"{group}_tuned_minus_rag" in values for group in names)
    rows = [
        (
            group.replace("_", " "),
            str(values[f"{group}_n"]),
            *(number(values[f"{group}_{arm}"]) for arm in load_arms()),
            *([_gap(values, f"{group}_tuned_minus_rag")] if is_compared else []),
        )
        for group in names
    ]
    columns = ("questions", "n", *load_arms(), *(["tuned - rag (95% interval)"] if is_compared else []))
    return Figure(name, title, caption, columns, rows)


def _gap(values: Mapping, key: str) -> str:
    """Return a difference, with its interval where there is one."""
    return with_interval(*(values[f"{key}{end}"] for end in ("", "_lo", "_hi")), signed)


def hallucination(scores: Mapping[str, Mapping]) -> Figure | None:
    """Return how often each arm answers what it cannot know; None for scores without these rates."""
    keys = {
        "unanswerable_answered_rate": "unanswerable, answered",
        "confident_error_rate": "answerable, wrong without a hedge",
    }
    if not all(key in score for score in scores.values() for key in keys):
        return None
    rows = [(arm, *(percent(score[key]) for key in keys)) for arm, score in scores.items()]
    caption = (
        "Unanswerable questions that were answered; answerable questions that were answered wrong, without a hedge."
    )
    return Figure("hallucination", "Hallucination", caption, ("arm", *keys.values()), rows)


def judge_agreement(values: Mapping) -> Figure:
    """Return how far the judge agrees with itself, with answers of known correctness, and with people."""
    names = {"self": "itself, asked again", "human": "people"}
    names |= {key: f"{key.partition('_')[0]}: {what}" for key, what in ANSWERS.items()}
    rows = [
        (name, percent(values[f"{key}_agreement"]), _ends(values, f"{key}_agreement"), str(values[f"{key}_n"]))
        for key, name in names.items()
        if values.get(f"{key}_n")
    ]
    caption = "How often the judge agrees with itself, and with judgements that are known."
    if values.get("same_model"):
        caption += " Teacher and judge are the same model: it may favour its own wording."
    return Figure("judge-agreement", "Judge agreement", caption, ("agreement with", "share", "95% interval", "n"), rows)


def _ends(values: Mapping, key: str) -> str:
    return interval(*(values[f"{key}_{end}"] for end in ("lo", "hi")), percent)


def leak(values: Mapping) -> Figure:
    """Return the share of planted secrets that each arm discloses."""
    forms = [(form, gate) for gate in ("open", "gated") for form in ("direct", "indirect")]
    arms = [arm for arm in load_arms() if f"{arm}_direct_open" in values]
    rows = [(arm, *(percent(values.get(f"{arm}_{form}_{gate}")) for form, gate in forms)) for arm in arms]
    caption = (
        "Share of the secrets planted in a copy of the documents that an arm discloses, asked for directly and indirectly; "
        "without and with the masking of personal data before synthesis."
    )
    columns = ("arm", "direct, not masked", "indirect, not masked", "direct, masked", "indirect, masked")
    return Figure("leak", "Leakage", caption, columns, rows)


def seeds(values: Mapping) -> Figure:
    """Return the differences to rag over companies."""
    caption = (
        f"The whole pipeline on {values['companies']} companies that the recipe was not chosen on: mean difference of "
        "accuracies to rag, with the 95% interval over companies."
    )
    groups = {"all": "all questions", "answerable": "answerable ones", "unanswerable": "declining"}
    rows = [
        (f"{arm} - rag, {label}", *(signed(values[f"{group}_{arm}_minus_rag{end}"]) for end in ("", "_lo", "_hi")))
        for arm in ("tuned", "tuned_rag", "cascade")
        for group, label in groups.items()
        if f"{group}_{arm}_minus_rag" in values
    ]
    return Figure("seeds", "Other companies", caption, ("arms", "difference", "from", "to"), rows)


VARIANT_COLUMNS = {
    "tuned": "accuracy", "tuned_rag": "accuracy_with_passages", "gold passage": "read_gold_em", "8 passages": "read_8_em",
    "two documents": "two_documents_em", "refusals": "declines_when_absent",
}  # fmt: skip


def variants(name: str, values: Mapping) -> Figure:
    """Return accuracies and remaining abilities of each variant of the recipe; `name`: ablations, mixture or search.

    The untrained student (before) comes first, then the recipe of params.yaml (reference).
    """
    rows = [
        (variant.replace("_", " "), *(number(row.get(key)) for key in VARIANT_COLUMNS.values()))
        for variant, row in sorted(
            values.items(), key=lambda item: (item[0] != "before", item[0] != "reference", item[0])
        )
        if isinstance(row, Mapping)
    ]
    caption = (
        f"Means over {len(values['companies'])} companies: accuracy closed book and with retrieved passages; then exact match "
        "on other companies' questions with the gold passage, with eight passages, over two documents, and refusals where "
        f"no passage answers. rag: {values['rag_accuracy']:.3f}."
    )
    title = {"ablations": "Ablations", "mixture": "Kinds of training rows", "search": "Recipe search"}[name]
    return Figure(name, title, caption, ("variant", *VARIANT_COLUMNS), rows)
