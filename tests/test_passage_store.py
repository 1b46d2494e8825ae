"""Postgres holds what the documents say, finds what numpy finds, embeds only what changed, and a wrong address is told."""

import os

import numpy as np
import psycopg
import pytest

from parts.retrieval import postgres
from parts.retrieval.passage_store import PassageStore
from schemas.errors import UserError
from tests.helpers.postgres_server import over_tcp
from tests.helpers.retrieval import Embed, knobs, passages


@pytest.fixture(scope="module")
def connection(embedded_postgres):
    """A connection to the embedded Postgres."""
    with postgres.connect() as connection:
        yield connection


@pytest.fixture
def held(connection, request):
    """Make passages held in a schema of the test's own."""
    connection.execute("RESET search_path")

    def make(chunks=None, embed=None, schema=request.node.name[:60], **changed) -> PassageStore:
        found = PassageStore(connection, schema, knobs(**changed), embed or Embed())
        if chunks is not None:
            found.hold(chunks)
        return found

    return make


def ids(hits) -> list[str]:
    return [chunk_id for chunk_id, _ in hits]


def many(count: int):
    return passages(**{f"c{n:04}": f"text {n}" for n in range(count)})


@pytest.mark.parametrize(("half", "close"), [(False, 1e-5), (True, 2e-3)])
def test_the_nearest_are_those_that_numpy_finds(held, half, close):
    embed, chunks = Embed(), many(200)
    found = held(chunks, embed, half_precision=half).nearest(vector := embed(["a question"])[0])
    likeness = embed([f"H\n{text}" for text in chunks["text"]]) @ vector
    best = np.argsort(-likeness, kind="stable")[:10]
    assert ids(found) == [chunks["chunk_id"][int(at)] for at in best]
    assert [score for _, score in found] == pytest.approx(likeness[best].tolist(), abs=close)


def test_only_what_changed_is_embedded_and_what_is_gone_is_deleted(held):
    kept = held(passages("one", "two", "three"), embed := Embed())
    embed.seen.clear()
    assert kept.hold(passages(c0="one", c1="TWO", c9="four")) == 2
    assert embed.seen == ["H\nTWO", "H\nfour"]
    assert sorted(ids(kept.nearest(embed(["x"])[0]))) == ["c0", "c1", "c9"]
    assert ids(kept.fused("three", embed(["x"])[0], 1.0)) == []
    assert ids(kept.fused("four", embed(["x"])[0], 1.0)) == ["c9"]
    assert kept.hold(passages(c0="one", c1="TWO", c9="four")) == 0
    assert kept.hold(passages(c0="one", c1="TWO", c9="four", heading="another")) == 3


class Short(Embed):
    def __call__(self, texts: list[str]) -> np.ndarray:
        return super().__call__(texts)[:-1]


def test_an_embedder_that_fails_halfway_leaves_what_was_there(held):
    kept = held(passages("one", "two"))
    before = kept.manifest()
    kept.embed = Short()
    with pytest.raises(ValueError, match="shorter"):
        kept.hold(passages("ONE", "TWO", "three"))
    assert kept.manifest() == before


def test_the_manifest_follows_the_content_and_nothing_else(held):
    first = held(passages("one", "two")).manifest()
    assert first["rows"] == 2 and first["width"] == 8
    assert held(passages(c1="two", c0="one"), schema="other").manifest() == first
    assert held(passages("one", "TWO")).manifest()["sha256"] != first["sha256"]


def plan(kept: PassageStore) -> str:
    kept.connection.execute("SET enable_seqscan = off")  # few rows, and all in one page, are read faster without
    try:
        explained = "EXPLAIN SELECT chunk_id FROM passages ORDER BY embedding <=> %s, chunk_id LIMIT 5"
        return str(kept.connection.execute(explained, (kept._vector(kept.embed(["x"])[0]),)).fetchall())
    finally:
        kept.connection.execute("SET enable_seqscan = on")


@pytest.mark.parametrize("half", [False, True])
def test_from_so_many_on_passages_are_searched_by_an_index_built_with_the_knobs(held, half):
    kept = held(many(300), exact_below=301, half_precision=half)
    assert "by_meaning" not in plan(kept)
    kept = held(many(301), exact_below=301, half_precision=half)
    assert "by_meaning_16_64" in plan(kept)
    kept = held(many(301), exact_below=301, half_precision=half, m=8)
    assert "by_meaning_8_64" in plan(kept)
    vector = kept.embed(["x"])[0]
    assert ids(kept.nearest(vector, 5)) == ids(kept.exactly(vector, 5))
    assert "by_meaning" not in plan(held(many(299), exact_below=301, half_precision=half, m=8))


def test_another_model_precision_or_language_starts_the_table_anew(held):
    chunks = passages("one", "two")
    held(chunks)
    for changed in ({"embedder": "other"}, {"half_precision": True}, {"language": "simple"}):
        embed = Embed()
        held(chunks, embed, **changed)
        assert len(embed.seen) == 2, changed


