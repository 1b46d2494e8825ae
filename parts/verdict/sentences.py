"""Put a run into words: the table of the arms, the verdict, the costs and the cautions."""

from collections.abc import Mapping
from pathlib import Path

from parts.project import metrics
from parts.project.arms import load_arms
from parts.text.markdown import table
from parts.text.numbers import dollars, interval, number, signed, with_interval
from parts.verdict.exam_cautions import exam_cautions
from parts.verdict.judge_cautions import judge_cautions
from parts.verdict.stats import POWER

HEAD = ("arm", "accuracy", "95% interval", "faithful", "relevant", "precise", "p50 ms", "$ per 1,000")
WINS = {"tuned": "Fine-tuning wins.", "rag": "RAG wins."}


def arm_rows() -> list[tuple[str, ...]]:
    """Return the table: one row an arm, in the order of HEAD."""
    verdict, costs = metrics.read("verdict"), metrics.read("cost")
    latency = metrics.by_arm(metrics.read("latency"), load_arms())
    return [_arm_row(arm, verdict, costs, latency[arm]) for arm in load_arms()]


def _arm_row(arm: str, verdict: Mapping, costs: Mapping, latency: Mapping) -> tuple[str, ...]:
    scores = metrics.read(f"score/{arm}")
    return (
        arm,
        number(verdict[f"accuracy_{arm}"]),
        interval(*(verdict[f"accuracy_{arm}_{end}"] for end in ("lo", "hi"))),
        *(number(scores.get(name)) for name in ("faithfulness", "answer_relevancy", "context_precision")),
        number(latency["p50_ms"], 0),
        number(costs[f"per_1000_{arm}"], 4),
    )


def sentence() -> str:
    """Return the verdict: who wins, then the figures."""
    v = metrics.read("verdict")
    difference = with_interval(*(v[f"tuned_minus_rag{end}"] for end in ("", "_lo", "_hi")), signed)
    figures = f"Over {v['n_questions']} questions, tuned minus rag is {difference}, McNemar p {v['mcnemar_p']:.2g}"
    if v["verdict"] != "undecided":
        return f"{WINS[v['verdict']]} {figures}."
    if not v["additional_questions"]:
        return f"Undecided. {figures}: they tie."
    more = f"{v['additional_questions']:,} more questions like these"
    return f"Undecided. {figures}: about {more} would decide it with {POWER:.0%} power."


def cost_sentence() -> str:
    """Return what fine-tuning costs against RAG, and where it breaks even."""
    c = metrics.read("cost")
    if c["upfront_tuned"] is None:
        teacher = metrics.read("verdict")["teacher"]
        return f"The cost of fine-tuning is not known: prices.yaml has no price for {teacher}."
    upfront = f"Fine-tuning costs {dollars(c['upfront_tuned'])} before the first question"
    if c["break_even_questions"] is None:
        return f"{upfront} and saves nothing on a question: it never becomes cheaper than RAG."
    saved = dollars(c["per_1000_rag"] - c["per_1000_tuned"])
    monthly = (
        f"; with {c['monthly_change']:.0%} of the documents changing every month, at "
        f"{c['break_even_questions_monthly']:,} questions a month, over {c['months']} months"
        if c["monthly_change"]
        else ""
    )
    return f"{upfront} and saves {saved} per 1,000: break-even at {c['break_even_questions']:,} questions{monthly}."


def cautions() -> list[str]:
    """Return what a reader must know before believing the table."""
    v = metrics.read("verdict")
    lines = [f"Teacher {v['teacher']}, judge {v['judge']}, student {v['student']}; accuracy by {v['scorer']}."]
    if v["judge"].startswith("rules"):
        lines.append(
            "The judge is a set of rules, not a model: its RAGAS scores compare the arms here, and nothing else."
        )
    if v.get("accuracy_oracle", 1) < 0.5:
        lines.append(
            f"With the gold passages this student answers {v['accuracy_oracle']:.0%} correctly: too weak for these "
            "documents, and the verdict says little about a better one."
        )
    if Path("metrics/judge_agreement.json").exists():
        lines += judge_cautions(metrics.read("judge_agreement"))
    if Path("metrics/overlap.json").exists():
        lines += exam_cautions(metrics.read("exam"), metrics.read("overlap"), v["teacher"])
    return lines


def markdown() -> str:
    """Return the table, the sentences and the cautions as Markdown."""
    return "\n\n".join([table(HEAD, arm_rows()), f"**{sentence()}**", cost_sentence(), " ".join(cautions())])
