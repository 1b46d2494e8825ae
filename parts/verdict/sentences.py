"""What a run found, in words: the table of the arms, the verdict, the costs and the cautions."""

from pathlib import Path

from parts.project import metrics
from parts.project.arms import load_arms
from parts.project.markdown import table
from parts.project.numbers import dollars, interval, number, signed, with_interval
from parts.scoring import judge_agreement
from parts.verdict.stats import POWER

HEAD = ("arm", "accuracy", "95% interval", "faithful", "relevant", "precise", "p50 ms", "$ per 1,000")


def arm_rows() -> list[tuple[str, ...]]:
    """Return the table: one row an arm, in the order of HEAD."""
    verdict, costs = metrics.read("verdict"), metrics.read("cost")
    found = []
    latency = metrics.by_arm(metrics.read("latency"), load_arms())
    for arm in load_arms():
        score = metrics.read(f"score/{arm}")
        judged = [number(score.get(name)) for name in ("faithfulness", "answer_relevancy", "context_precision")]
        cost = number(costs[f"per_1000_{arm}"], 4)
        found.append(
            (
                arm,
                number(verdict[f"accuracy_{arm}"]),
                interval(*(verdict[f"accuracy_{arm}_{end}"] for end in ("lo", "hi"))),
                *judged,
                number(latency[arm]["p50_ms"], 0),
                cost,
            )
        )
    return found


def sentence() -> str:
    """Return the verdict in a sentence."""
    v = metrics.read("verdict")
    gap = with_interval(*(v[f"tuned_minus_rag{end}"] for end in ("", "_lo", "_hi")), signed)
    about = f"Over {v['n_questions']} questions, tuned minus rag is {gap}, McNemar p {v['mcnemar_p']:.2g}"
    if v["verdict"] == "undecided":
        more = v["additional_questions"]
        return f"Undecided. {about}: " + (
            f"about {more:,} more questions like these would decide it, with a chance of {POWER:.0%}."
            if more
            else "they tie."
        )
    winner = {"tuned": "The student that has studied wins.", "rag": "Looking it up wins."}[v["verdict"]]
    return f"{winner} {about}."


def cost_sentence() -> str:
    """Return what studying costs against looking things up, and when that is paid off, in a sentence."""
    c = metrics.read("cost")
    if c["upfront_tuned"] is None:
        return f"What studying costs is not known: prices.yaml has no price for {metrics.read('verdict')['teacher']}."
    studying = f"Studying costs {dollars(c['upfront_tuned'])} before the first question"
    even, monthly = c["break_even_questions"], c["break_even_questions_monthly"]
    if even is None:
        return f"{studying} and saves nothing on each: it is never paid off."
    saved = dollars(c["per_1000_rag"] - c["per_1000_tuned"])
    changing = (
        f"; with {c['monthly_change']:.0%} of the documents changing every month, from {monthly:,} questions a month on, "
        f"over {c['months']} months"
    )
    return f"{studying} and saves {saved} on each thousand: paid off after {even:,} questions" + (
        f"{changing if c['monthly_change'] else ''}."
    )


def cautions() -> list[str]:
    """Return what a reader must know before believing the table."""
    v = metrics.read("verdict")
    said = [f"teacher {v['teacher']}, judge {v['judge']}, student {v['student']}; right by {v['scorer']}."]
    if v["judge"].startswith("rules"):
        said.append("The judge is a set of rules, not a model: its RAGAS figures compare arms here, and nothing else.")
    if v["accuracy_oracle"] < 0.5:
        said.append(
            f"With the right passages in hand, this student answers {v['accuracy_oracle']:.0%} correctly: too weak for these "
            "documents, and the verdict says little about a better one."
        )
    if Path("metrics/judge_agreement.json").exists():
        said += judge_agreement.cautions(metrics.read("judge_agreement"))
    return said


def markdown() -> str:
    """Return the table, the sentences and the cautions as Markdown."""
    return "\n\n".join([table(HEAD, arm_rows()), f"**{sentence()}**", cost_sentence(), " ".join(cautions())])
