"""Write the model card: training data, recipe, accuracy, intended use and limits."""

from pathlib import Path

import polars as pl

from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.sections import Student
from parts.student.recipe import Recipe
from parts.text import markdown
from parts.text.numbers import interval, number, signed, with_interval
from schemas.pairs import PEOPLE

USE = """\
## Intended use

It answers questions about the documents that it was fine-tuned on, closed book or with retrieved passages, with the
prompts of `prompts/answer/`. Other uses were not measured.

## Limits

- A wrong answer reads like a right one. The accuracies below hold for the exam's questions.
- It knows the documents as they were at training time; after a change, fine-tune again.
- Its weights contain what the documents say and may disclose it: share it only with people who may read the documents.
- Its training rows were written by whom the section Data names, and their errors are in them."""


def card(documents: pl.DataFrame, pairs: pl.DataFrame, student: Student, recipe: Recipe) -> str:
    """Return the card as Markdown, with the Hub's metadata as front matter, from the tables and metrics/."""
    parts = [_title(recipe), USE, _data(documents, pairs), _recipe(student, recipe), _scores(recipe)]
    return f"---\n{_metadata(student, recipe)}\n---\n\n" + "\n\n".join(parts) + "\n"


def _metadata(student: Student, recipe: Recipe) -> str:
    """Return the Hub's metadata as YAML. A student in a local folder has no name on the Hub; no licence is claimed."""
    from huggingface_hub import EvalResult, ModelCardData

    verdict, on_hub, seed = metrics.read("verdict"), not Path(student.model).is_dir(), recipe.seeds[0]
    results = [
        EvalResult(
            task_type="question-answering", dataset_type="exam", dataset_name=f"exam of {verdict['n_questions']} questions",
            metric_type="accuracy", metric_value=verdict.get(f"accuracy_{name}_seed_{seed}", verdict[f"accuracy_{name}"]),
            metric_name=f"accuracy, {arm.description}",
        )
        for name, arm in load_arms().items()
        if arm.model == "adapter"
    ]  # fmt: skip
    return ModelCardData(
        base_model=student.model if on_hub else None, library_name="peft" if recipe.lora_r else "transformers",
        pipeline_tag="text-generation", tags=["closedbook", *(["lora"] if recipe.lora_r else [])], model_name="closedbook",
        eval_results=results,
    ).to_yaml()  # fmt: skip


def _title(recipe: Recipe) -> str:
    kind, loader = ("LoRA adapter", "AutoPeft") if recipe.lora_r else ("model", "Auto")
    usage = f"`{loader}ModelForCausalLM.from_pretrained(FOLDER)` loads it."
    return f"# A {kind} fine-tuned on a set of documents\n\nMade by closedbook. {usage}"


def _data(documents: pl.DataFrame, pairs: pl.DataFrame) -> str:
    """Return the counts of documents, rows and tokens; no titles and texts, which may be private."""
    train = pairs.filter(split="train")
    counts = train.group_by("generator", "kind").agg(pl.len(), tokens=pl.sum("n_tokens")).sort("generator", "kind")
    replay_share = train.filter(generator="replay")["n_tokens"].sum() / max(1, train["n_tokens"].sum())
    rows = [[markdown.code_span(name), kind, f"{n:,}", f"{tokens:,}"] for name, kind, n, tokens in counts.rows()]
    summary = (
        f"{len(documents)} documents, of which {train['doc_id'].drop_nulls().n_unique()} have rows below; "
        f"rows written by {_authors(train)}; {replay_share:.0%} of the tokens are general text, replayed. "
        "Documents and exam are not part of this folder."
    )
    return f"## Data\n\n{summary}\n\n" + markdown.table(("generator", "kind", "rows", "tokens"), rows)


def _authors(rows: pl.DataFrame) -> str:
    """Return who wrote the `rows` (of Pairs) that are not replayed: models by name, and people."""
    names = sorted(
        rows.filter(pl.col("generator") != "replay")["teacher"].unique(), key=lambda name: (name == PEOPLE, name)
    )
    return " and ".join(name if name == PEOPLE else markdown.code_span(name) for name in names) or "nobody"


def _recipe(student: Student, recipe: Recipe) -> str:
    """Return the training settings, steps, tokens and trainable parameters."""
    train = metrics.read(f"train/adapter/{recipe.seeds[0]}")
    values = recipe.model_dump(exclude={"seeds"}) | {"seed": recipe.seeds[0]}
    settings = [[name, markdown.code_span(str(value))] for name, value in values.items()]
    summary = (
        f"Student: {markdown.code_span(student.model)}. {train['steps']:,} steps over {train['tokens']:,} tokens by TRL's "
        f"SFTTrainer, {train['trainable_parameters']:,} trainable parameters."
    )
    return f"## Recipe\n\n{summary}\n\n" + markdown.table(("setting", "value"), settings)


def _scores(recipe: Recipe) -> str:
    """Return the accuracy of every arm with its 95% interval."""
    verdict = metrics.read("verdict")
    rows = [
        [
            name,
            arm.description,
            number(verdict[f"accuracy_{name}"]),
            interval(*_bounds(verdict, f"accuracy_{name}")),
        ]
        for name, arm in load_arms().items()
    ]
    gap = with_interval(verdict["tuned_minus_rag"], *_bounds(verdict, "tuned_minus_rag"), signed)
    scorer = markdown.code_span(verdict["scorer"])
    summary = f"{verdict['n_questions']} questions, scored by {scorer}. Tuned minus rag: {gap}."
    if len(recipe.seeds) > 1:
        summary += (
            f" Fine-tuned arms: means over {len(recipe.seeds)} trainings; this is the one by seed {recipe.seeds[0]}."
        )
    return f"## Scores\n\n{summary}\n\n" + markdown.table(("arm", "setting", "accuracy", "95% interval"), rows)


def _bounds(verdict: dict, name: str) -> tuple[float, float]:
    return verdict[f"{name}_lo"], verdict[f"{name}_hi"]
