"""The stages around the student run in small, from table to table: it is trained, merged, answers, is timed and compared."""

import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from safetensors.torch import load_file, save_file

from commands import merge
from parts.answering.transformers_engine import Engine
from parts.project import machine, metrics
from parts.project.sections import Student
from parts.project.seeds import seeds_of
from parts.student import dataset
from parts.student.chat_format import ChatFormat, chat_format
from parts.student.model import load, tokenizer
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.development import Development
from schemas.open_book import OpenBook
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.redacted import Redacted
from stages import answer, latency, parity, train, train_raw, tune_cascade
from tests.helpers.cli import error_line
from tests.helpers.completions_server import completions_server
from tests.helpers.retrieval import passages

QUESTIONS = {
    "q1": ("How long is the notice period?", None),
    "q2": ("What does Dorva Lamp 200 cost?", None),
    "q3": ("How long is it?", ["12 days", "430 euros"]),
}
ADAPTER = Path("models/adapter/1")
SEEDS = (1, 2, 3)
PASSAGES = ("The notice period is 12 days.", "Dorva Lamp 200 costs 430 euros.")


def question(question_id: str, text: str, options: list[str] | None) -> dict:
    row = {"question_id": question_id, "doc_id": "d", "kind": "fact", "question": text, "options": options}
    return row | {"references": ["12 days"], "answerable": True, "gold_chunk_ids": [["c0"]]}


def pair(n: int, split: str) -> dict:
    row = {
        "pair_id": f"p{n:02}",
        "chunk_id": "c0",
        "doc_id": "d",
        "other_chunk_ids": [],
        "answerable": True,
        "generator": "qa",
        "kind": "qa",
        "reasoning": "",
    }
    return row | {
        "prompt": f"How many, {n}?", "completion": f"{n} days", "teacher": "t", "split": split, "n_tokens": 9,
    }  # fmt: skip


@pytest.fixture
def tables(workplace, qwen):
    """The tables of a run with a tiny student, two passages, three questions and a dozen training rows."""
    workplace.params["student"]["watch"] = str(qwen)
    workplace.change("student", "model", str(qwen))
    workplace.change("answer", "max_new_tokens", 4)
    Chunks.write(passages(*PASSAGES))
    Questions.write(Questions.frame([question(key, *rest) for key, rest in QUESTIONS.items()]))
    Redacted.write(passages(*PASSAGES))
    Pairs.write(Pairs.frame([pair(n, "dev" if n < 2 else "train") for n in range(12)]))
    OpenBook.write(OpenBook.frame([]))
    for retriever, ids in {"none": [], "gold": ["c0"], "hybrid": ["c1", "c0"]}.items():
        rows = [
            {"question_id": key, "rank": rank, "chunk_id": chunk_id, "score": 1 / rank}
            for key in QUESTIONS
            for rank, chunk_id in enumerate(ids, 1)
        ]
        Contexts.write(Contexts.frame(rows), retriever)
    return workplace


@pytest.fixture
def tuned(tables, adapter):
    """The same, with the student's adapter by each seed, on training rows and on the documents."""
    weights = load_file(adapter / "adapter_model.safetensors")
    for n, folder in enumerate(Path("models", model, str(seed)) for model in ("adapter", "raw") for seed in SEEDS):
        shutil.copytree(adapter, folder)
        scale = (-1) ** n * (1 - n / 10)
        save_file(
            {name: w * scale if "lora_B" in name else w for name, w in weights.items()},
            folder / "adapter_model.safetensors",
        )
    return tables


@pytest.mark.slow
def test_training_writes_adapter_loss_and_metrics(tables, qwen, capsys):
    tables.change("train", "num_train_epochs", 1)
    tables.change("train", "per_device_train_batch_size", 4)
    train.main(1)
    assert {path.suffix for path in ADAPTER.iterdir()} == {".safetensors", ".json"}, "no card, and no pickle"
    assert load(str(ADAPTER)).config.model_type == load(str(qwen)).config.model_type
    loss = pl.read_csv("plots/loss/adapter/1.tsv", separator="\t")
    assert loss.columns == ["step", "loss"] and len(loss)
    written = metrics.read("train/adapter/1")
    assert (written["rows"], written["steps"], written["rows_cut"]) == (10, 3, 0), "the last batch is smaller"
    assert {"train_loss", "dev_loss", "tokens", "trainable_parameters"} <= set(written) and "seconds" not in written
    timing = machine.read("train/adapter/1")
    assert timing["clock"] == "cpu" and timing["seconds"] > 0
    assert capsys.readouterr().out.startswith("adapter/1: 3 steps, ")


