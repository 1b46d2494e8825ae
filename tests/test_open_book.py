"""A share of the training questions is put with the passages that retrieval finds for them, as an arm puts the exam's."""

import polars as pl
import pytest

from parts.project import metrics
from parts.student.dataset import open_book
from schemas.open_book import OpenBook
from schemas.pairs import Pairs
from stages import open_book as stage
from tests.helpers.retrieval import passages


def pair(n: int, prompt: str, completion: str, chunk_id: str | None, **changed) -> dict:
    row = {
        "pair_id": f"p{n}", "chunk_id": chunk_id, "doc_id": "d", "other_chunk_ids": [], "generator": "qa", "kind": "qa",
        "answerable": True, "prompt": prompt,
        "reasoning": "", "completion": completion, "teacher": "t", "split": "train", "n_tokens": 1,
    }  # fmt: skip
    return row | changed


def pairs(*rows: dict) -> pl.DataFrame:
    return Pairs.frame(list(rows))


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_about_the_share_of_the_questions_to_train_on_is_chosen(share):
    rows = [pair(n, f"What, {n}?", "x", "c1") for n in range(800)]
    rows += [pair(900, "dev?", "x", "c1", split="dev"), pair(901, "old?", "x", None, generator="replay")]
    chosen = stage.choose(pairs(*rows), share)
    assert len(chosen) == pytest.approx(share * 800, abs=40)
    assert not {"dev?", "old?"} & set(chosen["question"])
    assert stage.choose(pairs(*rows[::-1]), share).sort("question_id").equals(chosen.sort("question_id"))


def test_a_row_has_its_passages_with_the_best_last_and_others_have_none():
    rows = [{"pair_id": "a"}, {"pair_id": "b"}]
    shown = [{"pair_id": "a", "rank": 1, "chunk_id": "c1"}, {"pair_id": "a", "rank": 2, "chunk_id": "c0"}]
    chunks = [{"chunk_id": f"c{n}", "heading": "H", "text": f"{n}"} for n in range(2)]
    assert [row["passages"] for row in open_book(rows, shown, chunks)] == [[("H", "0"), ("H", "1")], []]


def test_the_passages_are_those_of_the_retriever_as_many_as_were_chosen(workplace, embedded_postgres):
    metrics.write("tune_retrieval", {"passages": 2, "lexical_weight": 0.5})
    chunks = passages("Lamp 1 costs 430 euros.", "Bern has 12 desks.", "The door is green.")
    from schemas.chunks import Chunks

    Chunks.write(chunks)
    Pairs.write(pairs(pair(1, "What does Lamp 1 cost?", "430 euros", chunks["chunk_id"][0])))
    workplace.change("open_book", "share", 1)
    stage.main()
    rows = OpenBook.read().sort("rank")
    assert rows["rank"].to_list() == [1, 2] and rows["chunk_id"][0] == chunks["chunk_id"][0]
    assert metrics.read("open_book") == {"questions": 1, "with_gold": 1}
    workplace.change("open_book", "share", 0)
    stage.main()
    assert OpenBook.read().is_empty() and OpenBook.read().schema["rank"] == pl.Int64
