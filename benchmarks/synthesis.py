"""What the client of parts/llm/client.py is worth when a real bill hangs on it: `stages.synthesize` against a local server.

python -m benchmarks.synthesis [OTHER_PYTHON]    an interpreter that has bespokelabs-curator, to run that beside it
"""

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import yaml

from benchmarks.baselines.figures import Figures
from benchmarks.baselines.server import completion
from parts.generators import qa
from parts.llm.budget import Meter
from parts.llm.client import Client
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.llm.server import running_server
from parts.llm.transport import ServerReply, Transport, parse_body, token_usage
from parts.project import params
from parts.project.sections import Server
from schemas.redacted import Redacted
from tests.helpers.source_code import ROOT

REQUESTS, LATENCY, WORKERS, DRAWS = 2000, 0.2, 64, 20
STAGE = [sys.executable, "-m", "stages.synthesize", "qa"]
TABLE = Path("data/synth/qa.parquet")
WORDS = "the lamp of this policy costs weighs opens lasts needs allows euros days kilograms people before after".split()


def passages(documents: int, each: int, edited: int | None = None) -> None:
    """Write Redacted: the passages of so many documents of `each` passages; the `edited` one reads otherwise."""
    rows = []
    for n in range(documents * each):
        doc, rng = n // each, random.Random(n + (n // each == edited) * 10**6)
        text = " ".join(rng.choices(WORDS, k=60)) + f" {n}."
        row = {"chunk_id": f"d{doc}#{n % each}", "doc_id": f"d{doc}", "start": n, "end": n + len(text), "page": 1}
        rows.append(row | {"heading": f"Part {n}", "text": text, "n_tokens": 65})
    Redacted.write(Redacted.frame(rows))


@contextlib.contextmanager
def home(documents: int, each: int, draws: int) -> Iterator[Path]:
    """Work in a folder with passages and the knobs of one generator, that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        section = {"qa": {**yaml.safe_load((ROOT / "params.yaml").read_text())["synthesize"]["qa"], "samples": draws}}
        params = {"teacher": {"model": "bench"}, "synthesize": section}
        Path("params.yaml").write_text(yaml.safe_dump(params))
        Path("prices.yaml").write_text((ROOT / "prices.yaml").read_text())
        passages(documents, each)
        yield Path(folder)


@contextlib.contextmanager
def teacher(*flags: str) -> Iterator[str]:
    with running_server(f"python {ROOT}/benchmarks/beside/server.py --port {{port}} {' '.join(flags)}") as url:
        yield url


def stats(url: str) -> dict:
    return httpx.get(f"{url}/stats", trust_env=False).json()


def environment(url: str, **more: str) -> dict[str, str]:
    given = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none", "PYTHONPATH": str(ROOT), "CLOSEDBOOK_CACHE": ".cache"}
    return os.environ | given | {"CLOSEDBOOK_WORKERS": str(WORKERS)} | more


def stage(url: str, **more: str) -> float:
    """Run the stage; return the most memory that it held, in MB."""
    with open("log", "w") as log:
        child = subprocess.Popen(STAGE, env=environment(url, **more), stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(Path("log").read_text())
    return used.ru_maxrss / 1024


def wall(figures: Figures, other: str | None) -> None:
    """First request to last answer, as the server saw it."""
    ideal, flags = REQUESTS * LATENCY / WORKERS, ("--latency", str(LATENCY))
    prompts = [f"{n} {' '.join(WORDS * 6)}" for n in range(REQUESTS)]
    with home(REQUESTS // DRAWS, 1, DRAWS):
        Path("prompts.json").write_text(json.dumps(prompts))
        with teacher(*flags) as url:
            stage(url)
            figures.add("wall_over_ideal", stats(url)["seconds"] / ideal, "1.10")
        for key, python in (("bare", sys.executable), ("curator", other)):
            found = None
            with teacher(*flags) as url:
                command = [python, ROOT / "benchmarks/beside" / f"{key}.py", "prompts.json", str(WORKERS)]
                if python and not subprocess.run(command, env=environment(url), capture_output=True).returncode:
                    found = stats(url)["seconds"] / ideal
            figures.add(f"{key}_wall_over_ideal", found, "none: it is what we are held against")


def replay(figures: Figures) -> None:
    """Requests that are all in the cache, in a table's worth of memory that does not grow with it."""
    for thousands in (10, 200):
        with home(thousands * 1000 // DRAWS, 1, DRAWS), teacher() as url:
            asyncio.run(fill(Redacted.read()))
            peak = stage(url)
            if stats(url)["requests"]:
                raise SystemExit("a request that is in the cache was asked for again")
            if thousands == 10:
                figures.add("replay_rows_per_second", timed(url), "5000")
            figures.add(f"peak_mb_{thousands}k", peak, "flat")


def timed(url: str) -> float:
    """Return how many requests a second the stage replays, from the first passage to the table on disk."""
    code = "import time; from stages import synthesize as s; import pyarrow.parquet; t = time.monotonic(); "
    code += "s.main('qa'); print(time.monotonic() - t)"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(url), capture_output=True, text=True, check=True)
    return pl.read_parquet(TABLE).height / float(ran.stdout.split()[-1])


