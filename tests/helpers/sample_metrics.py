"""What a finished run has measured, in round figures: tokens and seconds of answering, teaching, training and a change."""

from parts.project import metrics
from parts.project.arms import load_arms
from tests.helpers.source_code import ROOT

ARMS = tuple(load_arms(ROOT / "params.yaml"))
SEEDS = (1, 2, 3)


def write(generators: list[str]) -> None:
    """Write the metrics that costs are computed from; a retrieving arm takes 100 ms for a question, another 20."""
    latency = {}
    for arm in ARMS:
        times = {"mean_ms": 100.0 if "rag" in arm else 20.0, "p50_ms": 90.0}
        steps = {"embed_p50_ms": 8.0, "search_p50_ms": 2.0, "rerank_p50_ms": 0.0} if "rag" in arm else {}
        latency |= {f"{key}_{arm}": value for key, value in (times | steps).items()}
        metrics.write(f"answer/{arm}", {"prompt_tokens": 300.0 if "rag" in arm else 20.0, "new_tokens": 10.0})
    metrics.write("latency", latency)
    for name in generators:
        metrics.write(f"synthesize/{name}", {"prompt_tokens": 1_000_000, "new_tokens": 500_000})
    for seed in SEEDS:
        metrics.write(f"train/{seed}", {"seconds": 1800.0 * seed})  # 3,600 in the mean
        metrics.write(f"train_raw/{seed}", {"seconds": 1800.0})
    metrics.write("chunk", {"passages": 1000})
    metrics.write("ingest", {"documents": 100})
    change = {"prompt_tokens": 10_000, "new_tokens": 5_000, "requests": 30, "passages_embedded": 2, "embed_ms": 50.0}
    metrics.write("update_cost", change | {"index_seconds": 10.0, "prepare_seconds": 5.0})
