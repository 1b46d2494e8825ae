"""Speed, cost and robustness of `stages.synthesize` and the client of parts/llm/client.py, against a local server.

python -m benchmarks.synthesis [OTHER_PYTHON]    an interpreter that has bespokelabs-curator, to measure that too
"""

import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import polars as pl
import yaml

from benchmarks.baselines.figures import RESULTS, Figures
from benchmarks.baselines.server import completion
from parts.generators import qa
from parts.generators.shared.base import Source
from parts.llm.budget import Meter
from parts.llm.client import Client
from parts.llm.request import Request
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.llm.server import running_server
from parts.llm.server_reply import ServerReply, parse_body, token_usage
from parts.llm.transport import Transport
from parts.project import params
from parts.project.sections import Server
from parts.retrieval.embedder import BUNDLED
from schemas.redacted import Redacted
from tests.helpers.source_code import ROOT

LATENCY, WORKERS, SAMPLES = 0.2, 64, 20
BASELINES = ROOT / "benchmarks/baselines"
STAGE = [sys.executable, "-m", "stages.synthesize", "qa"]
TABLE = Path("data/synth/qa.parquet")
WORDS = "the lamp of this policy costs weighs opens lasts needs allows euros days kilograms people before after".split()


@dataclass(frozen=True)
class Sizes:
    requests: int = 2000
    throughput: int = 8000  # requests, of which the first few go alone
    cached: tuple[int, int] = (10_000, 200_000)  # requests replayed from the cache
    replays: int = 5  # of the smaller number, to take the median of
    interrupted: int = 50  # passages of the run that is killed
    kills: int = 10
    documents: int = 200  # of the run that follows an edit


def write_passages(documents: int, each: int, edited: int | None = None) -> None:
    """Write Redacted: so many documents of `each` passages; the document number `edited` reads otherwise."""
    rows = []
    for n in range(documents * each):
        doc, rng = n // each, random.Random(n + (n // each == edited) * 10**6)
        text = " ".join(rng.choices(WORDS, k=60)) + f" {n}."
        row = {"chunk_id": f"d{doc}#{n % each}", "doc_id": f"d{doc}", "start": n, "end": n + len(text), "page": 1}
        rows.append(row | {"heading": f"Part {n}", "text": text, "n_tokens": 65})
    Redacted.write(Redacted.frame(rows))


