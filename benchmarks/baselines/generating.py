"""The ways of transformers itself to answer many prompts, on the model of one of our engines."""

from collections.abc import Callable

from parts.answering.decoding import length_batches
from parts.answering.transformers_engine import Engine

MAX_TOKENS = 10**9  # no limit: batches by rows alone

Answer = Callable[[Engine, list[str]], list[str]]
"""an engine and its prompts -> a response to each"""


def loop(engine: Engine, prompts: list[str]) -> list[str]:
    """One prompt at a time, as the documentation does it."""
    return [_generate(engine, [prompt])[0] for prompt in prompts]


def batched(cache: str, batch: int) -> Answer:
    """Batches of like length, with `generate`'s own cache of that name; all decode until the longest has ended."""
    settings = {} if cache == "dynamic" else {"cache_implementation": cache, "disable_compile": True}

    def answer(engine: Engine, prompts: list[str]) -> list[str]:
        responses = {}
        for rows in length_batches([engine.tokens(prompt) for prompt in prompts], batch, MAX_TOKENS):
            responses |= zip(rows, _generate(engine, [prompts[row] for row in rows], **settings), strict=True)
        return [responses[row] for row in range(len(prompts))]

    return answer


def paged(blocks: int | None = None) -> Answer:
    """transformers' continuous batching: paged attention over a cache of so many `blocks`; None: most of the memory."""

    def answer(engine: Engine, prompts: list[str]) -> list[str]:
        from transformers import ContinuousBatchingConfig, GenerationConfig

        ids = engine.tokenizer(prompts, add_special_tokens=False).input_ids
        config = GenerationConfig(
            max_new_tokens=engine.max_new_tokens, do_sample=False, eos_token_id=sorted(engine.ends),
            pad_token_id=engine.tokenizer.pad_token_id,
        )  # fmt: skip
        attention, batching = engine.model.config._attn_implementation, ContinuousBatchingConfig(num_blocks=blocks)
        outputs = engine.model.generate_batch(ids, config, batching, progress_bar=False)
        engine.model.set_attn_implementation(attention)
        in_order = sorted(outputs.items(), key=lambda item: int(item[0].rpartition("_")[2]))
        decode = engine.tokenizer.decode
        return [decode(output.generated_tokens, skip_special_tokens=True).strip() for _, output in in_order]

    return answer


def _generate(engine: Engine, prompts: list[str], **settings: object) -> list[str]:
    import torch

    inputs = engine.tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt")
    inputs = inputs.to(engine.model.device)
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        outputs = engine.model.generate(
            **inputs, max_new_tokens=engine.max_new_tokens, do_sample=False, eos_token_id=sorted(engine.ends),
            pad_token_id=engine.tokenizer.pad_token_id, **settings,
        )  # fmt: skip
    texts = engine.tokenizer.batch_decode(outputs[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in texts]
