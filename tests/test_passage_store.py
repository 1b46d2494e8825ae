"""The store follows the documents, searches as numpy does, embeds only changed passages, and a wrong DSN is an error."""

import os

import numpy as np
import psycopg
import pytest

from parts.project.errors import UserError
from parts.retrieval import postgres
from parts.retrieval.passage_store import PassageStore
from tests.helpers.postgres_server import over_tcp
from tests.helpers.retrieval import Embed, knobs, passages


@pytest.fixture(scope="module")
def connection(embedded_postgres):
    """A connection to the embedded Postgres."""
    with postgres.connect() as connection:
        yield connection


@pytest.fixture
def make_store(connection, request):
    """A function that makes a store in a schema of the test's own."""
    connection.execute("RESET search_path")

    def make(chunks=None, embed=None, schema=request.node.name[:60], **changed) -> PassageStore:
        store = PassageStore(connection, schema, knobs(**changed), embed or Embed())
        if chunks is not None:
            store.sync(chunks)
        return store

    return make


def ids(hits) -> list[str]:
    return [chunk_id for chunk_id, _ in hits]


def many(count: int):
    return passages(**{f"c{n:04}": f"text {n}" for n in range(count)})


@pytest.mark.parametrize(("half", "close"), [(False, 1e-5), (True, 2e-3)])
def test_the_nearest_are_those_by_numpy(make_store, half, close):
    embed, chunks = Embed(), many(200)
    hits = make_store(chunks, embed, half_precision=half).nearest(vector := embed(["a question"])[0])
    similarity = embed([f"H\n{text}" for text in chunks["text"]]) @ vector
    best = np.argsort(-similarity, kind="stable")[:10]
    assert ids(hits) == [chunks["chunk_id"][int(index)] for index in best]
    assert [score for _, score in hits] == pytest.approx(similarity[best].tolist(), abs=close)


def test_only_changed_passages_are_embedded_and_removed_ones_are_deleted(make_store):
    store = make_store(passages("one", "two", "three"), embed := Embed())
    embed.seen.clear()
    assert store.sync(passages(c0="one", c1="TWO", c9="four")) == 2
    assert embed.seen == ["H\nTWO", "H\nfour"]
    assert sorted(ids(store.nearest(embed(["x"])[0]))) == ["c0", "c1", "c9"]
    assert ids(store.hybrid("three", embed(["x"])[0], 1.0)) == []
    assert ids(store.hybrid("four", embed(["x"])[0], 1.0)) == ["c9"]
    assert store.sync(passages(c0="one", c1="TWO", c9="four")) == 0
    assert store.sync(passages(c0="one", c1="TWO", c9="four", heading="another")) == 3


class Short(Embed):
    def __call__(self, texts: list[str]) -> np.ndarray:
        return super().__call__(texts)[:-1]


def test_an_embedder_that_fails_leaves_the_store_as_it_was(make_store):
    store = make_store(passages("one", "two"))
    before = store.manifest()
    store.embed = Short()
    with pytest.raises(ValueError, match="shorter"):
        store.sync(passages("ONE", "TWO", "three"))
    assert store.manifest() == before


def test_the_manifest_follows_the_content_and_nothing_else(make_store):
    first = make_store(passages("one", "two")).manifest()
    assert first["rows"] == 2 and first["width"] == 8
    assert make_store(passages(c1="two", c0="one"), schema="other").manifest() == first
    assert make_store(passages("one", "TWO")).manifest()["sha256"] != first["sha256"]


def plan(store: PassageStore) -> str:
    store.connection.execute("SET enable_seqscan = off")  # few rows, and all in one page, are read faster without
    try:
        explained = "EXPLAIN SELECT chunk_id FROM passages ORDER BY embedding <=> %s, chunk_id LIMIT 5"
        return str(store.connection.execute(explained, (store._vector(store.embed(["x"])[0]),)).fetchall())
    finally:
        store.connection.execute("SET enable_seqscan = on")


@pytest.mark.parametrize("half", [False, True])
def test_from_exact_below_on_passages_are_searched_by_an_index_with_the_parameters(make_store, half):
    store = make_store(many(300), exact_below=301, half_precision=half)
    assert "by_meaning" not in plan(store)
    store = make_store(many(301), exact_below=301, half_precision=half)
    assert "by_meaning_16_64" in plan(store)
    store = make_store(many(301), exact_below=301, half_precision=half, m=8)
    assert "by_meaning_8_64" in plan(store)
    vector = store.embed(["x"])[0]
    assert ids(store.nearest(vector, 5)) == ids(store.nearest_exact(vector, 5))
    assert "by_meaning" not in plan(make_store(many(299), exact_below=301, half_precision=half, m=8))


def test_another_model_precision_or_language_recreates_the_table(make_store):
    chunks = passages("one", "two")
    make_store(chunks)
    for changed in ({"embedder": "other"}, {"half_precision": True}, {"language": "simple"}):
        embed = Embed()
        make_store(chunks, embed, **changed)
        assert len(embed.seen) == 2, changed


