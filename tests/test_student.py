"""A student of another architecture can be fine-tuned and answers: a tiny Qwen3 with its own chat template."""

import importlib.util
import json
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from parts.answering.transformers_engine import Engine
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.student import dataset, finetune
from parts.student.model import load, token_counter, tokenizer
from parts.text import answer_format
from tests.helpers.tiny_training import RECIPE, digest, rows, train


@pytest.fixture(scope="module")
def qwen_tokenizer(qwen_chat):
    return qwen_chat.tokenizer


def test_texts_are_counted_a_part_at_a_time_and_each_once(qwen_tokenizer, monkeypatch):
    texts = ["word " * n for n in range(7)]
    alone = [len(qwen_tokenizer(text, add_special_tokens=False).input_ids) for text in texts]
    monkeypatch.setattr("parts.student.model.AT_ONCE", 3)
    assert token_counter(qwen_tokenizer)(texts) == alone and token_counter(qwen_tokenizer)([]) == []


def test_weights_that_do_not_fit_are_told_in_one_line(qwen, monkeypatch):
    import torch

    def fill(*args) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", fill)
    with pytest.raises(UserError, match=f"memory of the device is full: the weights of {qwen} do not fit"):
        load(str(qwen))


def test_the_loss_is_on_the_completion_and_its_end_token_alone(qwen_tokenizer, qwen_chat):
    for row, encoded in zip(rows(), dataset.encode(rows(), qwen_chat, 512).rows, strict=True):
        own = [
            token
            for token, label in zip(encoded["input_ids"], encoded["labels"], strict=True)
            if label != dataset.IGNORED
        ]
        assert own[-1] == qwen_tokenizer.eos_token_id
        completion = qwen_tokenizer.decode(own[:-1])
        if row["generator"] == "replay":
            assert completion == "so"
            assert "as it stands" in qwen_tokenizer.decode(encoded["input_ids"])
            assert "Question:" not in qwen_tokenizer.decode(encoded["input_ids"])
        elif row["kind"] == "qa":
            assert completion == answer_format.format_answer(row["reasoning"], row["completion"])
            prompt = qwen_tokenizer.decode(encoded["input_ids"][: -len(own)])
            assert prompt.endswith("<|im_start|>assistant\n")
            assert f"Question: {row['prompt']}" in prompt
        else:
            assert completion == row["completion"]
            assert len(own) == len(encoded["input_ids"])


def test_a_row_counts_as_many_tokens_as_training_reads_without_what_the_chat_template_adds(qwen_tokenizer, qwen_chat):
    count = token_counter(qwen_tokenizer)
    encoded = dataset.encode(rows(), qwen_chat, 512).rows
    for row, example, n_tokens in zip(rows(), encoded, dataset.trained_tokens(rows(), count), strict=True):
        n_loss = sum(label != dataset.IGNORED for label in example["labels"])
        assert n_tokens == count([row["prompt"]])[0] + n_loss
        assert n_tokens == len(example["input_ids"]) if row["kind"] == "document" else n_tokens > n_loss
    assert dataset.trained_tokens([rows()[0] | {"completion": ""}], count) == [0]


def test_the_loss_is_on_the_prompts_too_where_the_recipe_says_so(qwen_chat):
    for row in dataset.encode(rows(), qwen_chat, 512, completion_only_loss=False).rows:
        assert row["labels"] == row["input_ids"]


def test_a_training_row_has_the_prompt_of_a_closed_book_arm(qwen_tokenizer, qwen, qwen_chat):
    row = rows()[0]
    encoded = dataset.encode([row], qwen_chat, 512).rows[0]
    prompt = Engine(str(qwen), qwen_chat, 8, 512).prompt(row["prompt"], [])[0]
    ids = qwen_tokenizer(prompt, add_special_tokens=False).input_ids
    assert encoded["input_ids"][: len(ids)] == ids
    assert encoded["labels"][len(ids)] != dataset.IGNORED


