"""The store follows the documents, searches as numpy does, embeds only changed passages, and a wrong DSN is an error."""

import os
import shutil
import threading
import time

import numpy as np
import polars as pl
import psycopg
import pytest
from pydantic import ValidationError

from parts.project.errors import UserError
from parts.retrieval import passage_tables, postgres
from parts.retrieval.passage_store import PassageStore
from parts.retrieval.passage_tables import PassageTables
from tests.helpers.postgres_server import over_tcp, pooled
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


def test_a_text_that_moved_or_repeats_is_embedded_once(make_store):
    store = make_store(passages("one", "two", "three"), embed := Embed())
    embed.seen.clear()
    assert store.sync(passages("new", "one", "two", "three", "new", "one")) == 1, "an inserted passage moves the others"
    assert embed.seen == ["H\nnew"]
    hits = dict(store.nearest(embed(["H\none"])[0]))
    assert hits["c1"] == hits["c5"] == pytest.approx(1) and len(hits) == 6


def test_a_stop_loses_no_vector_that_was_written(make_store, monkeypatch):
    monkeypatch.setattr("parts.retrieval.passage_store.BATCH", 2)
    store = make_store(passages("one"), embed := Embed())

    def stop(texts):
        if "H\nfive" in texts:
            raise KeyboardInterrupt
        return embed(texts)

    store.embed, chunks = Stopped(stop), passages("one", "two", "three", "four", "five")
    with pytest.raises(KeyboardInterrupt):
        store.sync(chunks)
    assert store.manifest()["rows"] == 1
    embed.seen.clear()
    assert make_store(chunks, embed).rows == 5
    assert embed.seen == ["H\nfour", "H\nfive"]


def test_of_two_that_embed_the_same_passages_at_once_one_waits_and_embeds_none(make_store):
    schema, chunks, n_embedded = make_store().schema, passages("one", "two", "three"), []

    def embed(texts):
        time.sleep(0.3)
        return Embed()(texts)

    def fill():
        with postgres.connect() as own:
            n_embedded.append(PassageStore(own, schema, knobs(), Stopped(embed)).sync(chunks))

    threads = [threading.Thread(target=fill) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n_embedded) == [0, 3] and make_store(schema=schema).rows == 3


def test_passages_that_are_read_are_not_changed_by_another_process_and_all_who_read_the_same_read_at_once(make_store):
    ours, theirs = passages("one", "two"), passages("three")
    schema, log = make_store().schema, []

    def read(chunks, name):
        with postgres.connect() as own:
            store = PassageStore(own, schema, knobs(), Embed())
            store.hold(chunks)
            log.append((name, store.manifest()["rows"]))

    with postgres.connect() as own:
        store = PassageStore(own, schema, knobs(), Embed())
        store.hold(ours)
        read(ours, "the same")
        other = threading.Thread(target=read, args=(theirs, "others"))
        other.start()
        other.join(1)
        assert log == [("the same", 2)] and store.rows == store.manifest()["rows"] == 2
    other.join()
    assert log == [("the same", 2), ("others", 1)]


class Stopped(Embed):
    def __init__(self, embed):
        self.embed = embed

    def __call__(self, texts: list[str]) -> np.ndarray:
        return self.embed(texts)


@pytest.mark.parametrize(("width", "is_indexed"), [(2000, True), (3072, True), (4001, False)])
def test_vectors_of_any_width_are_searched(make_store, width, is_indexed):
    embed = Embed()
    embed.width = width
    store = make_store(many(60), embed, exact_below=1)
    assert ("by_meaning" in plan(store)) == is_indexed
    assert ids(store.nearest(embed(["H\ntext 7"])[0], 1)) == ["c0007"]


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
        return str(store.connection.execute(explained, (store.tables.vector(store.embed(["x"])[0]),)).fetchall())
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


