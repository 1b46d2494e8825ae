"""No code of ours loads a pickle, runs code of a model's repository, or hands text to a shell or to eval."""

import ast
import shutil
from collections.abc import Iterator

import pytest

from parts.project.errors import UserError
from parts.retrieval.embedder import Embedder, _bundled
from parts.retrieval.retrievers import reranked
from tests.helpers.source_code import ROOT

ROOMS = ("parts", "stages", "commands", "schemas", "experiments", "invitro", "benchmarks", ".github/scripts")
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
CALLS = {
    "eval", "exec", "compile", "torch.load", "numpy.load", "np.load", "pl.read_pickle", "pd.read_pickle", "os.system", "os.popen",
    "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "tempfile.mktemp",
}  # fmt: skip
KEYWORDS = {
    "trust_remote_code": False,
    "allow_pickle": False,
    "shell": False,
    "weights_only": True,
    "use_safetensors": True,
}
"""Arguments of libraries, with the only value that they may have."""


def unsafe(source: str) -> Iterator[str]:
    """Yield the lines of `source` that load a pickle, run code or hand text to a shell."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        is_unsafe = any(name.split(".")[0] in MODULES for name in names)
        if isinstance(node, ast.Call):
            name, keywords = ast.unparse(node.func), {each.arg: each.value for each in node.keywords}
            is_unsafe |= name in CALLS
            is_unsafe |= name == "yaml.load" and "Safe" not in ast.unparse(keywords.get("Loader", ast.Constant(None)))
            for key, value in KEYWORDS.items():
                is_unsafe |= key in keywords and ast.unparse(keywords[key]) != str(value)
        if is_unsafe:
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_no_code_loads_a_pickle_runs_text_or_asks_a_shell():
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    assert {str(path): lines for path in files if (lines := list(unsafe(path.read_text())))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "torch.load('a')", "yaml.load('a')", "eval('1')", "numpy.load('a')",
        "run('a', shell=True)", "f(trust_remote_code=flag)", "load(a, weights_only=False)", "np.fromfile(allow_pickle=True)",
    ],
)  # fmt: skip
def test_what_is_unsafe_is_noticed(line):
    assert list(unsafe(line))


def test_every_model_is_loaded_from_safetensors():
    """Transformers and PEFT would take a pickle where there are no safetensors; tests/test_student.py tries both."""
    for path in (ROOT / "parts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ForCausalLM.from_pretrained"):
                assert {"use_safetensors", "trust_remote_code"} <= {each.arg for each in node.keywords}, path


@pytest.mark.slow
@pytest.mark.parametrize("load", [Embedder, reranked._cross_encoder])
def test_pickled_weights_of_an_embedder_and_a_reranker_are_refused_in_one_line(load, tmp_path):
    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "model"
    shutil.copytree(_bundled(), folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="in safetensors"):
        load(str(folder))
