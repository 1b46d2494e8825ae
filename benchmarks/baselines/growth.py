"""Measure one part of the pipeline at one size, in a process that does nothing else.

python -m benchmarks.baselines.growth PART SIZE    prints JSON: CPU seconds, the process's peak memory, and what the part adds

Rows are made up: of a passage five facts, each asked in two forms and once more in the second.
"""

import contextlib
import json
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.baselines import exams
from parts.curation.ledger import CurateParams, curate, training_rows
from parts.llm.request import CHAT, Request
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.project import machine, params
from parts.project.sections import Student
from parts.retrieval import postgres
from parts.retrieval.passage_store import PassageStore
from parts.student.model import token_counter, tokenizer
from schemas.chunks import Chunks
from schemas.pairs import RawPairs
from schemas.questions import Questions
from stages import ingest
from tests.helpers.source_code import ROOT

PROBES = 200  # questions to an index
ASKED = ("price", "age", "depth", "height", "limit")
FORMS = ("What is the {} of {}?", "Please say what the {} of {} is.", "Please say what the {} of {} is!")
SYLLABLES = ("ba", "do", "fe", "gi", "ku", "la", "mo", "ne", "pi", "ru", "sa", "te", "vo", "wi", "ya", "zu")

Figures = dict[str, float]


def measure_curate(size: int) -> Figures:
    """Return what it takes to curate `size` rows: grounding, near-duplicates, exam, dev rows, balance."""
    raw, chunks, questions = made_up(size)
    section = params.load("curate", CurateParams, ROOT / "params.yaml")
    section = section.model_copy(update={"replay": ROOT / section.replay})
    tokens = token_counter(tokenizer(Student(model=str(ROOT / "models/base"))))
    start = machine.seconds("cpu")
    ledger = curate(raw, chunks, questions, section, tokens)
    kept = len(training_rows(ledger, section, tokens))
    return {"seconds": machine.seconds("cpu") - start, "kept": kept}