@pytest.fixture(scope="module")
def tuned(qwen, tmp_path_factory):
    home = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        metrics = train(qwen, RECIPE, "adapter")
    return home, metrics


@pytest.mark.slow
def test_training_lowers_the_loss_and_logs_it(tuned):
    home, metrics = tuned
    losses = pl.read_csv(home / "loss.tsv", separator="\t")
    assert metrics["steps"] == 36
    assert losses["loss"][-1] < losses["loss"][0] * 0.8
    assert metrics["dev_loss"] is not None
    assert metrics["rows_cut"] == 0


@pytest.mark.slow
def test_the_adapter_is_safetensors_alone_and_answers_differently_from_the_base(tuned, qwen, monkeypatch, qwen_chat):
    home, _ = tuned
    monkeypatch.chdir(home)
    assert {path.suffix for path in Path("adapter").iterdir()} == {".safetensors", ".json"}
    assert not Path(".cache/train").exists() or not list(Path(".cache/train").iterdir())
    questions = ["How many days, 3?", "How many days, 7?"]
    responses = {}
    for model in (str(qwen), "adapter"):
        engine = Engine(model, qwen_chat, 12, 512)
        responses[model] = [r.text for r in engine.respond([engine.prompt(q, [])[0] for q in questions], 2)]
    assert responses["adapter"] != responses[str(qwen)]


@pytest.mark.slow
def test_a_merged_adapter_has_the_logits_of_the_unmerged_one(tuned, qwen, qwen_tokenizer, monkeypatch):
    import torch
    from peft import PeftModel

    monkeypatch.chdir(tuned[0])
    merged, unmerged = load("adapter"), PeftModel.from_pretrained(load(str(qwen)), "adapter")
    ids = qwen_tokenizer(["How many days, 3?"], return_tensors="pt").input_ids
    with torch.inference_mode():
        logits, wanted, base = (model(input_ids=ids).logits for model in (merged, unmerged, load(str(qwen))))
    assert torch.allclose(logits, wanted, atol=1e-4) and not torch.allclose(logits, base, atol=1e-2)
    assert not any("lora" in name for name, _ in merged.named_parameters())


