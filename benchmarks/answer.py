"""What answering in batches is worth: our engine against plain loops of `generate`, on the committed exam.

python -m benchmarks.answer [QUESTIONS]    of the exam, evenly drawn; all where it is not said

The tables are those of the committed run (`dvc pull`, or `make repro`): closed book by the student that has studied, and
with the passages that the arm is shown by the student as released.
"""

import sys
import time
from collections.abc import Callable

from benchmarks.baselines import generating
from benchmarks.baselines.figures import Figures
from parts.answering import arm_engine
from parts.answering.transformers_engine import Engine
from parts.project import params
from parts.project.arms import Arm
from parts.retrieval.contexts import shown_passages
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions

ARMS = ("tuned", "rag")
WARMUP, ROUNDS = 4, 3


def asked(most: int | None) -> dict[str, tuple[Engine, list[str]]]:
    """Return each arm's engine and prompts."""
    given, rows = params.load("answer", arm_engine.Params), Questions.read()
    rows = rows.gather_every(max(1, len(rows) // most)) if most else rows
    found = {}
    for name in ARMS:
        arm = params.load(f"arms.{name}", Arm)
        engine = arm_engine.engine(arm.model, given)
        passages = shown_passages(Contexts.read(arm.retriever), Chunks.read(), given.passages)
        questions = rows.select("question_id", "question").rows()
        found[name] = engine, [engine.prompt(text, passages.get(key, []))[0] for key, text in questions]
    return found


def timed(answer: Callable[[Engine, list[str]], list[str]], engine: Engine, prompts: list[str]) -> tuple[float, list]:
    """Return the seconds that `answer` takes, once warm, and what it says."""
    answer(engine, prompts[:WARMUP])
    start = time.perf_counter()
    said = answer(engine, prompts)
    return time.perf_counter() - start, said


def ours(batch: int) -> Callable[[Engine, list[str]], list[str]]:
    return lambda engine, prompts: [each.text for each in engine.respond(prompts, batch)]


def main(most: str | None = None) -> None:
    figures, arms = Figures("answer", "torch", "transformers"), asked(int(most) if most else None)
    batch = arm_engine.batch_size()
    ways = {"loop": generating.loop, "batch": ours(batch), "alone": ours(1)}
    ways |= {name: generating.batched(name, batch) for name in ("dynamic", "static")} | {"paged": generating.paged}
    seconds = {(name, way): [] for name in arms for way in ways}
    said = {}
    for turn in range(ROUNDS):  # in turns, so that what else the machine does meets all alike
        for name, (engine, prompts) in arms.items():
            for way, answer in ways.items():
                if turn and way not in ("loop", "batch"):
                    continue  # once tells how they compare
                took, said[name, way] = timed(answer, engine, prompts)
                seconds[name, way].append(took)
    best = {key: min(took) for key, took in seconds.items()}
    whole = {way: sum(best[name, way] for name in arms) for way in ways}
    goals = {"batch": "4"}
    for way in [way for way in ways if way != "loop"]:
        same = [a == b for name in arms for a, b in zip(said[name, way], said[name, "loop"], strict=True)]
        figures.add(f"{way}_speedup", whole["loop"] / whole[way], goals.get(way, ""))
        for name in arms:
            figures.add(f"{way}_speedup_{name}", best[name, "loop"] / best[name, way])
        figures.add(f"{way}_agreement", sum(same) / len(same), "1" if way == "batch" else "")
    figures.add("loop_ms_a_question", whole["loop"] * 1000 / sum(len(prompts) for _, prompts in arms.values()))
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
