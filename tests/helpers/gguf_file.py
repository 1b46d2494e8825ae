"""Write a tiny Llama as a GGUF file: header, metadata, tensors (github.com/ggml-org/ggml, docs/gguf.md)."""

import struct
from pathlib import Path

import numpy as np

SIZES = {"attn_q": (32, 32), "attn_k": (32, 32), "attn_v": (32, 32), "attn_output": (32, 32)}
SIZES |= {"ffn_gate": (64, 32), "ffn_up": (64, 32), "ffn_down": (32, 64)}


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(item) -> bytes:
    """Return the type of a value and the value."""
    if isinstance(item, list):
        return (
            struct.pack("<I", 9)
            + value(item[0])[:4]
            + struct.pack("<Q", len(item))
            + b"".join(value(i)[4:] for i in item)
        )
    if isinstance(item, str):
        return struct.pack("<I", 8) + text(item)
    return struct.pack("<If", 6, item) if isinstance(item, float) else struct.pack("<II", 4, item)


def write(path: Path, tokenizer) -> None:
    """Write a Llama of one layer with random weights, and the tokens and chat template of `tokenizer`, to `path`."""
    tokens = [*sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get), "ab"]  # a merge, for there must be one
    llama = {"context_length": 1024, "embedding_length": 32, "block_count": 1, "feed_forward_length": 64}
    llama |= {"attention.head_count": 2, "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-6}
    metadata = {"general.architecture": "llama", **{f"llama.{name}": item for name, item in llama.items()}}
    metadata |= {"llama.vocab_size": len(tokens), "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2"}
    metadata |= {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": ["a b"]}
    metadata |= {"tokenizer.ggml.token_type": [3 if token.startswith("<|") else 1 for token in tokens]}
    metadata |= {"tokenizer.ggml.eos_token_id": tokenizer.eos_token_id, "tokenizer.ggml.bos_token_id": 1}
    metadata |= {"tokenizer.chat_template": tokenizer.chat_template}
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(tokens), 32), "output": (len(tokens), 32)}
    shapes |= {f"blk.0.{name}": shape for name, shape in SIZES.items()}
    tensors = {name: rng.standard_normal(shape, np.float32) / 5 for name, shape in shapes.items()}
    tensors |= {name: np.ones(32, np.float32) for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(text(name) + value(item) for name, item in metadata.items())
    data = b""
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += text(f"{name}.weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += tensor.tobytes() + b"\0" * (-tensor.nbytes % 32)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)