@pytest.mark.slow
def test_all_weights_can_be_trained_and_answer(qwen, tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    whole = RECIPE.model_copy(update={"lora_r": None, "num_train_epochs": 1})
    metrics = train(qwen, whole, "tuned")
    base, tuned = load(str(qwen)), load("tuned")
    assert metrics["trainable_parameters"] == sum(p.numel() for p in base.parameters())
    assert {path.suffix for path in Path("tuned").iterdir()} == {".safetensors", ".json"}
    assert not torch.equal(tuned.get_input_embeddings().weight, base.get_input_embeddings().weight)


@pytest.mark.slow
def test_activations_that_are_computed_again_give_the_same_bytes(qwen, tuned, tmp_path, monkeypatch):
    from trl import SFTTrainer

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOSEDBOOK_GRADIENT_CHECKPOINTING", "1")
    on, train_all = [], SFTTrainer.train

    def training(self, *args, **rest):
        output = train_all(self, *args, **rest)
        on.append(self.model.is_activation_checkpointing)
        return output

    monkeypatch.setattr(SFTTrainer, "train", training)
    train(qwen, RECIPE, "adapter")
    assert on == [True]
    assert digest(Path("adapter")) == digest(tuned[0] / "adapter")


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["use_rslora", "use_dora"])
def test_a_variant_of_lora_is_in_the_adapter_and_merges(variant, qwen, tuned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metrics = train(qwen, RECIPE.model_copy(update={variant: True}), "adapter")
    assert json.loads(Path("adapter/adapter_config.json").read_text())[variant]
    assert metrics["train_loss"] != tuned[1]["train_loss"]
    assert not any("lora" in name for name, _ in load("adapter").named_parameters())


@pytest.mark.slow
def test_a_step_of_two_batches_is_a_step_of_one_batch_with_the_rows_of_both(qwen, qwen_chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    losses = []
    for size, batches in ((4, 2), (8, 1)):
        update = {"per_device_train_batch_size": size, "gradient_accumulation_steps": batches}
        recipe = RECIPE.model_copy(update=update | {"num_train_epochs": 1})
        data = dataset.TrainingData(dataset.encode(rows(), qwen_chat, 512).rows[:24], [], list(range(24)), size, 0)
        values, _ = finetune.finetune(
            Student(model=str(qwen)), qwen_chat, data, recipe, 1, Path("adapter"), Path("loss.tsv")
        )
        assert values["steps"] == 3
        losses.append(values["train_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


def test_four_bits_without_the_package_for_them_are_one_line(qwen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"^train\.load_in_4bit of params\.yaml needs the package bitsandbytes: pip install"
    ):
        train(qwen, RECIPE.model_copy(update={"load_in_4bit": True}), "adapter")


@pytest.mark.parametrize("key", ["use_rslora", "use_dora", "load_in_4bit"])
def test_what_only_an_adapter_has_is_refused_without_one(key):
    with pytest.raises(ValidationError, match="are for an adapter: set lora_r, or leave them false"):
        finetune.Recipe(**RECIPE.model_dump() | {"lora_r": None, key: True})


def test_answers_do_not_depend_on_the_batch_they_are_in(qwen, qwen_chat):
    engine = Engine(str(qwen), qwen_chat, 10, 512)
    prompts = [engine.prompt("word " * n + "?", [])[0] for n in (1, 30, 3, 60, 2)]
    together = engine.respond(prompts, batch=5)
    alone = [engine.respond([prompt], batch=1)[0] for prompt in prompts]
    assert [r.prompt_tokens for r in together] == [r.prompt_tokens for r in alone]
    assert [r.text for r in together] == [r.text for r in alone]
    assert all(r.new_tokens <= 10 for r in together)
    assert all(r.stopped or r.new_tokens == 10 for r in together)


def test_the_best_passage_is_last_and_passages_that_do_not_fit_are_left_out(qwen, qwen_tokenizer, qwen_chat):
    engine = Engine(str(qwen), qwen_chat, 4, 1000)
    passages = [("Best", "first passage"), ("Next", "second passage"), ("Worst", "third passage " * 40)]
    text, shown = engine.prompt("Where?", passages)
    assert shown == 3
    assert text.index("third") < text.index("second") < text.index("first") < text.index("Where?")
    room = len(qwen_tokenizer(engine.prompt("Where?", passages[:2])[0], add_special_tokens=False).input_ids)
    engine.max_prompt_tokens = room
    text, shown = engine.prompt("Where?", passages)
    assert (shown, "third" in text, "second" in text) == (2, False, True)
    engine.max_prompt_tokens = 1
    assert engine.prompt("Where?", passages)[1] == 0


def test_a_model_that_cannot_be_loaded_is_an_error(tmp_path):
    with pytest.raises(UserError, match="cannot load the model"):
        load(str(tmp_path / "none"))
    with pytest.raises(UserError, match="cannot load the model"):
        tokenizer(Student(model=str(tmp_path / "none")))


def test_weights_in_a_pickle_are_refused(tmp_path, qwen):
    import torch

    (tmp_path / "config.json").write_text((qwen / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot load the model"):
        load(str(tmp_path))


@pytest.mark.slow
def test_an_adapter_in_a_pickle_is_refused(tmp_path, tuned, monkeypatch):
    import torch

    monkeypatch.chdir(tuned[0])
    (tmp_path / "adapter_config.json").write_text(Path("adapter/adapter_config.json").read_text())
    torch.save({}, tmp_path / "adapter_model.bin")
    with pytest.raises(UserError, match="cannot load the model"):
        load(str(tmp_path))


@pytest.mark.slow
def test_the_adapter_names_its_base(tuned, qwen):
    config = json.loads((tuned[0] / "adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(qwen)
    assert config["target_modules"] == sorted(config["target_modules"]), "the same bytes in every process"


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"),
    [(100, 8, 3), (7, 8, 2), (33, 4, 0.5), (1, 16, 1), (31, 16, 1), (31, 16, 2), (50, 8, 1.5)],
)
def test_every_epoch_reads_every_row_at_most_once_in_batches_of_like_length(rows, batch, epochs):
    lengths = [n * 37 % 91 for n in range(rows)]
    read = dataset.order(lengths, batch, epochs, 1)
    assert read == dataset.order(lengths, batch, epochs, 1)
    assert max(read.count(row) for row in set(read)) <= max(1, math.ceil(epochs))
    assert len(read) >= min(rows, rows * epochs) - batch * max(1, epochs)
    if rows == 100:
        spread = [
            max(lengths[r] for r in part) - min(lengths[r] for r in part)
            for part in zip(*[iter(read)] * batch, strict=False)
        ]
        assert sum(spread) / len(spread) < 15


@settings(deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=70), st.integers(1, 16), st.sampled_from([1, 1.5, 2, 3]))
def test_every_row_is_read_and_all_batches_but_the_last_are_full(lengths, batch, epochs):
    read = dataset.order(lengths, batch, epochs, 1)
    assert set(read) == set(range(len(lengths)))
    if len(lengths) >= batch:
        batches = [read[start : start + batch] for start in range(0, len(read), batch)]
        assert all(len(set(rows)) == len(rows) for rows in batches)


def test_a_row_that_fills_no_batch_is_drawn_by_lot_and_not_for_its_length():
    last = [dataset.order([*range(1, 34)], 4, 1, seed)[-1] for seed in range(60)]
    assert last.count(32) < 10 and len(set(last)) > 15, "one row of 33 comes alone, at the end"


def test_a_question_that_is_too_long_is_left_out_and_counted_and_is_never_cut(qwen_chat):
    encoded = dataset.encode(rows(), qwen_chat, 512).rows
    longest = max(len(row["input_ids"]) for row in encoded)
    shorter = dataset.encode(rows(), qwen_chat, longest - 1)
    assert shorter.too_long > 0 and len(shorter.rows) == len(encoded) - shorter.too_long
    assert shorter.rows == [row for row in encoded if len(row["input_ids"]) < longest]
    recipe = RECIPE.model_copy(update={"max_length": 16})
    with pytest.raises(UserError, match=r"no training row is left: 13 are longer than train\.max_length .*16 tokens"):
        dataset.pairs_data([row for row in rows() if row["kind"] == "qa"], qwen_chat, recipe, 1)


@pytest.mark.parametrize(("lora_r", "dtype"), [(None, "torch.float32"), (4, "None")])
def test_all_weights_are_trained_in_float32_whatever_they_answer_in(qwen, tmp_path, monkeypatch, lora_r, dtype):
    """Steps are smaller than bfloat16 can add; autocast multiplies in it. An adapter beside bfloat16 is in float32."""

    class Loaded(Exception):
        pass

    def loading(model, dtype, **rest):
        raise Loaded(str(dtype))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finetune, "load", loading)
    with pytest.raises(Loaded, match=dtype):
        train(qwen, RECIPE.model_copy(update={"lora_r": lora_r}), "adapter")


def test_weights_are_loaded_in_the_precision_asked_for(qwen, adapter):
    import torch

    assert load(str(qwen)).dtype == torch.float32
    for model in (qwen, adapter):
        assert load(str(model), dtype=torch.bfloat16).dtype == torch.bfloat16


PASSAGES = [{"heading": f"Guide > Part {n}", "text": f"Lamp {n} costs {n} euros." * (1 + n % 3)} for n in range(8)]


def studied_rows() -> list[dict]:
    """Return 48 rows on the documents, 24 to replay and one held out."""
    row = {"kind": "qa", "reasoning": "", "generator": "qa", "split": "train"}
    own = [row | {"prompt": f"How many days, {n}?", "completion": f"{n} days"} for n in range(48)]
    replayed = [row | {"prompt": f"Say {n}", "completion": "so", "generator": "replay"} for n in range(24)]
    return [*own, *replayed, own[0] | {"split": "dev"}]


def share_replayed(data: dataset.TrainingData, replayed: list[list[int]]) -> float:
    read = [data.train[row]["input_ids"] for row in data.order]
    return sum(len(ids) for ids in read if ids in replayed) / data.tokens


def test_the_documents_are_read_as_plain_text_for_as_many_tokens_as_the_rows_with_the_same_share_replayed(qwen_chat):
    qwen_tokenizer = qwen_chat.tokenizer
    studied = dataset.pairs_data(studied_rows(), qwen_chat, RECIPE, 1)
    raw = dataset.raw_data(PASSAGES, studied_rows(), qwen_chat, RECIPE, 1)
    assert studied.tokens <= raw.tokens < studied.tokens + 4 * max(len(row["input_ids"]) for row in raw.train)
    texts = [qwen_tokenizer.decode(row["input_ids"][:-1]) for row in raw.train[: len(PASSAGES)]]
    assert texts == [f"{p['heading']}\n{p['text']}" for p in PASSAGES]
    assert all(row["labels"] == row["input_ids"] for row in raw.train[: len(PASSAGES)])
    assert raw.dev == studied.dev
    replayed = [row["input_ids"] for row in raw.train[len(PASSAGES) :]]
    assert share_replayed(raw, replayed) == pytest.approx(share_replayed(studied, replayed), abs=0.05)
    counts = [raw.order.count(row) for row in range(len(raw.train))]
    assert min(counts) > 0, "every passage and every row to replay is read"
    batches = zip(*[iter(raw.order)] * RECIPE.per_device_train_batch_size, strict=True)
    assert all(len(set(batch)) == len(batch) for batch in batches), "no passage is twice in a batch"
    assert raw == dataset.raw_data(PASSAGES, studied_rows(), qwen_chat, RECIPE, 1)
    assert raw.order != dataset.raw_data(PASSAGES, studied_rows(), qwen_chat, RECIPE, 2).order


def test_documents_longer_than_all_rows_are_read_in_part(qwen_chat):
    long = [passage | {"text": passage["text"] * 9} for passage in PASSAGES * 20]
    studied = dataset.pairs_data(studied_rows()[:9], qwen_chat, RECIPE, 1)
    raw = dataset.raw_data(long, studied_rows()[:9], qwen_chat, RECIPE, 1)
    assert studied.tokens <= raw.tokens < studied.tokens + 4 * 512


def test_keys_that_a_recipe_leaves_at_their_defaults_change_no_key_of_a_training(qwen, qwen_chat):
    """Else every training that an experiment has in its cache would be done again when the recipe gets a key."""
    data = dataset.pairs_data(rows(), qwen_chat, RECIPE, 1)
    key = finetune.training_key(str(qwen), RECIPE, 1, data)
    assert key == finetune.training_key(str(qwen), finetune.Recipe(**RECIPE.model_dump()), 1, data)
    assert key != finetune.training_key(str(qwen), RECIPE.model_copy(update={"use_dora": True}), 1, data)


def test_a_seed_makes_another_training_and_another_list_of_seeds_does_not(qwen, qwen_chat):
    data = dataset.pairs_data(rows(), qwen_chat, RECIPE, 1)
    key = finetune.training_key(str(qwen), RECIPE, 1, data)
    assert key == finetune.training_key(str(qwen), RECIPE.model_copy(update={"seeds": [1, 2]}), 1, data)
    assert key != finetune.training_key(str(qwen), RECIPE, 2, data)
