"""Throughput of batched answering: our engine against plain loops of `generate`, on the committed exam.

python -m benchmarks.answer [QUESTIONS]    of the exam, evenly spaced; all without

The tables are those of the committed run (`dvc pull`, or `make repro`): the fine-tuned student without passages, and the
released student with the passages that the arm is shown.
"""

import sys
import time
from pathlib import Path

from benchmarks.baselines import generating
from benchmarks.baselines.figures import RESULTS, Figures
from parts.answering import arm_engine
from parts.answering.transformers_engine import Engine
from parts.project import params
from parts.project.arms import Arm
from parts.project.seeds import seeds_of
from parts.retrieval.contexts import shown_passages
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions

ARMS = ("tuned", "rag")
WARMUP, ROUNDS = 4, 3


def load_arms(size: int | None) -> dict[str, tuple[Engine, list[str]]]:
    """Return each arm's engine and prompts, about `size` of them; None: all."""
    settings, rows = params.load("answer", arm_engine.AnswerParams), Questions.read()
    rows = rows.gather_every(max(1, len(rows) // size)) if size else rows
    arms = {}
    for name in ARMS:
        arm = params.load(f"arms.{name}", Arm)
        engine = arm_engine.engine(arm.model, settings, seed=seeds_of(arm.model)[0])
        passages = shown_passages(Contexts.read(arm.retriever), Chunks.read(), settings.passages)
        questions = rows.select("question_id", "question").rows()
        arms[name] = engine, [engine.prompt(text, passages.get(key, []))[0] for key, text in questions]
    return arms


def timed(answer: generating.Answer, engine: Engine, prompts: list[str]) -> tuple[float, list[str]]:
    """Return the seconds that `answer` takes, once warm, and its responses."""
    answer(engine, prompts[:WARMUP])
    start = time.perf_counter()
    responses = answer(engine, prompts)
    return time.perf_counter() - start, responses


def ours(batch: int) -> generating.Answer:
    return lambda engine, prompts: [response.text for response in engine.respond(prompts, batch)]


def measure(
    arms: dict[str, tuple[Engine, list[str]]], ways: dict[str, generating.Answer], rounds: int
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], list[str]]]:
    """Return the fewest seconds, and the responses, by (arm, way)."""
    seconds = {(name, way): [] for name in arms for way in ways}
    responses = {}
    for turn in range(rounds):  # in turns, so that the load of the machine meets all alike
        for name, (engine, prompts) in arms.items():
            for way, answer in ways.items():
                if turn and way not in ("loop", "batch"):
                    continue  # once is enough for a comparison
                took, responses[name, way] = timed(answer, engine, prompts)
                seconds[name, way].append(took)
    return {key: min(values) for key, values in seconds.items()}, responses


def main(
    size: str | int | None = None, rounds: int = ROUNDS, blocks: int | None = None, results: Path = RESULTS
) -> None:
    figures = Figures("answer", results, "torch", "transformers")
    arms = load_arms(int(size) if size else None)
    batch = arm_engine.batch_size()
    ways = {"loop": generating.loop, "batch": ours(batch), "alone": ours(1)}
    ways |= {name: generating.batched(name, batch) for name in ("dynamic", "static")} | {
        "paged": generating.paged(blocks)
    }
    seconds, responses = measure(arms, ways, rounds)
    total = {way: sum(seconds[name, way] for name in arms) for way in ways}
    for way in [way for way in ways if way != "loop"]:
        pairs = [pair for name in arms for pair in zip(responses[name, way], responses[name, "loop"], strict=True)]
        figures.add(f"{way}_speedup", total["loop"] / total[way], "4" if way == "batch" else "")
        for name in arms:
            figures.add(f"{way}_speedup_{name}", seconds[name, "loop"] / seconds[name, way])
        agreement = sum(response == loop for response, loop in pairs) / len(pairs)
        figures.add(f"{way}_agreement", agreement, "1" if way == "batch" else "")
    figures.add("loop_ms_a_question", total["loop"] * 1000 / sum(len(prompts) for _, prompts in arms.values()))
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:2])
