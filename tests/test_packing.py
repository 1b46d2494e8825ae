"""Rows of a step that begin alike share their beginning, and have the loss that each has on its own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen3Config,
)
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from parts.student import packing
from parts.student.packing import IGNORED, pack, read_tokens, shared_prefix, sharing

SIZE = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SMALL_WINDOW = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
CONFIGS = {
    "llama": LlamaConfig(**SIZE),
    "qwen3": Qwen3Config(**SIZE, tie_word_embeddings=True),
    "mistral": MistralConfig(**SIZE, sliding_window=512),
    "gemma3": Gemma3TextConfig(**SIZE, sliding_window=512),
}
NOT_PACKED = {
    "gemma3 of a window shorter than a row": Gemma3TextConfig(**SIZE, **SMALL_WINDOW),
    "mamba": MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, state_size=4),
}
SYSTEM = list(range(3, 23))
PAD = DataCollatorForLanguageModeling(pad_token_id=0)


def row(ids: list[int], n_prompt: int) -> dict[str, list[int]]:
    """Return a row whose first `n_prompt` tokens have no label."""
    return {"input_ids": ids, "labels": [IGNORED] * n_prompt + ids[n_prompt:]}


def question(*own: int) -> dict[str, list[int]]:
    return row([*SYSTEM, *own], len(SYSTEM) + len(own) - 2)


ROWS = [question(30, 31, 32, 33), question(30, 34, 35), row([40, 41, 42, 43, 44], 0), question(36, 37, 38, 39, 45, 46)]


def tiny(config: PreTrainedConfig):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def loss(model, inputs: dict) -> float:
    """Return the mean loss over the labels that a token predicts."""
    with torch.no_grad():
        return float(model(**inputs).loss)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_rows_that_share_their_beginning_have_the_loss_that_each_has_alone(config):
    model = tiny(config)
    counts = [sum(label != IGNORED for label in each["labels"][1:]) for each in ROWS]
    alone = sum(loss(model, PAD([each])) * count for each, count in zip(ROWS, counts, strict=True)) / sum(counts)
    packed = pack(ROWS)
    assert packed["input_ids"].shape == (1, len(SYSTEM) + 4 + 3 + 5 + 6)
    assert loss(model, packed) == pytest.approx(alone, rel=1e-5)
    gradients = []
    for inputs in (PAD(ROWS), packed):
        model.zero_grad()
        model(**inputs).loss.backward()
        gradients.append(torch.cat([weights.grad.flatten() for weights in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("config", NOT_PACKED.values(), ids=NOT_PACKED)
def test_a_model_that_would_read_the_rows_of_others_pads_its_steps(config):
    assert sharing(PAD, tiny(config), [ROWS]) is PAD


def test_a_model_whose_weights_are_spread_already_pads_its_steps_and_is_not_tried():
    model = tiny(CONFIGS["llama"])
    model.model.embed_tokens.padding_idx = 1  # torch asserts that there is a row of it
    model.model.embed_tokens.weight.data = torch.empty(0)  # as DeepSpeed's ZeRO-3 leaves it before the training
    assert sharing(PAD, model, [ROWS]) is PAD


def test_steps_that_share_enough_are_packed_and_others_are_padded():
    collate = sharing(PAD, tiny(CONFIGS["llama"]), [ROWS])
    assert collate(ROWS)["input_ids"].shape == (1, 38)
    assert collate([ROWS[0], ROWS[2]])["input_ids"].shape == (2, 24)
    assert (read_tokens(ROWS), read_tokens([ROWS[0], ROWS[2]])) == (38, 29)


def test_a_sequence_that_would_be_too_long_is_padded(monkeypatch):
    monkeypatch.setattr(packing, "MOST", 37)
    assert sharing(PAD, tiny(CONFIGS["llama"]), [ROWS]) is PAD


ROW = st.builds(
    lambda ids, n_prompt: row([1, *ids], min(n_prompt, len(ids) + 1)),
    st.lists(st.integers(3, 5), min_size=1, max_size=8),
    st.integers(0, 8),
)


@given(st.lists(ROW, min_size=1, max_size=6))
def test_every_labelled_token_of_every_row_is_in_the_sequence_with_its_label_and_attends_to_its_row_alone(rows):
    packed, prefix = pack(rows), shared_prefix(rows)
    labels = packed["labels"][0].tolist()
    assert sorted(label for label in labels if label != IGNORED) == sorted(
        label for each in rows for label in each["labels"][1:] if label != IGNORED
    )
    mask, ids, positions = packed["attention_mask"][0, 0], packed["input_ids"][0], packed["position_ids"][0].tolist()
    texts = {tuple(each["input_ids"]) for each in rows}
    for last in range(len(prefix), len(ids)):
        seen = mask[last].nonzero().flatten().tolist()
        assert [positions[token] for token in seen] == list(range(positions[last] + 1))
        assert any(text[: len(seen)] == tuple(ids[seen].tolist()) for text in texts)
