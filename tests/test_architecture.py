"""The code and dvc.yaml tell the same story. A failure prints the line to add."""

import ast
from pathlib import Path
from string import Template

import pytest
import yaml

from tests.helpers import source_code
from tests.helpers.source_code import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def stage_path(stage: str) -> Path:
    return Path("stages", f"{stage}.py")


def test_every_stage_is_a_module_and_every_module_a_stage():
    assert sorted(set(source_code.graph()) - {"pretrain"}) == source_code.STAGES


@pytest.mark.parametrize("stage", source_code.STAGES)
def test_a_stage_depends_on_every_module_that_it_may_run(stage):
    deps = source_code.graph()[stage]["deps"]
    missing = [str(path) for path in source_code.closure(stage_path(stage)) if not source_code.covered(str(path), deps)]
    assert not missing, f"add to dvc.yaml, stage {stage}, deps:\n" + "\n".join(
        f"      - {path}" for path in sorted(missing)
    )


@pytest.mark.parametrize("stage", source_code.STAGES)
def test_a_stage_depends_on_no_module_that_it_never_runs(stage):
    runs = {str(path) for path in source_code.closure(stage_path(stage))}
    listed = [dep for dep in source_code.graph()[stage]["deps"] if dep.endswith(".py")]
    extra = [dep for dep in listed if not any(source_code.covered(path, [dep]) for path in runs)]
    assert not extra, f"take out of dvc.yaml, stage {stage}, deps:\n" + "\n".join(f"      - {path}" for path in extra)


@pytest.mark.parametrize("stage", source_code.STAGES)
def test_a_stage_depends_on_the_prompts_and_queries_of_the_modules_it_runs(stage):
    deps = source_code.graph()[stage]["deps"]
    missing = set()
    for path in source_code.closure(stage_path(stage)):
        wanted = {f"prompts/{name}.md" for name in source_code.literals(path, "prompts.render", "render")}
        wanted |= {f"queries/{name}.sql" for name in source_code.literals(path, "query")}
        missing |= {name for name in wanted if not source_code.covered(name, deps)}
    assert not missing, f"add to dvc.yaml, stage {stage}, deps:\n" + "\n".join(
        f"      - {name}" for name in sorted(missing)
    )


@pytest.mark.parametrize("stage", source_code.STAGES)
@pytest.mark.parametrize(("verb", "side"), [("read", "deps"), ("write", "outs")])
def test_the_tables_that_a_stage_reads_and_writes_are_its_deps_and_outs(stage, verb, side):
    listed = source_code.graph()[stage].get(side, [])
    missing = [
        address for address in source_code.tables(stage_path(stage), verb) if not source_code.covered(address, listed)
    ]
    assert not missing, f"add to dvc.yaml, stage {stage}, {side}:\n" + "\n".join(
        f"      - {address}" for address in missing
    )


@pytest.mark.parametrize("stage", source_code.STAGES)
def test_the_metrics_that_a_stage_reads_and_writes_are_its_deps_and_outs(stage):
    for function, side in (("metrics.read", "deps"), ("metrics.write", "outs")):
        listed = source_code.graph()[stage].get(side, [])
        for name in source_code.literals(stage_path(stage), function):
            for one in {name.replace("{}", arm) for arm in PARAMS["arms"]}:
                assert source_code.covered(f"metrics/{one}.json", listed), (
                    f"add to dvc.yaml, stage {stage}, {side}: metrics/{one}.json"
                )


@pytest.mark.parametrize("stage", source_code.STAGES)
def test_a_stage_declares_the_sections_of_params_that_its_modules_load(stage):
    declared = [str(name) for name in source_code.graph()[stage].get("params", [])]
    for path in source_code.closure(stage_path(stage)):
        for section in source_code.literals(path, "params.load", "params.names"):
            told = f"add to dvc.yaml, stage {stage}, params: {section}"
            assert source_code.covered(section, declared) or section.split(".")[0] in declared, told


@pytest.mark.parametrize("stage", source_code.STAGES)
def test_the_keys_of_a_section_are_the_fields_of_its_model(stage):
    import importlib

    if stage == "synthesize":
        models = {name: importlib.import_module(f"parts.generators.{name}").Params for name in PARAMS["synthesize"]}
        sections = PARAMS["synthesize"]
    else:
        module = importlib.import_module(f"stages.{stage}")
        model = getattr(module, "Params", None)
        models, sections = ({stage: model}, PARAMS) if model else ({}, {})
    for name, model in models.items():
        assert set(sections[name]) == set(model.model_fields), (
            f"params.yaml, section {name}: keys must be {list(model.model_fields)}"
        )


