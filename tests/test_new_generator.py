"""A generator is one Python file, one prompt folder and one line of params.yaml."""

import shutil

import yaml

from parts.project import params, prompts
from schemas.pairs import Ledger, Pairs, PeoplePairs
from schemas.questions import Questions
from stages import curate, synthesize
from tests.helpers.source_code import ROOT
from tests.test_synthesize import passages

GENERATOR = '''"""Documents that repeat a passage."""

from pydantic import BaseModel

from parts.project import prompts
from parts.generators.shared.base import Ask, Row, Source


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.again` of params.yaml."""

    temperature: float


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return one document on one passage."""
    prompt = prompts.render("again/say", passage=source.quoted())
    reply = await ask(prompt, temperature=params.temperature)
    return [Row("document", completion=reply.text, dropped=reply.problem)]
'''
PROMPT = "Apply one study strategy to the passage below.\n\n<strategy>Say it again.</strategy>\n\n${passage}\n"
LINE = "  again: { temperature: 0 }\n"


def test_a_generator_is_one_file_one_prompt_folder_and_one_line(workplace, rules, monkeypatch):
    home = workplace.path
    shutil.copytree(ROOT / "prompts", home / "prompts")
    for path, text in (("parts/generators/again.py", GENERATOR), ("prompts/again/say.md", PROMPT)):
        (home / path).parent.mkdir(parents=True)
        (home / path).write_text(text)
    workplace.params["synthesize"] = {"qa": {"samples": 2, "count": 2, "temperature": 1.0}}
    workplace.change("curate", "replay", str(ROOT / "data/replay.jsonl"))
    workplace.change("student", "model", str(ROOT / "models/base"))
    text = (home / "params.yaml").read_text()
    (home / "params.yaml").write_text(text.replace("synthesize:\n", "synthesize:\n" + LINE))
    monkeypatch.syspath_prepend(home)  # parts.generators is wherever a folder parts/generators is
    monkeypatch.setattr(prompts, "FOLDER", home / "prompts")
    monkeypatch.setenv("OPENAI_BASE_URL", rules)

    passages("Lamp 0 costs 430 euros. It weighs 3 kg.", "Lamp 1 costs 120 euros.")
    Questions.write(Questions.frame([]))
    assert params.names("synthesize") == ["again", "qa"]
    for name in params.names("synthesize"):
        synthesize.main(name)
    PeoplePairs.write(PeoplePairs.frame([]))
    curate.main()

    pairs = Pairs.read().filter(generator="again")
    assert len(pairs) and set(pairs["kind"]) == {"document"}
    ledger = Ledger.read().filter(generator="again").sort("chunk_id")
    assert ledger["completion"].str.contains("430 euros").to_list() == [True, False]
    assert set(ledger["dropped"]) <= {None, "surplus"}
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert stages["synthesize"]["foreach"] == "${synthesize}", "its stage of dvc.yaml is there by its line"