def test_words_match_whatever_else_the_question_has_and_rare_ones_count_most(make_store):
    texts = ["The fee of the plan is due.", "The plan covers travel.", "The plan ends in May.", "Nothing of the kind."]
    store = make_store(passages(*texts, heading="Plan"))
    nothing = np.zeros(8, "float32")
    assert ids(store.hybrid("Does anybody know whether the plan is covering travels?", nothing, 1.0))[0] == "c1"
    assert set(ids(store.hybrid("plan", nothing, 1.0))) == {"c0", "c1", "c2", "c3"}, "a heading's words count"


@pytest.mark.parametrize(
    "question", ["", "the of", "it's a \\ 'quoted' & | ! <-> ( :* thing", "%s %(vector)s {x}", "é\n\t"]
)
def test_any_question_is_words_and_never_an_operator(make_store, question):
    store = make_store(passages("It's a quoted thing", "another"))
    assert len(store.hybrid(question, store.embed(["x"])[0], 0.5)) == 2


def test_hybrid_search_is_weighted_reciprocal_rank_fusion(make_store):
    texts = {f"c{n:02}": f"alpha {n}" for n in range(30)}
    store = make_store(passages(**texts), embed := Embed(), depth=10)
    vector = embed(["q"])[0]
    nearest, by_words = ids(store.nearest(vector)), ids(store.hybrid("alpha 3 7 12", vector, 1.0))
    hits = store.hybrid("alpha 3 7 12", vector, 0.5)
    wanted = {}
    for ranked in (nearest, by_words):
        for rank, chunk_id in enumerate(ranked, 1):
            wanted[chunk_id] = wanted.get(chunk_id, 0) + 0.5 / (60 + rank)
    assert hits == [(c, pytest.approx(s)) for c, s in sorted(wanted.items(), key=lambda w: (-w[1], w[0]))[:10]]
    assert ids(store.hybrid("alpha 3 7 12", vector, 0.0)) == nearest


def test_two_projects_share_a_server_and_no_table(workplace, monkeypatch, tmp_path, make_store):
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
    first = make_store(passages("one"), schema=here)
    make_store(passages("two", "three"), schema=other)
    first.connection.execute("RESET search_path")
    assert make_store(schema=here).manifest()["rows"] == 1


def test_a_table_of_another_schema_stays_as_it_is(make_store, connection):
    connection.execute("CREATE TABLE public.passages (note text)")
    connection.execute("INSERT INTO public.passages VALUES ('mine')")
    make_store(passages("one"))
    make_store(passages("one"), embedder="other")
    assert connection.execute("SELECT * FROM public.passages").fetchall() == [("mine",)]


def test_a_language_that_postgres_does_not_know_is_named(make_store):
    with pytest.raises(UserError, match=r"retrieve.language.*klingon"):
        make_store(language="klingon'; DROP TABLE passages; --")


@pytest.mark.parametrize("dsn", ["postgresql://nobody@127.0.0.1:9/none", "not a dsn"])
def test_a_wrong_dsn_is_an_error_in_one_line(monkeypatch, dsn):
    monkeypatch.setenv("CLOSEDBOOK_DSN", dsn)
    with pytest.raises(UserError, match="CLOSEDBOOK_DSN cannot be used"), postgres.connect():
        pass


@pytest.mark.slow
def test_a_server_over_tcp_needs_the_password_and_its_errors_do_not_contain_it(monkeypatch, postgres_folder):
    with over_tcp(postgres_folder.with_name("over_tcp"), "open:sesame") as dsn:
        monkeypatch.setenv("CLOSEDBOOK_DSN", dsn.replace("reader@", "reader:open%3Asesame@"))
        with postgres.connect() as first:
            assert PassageStore(first, "corpus", knobs(), Embed()).sync(passages("one", "two")) == 2
        with postgres.connect() as second:
            store = PassageStore(second, "corpus", knobs(), embed := Embed())
            assert store.sync(passages("one", "two")) == 0
            assert ids(store.nearest(embed(["H\ntwo"])[0], 1)) == ["c1"]
        with psycopg.connect(dsn.replace("reader@", "owner:open%3Asesame@"), autocommit=True) as owner:
            owner.execute("ALTER DATABASE passages OWNER TO owner")
        with postgres.connect() as third, pytest.raises(UserError, match="GRANT CREATE"):
            PassageStore(third, "another", knobs(), Embed())
        monkeypatch.setenv("CLOSEDBOOK_DSN", os.environ["CLOSEDBOOK_DSN"].replace("/passages", "/plain"))
        with pytest.raises(UserError, match="CREATE EXTENSION vector"), postgres.connect():
            pass
        monkeypatch.setenv("CLOSEDBOOK_DSN", dsn.replace("reader@", "reader:close%3Asesame@"))
        with pytest.raises(UserError, match="password authentication failed") as error, postgres.connect():
            pass
    assert "sesame" not in str(error.value)
