"""Write the model card: what was studied, by which recipe, what it scored, what it is for."""

from pathlib import Path

import polars as pl

from parts.project import markdown, metrics
from parts.project.arms import load_arms
from parts.project.sections import Student
from parts.student import finetune

USE = """\
## Intended use

It answers questions about the documents that it studied, closed book or with passages, asked in the form of
`prompts/answer/`. It has studied nothing else.

## Limits

- What it says may be wrong, and reads the same when it is. The accuracies below hold for the exam's questions.
- It knows the documents as they were; one that changed has to be studied again.
- Its weights hold what the documents say, and may give it away to whoever asks: share it with nobody who may not read them.
- It was taught by rows that the teacher wrote, mistakes of the teacher included."""


def card(documents: pl.DataFrame, pairs: pl.DataFrame, student: Student, teacher: str, recipe: finetune.Recipe) -> str:
    """Return the card, with the Hub's metadata before it, from the tables and metrics/."""
    parts = [_title(recipe), USE, _data(documents, pairs, teacher), _recipe(student, recipe), _scores()]
    return f"---\n{_metadata(student, recipe)}\n---\n\n" + "\n\n".join(parts) + "\n"


def _metadata(student: Student, recipe: finetune.Recipe) -> str:
    """Return what the Hub knows a model by; a student that is a folder here has no name there. It claims no licence."""
    from huggingface_hub import EvalResult, ModelCardData

    verdict, on_hub = metrics.read("verdict"), not Path(student.model).is_dir()
    results = [
        EvalResult(
            task_type="question-answering", dataset_type="exam", dataset_name=f"exam of {verdict['n_questions']} questions",
            metric_type="accuracy", metric_value=verdict[f"accuracy_{name}"], metric_name=f"accuracy, {arm.description}",
        )
        for name, arm in load_arms().items()
        if arm.model == "adapter"
    ]  # fmt: skip
    return ModelCardData(
        base_model=student.model if on_hub else None, library_name="peft" if recipe.lora_r else "transformers",
        pipeline_tag="text-generation", tags=["closedbook", *(["lora"] if recipe.lora_r else [])], model_name="closedbook",
        eval_results=results,
    ).to_yaml()  # fmt: skip


def _title(recipe: finetune.Recipe) -> str:
    what, by = ("LoRA adapter", "AutoPeft") if recipe.lora_r else ("model", "Auto")
    how = f"`{by}ModelForCausalLM.from_pretrained(FOLDER)` loads it."
    return f"# A {what} that has studied a set of documents\n\nMade by closedbook. {how}"


def _data(documents: pl.DataFrame, pairs: pl.DataFrame, teacher: str) -> str:
    """Return what was studied, in numbers: titles and texts may be private."""
    read = pairs.filter(split="train")
    by = read.group_by("generator", "kind").agg(rows=pl.len(), tokens=pl.sum("n_tokens")).sort("generator", "kind")
    replayed = read.filter(generator="replay")["n_tokens"].sum() / max(1, read["n_tokens"].sum())
    rows = [[markdown.code_span(name), kind, f"{n:,}", f"{tokens:,}"] for name, kind, n, tokens in by.rows()]
    told = (
        f"{len(documents)} documents, of which {read['doc_id'].drop_nulls().n_unique()} have rows below; "
        f"rows written by {markdown.code_span(teacher)}; {replayed:.0%} of the tokens are general text, replayed. "
        "Documents and exam are not part of this folder."
    )
    return f"## Data\n\n{told}\n\n" + markdown.table(("generator", "kind", "rows", "tokens"), rows)


def _recipe(student: Student, recipe: finetune.Recipe) -> str:
    """Return how it was trained, and what that took."""
    took = metrics.read("train")
    knobs = [[name, markdown.code_span(str(value))] for name, value in recipe.model_dump().items()]
    told = (
        f"Student: {markdown.code_span(student.model)}. {took['steps']:,} steps over {took['tokens']:,} tokens by TRL's "
        f"SFTTrainer, {took['trainable_parameters']:,} trainable parameters."
    )
    return f"## Recipe\n\n{told}\n\n" + markdown.table(("knob", "value"), knobs)


def _scores() -> str:
    """Return the accuracy of every arm with its interval."""
    found = metrics.read("verdict")
    rows = [
        [
            name,
            arm.description,
            f"{found[f'accuracy_{name}']:.3f}",
            "{:.3f} to {:.3f}".format(*_ends(found, f"accuracy_{name}")),
        ]
        for name, arm in load_arms().items()
    ]
    gap = "{:+.3f} ({:+.3f} to {:+.3f})".format(found["tuned_minus_rag"], *_ends(found, "tuned_minus_rag"))
    told = f"{found['n_questions']} questions, right by {markdown.code_span(found['scorer'])}. Tuned minus rag: {gap}."
    return f"## Scores\n\n{told}\n\n" + markdown.table(("arm", "asked", "accuracy", "95% interval"), rows)


def _ends(found: dict, name: str) -> tuple[float, float]:
    return found[f"{name}_lo"], found[f"{name}_hi"]
