"""A small finished run whose documents, questions and answers contain markup and scripts."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import yaml

from parts.project import machine, metrics
from parts.project.arms import load_arms
from parts.project.files import write_json
from parts.project.params import load
from parts.project.seeds import seeds_of
from parts.verdict import comparison
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.pairs import Ledger, Pairs
from schemas.questions import Questions
from schemas.scores import Scores
from stages import compare, report
from tests.helpers.source_code import ROOT

ARMS = tuple(load_arms(ROOT / "params.yaml"))
EVIL = (
    "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 1'><!-- {{ 7 * 7 }} ${7 * 7}"
    + "w" * 90
)
N_QUESTIONS = 60
WRONG_SEED = 3  # by which a training has no answer right
RIGHT = {"base": lambda n: False, "raw": lambda n: False, "rag": lambda n: n % 2 == 0, "tuned": lambda n: n % 3 == 0}
RIGHT |= {"tuned_rag": lambda n: n % 2 == 0 or n % 3 == 0, "oracle": lambda n: n > 0}


def chunk(doc: str, number: int) -> dict:
    row = {"chunk_id": f"{doc}#{number:03}", "doc_id": doc, "start": number * 100, "end": number * 100 + 90, "page": 1}
    text = f"{doc} {number} costs {number} euros. {EVIL}"
    return row | {"heading": f"{doc} > Part {number}", "text": text, "n_tokens": 9}


CHUNKS = [chunk(doc, number) for doc in ("lamp.md", EVIL) for number in (0, 1, 2)]


def pair(pair_id: str, source: dict, prompt: str, completion: str) -> dict:
    row = {
        "pair_id": pair_id,
        "chunk_id": source["chunk_id"],
        "doc_id": source["doc_id"],
        "other_chunk_ids": [],
        "answerable": True,
        "generator": "qa",
        "kind": "qa",
    }
    row |= {"prompt": prompt, "reasoning": "", "completion": completion, "teacher": "t"}
    return row | {"split": "train", "n_tokens": 9}


PAIRS = [
    pair("far", CHUNKS[0], "Does it float?", "nobody"),
    pair("none", CHUNKS[0], "Who paints it?", "nobody"),
    pair("near", CHUNKS[0], "What does the lamp 0 cost?", "0 euros"),
    pair("beside", CHUNKS[1], "What does lamp 0 cost in all?", "0 euros"),
    pair("elsewhere", CHUNKS[3], "What does lamp 0 cost?", EVIL),
]


def question(n: int) -> dict:
    kind, gold = ("fact", [[CHUNKS[0]["chunk_id"]]]) if n % 4 else ("unanswerable", [])
    text = {0: f"Asked {EVIL}?", 1: "What does the lamp 0 cost?"}.get(n, f"What does item{n} cost?")
    row = {"question_id": f"q{n:03}", "doc_id": "lamp.md" if gold else None, "kind": kind, "question": text}
    row |= {"options": None, "references": [f"{n} euros" if n else EVIL], "answerable": bool(gold)}
    return row | {"gold_chunk_ids": gold}


def right_answers(arm: str):
    """Return whether `arm` answers question n correctly, as a function of n; arms that are not in RIGHT are like rag."""
    return RIGHT.get(arm, RIGHT["rag"])


def write_tables() -> None:
    """Write the tables of a run of params.yaml's arms, and what is told of its exam."""
    metrics.write("exam", {"exam_by": "people", "exam_sha": "abc"})
    arms = load_arms()
    Questions.write(Questions.frame([question(n) for n in range(N_QUESTIONS)]))
    Chunks.write(Chunks.frame(CHUNKS))
    Pairs.write(Pairs.frame(PAIRS))
    Ledger.write(Ledger.frame([row | {"dropped": None} for row in PAIRS]))
    for name in {arm.retriever for arm in arms.values()}:
        rows = [
            {"question_id": f"q{n:03}", "rank": rank, "chunk_id": CHUNKS[index]["chunk_id"], "score": 1 / rank}
            for n in range(N_QUESTIONS)
            for rank, index in enumerate({"none": [], "gold": [0]}.get(name, [1, 0]), 1)
        ]
        Contexts.write(Contexts.frame(rows), name)
    for arm, settings in arms.items():
        right, n_shown = right_answers(arm), 0 if settings.retriever == "none" else 1
        counts = {"passages": n_shown, "prompt_tokens": 9, "new_tokens": 9, "stopped": True, "confidence": 0.9}
        rows = [(n, seed) for n in range(N_QUESTIONS) for seed in seeds_of(settings.model)]
        keys = [{"question_id": f"q{n:03}", "seed": seed} for n, seed in rows]
        responses = [f"{arm if n else EVIL} so\nAnswer: {n} euros" for n, _ in rows]
        answers = [key | {"response": text} | counts for key, text in zip(keys, responses, strict=True)]
        Answers.write(Answers.frame(answers), arm)
        exact = {"scorer": "exact", "version": "1", "reason": None}
        values = [float(right(n) and seed != WRONG_SEED) for n, seed in rows]
        Scores.write(Scores.frame([key | {"value": v} | exact for key, v in zip(keys, values, strict=True)]), arm)


