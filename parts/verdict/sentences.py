"""Put a run into words: the table of the arms, the verdict, the costs and the cautions."""

from collections.abc import Mapping
from pathlib import Path

from parts.project import machine, metrics
from parts.project.arms import load_arms
from parts.scoring import form
from parts.text.markdown import table
from parts.text.numbers import dollars, interval, number
from parts.verdict import cost_sentence as cost_words
from parts.verdict.curation_cautions import curation_cautions
from parts.verdict.exam_cautions import exam_cautions
from parts.verdict.judge_cautions import is_rules, judge_cautions
from parts.verdict.retrieval_cautions import retrieval_cautions
from parts.verdict.verdict_sentence import verdict_sentence

WEAK = 0.5
"""accuracy of the oracle on answerable questions, below it the student is called weak"""
ALIKE = 0.05
"""correlation of the questions about one document, from it on the reader is told"""
JUDGED = {"faithful": "faithfulness", "relevant": "answer_relevancy", "precise": "context_precision"}
"""column -> RAGAS score: not shown where the judge is a set of rules"""


def head() -> tuple[str, ...]:
    """Return the columns of the table of the arms."""
    return ("arm", "answerable", "declining", "all", "95% interval", *_judged(), "p50 ms", "$ per 1,000")


def arm_rows() -> list[tuple[str, ...]]:
    """Return the table: one row an arm, in the order of `head`."""
    verdict, costs = metrics.read("verdict"), cost_words.costs()
    latency = metrics.by_arm(machine.read("latency"), load_arms())
    return [_arm_row(arm, verdict, costs, latency[arm]) for arm in load_arms()]


def _arm_row(arm: str, verdict: Mapping, costs: Mapping, latency: Mapping) -> tuple[str, ...]:
    scores, n_unjudged = metrics.read(f"score/{arm}"), verdict.get(f"unjudged_{arm}")
    return (
        arm,
        _mean(verdict.get(f"answerable_{arm}"), n_unjudged),  # a refusal is recognised by rule
        number(verdict.get(f"unanswerable_{arm}")),
        _mean(verdict[f"accuracy_{arm}"], n_unjudged),
        interval(*(verdict[f"accuracy_{arm}_{end}"] for end in ("lo", "hi"))),
        *(_mean(scores.get(name), scores.get(f"{name}_n_null")) for name in _judged().values()),
        number(latency.get("p50_ms"), 0),
        dollars(costs.get(f"per_1000_{arm}")),
    )


def _mean(value: float | None, n_missing: int | None) -> str:
    """Return a mean, with the number of the answers that it leaves out."""
    return number(value) + (f" (without {n_missing})" if n_missing and value is not None else "")


def _judged() -> dict[str, str]:
    return {} if is_rules(metrics.read("verdict")["judge"]) else JUDGED


def sentence() -> str:
    """Return the verdict: who wins, then the figures."""
    return verdict_sentence(metrics.read("verdict"))


def cost_sentence() -> str:
    """Return what fine-tuning costs against RAG, and where it breaks even."""
    return cost_words.cost_sentence(metrics.read("verdict"))


def cautions() -> list[str]:
    """Return what a reader must know before believing the table."""
    v = metrics.read("verdict")
    lines = [f"Teacher {v['teacher']}, judge {v['judge']}, student {v['student']}; accuracy by {v['scorer']}."]
    lines += [text for text in (_seeds(v), _documents(v), _weak(v)) if text]
    lines += form.cautions({arm: metrics.read(f"score/{arm}") for arm in load_arms()})
    if Path("metrics/curate.json").exists():
        lines += curation_cautions(metrics.read("curate"))
    if Path("metrics/index.json").exists():
        lines += retrieval_cautions(metrics.read("index"))
    if Path("metrics/judge_agreement.json").exists():
        lines += judge_cautions(metrics.read("judge_agreement"), decides=v["scorer"] == "judge")
    if Path("metrics/overlap.json").exists():
        lines += exam_cautions(metrics.read("exam"), metrics.read("overlap"), v["teacher"])
    return lines


def _seeds(v: Mapping) -> str:
    if v["n_seeds"] == 1:
        return (
            "The student was trained once: another train.seeds would move the verdict, and the interval leaves it out."
        )
    seeds = {key.rpartition("_")[2]: value for key, value in v.items() if key.startswith("accuracy_tuned_seed_")}
    return (
        "Accuracy of tuned by training seed: "
        + ", ".join(f"{number(value)} ({key})" for key, value in seeds.items())
        + "."
    )


def _documents(v: Mapping) -> str:
    alike = v["document_correlation"]
    if v["n_documents"] == 1:
        return "All answerable questions are about one document: the verdict says nothing about others."
    if alike is None or alike < ALIKE:
        return ""
    return f"Questions about one document are alike (correlation {alike:.2f}): the interval is over {v['n_documents']} documents."


def _weak(v: Mapping) -> str:
    oracle = v.get("answerable_oracle")
    if oracle is None or oracle >= WEAK:
        return ""
    return (
        f"With the gold passages this student answers {oracle:.0%} of the answerable questions correctly: weak for these "
        "documents, and the verdict says little about a better one."
    )


def markdown() -> str:
    """Return the table, the sentences and the cautions as Markdown."""
    return "\n\n".join([table(head(), arm_rows()), f"**{sentence()}**", cost_sentence(), " ".join(cautions())])
