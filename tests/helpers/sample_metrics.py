"""What a finished run has measured, in round figures: tokens and seconds of answering, teaching, training and a change."""

from parts.project import machine, metrics
from parts.project.arms import load_arms
from tests.helpers.source_code import ROOT

ARMS = tuple(load_arms(ROOT / "params.yaml"))
HERE = {"cpu": "a processor", "threads": 2, "load": 0.5}
SEEDS = (1, 2, 3)


def write(generators: list[str]) -> None:
    """Write the metrics that costs are computed from; a retrieving arm is charged 100 CPU ms for a question, another 20."""
    write_latency()
    for arm in ARMS:
        metrics.write(f"answer/{arm}", {"prompt_tokens": 300.0 if "rag" in arm else 20.0, "new_tokens": 10.0})
    for name in generators:
        metrics.write(f"synthesize/{name}", {"prompt_tokens": 1_000_000, "new_tokens": 500_000})
    for seed in SEEDS:
        timing = {"clock": "cpu"} | HERE
        machine.write(f"train/adapter/{seed}", timing | {"seconds": 1800.0 * seed}, "a training")  # 3,600 in the mean
        machine.write(f"train/raw/{seed}", timing | {"seconds": 1800.0}, "a training")
    metrics.write("chunk", {"passages": 1000})
    metrics.write("ingest", {"documents": 100})
    metrics.write("lesson", {"rows": 0})
    metrics.write("update_cost", {"prompt_tokens": 10_000, "new_tokens": 5_000, "requests": 30, "passages_embedded": 2})
    update = {"embed_ms": 50.0, "clock": "cpu", "index_seconds": 10.0, "prepare_cpu_seconds": 5.0}
    machine.write("update_cost", update | HERE, "an update")


def write_latency(**changes) -> None:
    """Write metrics/machine/latency.json, of what tuned saves between 40 and 160 CPU ms, with `changes`."""
    values = {"clock": "cpu"} | HERE
    for arm in ARMS:
        charged = {"charged_ms": 100.0 if "rag" in arm else 20.0, "charged_retrieval_ms": 10.0 if "rag" in arm else 0.0}
        figures = charged | {"charged_mean_over_median": 1.2, "p50_ms": 90.0}
        values |= {f"{key}_{arm}": value for key, value in figures.items()}
    for name, saved in (("charged", 80.0), ("charged_retrieval", 10.0)):
        values |= {f"saved_{name}_ms": saved, f"saved_{name}_ms_lo": saved / 2, f"saved_{name}_ms_hi": saved * 2}
    machine.write("latency", values | changes, "answers")