BELOW = {
    "schemas": {"schemas"},
    "parts": {"schemas", "parts"},
    "stages": {"schemas", "parts", "stages"},
    "commands": {"schemas", "parts", "stages", "commands", "experiments"},
    "invitro": {"schemas", "parts", "invitro"},  # the pipeline sees it as it would see any teacher, model or corpus
    "experiments": set(source_code.LAYERS),
}


@pytest.mark.parametrize("path", source_code.MODULES, ids=str)
def test_layers_only_look_down(path):
    layer = path.parts[0]
    for other in source_code.imports(path):
        above = other.parts[0]
        told = f"{path} imports {other}: {above} may not be used by {layer}"
        assert above in BELOW[layer], told
        assert not (layer == above == "stages" and other != path), f"{path} imports {other}: no stage imports a stage"
        rooms = [p.parts[1] for p in (path, other) if p.parts[0] == "parts"]
        floors = [at for room in rooms for at, floor in enumerate(source_code.FLOORS) if room in floor]
        if len(floors) == 2 and rooms[0] != rooms[1]:
            assert floors[1] < floors[0], (
                f"{path} imports {other}: {rooms[1]} is not below {rooms[0]} (tests/helpers/source_code.py)"
            )


@pytest.mark.parametrize("path", source_code.MODULES, ids=str)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    if path.parts[0] == "invitro":
        return
    heavy = {"torch", "transformers", "trl", "peft", "ragas", "psycopg", "sentence_transformers", "datasets"}
    heavy |= {"presidio_analyzer", "spacy"}
    for node in source_code.tree(path).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found = {name.split(".")[0] for name in names} & heavy
        assert not found, f"{path}: import {found.pop()} inside the function that needs it"


def test_synthesis_sees_nothing_made_from_the_exam():
    stages = source_code.graph()
    seen, ahead = set(), list(stages["synthesize"]["deps"])
    while ahead:
        dep = ahead.pop()
        assert "questions" not in dep and "exam" not in dep, f"synthesize depends on {dep}"
        for name, stage in stages.items():
            if name not in seen and name != "pretrain" and source_code.covered(dep, stage["outs"]):
                seen.add(name)
                ahead += stage["deps"]
    assert seen == {"student", "ingest", "chunk", "redact"}


def test_the_teacher_by_rules_never_sees_the_world():
    """Its modules import nothing of the made-up world: no grammar, no facts, no exam."""
    found = source_code.closure(Path("invitro/rules/server.py"))
    assert not found & {
        Path("invitro", f"{name}.py") for name in ("world", "questions", "exam", "lessons", "documents", "values")
    }
    assert Path("invitro/world/grammar/__init__.py") not in found


@pytest.mark.parametrize("name", ["company", "leak", "seeds", "scaling"])
def test_the_keys_of_a_section_of_the_experiments_are_the_fields_of_its_model(name):
    import importlib

    section = yaml.safe_load((ROOT / "experiments/params.yaml").read_text())[name]
    assert set(section) == set(importlib.import_module(f"experiments.{name}").Params.model_fields)


@pytest.mark.parametrize("path", source_code.MODULES, ids=str)
def test_every_placeholder_of_a_prompt_is_supplied(path):
    for node in ast.walk(source_code.tree(path)):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("prompts.render", "render")
            and isinstance(node.args[0], ast.Constant)
        ):
            name = node.args[0].value
            wanted = set(Template((ROOT / "prompts" / f"{name}.md").read_text()).get_identifiers())
            given = {keyword.arg for keyword in node.keywords}
            assert given == wanted, f"{path}: prompts/{name}.md has {sorted(wanted)}, it is given {sorted(given)}"


def test_every_prompt_is_used():
    used = {name for path in source_code.MODULES for name in source_code.literals(path, "prompts.render", "render")}
    files = {str(path.relative_to(ROOT / "prompts").with_suffix("")) for path in (ROOT / "prompts").rglob("*.md")}
    assert files == used