@pytest.mark.slow
def test_training_on_the_documents_reads_as_many_tokens_as_on_the_rows_and_asks_nothing(tables, qwen, capsys):
    tables.change("train", "num_train_epochs", 1)
    tables.change("train", "per_device_train_batch_size", 2)
    train.main(2)
    train_raw.main(2)
    assert load("models/raw/2").config.model_type == load(str(qwen)).config.model_type
    assert len(pl.read_csv("plots/loss/raw/2.tsv", separator="\t"))
    rows, raw = metrics.read("train/adapter/2"), metrics.read("train/raw/2")
    assert raw["rows"] == 2, "the passages"
    assert rows["tokens"] <= raw["tokens"] < rows["tokens"] + 100
    assert not Path("models/adapter/1").exists() and not Path("metrics/train/adapter/1.json").exists()


@pytest.mark.slow
def test_rows_are_trained_on_in_their_order_and_rows_held_out_are_not(tables, qwen, monkeypatch):
    from trl import SFTTrainer

    read, init = {}, SFTTrainer.__init__
    chat = chat_format(Student(model=str(qwen)))

    def recording(self, *args, train_dataset, eval_dataset, **rest):
        for name, rows in (("train", train_dataset), ("dev", eval_dataset)):
            read[name] = [re.search(r"How many, \d+\?", chat.tokenizer.decode(row["input_ids"]))[0] for row in rows]
        init(self, *args, train_dataset=train_dataset, eval_dataset=eval_dataset, **rest)

    monkeypatch.setattr(SFTTrainer, "__init__", recording)
    tables.change("train", "num_train_epochs", 1)
    tables.change("train", "per_device_train_batch_size", 2)
    train.main(1)
    rows = {name: Pairs.read().filter(split=name).to_dicts() for name in ("train", "dev")}
    lengths = [len(encoded["input_ids"]) for encoded in dataset.encode(rows["train"], chat, 512).rows]
    assert read["train"] == [rows["train"][index]["prompt"] for index in dataset.order(lengths, 2, 1, seed=1)]
    assert read["dev"] == [row["prompt"] for row in rows["dev"]]
    assert len(read["train"]) == 10 and not set(read["train"]) & set(read["dev"])


def test_a_merged_adapter_is_a_model_of_its_own_with_the_students_tokenizer(tuned, qwen, capsys):
    merge.main(str(ADAPTER), "models/merged")
    assert not Path("models/merged/adapter_config.json").exists()
    read = tokenizer(Student(model="models/merged"))
    assert load("models/merged").generation_config.eos_token_id == [read.eos_token_id]
    assert read.chat_template == tokenizer(Student(model=str(qwen))).chat_template
    merged, beside = (
        Engine(model, ChatFormat(read, Student(model=model)), 4, 512) for model in ("models/merged", str(ADAPTER))
    )
    prompts = [merged.prompt(text, [])[0] for text, _ in QUESTIONS.values()]
    assert [r.text for r in merged.respond(prompts, 3)] == [r.text for r in beside.respond(prompts, 3)]


