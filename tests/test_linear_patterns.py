"""Every regular expression takes time linear in the text, whatever the text: a document may be made to slow it down."""

import ast
import importlib
import itertools
import re
import time
from collections.abc import Iterator

import duckdb
import pytest
import regex

from parts.scoring import known_answers
from tests.helpers.source_code import ROOT

METHODS = "search", "match", "fullmatch", "sub", "findall", "finditer", "split"
BOUNDED = {
    "parts.corpus.readers.pdf._TAIL": "its text has 60 characters",
    "parts.safety.recognisers": "its texts have detection.WINDOW characters",
    "parts.llm.dialect": "the name of a parameter of ours",
    "parts.scoring.known_answers": "its _FORMATS are among ALL below",
}
"""Patterns whose text is short, and modules with patterns that are not literal."""
SIZE, LEAST = 1000, 0.008  # characters of a hostile text; seconds for four times as many that no linear pattern takes
COMMON = "\n\taA1é-_.,<[(#|`*'\"/\\=:?@$ \u00ad日²\u0301"


def patterns() -> Iterator[tuple[str, re.Pattern, str]]:
    """Yield the name, the pattern and the method of each use of a pattern in parts/, stages/ and schemas/."""
    for path in sorted(path for room in ("parts", "stages", "schemas") for path in (ROOT / room).rglob("*.py")):
        name, text = ".".join(path.relative_to(ROOT).with_suffix("").parts), path.read_text()
        for variable, value in vars(importlib.import_module(name)).items():
            for pattern in _within(value):
                for method in set(re.findall(rf"\b{variable}\.({'|'.join(METHODS)})\(", text)) or {"search"}:
                    yield f"{name}.{variable}", pattern, method
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and (match := re.fullmatch(r"(re|regex)\.(\w+)", ast.unparse(node.func))):
                if match[2] in METHODS and isinstance(node.args[0], ast.Constant):
                    yield f"{name}:{node.lineno}", globals()[match[1]].compile(node.args[0].value), match[2]
                elif match[2] in METHODS:
                    assert name in BOUNDED, f"{name}:{node.lineno}: name the pattern, so that it is tested here"


def _within(value: object) -> Iterator[re.Pattern]:
    """Yield the patterns in a variable: itself, or members of a collection."""
    if isinstance(value, re.Pattern | regex.Pattern):
        yield value
    elif isinstance(value, tuple | list | dict):
        for member in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _within(member)


def pieces(pattern: re.Pattern) -> list[str]:
    """Return what a long text may repeat to slow `pattern` down: its own letters, words, and pairs of letters."""
    words = re.findall(r"[a-z]{2,}", pattern.pattern.lower())
    letters = [*COMMON, *pattern.pattern]
    ends = [word + end for word in words for end in " 1"]
    return list(dict.fromkeys([*letters, *words, *ends, *map("".join, itertools.permutations("\n a1-.,A_([", 2))]))


def texts(piece: str, size: int) -> tuple[str, str]:
    """Return long texts of `piece` that most patterns do not match at the end."""
    body = piece * (size // len(piece))
    return f"{body}\0!", f"x1<[#{body}\n~"


def seconds(pattern: re.Pattern, method: str, text: str) -> float:
    """Return the least of three times that `pattern` takes."""
    times = []
    for _ in range(3):
        start = time.process_time()
        if method == "finditer":
            list(pattern.finditer(text))
        else:
            getattr(pattern, method)(*[""] * (method == "sub"), text)
        times.append(time.process_time() - start)
        if times[-1] < LEAST:
            break
    return min(times)


def slowing_piece(pattern: re.Pattern, method: str) -> str | None:
    """Return a piece on which `pattern` takes more than twice as long, per character, in texts four times as long."""
    for piece in pieces(pattern):
        for short, long in zip(texts(piece, SIZE), texts(piece, 4 * SIZE), strict=True):
            time_of_long = seconds(pattern, method, long)
            if time_of_long > LEAST and time_of_long > 8 * seconds(pattern, method, short):
                return piece
    return None


ALL = [use for use in patterns() if use[0] not in BOUNDED]
ALL += [("parts.scoring.known_answers._FORMATS", re.compile(pattern), "sub") for pattern, _ in known_answers._FORMATS]


@pytest.mark.slow
@pytest.mark.parametrize("room", sorted({name.split(".")[1] for name, _, _ in ALL}))
def test_no_pattern_is_quadratic(room):
    uses = [use for use in ALL if use[0].split(".")[1] == room]
    slow = {(name, method): slowing_piece(pattern, method) for name, pattern, method in uses}
    assert {use: piece for use, piece in slow.items() if piece is not None} == {}


@pytest.mark.parametrize("pattern", [r"\s*\[x\]", r"[\s,]+because", r"[a-z][a-z_]*_\d", r"\w+\Z"])
def test_a_quadratic_pattern_is_noticed(pattern):
    assert slowing_piece(re.compile(pattern), "search") is not None


def test_duckdb_takes_linear_time_and_postgres_has_no_patterns():
    """DuckDB's are of RE2; Postgres's may be slow."""
    text = "a" * 40_000 + "!"
    start = time.process_time()
    assert duckdb.execute("SELECT regexp_matches(?, '^(a+)+$')", [text]).fetchone() == (False,)
    assert time.process_time() - start < 1
    for name in ("hybrid_search", "passages_table"):
        assert not re.search(r"regexp|~|similar to", (ROOT / f"queries/{name}.sql").read_text(), re.IGNORECASE)