@contextlib.contextmanager
def workdir(documents: int, each: int, samples: int) -> Iterator[Path]:
    """Work in a temporary folder with passages and the settings of one generator."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shipped = yaml.safe_load((ROOT / "params.yaml").read_text())["synthesize"]["qa"]
        sections = {
            "teacher": {"model": "bench"},
            "retrieve": {"embedder": BUNDLED},
            "synthesize": {"qa": {**shipped, "samples": samples}},
        }
        Path("params.yaml").write_text(yaml.safe_dump(sections))
        Path("prices.yaml").write_text((ROOT / "prices.yaml").read_text())
        write_passages(documents, each)
        yield Path(folder)


@contextlib.contextmanager
def teacher(*flags: str) -> Iterator[str]:
    with running_server(f"python {BASELINES}/server.py --port {{port}} {' '.join(flags)}") as url:
        yield url


def stats(url: str) -> dict:
    return httpx.get(f"{url}/stats", trust_env=False).json()


def environment(url: str, **more: str) -> dict[str, str]:
    client = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none", "PYTHONPATH": str(ROOT), "CLOSEDBOOK_CACHE": ".cache"}
    return os.environ | client | {"CLOSEDBOOK_WORKERS": str(WORKERS)} | more


def stage(url: str, **more: str) -> float:
    """Run the stage; return its peak memory in MB."""
    with open("log", "w") as log:
        child = subprocess.Popen(STAGE, env=environment(url, **more), stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(Path("log").read_text())
    return used.ru_maxrss / 1024


def wall(figures: Figures, sizes: Sizes, other: str | None) -> None:
    """First request to last answer, as the server saw it."""
    with workdir(sizes.throughput // SAMPLES, 1, SAMPLES), teacher("--latency", str(LATENCY)) as url:
        stage(url)
        figures.add("wall_over_ideal", over_ideal(url), "1.05")
    prompts = [f"{n} {' '.join(WORDS * 6)}" for n in range(sizes.requests)]
    with workdir(1, 1, 1) as folder:
        (folder / "prompts.json").write_text(json.dumps(prompts))
        for key, python in (("bare", sys.executable), ("curator", other)):
            ratio = None
            with teacher("--latency", str(LATENCY)) as url:
                command = [python, BASELINES / f"{key}.py", "prompts.json", str(WORKERS)]
                if python and not subprocess.run(command, env=environment(url), capture_output=True).returncode:
                    ratio = over_ideal(url)
            figures.add(f"{key}_wall_over_ideal", ratio, "none: a reference")


def over_ideal(url: str) -> float:
    """Return the time that the server at `url` took for all its requests, by that of WORKERS at once without a pause."""
    counts = stats(url)
    return counts["seconds"] / (counts["requests"] * LATENCY / WORKERS)


def replay(figures: Figures, sizes: Sizes) -> None:
    """Requests that are all in the cache, in a table's worth of memory that does not grow with it."""
    for requests in sizes.cached:
        with workdir(requests // SAMPLES, 1, SAMPLES), teacher() as url:
            asyncio.run(fill_cache(Redacted.read()))
            peak = stage(url)
            if stats(url)["requests"]:
                raise SystemExit("a request that is in the cache was sent again")
            if requests == sizes.cached[0]:
                figures.add("replay_rows_per_second", rows_per_second(url, sizes.replays), "5000")
            figures.add(f"peak_mb_{requests // 1000}k", peak, "flat")


def rows_per_second(url: str, replays: int) -> float:
    """Return how many requests a second the stage replays, from the first passage to the table on disk: the median."""
    code = "import time; from stages import synthesize as s; import pyarrow.parquet; t = time.monotonic(); "
    code += "s.main('qa'); print(time.monotonic() - t)"
    command, seconds = [sys.executable, "-c", code], []
    for _ in range(replays):
        done = subprocess.run(command, env=environment(url), capture_output=True, text=True, check=True)
        seconds.append(float(done.stdout.split()[-1]))
    return pl.read_parquet(TABLE).height / statistics.median(seconds)


async def fill_cache(chunks: pl.DataFrame) -> None:
    """Put the answers to all requests into the cache, without a server."""
    with contextlib.closing(ResponseCache(Path(".cache"))) as cache:
        section, client = params.load("synthesize.qa", qa.Params), Client(Server(model="bench"), Filling(cache), None)
        cache.db.execute("PRAGMA synchronous = OFF")
        for chunk in chunks.iter_rows(named=True):
            await qa.generate(Source(chunk), client.ask, section)


class Filling(Transport):
    """A transport that answers by itself, and keeps the answer in the cache."""

    def __init__(self, cache: ResponseCache):
        self.cache, self.meter = cache, Meter()

    async def post(self, request: Request, hints: dict | None = None) -> ServerReply:
        reply = parse_body(completion(request.content))
        usage = token_usage(reply.json, len(request.content), len(reply.body))
        self.cache.store(CachedResponse(request.key, reply.body, "bench", *usage[:2]))
        return reply


def killed(figures: Figures, sizes: Sizes) -> None:
    """SIGKILLs at random moments, then to the end."""
    rng, in_flight = random.Random(1), 0
    with workdir(sizes.interrupted, 1, SAMPLES):
        with teacher() as url:
            stage(url, CLOSEDBOOK_CACHE="undisturbed")
        undisturbed = TABLE.read_bytes()
        TABLE.unlink()
        with teacher("--latency", "0.1") as url:
            for _ in range(sizes.kills):
                in_flight += kill_once(url, rng)
            stage(url)
            counts = stats(url)
        figures.add("kill_bytes_equal", TABLE.read_bytes() == undisturbed, "true")
        figures.add("kill_extra_requests", counts["requests"] - counts["distinct"] - in_flight, "0")


def kill_once(url: str, rng: random.Random) -> int:
    """Start the stage and kill it; return how many requests were under way, at most."""
    before, rows = stats(url), cached_rows()
    child = subprocess.Popen(STAGE, env=environment(url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while stats(url)["requests"] < before["requests"] + rng.randrange(1, 90) and child.poll() is None:
        time.sleep(0.001)
    time.sleep(rng.random() * 0.1)
    child.kill()
    child.wait()
    return min(WORKERS, stats(url)["requests"] - before["requests"] - (cached_rows() - rows))


def cached_rows() -> int:
    """Return how many answers the cache has."""
    with contextlib.closing(ResponseCache(Path(".cache"))) as cache:
        return cache.db.execute("SELECT count(*) FROM answers").fetchone()[0]


def faults(figures: Figures, sizes: Sizes) -> None:
    """A server that has them all; each request asks for one row, and becomes one, or the reason why not."""
    with workdir(sizes.requests // SAMPLES, 1, SAMPLES), teacher("--latency", "0.02", "--faults") as url:
        stage(url, CLOSEDBOOK_TIMEOUT="2")
        table, metrics = pl.read_parquet(TABLE), json.loads(Path("metrics/synthesize/qa.json").read_text())
    rows = table.filter(pl.col("dropped").is_null())
    figures.add("fault_rows_lost", sizes.requests - metrics["rows"] - metrics["lost"], "0")
    figures.add("fault_rows_doubled", len(rows) - rows["completion"].n_unique(), "0")
    for reason, count in table["dropped"].drop_nulls().value_counts(sort=True).rows():
        figures.add(f"fault_rows_{reason.replace(' ', '_')}", count)


def edit(figures: Figures, sizes: Sizes) -> None:
    """One document of many edited."""
    with workdir(sizes.documents, 3, 2), teacher() as url:
        stage(url)
        before = stats(url)["requests"]
        write_passages(sizes.documents, 3, edited=7)
        stage(url)
        figures.add("edit_calls", stats(url)["requests"] - before, "edit_calls_needed")
        figures.add("edit_calls_needed", 3 * 2)


def main(other: str | None = None, sizes: Sizes = Sizes(), results: Path = RESULTS) -> None:
    figures = Figures("synthesis", results, "openai", "aiohttp")
    wall(figures, sizes, other)
    for part in (replay, killed, faults, edit):
        part(figures, sizes)
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:2])
