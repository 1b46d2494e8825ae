"""The ways of transformers itself to answer many prompts, on the model of one of our engines."""

from collections.abc import Callable

from parts.answering.decoding import length_batches
from parts.answering.transformers_engine import Engine

ROOM = 10**9  # batches by rows alone

Answer = Callable[[Engine, list[str]], list[str]]


def loop(engine: Engine, prompts: list[str]) -> list[str]:
    """One prompt at a time, as the documentation does it."""
    return [_generate(engine, [prompt])[0] for prompt in prompts]


def batched(cache: str, batch: int) -> Answer:
    """Batches of like length, with `generate`'s own cache of that name; all decode until the longest has ended."""

    def answer(engine: Engine, prompts: list[str]) -> list[str]:
        found = {}
        more = {} if cache == "dynamic" else {"cache_implementation": cache, "disable_compile": True}
        for take in length_batches([engine.tokens(prompt) for prompt in prompts], batch, ROOM):
            found |= zip(take, _generate(engine, [prompts[at] for at in take], **more), strict=True)
        return [found[at] for at in range(len(prompts))]

    return answer


def paged(engine: Engine, prompts: list[str]) -> list[str]:
    """transformers' continuous batching, with paged attention."""
    from transformers import GenerationConfig

    ids = engine.tokenizer(prompts, add_special_tokens=False).input_ids
    given = GenerationConfig(
        max_new_tokens=engine.max_new_tokens, do_sample=False, eos_token_id=sorted(engine.ends),
        pad_token_id=engine.tokenizer.pad_token_id,
    )  # fmt: skip
    kept = engine.model.config._attn_implementation
    made = engine.model.generate_batch(inputs=ids, generation_config=given, progress_bar=False)
    engine.model.set_attn_implementation(kept)
    by = sorted(made.items(), key=lambda item: int(item[0].rpartition("_")[2]))
    return [engine.tokenizer.decode(one.generated_tokens, skip_special_tokens=True).strip() for _, one in by]


def _generate(engine: Engine, prompts: list[str], **more: object) -> list[str]:
    import torch

    told = engine.tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt").to(
        engine.model.device
    )
    told.pop("token_type_ids", None)
    with torch.inference_mode():
        made = engine.model.generate(
            **told, max_new_tokens=engine.max_new_tokens, do_sample=False, eos_token_id=sorted(engine.ends),
            pad_token_id=engine.tokenizer.pad_token_id, **more,
        )  # fmt: skip
    said = engine.tokenizer.batch_decode(made[:, told["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in said]