def test_words_are_found_whatever_else_the_question_says_and_rare_ones_count_most(held):
    texts = ["The fee of the plan is due.", "The plan covers travel.", "The plan ends in May.", "Nothing of the kind."]
    kept = held(passages(*texts, heading="Plan"))
    nothing = np.zeros(8, "float32")
    assert ids(kept.fused("Does anybody know whether the plan is covering travels?", nothing, 1.0))[0] == "c1"
    assert set(ids(kept.fused("plan", nothing, 1.0))) == {"c0", "c1", "c2", "c3"}, "a heading's words count"


@pytest.mark.parametrize(
    "question", ["", "the of", "it's a \\ 'quoted' & | ! <-> ( :* thing", "%s %(vector)s {x}", "é\n\t"]
)
def test_any_question_is_words_and_never_an_operator(held, question):
    kept = held(passages("It's a quoted thing", "another"))
    assert len(kept.fused(question, kept.embed(["x"])[0], 0.5)) == 2


def test_a_passage_that_both_find_is_before_those_that_one_finds(held):
    texts = {f"c{n:02}": f"alpha {n}" for n in range(30)}
    kept = held(passages(**texts), embed := Embed(), depth=10)
    vector = embed(["q"])[0]
    near, worded = ids(kept.nearest(vector)), ids(kept.fused("alpha 3 7 12", vector, 1.0))
    fused = kept.fused("alpha 3 7 12", vector, 0.5)
    wanted = {}
    for found in (near, worded):
        for place, chunk_id in enumerate(found, 1):
            wanted[chunk_id] = wanted.get(chunk_id, 0) + 0.5 / (60 + place)
    assert fused == [(c, pytest.approx(s)) for c, s in sorted(wanted.items(), key=lambda w: (-w[1], w[0]))[:10]]
    assert ids(kept.fused("alpha 3 7 12", vector, 0.0)) == near


def test_two_projects_share_a_server_and_no_table(workplace, monkeypatch, tmp_path, held):
    here = postgres.schema()
    (workplace.path / "data/raw").mkdir()
    (workplace.path / "data/raw/a.md").write_text("edited")
    assert postgres.schema() == here
    workplace.change("ingest", "path", "data/other")
    other = postgres.schema()
    (tmp_path / "away").mkdir()
    (tmp_path / "away/params.yaml").write_text((workplace.path / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path / "away")
    assert len({here, other, postgres.schema()}) == 3
    first = held(passages("one"), schema=here)
    held(passages("two", "three"), schema=other)
    first.connection.execute("RESET search_path")
    assert held(schema=here).manifest()["rows"] == 1


def test_a_table_of_somebody_else_stays_as_it_is(held, connection):
    connection.execute("CREATE TABLE public.passages (note text)")
    connection.execute("INSERT INTO public.passages VALUES ('mine')")
    held(passages("one"))
    held(passages("one"), embedder="other")
    assert connection.execute("SELECT * FROM public.passages").fetchall() == [("mine",)]


def test_a_language_that_postgres_does_not_know_is_named(held):
    with pytest.raises(UserError, match=r"retrieve.language.*klingon"):
        held(language="klingon'; DROP TABLE passages; --")


@pytest.mark.parametrize("dsn", ["postgresql://nobody@127.0.0.1:9/none", "not a dsn"])
def test_a_wrong_dsn_is_told_in_one_line(monkeypatch, dsn):
    monkeypatch.setenv("CLOSEDBOOK_DSN", dsn)
    with pytest.raises(UserError, match="CLOSEDBOOK_DSN cannot be used"), postgres.connect():
        pass


def test_a_server_over_tcp_serves_who_has_the_password_and_tells_who_has_not(monkeypatch, postgres_folder):
    with over_tcp(postgres_folder.with_name("over_tcp"), "open:sesame") as dsn:
        monkeypatch.setenv("CLOSEDBOOK_DSN", dsn.replace("reader@", "reader:open%3Asesame@"))
        with postgres.connect() as found:
            assert PassageStore(found, "corpus", knobs(), Embed()).hold(passages("one", "two")) == 2
        with postgres.connect() as again:
            kept = PassageStore(again, "corpus", knobs(), embed := Embed())
            assert kept.hold(passages("one", "two")) == 0
            assert ids(kept.nearest(embed(["H\ntwo"])[0], 1)) == ["c1"]
        with psycopg.connect(dsn.replace("reader@", "owner:open%3Asesame@"), autocommit=True) as owner:
            owner.execute("ALTER DATABASE passages OWNER TO owner")
        with postgres.connect() as found, pytest.raises(UserError, match="GRANT CREATE"):
            PassageStore(found, "another", knobs(), Embed())
        monkeypatch.setenv("CLOSEDBOOK_DSN", os.environ["CLOSEDBOOK_DSN"].replace("/passages", "/plain"))
        with pytest.raises(UserError, match="CREATE EXTENSION vector"), postgres.connect():
            pass
        monkeypatch.setenv("CLOSEDBOOK_DSN", dsn.replace("reader@", "reader:close%3Asesame@"))
        with pytest.raises(UserError, match="password authentication failed") as told, postgres.connect():
            pass
    assert "sesame" not in str(told.value)
