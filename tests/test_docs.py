"""README.md and docs/ name what exists: commands, modules, keys, environment variables, pages and headings."""

import importlib.util
import re

import yaml

from commands.docs_configuration import section_models
from parts.project import params
from tests.helpers.doc_pages import PAGES
from tests.helpers.source_code import ROOT

CONFIGURED = {name: (ROOT / name).read_text() for name in ("Makefile", "params.yaml", "experiments/params.yaml")}
PARAMS = [yaml.safe_load((ROOT / name).read_text()) for name in ("params.yaml", "experiments/params.yaml")]
GENERATORS = {path.stem for path in (ROOT / "parts/generators").glob("*.py")}


def code(text: str) -> list[str]:
    """Return the code spans of a page and the lines of its fenced blocks."""
    fences = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`]+)`", prose), *(line for fence in fences for line in fence.splitlines())]


def commands(pattern: str) -> list[tuple[str, str]]:
    """Return (file, match) of a pattern in the code of the pages, and in the Makefile and params files."""
    texts = {name: "\n".join(code(text)) for name, text in PAGES.items()} | CONFIGURED
    return [(name, match) for name, text in texts.items() for match in re.findall(pattern, text)]


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", CONFIGURED["Makefile"], re.MULTILINE))
    assert {"repro", "test", "docs"} <= targets
    assert not [found for found in commands(r"\bmake ([a-z]+)\b") if found[1] not in targets]


def test_every_make_target_is_phony_and_at_the_top_of_the_makefile():
    text = CONFIGURED["Makefile"]
    targets = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))
    assert targets == set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    assert targets == set(re.findall(r"make ([a-z]+)", text.split("\nPYTHON")[0]))


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    if (ROOT / name.split(".")[0]).is_dir():
        return path.is_dir() or path.with_suffix(".py").is_file()
    return importlib.util.find_spec(name) is not None


def test_every_module_that_is_run_exists():
    named = [(page, name.rstrip(".")) for page, name in commands(r"python3? -m ([a-z_][\w.]*)")]
    assert len(named) > 10
    assert not [found for found in named if not is_module(found[1])]


SUFFIXES = set(
    "css docx html ipynb j2 js json jsonl lock md parquet pdf png py sh sql sqlite svg toml tsv txt yaml yml".split()
)


def is_key(dotted: str) -> bool:
    """Tell whether a dotted name is a key of a params file, or of a generator that params.yaml need not name."""
    section, key, *rest = dotted.split(".")
    if section == "synthesize" and key in GENERATORS:
        return True
    tables = [values[section] for values in PARAMS if section in values]
    return any(key in values and (not rest or rest[0] in values[key]) for values in tables)


def test_every_key_of_params_that_is_named_exists():
    wrong, seen = [], 0
    for page, text in PAGES.items():
        for span in code(text):
            match = re.fullmatch(r"([a-z_]+)((?:\.[a-z_0-9]+)+)(?::.*)?", span)
            if not match or match[2].rsplit(".", 1)[-1] in SUFFIXES:
                continue
            is_section = any(match[1] in values for values in PARAMS)
            seen += is_section
            if not (is_key(match[1] + match[2]) if is_section else is_module(match[1])):
                wrong.append((page, span))
    assert seen > 5
    assert not wrong


def test_the_params_of_the_readme_are_whole_sections_of_ten_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGES["README.md"], re.MULTILINE | re.DOTALL)
    path = tmp_path / "params.yaml"
    path.write_text(block)
    assert block.count("\n") == 10
    for section in yaml.safe_load(block):
        (model,) = section_models(section).values()
        params.load(section, model, path)


VARIABLE = r"(?:CLOSEDBOOK|OPENAI)_[A-Z_]+"


def variables_read() -> set[str]:
    """Return the names of environment variables that code names in quotes, as patterns: {...} of an f-string is any name."""
    read = set()
    for folder in ("parts", "stages", "commands", "schemas", "invitro", "experiments", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r'"((?:CLOSEDBOOK|OPENAI)_[A-Z_]*(?:\{\w+\})?)"', path.read_text()))
    return {re.sub(r"\{\w+\}", "[A-Z]+", name) for name in read}


def test_every_variable_of_the_docs_is_read_and_every_one_read_is_in_the_configuration():
    read, named = variables_read(), set(re.findall(VARIABLE, "\n".join([*PAGES.values(), *CONFIGURED.values()])))
    named = {name for name in named if not name.endswith("_")}  # CLOSEDBOOK_*
    listed = set(re.findall(VARIABLE, PAGES["docs/configuration.md"]))
    assert "CLOSEDBOOK_CACHE" in read
    assert not [name for name in named if not any(re.fullmatch(pattern, name) for pattern in read)]
    assert not [pattern for pattern in read if not any(re.fullmatch(pattern, name) for name in listed)]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures, those of other hosts left out."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", link)]


def test_every_relative_link_resolves():
    broken = []
    for page, text in PAGES.items():
        for link in links(text):
            file, _, anchor = link.partition("#")
            target = (ROOT / page).parent / file if file else ROOT / page
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                broken.append((page, link))
    assert not broken


def test_the_readme_is_short_and_links_to_every_page():
    assert len(PAGES["README.md"].splitlines()) <= 150
    assert {page for page in PAGES if page != "README.md"} <= set(links(PAGES["README.md"]))


def test_every_heading_of_the_log_says_what_became_of_it():
    headings = re.findall(r"^## .*$", (ROOT / "LOG.md").read_text(), re.MULTILINE)
    assert headings
    assert not [heading for heading in headings if not re.search(r" \((kept|negative|bug)\)$", heading)]
