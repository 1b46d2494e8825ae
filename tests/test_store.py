"""pgvector finds what numpy finds, embeds only what changed, and a wrong address is told."""

import os

import numpy as np
import polars as pl
import pytest

from parts import store
from parts.errors import Mistake
from parts.retrievers import dense, gold, none
from schemas.chunks import Chunks
from schemas.questions import Questions
from stages.retrieve import measure
from tests.postgres import over_tcp

WIDTH = 8


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store on an embedded Postgres of its own."""
    folder = tmp_path_factory.mktemp("postgres")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CLOSEDBOOK_DSN", raising=False)
        patch.setattr(store, "FOLDER", folder)
        with store.connect() as found:
            yield found


class Embed:
    """Vectors that depend on the text alone; remembers what it was given."""

    def __init__(self):
        self.seen: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.seen += texts
        return np.stack([np.random.default_rng(sum(text.encode())).normal(size=WIDTH) for text in texts]).astype(
            "float32"
        )


def test_the_nearest_are_those_that_numpy_finds(kept):
    embed, texts = Embed(), {f"c{n}": f"text {n}" for n in range(200)}
    kept.index("t1", texts, embed, WIDTH)
    matrix = embed(list(texts.values()))
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    vector = embed(["a question"])[0]
    likeness = matrix @ vector / np.linalg.norm(vector)
    wanted = sorted(zip(texts, likeness, strict=True), key=lambda row: (-row[1], row[0]))[:10]
    found = kept.nearest("t1", vector, 10)
    assert [chunk_id for chunk_id, _ in found] == [chunk_id for chunk_id, _ in wanted]
    assert [score for _, score in found] == pytest.approx([score for _, score in wanted], abs=1e-5)


def test_only_what_changed_is_embedded_and_what_is_gone_is_deleted(kept):
    embed = Embed()
    assert kept.index("t2", {"a": "one", "b": "two", "c": "three"}, embed, WIDTH) == 3
    embed.seen.clear()
    assert kept.index("t2", {"a": "one", "b": "TWO", "d": "four"}, embed, WIDTH) == 2
    assert embed.seen == ["TWO", "four"]
    assert {chunk_id for chunk_id, _ in kept.nearest("t2", embed(["x"])[0], 10)} == {"a", "b", "d"}
    assert kept.index("t2", {"a": "one", "b": "TWO", "d": "four"}, embed, WIDTH) == 0


def test_a_table_name_is_never_sql(kept):
    kept.index('x"; DROP TABLE t1; --', {"a": "one"}, Embed(), WIDTH)
    assert kept.connection.execute("SELECT count(*) FROM t1").fetchone() == (200,)


@pytest.mark.parametrize("dsn", ["postgresql://nobody@127.0.0.1:9/none", "not a dsn"])
def test_a_wrong_dsn_is_told_in_one_line(monkeypatch, dsn):
    monkeypatch.setenv("CLOSEDBOOK_DSN", dsn)
    with pytest.raises(Mistake, match="CLOSEDBOOK_DSN cannot be used"), store.connect():
        pass


def test_a_server_over_tcp_serves_who_has_the_password_and_tells_who_has_not(monkeypatch, tmp_path):
    texts = {"a": "one", "b": "two"}
    with over_tcp(tmp_path, "open:sesame") as dsn:
        monkeypatch.setenv("CLOSEDBOOK_DSN", dsn.replace("reader@", "reader:open%3Asesame@"))
        with store.connect() as found:
            assert found.index("t", texts, Embed(), WIDTH) == 2
        with store.connect() as again:
            assert again.index("t", texts, Embed(), WIDTH) == 0
            assert again.nearest("t", Embed()(["two"])[0], 1)[0][0] == "b"
        monkeypatch.setenv("CLOSEDBOOK_DSN", os.environ["CLOSEDBOOK_DSN"].replace("/passages", "/plain"))
        with pytest.raises(Mistake, match="CREATE EXTENSION vector"), store.connect():
            pass
        monkeypatch.setenv("CLOSEDBOOK_DSN", dsn.replace("reader@", "reader:close%3Asesame@"))
        with pytest.raises(Mistake, match="password authentication failed") as told, store.connect():
            pass
    assert "sesame" not in str(told.value)


def question(question_id: str, text: str, *gold_ids: list[str]) -> dict:
    row = {
        "question_id": question_id,
        "doc_id": None,
        "kind": "fact",
        "question": text,
        "options": None,
        "reference": "x",
    }
    return row | {"answerable": True, "gold_chunk_ids": list(gold_ids)}


def passages(*texts: str) -> pl.DataFrame:
    return Chunks.frame([
        {"chunk_id": f"c{n}", "doc_id": "d", "start": n * 100, "end": n * 100 + 1, "page": 1, "heading": "H", "text": text}
        | {"n_tokens": 1}
        for n, text in enumerate(texts)
    ])  # fmt: skip


def test_dense_retrieval_finds_the_passage_that_answers(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    texts = passages("The lamp is painted red.", "Lunch costs five euros.", "The office opens at seven in the morning.")
    asked = Questions.frame(
        [question("q1", "When can I get in?", ["c2"]), question("q2", "What is the price of a meal?", ["c1"])]
    )
    found = dense.retrieve(asked, texts, store.Params(embedder="all-MiniLM-L6-v2", depth=2))
    assert found.filter(rank=1)["chunk_id"].to_list() == ["c2", "c1"]
    assert found.group_by("question_id").len()["len"].to_list() == [2, 2]
    assert measure(found, asked)["recall_at_1"] == 1


def test_the_oracle_gets_one_passage_of_each_piece_of_evidence_first():
    asked = Questions.frame([question("q", "?", ["c0", "c1"], ["c2"], ["c0"])])
    found = gold.retrieve(asked, passages("a", "b", "c"), store.Params(embedder="x", depth=1))
    assert found["chunk_id"].to_list() == ["c0", "c2", "c1"]


def test_recall_counts_pieces_of_evidence_and_only_questions_that_have_some():
    asked = Questions.frame(
        [question("q1", "?", ["c0", "c1"], ["c5"]), question("q2", "?", ["c9"]), question("q3", "?")]
    )
    rows = [("q1", rank, f"c{rank}") for rank in range(1, 7)] + [("q2", 1, "c1"), ("q3", 1, "c1")]
    contexts = none.Contexts.frame(
        [dict(zip(("question_id", "rank", "chunk_id", "score"), (*row, 1.0), strict=True)) for row in rows]
    )
    found = measure(contexts, asked)
    assert found["recall_at_1"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["recall_at_4"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["recall_at_8"] == pytest.approx((2 / 2 + 0) / 2)
    assert found["mrr"] == pytest.approx((1 + 0) / 2)
    assert found["questions_with_evidence"] == 2