def write_metrics() -> None:
    """Write the metrics of a run of params.yaml's arms, and the rows of the chart of costs."""
    arms = load_arms()
    scored = load("compare", comparison.CompareParams)
    exam, chunks = Questions.read(), Chunks.read()
    right = compare.rightness({arm: Scores.read(arm) for arm in arms}, "exact", exam)
    verdict = comparison.compare(right, compare.documents(exam, chunks), arms, scored)
    names = {
        "judge": "rules-judge-1",
        "teacher": EVIL,
        "student": "s",
        "scorer": "exact",
        "exam_by": "people",
        "exam_sha": "abc",
        "scorer_version": "1",
    }
    metrics.write("verdict", verdict | names)
    upfront = {name: {"adapter": 2.0, "raw": 1.0}.get(arm.model, 0.0) for name, arm in arms.items()}
    per_1000 = {name: 2.0 if arm.searches else 1.0 for name, arm in arms.items()}
    cost = {f"upfront_{arm}": upfront[arm] for arm in arms} | {f"per_1000_{arm}": per_1000[arm] for arm in arms}
    even = {"break_even_questions": 2000, "break_even_questions_lo": 1500, "break_even_questions_hi": 3000}
    even |= {"break_even_questions_monthly_lo": 2000, "break_even_questions_monthly_hi": 3500, "break_even_doubt": None}
    metrics.write("tune_cascade", {"look_up_below": 0.5, "decline_below": 0.1})
    metrics.write("cost", {"teacher_qa": 2.0, "monthly_change": 0.1, "months": 12})
    machine.write("cost", cost | even)
    curve = [
        {"arm": arm, "questions": n, "dollars": upfront[arm] + per_1000[arm] * n / 1000}
        for arm in arms
        for n in (0, 4000)
    ]
    write_json(Path("metrics/machine/plots/cost.json"), curve)
    latency = {}
    for arm in arms:
        steps = {f"{step}_p50_ms": 5.0 for step in ("embed", "search", "prefill", "decode")} | {"rerank_p50_ms": 0.0}
        latency |= {f"{k}_{arm}": ms for k, ms in (steps | {"p50_ms": 21.0, "p95_ms": 40.0, "mean_ms": 22.0}).items()}
        metrics.write(f"score/{arm}", {"faithfulness": 0.5, "in_form": 1.0, "cut_off": 0.0, "empty": 0.0})
        metrics.write(f"answer/{arm}", {"stopped": 0.95 if arm == "tuned" else 1.0})
    metrics.write("ingest", {"documents": 2, "files_left_out": 1, "rejected_empty": 1})
    metrics.write("lesson", {"rows": 0})
    machine.write("latency", latency)
    kinds = {f"{kind}_{arm}": 0.5 for kind in ("fact", "unanswerable") for arm in arms}
    metrics.write("kinds", kinds | {"fact_n": 45, "unanswerable_n": 15})
    groups = {f"{group}_{key}": 0.5 for group in ("studied", "unstudied") for key in (*arms, "n")}
    metrics.write("studied", groups)
    agreement = {"human_agreement": None, "human_n": 0, "human_n_null": 0, "same_model": 1, "judge": "m-1"}
    agreement |= {"self_agreement": 0.9, "self_agreement_lo": 0.7, "self_agreement_hi": 0.97, "self_n": 20}
    metrics.write("judge_agreement", agreement)


def params() -> dict:
    """Return the repository's params."""
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def finish(home: Path, more_arms: Mapping[str, dict] | None = None) -> Path:
    """Write a finished run in `home`, of the repository's arms and `more_arms`, and return its page."""
    with contextlib.chdir(home):
        sections = params()
        sections["arms"] |= more_arms or {}
        Path("params.yaml").write_text(yaml.safe_dump(sections, sort_keys=False))
        write_tables()
        write_metrics()
        report.main()
    return home / report.PAGE