def made_up(size: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return RawPairs of `size` rows, the Chunks they are from, and Questions that ask some of it."""
    rng, chunks, rows = random.Random(1), [], []
    for n in range(-(-size // len(ASKED) // len(FORMS))):
        name, values = _name(n), [str(rng.randrange(10, 10_000)) for _ in ASKED]
        text = " ".join(f"The {asked} of {name} is {value}." for asked, value in zip(ASKED, values, strict=True))
        filler = " ".join(rng.choice(SYLLABLES) + rng.choice(SYLLABLES) for _ in range(20))
        place = {"chunk_id": f"c{n:07}", "doc_id": f"{n // 8}.md"}
        chunk = place | {"start": n % 8, "end": n % 8 + 1, "page": 1, "heading": name, "language": "en", "n_tokens": 90}
        chunks.append(chunk | {"text": f"{text} {filler}"})
        for number, form in enumerate(FORMS):
            for fact, (asked, value) in enumerate(zip(ASKED, values, strict=True)):
                row = {"other_chunk_ids": [], "generator": "qa", "kind": "qa", "answerable": True, "teacher": "m"}
                row |= {"prompt": form.format(asked, name), "reasoning": "", "completion": value, "dropped": None}
                rows.append(place | row | {"pair_id": f"p{n:07}-{number}-{fact}"})
    exam = [
        {"question_id": f"q{n}", "doc_id": None, "kind": "fact", "question": rows[n * 7]["prompt"], "options": None}
        | {"references": [rows[n * 7]["completion"]], "answerable": True, "gold_chunk_ids": []}
        for n in range(min(140, len(rows) // 7))
    ]
    return RawPairs.frame(rows[:size]), Chunks.frame(chunks), Questions.frame(exam)


def _name(number: int) -> str:
    """Return a name of four syllables or more, another for each number."""
    parts = [SYLLABLES[number >> shift & 15] for shift in (0, 4, 8, 12, 16, 20)]
    return "".join(parts).capitalize()


def measure_cache(size: int) -> Figures:
    """Return the CPU microseconds of finding one of `size` responses, of storing one, and the bytes of each."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(ResponseCache(Path(folder))) as cache:
        start = machine.seconds("cpu")
        for first in range(0, size, 1000):
            numbers = range(first, min(first + 1000, size))
            cache.store(*(CachedResponse(_key(n), b"%09d" % n * 60, "m", 1, 1) for n in numbers))
        stored, rng = machine.seconds("cpu") - start, random.Random(1)
        keys = [_key(rng.randrange(size)) for _ in range(PROBES * 50)]
        start = machine.seconds("cpu")
        assert all(cache.get(key) for key in keys)
        seconds = machine.seconds("cpu") - start
        bytes_each = sum(path.stat().st_size for path in Path(folder).iterdir()) / size
    return {"lookup_us": seconds / len(keys) * 1e6, "store_us": stored / size * 1e6, "bytes_each": bytes_each}


def _key(number: int) -> bytes:
    return Request(CHAT, {}, b"%d" % number).key


class MadeUpVectors:
    """An embedder that draws unit vectors in place of a model: each between two of a few hundred, as texts have topics."""

    width = 384

    def __init__(self):
        topics = np.random.default_rng(1).normal(size=(500, self.width)).astype("float32")
        self.topics, self.seeds = topics / np.linalg.norm(topics, axis=1, keepdims=True), count(1)

    def __call__(self, texts: list[str]) -> np.ndarray:
        return exams.vectors(self.topics, len(texts), next(self.seeds))

    def batches(self, batches: list[list[str]]) -> Iterator[np.ndarray]:
        """Yield the vectors of each of `batches`."""
        return map(self, batches)


def measure_index(size: int) -> Figures:
    """Return the CPU seconds to load and index `size` passages, and the CPU milliseconds that a question takes in Postgres."""
    chunks, embed = exams.synthetic(size), MadeUpVectors()
    names = random.Random(1).sample(chunks["heading"].unique(maintain_order=True).to_list(), min(PROBES, size // 20))
    temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # the server ends some time after its last user
    with temporary as folder, contextlib.chdir(folder), postgres.connect() as connection:
        settings = params.load("retrieve", postgres.RetrieveParams, ROOT / "params.yaml")
        settings = settings.model_copy(update={"exact_below": 0})  # one way to search at all sizes
        store = PassageStore(connection, "bench", settings, embed)
        start = machine.seconds("cpu") + _server_seconds(connection)
        store.sync(chunks)
        figures = {"seconds": machine.seconds("cpu") + _server_seconds(connection) - start}
        for _ in range(2):  # the first finds its pages cold
            times = list(_question_ms(store, [f"What is said of {name}?" for name in names]))
        size_sql = "SELECT pg_total_relation_size('passages') + pg_total_relation_size('passage_words')"
        figures["disk_mb"] = connection.execute(size_sql).fetchone()[0] / 1e6
    return figures | {"query_ms": float(np.median(times)), "query_p95_ms": float(np.percentile(times, 95))}


def _question_ms(store: PassageStore, questions: list[str]) -> Iterator[float]:
    clock = Path(f"/proc/{store.connection.info.backend_pid}/schedstat")  # nanoseconds on a CPU
    for question in questions:
        vector, before = store.embed([question])[0], int(clock.read_text().split()[0])
        store.hybrid(question, vector, 0.5)
        yield (int(clock.read_text().split()[0]) - before) / 1e6


def _server_seconds(connection) -> float:
    """Return the CPU seconds of the server: of all of its processes, those that ended too."""
    import psutil

    server = psutil.Process(connection.info.backend_pid).parent()
    own = [each.cpu_times() for each in (server, *server.children(recursive=True))]
    ended = server.cpu_times()
    return sum(each.user + each.system for each in own) + ended.children_user + ended.children_system


def measure_folder(size: int) -> Figures:
    """Return the megabytes of `size` documents that the stage ingest reads and writes as a table."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copy(ROOT / "params.yaml", "params.yaml")
        Path("data/raw").mkdir(parents=True)
        written = 0
        for n in range(size):
            sentences = [
                f"The {asked} of {_name(n)} in hall {hall} is {n % 97}." for hall in range(20) for asked in ASKED
            ]
            written += Path(f"data/raw/{n}.md").write_text(f"# {_name(n)}\n\n{' '.join(sentences)}\n")
        with contextlib.redirect_stdout(sys.stderr):
            ingest.main()
    return {"text_mb": written / 1e6}


PARTS = {"curate": measure_curate, "cache": measure_cache, "index": measure_index, "folder": measure_folder}

if __name__ == "__main__":
    result = PARTS[sys.argv[1]](int(sys.argv[2]))
    print(json.dumps(result | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}))
