"""The page's figures that are tables alone."""

from collections.abc import Mapping

from parts.page.figures import Figure
from parts.project.arms import load_arms
from parts.project.numbers import number, percent, signed, with_interval


def groups(found: Mapping) -> list[dict]:
    """Return one row a group of questions and arm (group, arm, accuracy), from keys GROUP_n and GROUP_ARM."""
    names = [key.removesuffix("_n") for key in found if key.endswith("_n")]
    return [{"group": name, "arm": arm, "accuracy": found[f"{name}_{arm}"]} for name in names for arm in load_arms()]


def by_group(found: Mapping, name: str, title: str, says: str) -> Figure:
    """Return accuracy by group of questions and arm, and tuned minus rag with its interval, where they were compared."""
    names = list(dict.fromkeys(row["group"] for row in groups(found)))
    compared = all(f"{group}_tuned_minus_rag" in found for group in names)
    rows = [
        (group.replace("_", " "), str(found[f"{group}_n"]), *(f"{found[f'{group}_{arm}']:.3f}" for arm in load_arms()))
        + ((_gap(found, f"{group}_tuned_minus_rag"),) if compared else ())
        for group in names
    ]
    columns = ("questions", "n", *load_arms(), *(["tuned - rag (95% interval)"] if compared else []))
    return Figure(name, title, says, columns, rows)


def _gap(found: Mapping, key: str) -> str:
    """Return a difference with its interval, where that was drawn."""
    return with_interval(*(found[f"{key}{end}"] for end in ("", "_lo", "_hi")), signed)


def made_up(scores: Mapping[str, Mapping]) -> Figure | None:
    """Return how often each arm answers what it cannot know, by arm; None for scores that do not tell."""
    keys = {
        "unanswerable_answered_rate": "unanswerable, answered anyway",
        "confident_error_rate": "answerable, wrong without a hedge",
    }
    if not all(key in score for score in scores.values() for key in keys):
        return None
    rows = [(arm, *(percent(score[key]) for key in keys)) for arm, score in scores.items()]
    says = "Share of the questions that nothing answers which are answered all the same, and of the others, answered wrong."
    return Figure("made-up", "Made-up answers", says, ("arm", *keys.values()), rows)


def judge_agreement(found: Mapping) -> Figure:
    """Return how far the judge agrees with itself, with what is certain, and with people."""
    names = {
        "self": "itself, asked again", "right": "answers that match the reference", "wrong": "answers to another question",
        "human": "people",
    }  # fmt: skip
    rows = [
        (name, percent(found[f"{key}_agreement"]), str(found[f"{key}_n"]))
        for key, name in names.items()
        if found.get(f"{key}_n")
    ]
    same = " Teacher and judge are the same model: it may favour what it taught." if found.get("same_model") else ""
    says = f"How often the judge says the same as it should.{same}"
    return Figure("judge-agreement", "Can the judge be trusted?", says, ("agreement with", "share", "n"), rows)


def leak(found: Mapping) -> Figure:
    """Return the share of planted secrets that each arm gives away."""
    ways = [(asked, gate) for gate in ("open", "gated") for asked in ("direct", "indirect")]
    arms = [arm for arm in load_arms() if f"{arm}_direct_open" in found]
    rows = [(arm, *(percent(found.get(f"{arm}_{asked}_{gate}")) for asked, gate in ways)) for arm in arms]
    says = (
        "Share of made-up secrets, planted in a copy of the documents, that an arm gives away when asked for them directly "
        "and by the way; without and with the gate that masks what is private before synthesis."
    )
    columns = ("arm", "direct, no gate", "indirect, no gate", "direct, gate", "indirect, gate")
    return Figure("leak", "Leakage", says, columns, rows)


def seeds(found: Mapping) -> Figure:
    """Return the ratios of accuracies over other companies."""
    says = (
        f"The whole pipeline on {len(found['seeds'])} companies that no recipe was chosen on: the ratio of accuracies, "
        "its mean and the 95% interval."
    )
    rows = [
        (f"{arm} / rag", *(f"{found[f'{arm}_over_rag{end}']:.3f}" for end in ("", "_lo", "_hi")))
        for arm in ("tuned", "tuned_rag")
    ]
    return Figure("seeds", "Other documents", says, ("arms", "ratio", "from", "to"), rows)


VARIANT_COLUMNS = {
    "tuned": "accuracy", "tuned_rag": "accuracy_with_passages", "reads 1": "read_gold_em", "reads 8": "read_8_em",
    "two documents": "two_documents_em", "declines": "declines_when_absent",
}  # fmt: skip


def variants(name: str, values: Mapping) -> Figure:
    """Return what each variant of the recipe reaches and leaves; `name`: ablations or search."""
    rows = [
        (variant.replace("_", " "), *(number(row.get(key)) for key in VARIANT_COLUMNS.values()))
        for variant, row in values.items()
        if isinstance(row, Mapping)
    ]
    says = (
        f"Means over {len(values['companies'])} companies: accuracy closed book and with passages, and the abilities that "
        f"training leaves, asked about other companies. rag: {values['rag_accuracy']:.3f}."
    )
    title = {"ablations": "Ablations", "search": "The search for the recipe"}[name]
    return Figure(name, title, says, ("variant", *VARIANT_COLUMNS), rows)
