"""The tables of docs/scale.md: what was measured at which size, and what a million documents would cost by it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from parts.llm import prices
from parts.project import metrics
from parts.text.markdown import table

RESULTS = Path("benchmarks/results/scale.json")
DOCUMENTS = 1_000_000
TEACHER = "gpt-4.1-mini"
MEMORY_GB = 16
AT_ONCE = 64  # requests
UNITS = {"": 1, "k": 1000, "m": 10**6}
MEASURED = {
    "ingest_peak_mb": "the memory of reading so many documents of 4 KB, MB",
    "curate_seconds": "curation of so many rows, CPU s", "curate_peak_mb": "the memory of that, MB",
    "cache_lookup_us": "a reply out of so many in the cache, CPU µs", "cache_store_us": "a reply stored, CPU µs",
    "index_seconds": "so many passages loaded and indexed, without embedding, CPU s", "index_disk_mb": "their disk, MB",
    "query_ms": "a hybrid search among them, median CPU ms", "query_p95_ms": "p95",
}  # fmt: skip


def by_size(values: Mapping[str, float], key: str) -> dict[int, float]:
    """Return the values of the keys KEY_10k, KEY_1m and so on, by size, the smallest first."""
    matches = [(re.fullmatch(rf"{key}_(\d+)([km]?)", name), value) for name, value in values.items()]
    return dict(sorted((int(match[1]) * UNITS[match[2]], value) for match, value in matches if match))


def power_law(points: Mapping[int, float]) -> tuple[float, float, float]:
    """Return a, b and R2 of value = a * size ** b, by least squares of the logarithms."""
    x, y = np.log(list(points)), np.log(list(points.values()))
    power, constant = np.polyfit(x, y, 1)
    rest, spread = y - (power * x + constant), y - y.mean()
    r2 = 1 - (rest @ rest) / (spread @ spread) if spread.any() else 1.0
    return float(np.exp(constant)), float(power), float(r2)


def line(points: Mapping[int, float]) -> tuple[float, float, float]:
    """Return a, b and R2 of value = a + b * size, by least squares."""
    x, y = np.array(list(points), float), np.array(list(points.values()))
    slope, constant = np.polyfit(x, y, 1)
    rest, spread = y - (slope * x + constant), y - y.mean()
    return float(constant), float(slope), float(1 - (rest @ rest) / (spread @ spread))


def measured() -> str:
    """Return each figure at each size, and the line through them: of their logarithms, or, of memory, of themselves."""
    values = json.loads(RESULTS.read_text())
    rows = []
    for key, meaning in MEASURED.items():
        points = by_size(values, key)
        if key.endswith("_mb"):
            constant, slope, r2 = line(points)
            fit = f"{constant:.0f} MB and {slope * 1000:.1f} KB each"
        else:
            _, power, r2 = power_law(points)
            fit = f"as size to the power of {power:.2f}"
        figures = ", ".join(f"{_short(size)}: {_digits(value)}" for size, value in points.items())
        rows.append([meaning, figures, fit, f"{r2:.2f}" if len(points) > 2 else "two sizes"])
    return table(["what", "size: figure", "grows", "R²"], rows)


def million() -> str:
    """Return what a million documents like those of the committed run would cost at each stage, by its counts and the fits."""
    values = json.loads(RESULTS.read_text())
    times = DOCUMENTS / metrics.read("ingest")["documents"]
    passages, rows = metrics.read("chunk")["passages"] * times, metrics.read("curate")["asked"] * times
    requests, synthesis = _synthesis(times)
    replies = _each(by_size(values, "cache_bytes_each")) * requests / 1e9
    disk = _share(by_size(values, "index_disk_mb")) * passages / 1000
    lines = [
        ["synthesize", f"{requests / 1e6:.0f} million requests", synthesis],
        ["cache of replies", f"{requests / 1e6:.0f} million replies", f"{replies:,.0f} GB of disk, were they of 540 bytes"],
        ["curate", f"{rows / 1e6:.0f} million rows", _curation(values, rows)],
        ["index", f"{passages / 1e6:.1f} million passages",
         f"{_hours(values, 'index_seconds', passages):,.1f} CPU hours beside embedding, {disk:,.1f} GB of disk"],
    ]  # fmt: skip
    return table(["stage", "size", "cost"], lines)


def _synthesis(times: float) -> tuple[float, str]:
    """Return so many times the requests of the committed run, and what they cost."""
    usages = [json.loads(path.read_text()) for path in sorted(Path("metrics/synthesize").glob("*.json"))]
    keys = ("requests", "prompt_tokens", "new_tokens")
    requests, prompt, new = (sum(usage[key] for usage in usages) * times for key in keys)
    dollars = prices.load().cost_of_tokens(TEACHER, round(prompt), round(new))
    tokens = f"{prompt / 1e9:.0f} billion tokens read and {new / 1e9:.1f} billion written"
    days = requests / AT_ONCE / 86400
    return requests, f"${dollars:,.0f} by {TEACHER}, for {tokens}; {days:.0f} days, {AT_ONCE} at once of a second each"


def _curation(values: Mapping[str, float], rows: float) -> str:
    constant, slope, _ = line(by_size(values, "curate_peak_mb"))
    full = (MEMORY_GB * 1000 - constant) / slope
    hours, memory = _hours(values, "curate_seconds", rows), (slope * rows + constant) / 1000
    documents = full / rows * DOCUMENTS
    fills = f"{MEMORY_GB} GB are full at {full / 1e6:.1f} million rows, {documents:,.0f} documents"
    return f"{hours:,.0f} CPU hours and {memory:,.0f} GB of memory: {fills}"


def _hours(values: Mapping[str, float], key: str, size: float) -> float:
    scale, power, _ = power_law(by_size(values, key))
    return scale * size**power / 3600


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _short(size: int) -> str:
    return f"{size // 10**6}m" if size >= 10**6 else f"{size // 1000}k"


def _each(points: Mapping[int, float]) -> float:
    """Return the value at the largest size."""
    return list(points.values())[-1]


def _share(points: Mapping[int, float]) -> float:
    """Return the value at the largest size, over that size."""
    return list(points.values())[-1] / list(points)[-1]