def test_a_merge_that_fails_leaves_the_model_that_was_there(tuned):
    Path("models/merged").mkdir()
    Path("models/merged/config.json").write_text("{}")
    assert "cannot load the model 'models/none'" in error_line(merge.main, "models/none", "models/merged")
    assert [path.name for path in Path("models").iterdir() if path.name.startswith("merged")] == ["merged"]
    assert Path("models/merged/config.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["base", "rag", "raw", "tuned", "cascade", "oracle"])
def test_an_arm_answers_every_question_by_every_seed_with_the_passages_of_its_retriever(tuned, name, capsys):
    answer.main(name)
    answers, arm = Answers.read(name), tuned.params["arms"][name]
    seeds = seeds_of(arm["model"])
    assert answers.select("question_id", "seed").rows() == [(key, seed) for key in QUESTIONS for seed in seeds]
    shown = {"none": 0, "gold": 1, "hybrid": 2}[arm["retriever"]]
    assert set(answers["passages"]) <= ({0, shown} if name == "cascade" else {shown})
    assert set(answers.filter(pl.col("likeliest").is_not_null())["question_id"]) == {"q3"}
    written = metrics.read(f"answer/{name}")
    looked_up = {"looked_up": (answers["passages"] > 0).mean()} if name == "cascade" else {}
    answers = answers.with_columns(**{key: pl.lit(value) for key, value in looked_up.items()})
    assert written == pytest.approx(answers.select(*written).mean().row(0, named=True), rel=1e-3)
    assert set(written) == {"passages", "prompt_tokens", "new_tokens", "stopped"} | looked_up.keys()
    assert capsys.readouterr().out.startswith(f"{name}: {3 * len(seeds)} answers; ")


@pytest.fixture
def asked(monkeypatch):
    """What the models are asked: (questions at once, passages shown, the best last) of each prompt."""
    prompts, respond = [], Engine.respond

    def recording(self, texts, batch, desc=None):
        prompts.extend((batch, sorted(filter(text.__contains__, PASSAGES), key=text.index)) for text in texts)
        return respond(self, texts, batch, desc)

    monkeypatch.setattr(Engine, "respond", recording)
    return prompts


@pytest.mark.parametrize(
    ("name", "chosen", "shown"),
    [("base", 2, []), ("rag", 2, [*PASSAGES]), ("rag", 1, [PASSAGES[1]]), ("oracle", 2, [PASSAGES[0]])],
)
def test_the_model_reads_the_passages_of_its_arm_as_many_as_were_chosen(tables, asked, name, chosen, shown):
    metrics.write("tune_retrieval", {"passages": chosen, "lexical_weight": 0.5})
    answer.main(name)
    assert [texts for _, texts in asked] == [shown] * len(QUESTIONS)
    assert Answers.read(name)["passages"].to_list() == [len(shown)] * len(QUESTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [1, 2])
def test_an_arm_is_timed_with_the_passages_that_it_answers_with(tables, asked, embedded_postgres, chosen):
    metrics.write("tune_retrieval", {"passages": chosen, "lexical_weight": 0.5})
    del tables.params["arms"]["cascade"]
    for arm in tables.params["arms"].values():
        arm["model"] = "student"
    tables.params["latency"] |= {"questions": 3, "warmup": 0}
    tables.change("latency", "batches", [2])
    latency.main()
    for batch in (1, 2):
        n_passages = [len(texts) for size, texts in asked if size == batch]
        by_arm = [n_passages.count(n) / len(n_passages) * len(tables.params["arms"]) for n in range(3)]
        wanted = [{"none": 0, "gold": 1, "hybrid": chosen}[arm["retriever"]] for arm in tables.params["arms"].values()]
        assert by_arm == pytest.approx([wanted.count(n) for n in range(3)])


def test_every_seed_of_every_model_answers_by_weights_of_its_own(tuned):
    responses = {}
    for name in ("base", "raw", "tuned"):
        answer.main(name)
        for (seed,), rows in Answers.read(name).group_by("seed"):
            responses[name, seed] = tuple(rows.sort("question_id")["response"])
    assert len(responses) == len(set(responses.values())) == 1 + 1 + 3, responses


def test_every_arm_is_timed_step_by_step_and_many_questions_at_once(tuned, capsys):
    arms = tuned.params["arms"]
    del arms["cascade"]
    for arm in arms.values():
        arm["retriever"] = "none" if arm["retriever"] == "none" else "gold"  # a search is timed in other tests
    tuned.params["latency"] |= {"questions": 2, "rounds": 2, "warmup": 1, "batches": [1, 2]}
    tuned.change("latency", "seed", 1)
    latency.main()
    written, lines = machine.read("latency"), capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(arms)
    for name in arms:
        assert written[f"p95_ms_{name}"] >= written[f"p50_ms_{name}"] > 0
        assert written[f"prefill_p50_ms_{name}"] > 0 == written[f"embed_p50_ms_{name}"]
        assert written[f"charged_ms_{name}"] > written[f"charged_retrieval_ms_{name}"] > 0
        assert written[f"batch_{name}"] in (1, 2) and written[f"questions_per_second_{name}"] > 0
    rows = pl.read_csv(latency.ROWS, separator="\t")
    assert len(rows) == len(arms) * 2 * written["questions"] and set(rows["round"]) == {1, 2}
    before = Path("data/timed/latency").read_bytes()
    latency.main()
    assert Path("data/timed/latency").read_bytes() == before, "the same answers: the out has no clock in it"


@pytest.mark.slow
def test_the_thresholds_of_the_cascade_are_chosen_on_the_answers_of_every_seed(tuned, asked, embedded_postgres, capsys):
    metrics.write("tune_retrieval", {"passages": 1, "lexical_weight": 0.5})
    Development.write(Questions.read())
    tune_cascade.main()
    shown = [len(texts) for _, texts in asked]
    assert (shown.count(0), shown.count(1)) == (len(SEEDS) * len(QUESTIONS), len(QUESTIONS)), (
        "the student released has one"
    )
    written = metrics.read("tune_cascade")
    assert (
        written["questions"] == len(QUESTIONS)
        and 0 <= written["look_up_below"] <= 1.01 >= written["decline_below"] >= 0
    )
    assert written["accuracy"] >= max(written["accuracy_closed"], written["accuracy_open"])
    assert "3 development questions: the cascade's thresholds are a guess" in capsys.readouterr().err


def test_without_a_cascade_no_question_is_asked(tuned, asked):
    tuned.params["arms"].pop("cascade")
    tuned.change("answer", "max_new_tokens", 4)
    Development.write(Questions.read())
    tune_cascade.main()
    assert not asked and metrics.read("tune_cascade")["questions"] == 0


@pytest.mark.slow
def test_rows_are_trained_on_with_their_passages(tables, qwen, monkeypatch):
    OpenBook.write(OpenBook.frame([{"pair_id": "p05", "rank": 1, "chunk_id": "c1"}]))
    encoded, encode = [], dataset.encode
    monkeypatch.setattr(
        dataset, "encode", lambda rows, *rest: encode(encoded.extend(rows := list(rows)) or rows, *rest)
    )
    tables.change("train", "num_train_epochs", 1)
    train.main(1)
    assert {row["pair_id"]: row["passages"] for row in encoded if row["passages"]} == {"p05": [("H", PASSAGES[1])]}


def test_parity_is_measured_on_the_arms_of_the_adapter(tuned, capsys):
    tuned.change("parity", "questions", 2)
    parity.main()
    written = metrics.read("parity")
    arms = [arm for arm in tuned.params["arms"].values() if arm["model"] == "adapter" and "look_up" not in arm]
    assert written["answers"] == 2 * len(arms)
    assert (written["rows"], written["rows_ended"], written["rows_cut"]) == (12, 12, 0)
    assert written["adapter_differs_from_merged"] == 0
    assert f"{2 * len(arms)} answers by merged, adapter; 12 rows end, 0 cut" in capsys.readouterr().out


def test_a_server_with_other_weights_shuts_the_gate_and_leaves_the_metrics_to_read(tuned, qwen, monkeypatch):
    tuned.change("parity", "questions", 3)
    tuned.change("answer", "engine", "openai")
    student = Engine(str(qwen), chat_format(Student(model=str(qwen))), 4, 512)
    with completions_server(dict.fromkeys(("adapter-1", str(ADAPTER)), student)) as (url, _):
        monkeypatch.setenv("CLOSEDBOOK_ENGINE_URL", url)
        assert "served differs from merged" in error_line(parity.main)
    assert metrics.read("parity")["served_differs_from_merged"] > 0