@pytest.mark.parametrize(("half", "m", "width"), [(False, 16, 96), (True, 24, 64)])
def test_an_index_is_built_in_memory_that_holds_it_and_not_in_half_of_that(make_store, monkeypatch, half, m, width):
    monkeypatch.setattr(passage_tables, "LEAST", 1024)
    embed, notices = Embed(), []
    embed.width = width
    store = make_store(many(1500), embed, exact_below=1, half_precision=half, m=m, ef_construction=2 * m)
    store.connection.add_notice_handler(handler := lambda notice: notices.append(notice.message_primary))
    needed = store.tables._graph_size(1500)
    for memory, fits in ((needed, True), (needed // 2, False)):
        monkeypatch.setattr(PassageTables, "_graph_size", lambda self, rows, memory=memory: memory)
        with store.connection.transaction():
            store.tables.set_indices(None)
            store.tables.set_indices(1500)
        assert any("no longer fits" in notice for notice in notices) != fits
    store.connection.remove_notice_handler(handler)


def test_memory_for_an_index_is_at_most_what_the_server_is_set_to_or_a_gigabyte(make_store, connection):
    def memory(rows: int) -> str:
        with connection.transaction():
            tables._build("SELECT 1", rows)
            return connection.execute("SHOW maintenance_work_mem").fetchone()[0]

    tables = make_store(many(2)).tables
    tables.width, owner = 384, "SET maintenance_work_mem = '{}'"
    connection.execute(owner.format("20MB"))
    assert (memory(1000), memory(10_000_000)) == ("64MB", "1GB")
    connection.execute(owner.format("4GB"))
    assert memory(10_000_000) == "4GB"
    connection.execute("RESET maintenance_work_mem")


def test_an_index_of_fewer_candidates_than_its_passages_have_neighbours_is_refused_before_the_run():
    with pytest.raises(ValidationError, match="ef_construction\n  Value error, must be twice m, or more"):
        knobs(m=48, ef_construction=95)
    assert knobs(m=48, ef_construction=96).m == 48


def test_the_embedded_server_needs_no_shared_memory_of_a_container(connection):
    assert connection.execute("SHOW dynamic_shared_memory_type").fetchone() == ("mmap",)


def test_where_shared_memory_is_too_small_for_several_processes_one_builds_the_index(make_store, monkeypatch):
    """As in a container of Docker, which gives 64 MB."""
    store = make_store(many(300), exact_below=1000)
    execute, workers = store.connection.execute, "SHOW max_parallel_maintenance_workers"

    def scarce(statement, *values, **more):
        if "hnsw" in str(statement) and execute(workers).fetchone()[0] != "0":
            raise psycopg.errors.DiskFull('could not resize shared memory segment "/PostgreSQL.1" to 1070632256 bytes')
        return execute(statement, *values, **more)

    monkeypatch.setattr(store.connection, "execute", scarce)
    store.tables.params = knobs(exact_below=1)
    with store.connection.transaction():
        store.tables.set_indices(300)
    assert "by_meaning" in plan(store)
    assert execute(workers).fetchone()[0] != "0"


def test_another_model_or_precision_embeds_again_and_another_language_reads_again(make_store):
    chunks = passages("one lamp", "two lamps")
    make_store(chunks)
    for changed in ({"embedder": "other"}, {"half_precision": True}):
        embed = Embed()
        make_store(chunks, embed, **changed)
        assert len(embed.seen) == 2, changed
    make_store(chunks)
    for language, n_with_word in (("english", 2), ("simple", 1), ("english", 2)):
        store = make_store(chunks, embed := Embed(), language=language)
        assert not embed.seen and len(store.hybrid("lamp", Embed()(["x"])[0], 1.0)) == n_with_word


def test_each_document_is_searched_in_its_language_and_scripts_without_spaces_by_characters(make_store):
    texts = {
        "de": "Die Fähren legen ab.",
        "en": "The ferries leave.",
        "zh": "渡轮从六号码头出发。",
        "ko": "배는 부두에서 떠난다",
    }
    chunks = passages(**texts, none="Ferries: 12.").with_columns(language=pl.Series([*texts, None]))
    store, vector = make_store(chunks, language=None), Embed()(["x"])[0]

    def by_words(question: str) -> list[str]:
        return ids(store.hybrid(question, vector, 1.0))

    assert by_words("die Fähre") == ["de"]
    assert set(by_words("a ferry")) == {"en"}, (
        "one of each language: the first by name is that of documents that do not tell"
    )
    assert by_words("码头在哪里") == ["zh"] and by_words("부두") == ["ko"]
    more = pl.concat([chunks, passages(more="It is late, and the ferries wait.").with_columns(language=pl.lit("en"))])
    store.sync(more)
    assert set(by_words("a ferry")) == {"en", "none", "more"}, "most passages are English now"


def test_the_counts_of_words_follow_the_passages(make_store):
    store = make_store(passages("red lamp", "blue lamp"))
    store.sync(passages(c1="green lamp", c7="red ship lamp"))
    counts = dict(store.connection.execute("SELECT lexeme, passages FROM lexemes WHERE passages <> 0").fetchall())
    assert counts == {"h": 2, "lamp": 2, "green": 1, "red": 1, "ship": 1}


@pytest.mark.parametrize(("words_read", "is_read"), [(6, True), (5, False)])
def test_the_rarest_words_choose_the_passages_and_all_words_rank_them(make_store, monkeypatch, words_read, is_read):
    texts = [f"a fee in the many long words of plan {n}" for n in range(4)] + [f"ship {n}" for n in range(5)]
    store, vector = make_store(passages(*texts, "a fee of the ship"), depth=3), Embed()(["x"])[0]
    monkeypatch.setattr("parts.retrieval.passage_store.WORDS_READ", words_read)
    hits = store.hybrid("fee or ship", vector, 1.0)
    assert hits[0] == ("c9", 1.0) and len(hits) == 3, "of the passages chosen, each is scored by all of the words"
    assert (hits[1][0] in ("c4", "c5", "c6", "c7", "c8")) == is_read, "more short ones would be before the long ones"


def test_a_word_that_very_many_passages_have_is_read_where_no_rarer_ones_fill_the_list(make_store, monkeypatch):
    texts = [f"the plan of year {n}" for n in range(40)] + ["a plan with a fee", "a fee", "a fee of the ship"]
    store, vector = make_store(passages(*texts), depth=43), Embed()(["x"])[0]
    every = store.hybrid("plan or fee", vector, 1.0)
    monkeypatch.setattr("parts.retrieval.passage_store.WORDS_READ", 3)
    assert store.hybrid("plan or fee", vector, 1.0) == every and len(every) == 43


def test_words_match_whatever_else_the_question_has_and_rare_ones_count_most(make_store):
    texts = ["The fee of the plan is due.", "The plan covers travel.", "The plan ends in May.", "Nothing of the kind."]
    store = make_store(passages(*texts, heading="Plan"))
    nothing = np.zeros(8, "float32")
    assert ids(store.hybrid("Does anybody know whether the plan is covering travels?", nothing, 1.0))[0] == "c1"
    assert set(ids(store.hybrid("plan", nothing, 1.0))) == {"c0", "c1", "c2", "c3"}, "a heading's words count"


def test_two_words_at_the_distance_of_the_question_count_a_third_of_a_word_that_those_passages_have(make_store):
    texts = ["fee of a plan", "plan and a fee", "fee in the plan", "fee or plan", "ship", "lamp"]
    store, nothing = make_store(passages(*texts)), np.zeros(8, "float32")
    idf = {n: np.log(1 + (6 - n + 0.5) / (n + 0.5)) for n in (2, 4)}
    hits = dict(store.hybrid("the fee of the plan", nothing, 1.0))
    together, apart = 2 * idf[4] + 0.3 * idf[2], 2 * idf[4]
    assert hits["c0"] == hits["c2"] == 1.0, "stop words are a distance"
    assert hits["c1"] == hits["c3"] == pytest.approx(apart / together), "in another order, at another distance"


@pytest.mark.parametrize(
    "question", ["", "the of", "it's a \\ 'quoted' & | ! <-> ( :* thing", "%s %(vector)s {x}", "é\n\t"]
)
def test_any_question_is_words_and_never_an_operator(make_store, question):
    store = make_store(passages("It's a quoted thing", "another"))
    assert len(store.hybrid(question, store.embed(["x"])[0], 0.5)) == 2


def test_hybrid_search_is_a_convex_sum_of_the_scores_of_what_either_search_has_among_its_best(make_store):
    texts = {f"c{n:02}": f"alpha {n}" for n in range(30)}
    store = make_store(passages(**texts), embed := Embed(), depth=10)
    vector, question = embed(["q"])[0], "alpha 3 7 12"
    by_words, cosine = dict(store.hybrid(question, vector, 1.0)), dict(store.nearest(vector, 30))
    assert max(by_words.values()) == pytest.approx(1) and min(by_words.values()) > 0
    every_word = dict(store.hybrid(question, vector, 0.5))
    candidates = {*by_words, *ids(store.nearest(vector))}
    rest = min(by_words.values())  # of the passages that have alpha alone, which are alike
    nearest = max(cosine.values())
    wanted = {c: 0.5 * by_words.get(c, rest) + 0.5 * max(cosine[c], 0) / nearest for c in candidates}
    assert every_word == {c: pytest.approx(s) for c, s in sorted(wanted.items(), key=lambda w: (-w[1], w[0]))[:10]}
    only = store.hybrid(question, vector, 0.0)
    assert ids(only) == [c for c, _ in store.nearest(vector)] and all(score >= 0 for _, score in only)


def test_what_is_glued_together_is_found_by_its_parts(make_store):
    glued = ["See ERR-4021.", "Employee/Spouse: $1,500.25", "Set it in config/pump.yaml.", "Nothing of the kind."]
    store, nothing = make_store(passages(*glued)), np.zeros(8, "float32")
    for question, wanted in (
        ("4021", "c0"),
        ("spouse", "c1"),
        ("1500.25", "c1"),
        ("the pump", "c2"),
        ("yaml", "c2"),
        ("$1,500.25", "c1"),
        ("pump.yaml", "c2"),
    ):
        assert ids(store.hybrid(question, nothing, 1.0)) == [wanted], question
    assert ids(store.hybrid("err-4021", nothing, 1.0)) == ["c0"]


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


def test_processes_that_find_a_new_database_at_once_make_the_extension_once(connection):
    connection.execute("CREATE DATABASE bare")
    dsn, errors = psycopg.conninfo.make_conninfo(connection.info.dsn, dbname="bare"), []
    start = threading.Barrier(8)

    def create() -> None:
        with psycopg.connect(dsn, password=connection.info.password, autocommit=True) as own:
            start.wait()
            try:
                postgres._create_extension(own)
            except psycopg.Error as error:
                errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.execute("DROP DATABASE bare")
    assert not errors


def test_connections_that_are_given_one_session_are_refused(connection):
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as other:
        postgres._refuse_shared(connection, other)
    with pytest.raises(UserError, match="pool_mode = session"):
        postgres._refuse_shared(connection, connection)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pgbouncer"), reason="needs the program pgbouncer")
def test_a_pooler_serves_by_session_and_is_refused_by_transaction(monkeypatch, postgres_folder):
    with over_tcp(postgres_folder.with_name("behind_pooler"), "sesame") as dsn:
        with pooled(dsn, "sesame", "session", postgres_folder.with_name("by_session")) as url:
            monkeypatch.setenv("CLOSEDBOOK_DSN", url)
            with postgres.connect() as first, postgres.connect() as second:
                stores = [PassageStore(each, name, knobs(), Embed()) for each, name in ((first, "a"), (second, "b"))]
                for store, texts in zip(stores, (["one"], ["two", "three"]), strict=True):
                    store.hold(passages(*texts))
                assert [store.manifest()["rows"] for store in stores] == [1, 2]
        with pooled(dsn, "sesame", "transaction", postgres_folder.with_name("by_transaction")) as url:
            monkeypatch.setenv("CLOSEDBOOK_DSN", url)
            with pytest.raises(UserError, match="pool_mode = session") as error, postgres.connect():
                pass
    assert "sesame" not in str(error.value)
