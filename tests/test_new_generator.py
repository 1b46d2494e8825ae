"""A generator is one Python file, one prompt folder and one line of params.yaml."""

import os
import shutil
import subprocess
import sys

import polars as pl
import pytest
import yaml

from tests.code import ROOT
from tests.test_synthesize import passages

GENERATOR = '''"""Documents that say a passage again."""

from pydantic import BaseModel

from parts import prompts, quoting
from parts.rows import Ask, Row


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.again` of params.yaml."""

    temperature: float


async def generate(heading: str, text: str, ask: Ask, params: Params) -> list[Row]:
    """Return one document on one passage."""
    prompt = prompts.render("again/say", passage=quoting.passage(heading, text))
    reply = await ask(prompt, temperature=params.temperature)
    return [Row("document", completion=reply.text, dropped=reply.problem)]
'''
PROMPT = "Apply one study strategy to the passage below.\n\n<strategy>Say it again.</strategy>\n\n${passage}\n"
LINE = "  again: { temperature: 0 }\n"


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of what the stages need of the repository, to work in."""
    home = tmp_path / "copy"
    for name in ("parts", "schemas", "stages", "invitro", "experiments", "prompts", "queries"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "prices.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, home / name)
    for name in ("models", "data"):
        (home / name).mkdir()
    (home / "models/base").symlink_to(ROOT / "models/base")
    (home / "data/replay.jsonl").symlink_to(ROOT / "data/replay.jsonl")
    few = yaml.safe_load((home / "params.yaml").read_text())
    few["synthesize"] = {"qa": {"draws": 2, "count": 2, "temperature": 1.0}}
    (home / "params.yaml").write_text(yaml.safe_dump(few))
    monkeypatch.chdir(home)
    return home


def test_a_generator_is_one_file_one_prompt_folder_and_one_line(copied, rules):
    (copied / "parts/generators/again.py").write_text(GENERATOR)
    (copied / "prompts/again").mkdir()
    (copied / "prompts/again/say.md").write_text(PROMPT)
    whole = (copied / "params.yaml").read_text()
    (copied / "params.yaml").write_text(whole.replace("synthesize:\n", "synthesize:\n" + LINE))

    passages("Lamp 0 costs 430 euros. It weighs 3 kg.", "Lamp 1 costs 120 euros.")
    environment = os.environ | {"PYTHONPATH": str(copied), "OPENAI_BASE_URL": rules}
    program = (
        "from parts import params; from schemas.questions import Questions; "
        "from stages import curate, synthesize; Questions.write(Questions.frame([])); "
        "[synthesize.main(name) for name in params.names('synthesize')]; curate.main()"
    )
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr

    kept = pl.read_parquet("data/pairs.parquet").filter(generator="again")
    assert len(kept) and set(kept["kind"]) == {"document"}
    ledger = pl.read_parquet("data/ledger.parquet")
    made = ledger.filter(generator="again")
    assert made.sort("chunk_id")["completion"].str.contains("430 euros").to_list() == [True, False]
    assert set(made["dropped"]) <= {None, "surplus"}
    assert len(ledger.filter(generator="qa")) == 2 * 2 + 2
    stages = yaml.safe_load((copied / "dvc.yaml").read_text())["stages"]
    assert stages["synthesize"]["foreach"] == "${synthesize}", "its stage of dvc.yaml is there by its line"