async def fill(chunks: pl.DataFrame) -> None:
    """Put the answers to all requests into the cache, without asking."""
    kept, given = ResponseCache(Path(".cache")), params.load("synthesize.qa", qa.Params)
    client = Client(Server(model="bench"), Knowing(kept), None)
    kept.db.execute("PRAGMA synchronous = OFF")
    for chunk in chunks.iter_rows(named=True):
        await qa.generate(chunk["heading"], chunk["text"], client.ask, given)


class Knowing(Transport):
    """A wire that answers by itself, and keeps it."""

    def __init__(self, kept: ResponseCache):
        self.cache, self.meter = kept, Meter()

    async def post(self, path: str, content: bytes) -> ServerReply:
        answer = parse_body(completion(content))
        self.cache.keep(CachedResponse(self.cache.key(path, content), answer.body, "bench", *token_usage(answer.found)))
        return answer


def killed(figures: Figures) -> None:
    """Ten SIGKILLs at random moments, then to the end."""
    rng, in_flight = random.Random(1), 0
    with home(50, 1, DRAWS):
        with teacher() as url:
            stage(url, CLOSEDBOOK_CACHE="undisturbed")
        undisturbed = TABLE.read_bytes()
        TABLE.unlink()
        with teacher("--latency", "0.1") as url:
            for _ in range(10):
                before, known = stats(url), rows_kept()
                child = subprocess.Popen(
                    STAGE, env=environment(url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                while stats(url)["requests"] < before["requests"] + rng.randrange(1, 90) and child.poll() is None:
                    time.sleep(0.001)
                time.sleep(rng.random() * 0.1)
                child.kill()
                child.wait()
                in_flight += min(WORKERS, stats(url)["requests"] - before["requests"] - (rows_kept() - known))
            stage(url)
            found = stats(url)
        figures.add("kill_bytes_equal", TABLE.read_bytes() == undisturbed, "true")
        figures.add("kill_extra_requests", found["requests"] - found["distinct"] - in_flight, "0")


def rows_kept() -> int:
    """Return how many answers the cache has."""
    with contextlib.closing(ResponseCache(Path(".cache"))) as kept:
        return kept.db.execute("SELECT count(*) FROM answers").fetchone()[0]


def faults(figures: Figures) -> None:
    """A server that has them all; each request asks for one row, and is one, or the reason why not."""
    with home(REQUESTS // DRAWS, 1, DRAWS), teacher("--latency", "0.02", "--faults") as url:
        stage(url, CLOSEDBOOK_TIMEOUT="2")
        table, metrics = pl.read_parquet(TABLE), json.loads(Path("metrics/synthesize/qa.json").read_text())
    answered = table.filter(pl.col("dropped").is_null())
    figures.add("fault_rows_lost", REQUESTS - metrics["rows"] - metrics["lost"], "0")
    figures.add("fault_rows_doubled", len(answered) - answered["completion"].n_unique(), "0")
    for reason, count in table["dropped"].drop_nulls().value_counts(sort=True).rows():
        figures.add(f"fault_rows_{reason.replace(' ', '_')}", count)


def edit(figures: Figures) -> None:
    """One document of 200 edited."""
    with home(200, 3, 2), teacher() as url:
        stage(url)
        before = stats(url)["requests"]
        passages(200, 3, edited=7)
        stage(url)
        figures.add("edit_calls", stats(url)["requests"] - before, "edit_calls_needed")
        figures.add("edit_calls_needed", 3 * 2)


def main(other: str | None = None) -> None:
    figures = Figures("synthesis", "openai", "aiohttp")
    wall(figures, other)
    for part in (replay, killed, faults, edit):
        part(figures)
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
