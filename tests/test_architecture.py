"""The code and dvc.yaml tell the same story. A failure prints the line to add."""

import ast
import importlib
from pathlib import Path
from string import Template

import pytest
import yaml

from tests.helpers import source_code
from tests.helpers.source_code import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def stage_path(stage: str) -> Path:
    return Path("stages", f"{stage}.py")


def listing(side: str, entries: dict[str, list[str]]) -> str:
    """Return `entries` (lines by stage) as dvc.yaml has them below `side`, without the stages that have none."""
    stages = {stage: sorted(lines) for stage, lines in entries.items() if lines}
    return "\n".join(
        f"  {stage}:\n    {side}:\n" + "\n".join(f"      - {line}" for line in lines) for stage, lines in stages.items()
    )


def expect_no(entries: dict[str, list[str]], side: str, advice: str) -> None:
    """Fail with `advice` and the lines that dvc.yaml needs, and nothing else, if there are any."""
    if any(entries.values()):
        pytest.fail(f"{advice}:\n{listing(side, entries)}", pytrace=False)


def test_every_stage_is_a_module_and_every_module_a_stage():
    assert sorted(set(source_code.graph()) - {"pretrain"}) == source_code.STAGES


def test_a_stage_depends_on_every_module_that_it_may_run():
    missing = {}
    for stage in source_code.STAGES:
        deps, paths = source_code.graph()[stage]["deps"], source_code.closure(stage_path(stage))
        missing[stage] = [str(path) for path in paths if not source_code.covered(str(path), deps)]
    expect_no(missing, "deps", "add to dvc.yaml")


def test_a_stage_depends_on_no_module_that_it_never_runs():
    extra = {}
    for stage in source_code.STAGES:
        runs = {str(path) for path in source_code.closure(stage_path(stage))}
        listed = [dep for dep in source_code.graph()[stage]["deps"] if dep.endswith(".py")]
        extra[stage] = [dep for dep in listed if not any(source_code.covered(path, [dep]) for path in runs)]
    expect_no(extra, "deps", "take out of dvc.yaml")


def wrong_width(stage: str) -> list[str]:
    """Return the deps of a stage on a room of parts/ that should be narrower, or wider."""
    deps = source_code.graph()[stage]["deps"]
    used: dict[str, set[str]] = {}
    for path in source_code.closure(stage_path(stage)):
        if path.parts[0] == "parts" and path.name != "__init__.py":
            used.setdefault("/".join(path.parts[:2]), set()).add(str(path))
    lines = []
    for room, files in used.items():
        listed = [dep for dep in deps if dep.startswith(f"{room}/") and "$" not in dep]
        if room in deps and len(files) == 1 and room not in source_code.ALWAYS_WHOLE:
            lines.append(f"{room} # too wide: {files.pop()} is all that it runs")
        elif room in deps and room in source_code.NEVER_WHOLE:
            lines.append(f"{room} # too wide: {', '.join(sorted(files))}")
        elif room not in source_code.NEVER_WHOLE and len(listed) > 1 and f"{room}/${{key}}.py" not in deps:
            lines.append(f"{room} # in place of {', '.join(listed)}")
    return lines


def test_a_room_is_a_dep_as_a_folder_where_a_stage_runs_two_of_its_files_and_not_where_it_runs_one():
    lines = {stage: wrong_width(stage) for stage in source_code.STAGES}
    expect_no(lines, "deps", "change in dvc.yaml")


def test_a_folder_that_a_stage_depends_on_holds_something_that_it_runs():
    extra = {}
    for stage in source_code.STAGES:
        runs = {str(path) for path in source_code.closure(stage_path(stage))}
        folders = [
            dep for dep in source_code.graph()[stage]["deps"] if (ROOT / dep).is_dir() and dep.startswith("parts/")
        ]
        extra[stage] = [dep for dep in folders if not any(path.startswith(f"{dep}/") for path in runs)]
    expect_no(extra, "deps", "take out of dvc.yaml")


def test_a_stage_depends_on_the_prompts_and_queries_of_the_modules_it_runs():
    missing = {}
    for stage in source_code.STAGES:
        deps, wanted = source_code.graph()[stage]["deps"], set()
        for path in source_code.closure(stage_path(stage)):
            wanted |= {f"prompts/{name}.md" for name in source_code.literals(path, "prompts.render", "render")}
            wanted |= {f"queries/{name}.sql" for name in source_code.literals(path, "query")}
        missing[stage] = [name for name in wanted if not source_code.covered(name, deps)]
    expect_no(missing, "deps", "add to dvc.yaml")


@pytest.mark.parametrize(("verb", "side"), [("read", "deps"), ("write", "outs")])
def test_the_tables_that_a_stage_reads_and_writes_are_its_deps_and_outs(verb, side):
    missing = {}
    for stage in source_code.STAGES:
        listed = source_code.graph()[stage].get(side, [])
        addresses = source_code.tables(stage_path(stage), verb)
        missing[stage] = [address for address in addresses if not source_code.covered(address, listed)]
    expect_no(missing, side, "add to dvc.yaml")


@pytest.mark.parametrize(("function", "side"), [("metrics.read", "deps"), ("metrics.write", "outs")])
def test_the_metrics_that_a_stage_reads_and_writes_are_its_deps_and_outs(function, side):
    missing = {}
    for stage in source_code.STAGES:
        listed, names = source_code.graph()[stage].get(side, []), source_code.literals(stage_path(stage), function)
        paths = {f"metrics/{name.replace('{}', arm)}.json" for name in names for arm in PARAMS["arms"]}
        missing[stage] = [path for path in paths if not source_code.covered(path, listed)]
    expect_no(missing, side, "add to dvc.yaml")


def test_no_file_with_a_clock_in_it_is_an_out_or_a_dep():
    """Else a rerun of an unchanged commit would change dvc.lock, and what is made of seconds with it."""
    clocks = ("metrics/machine", "report/index.html")
    for stage, body in source_code.graph().items():
        entries = [*body.get("deps", []), *body["outs"]]
        assert not [entry for entry in entries if entry.startswith(clocks) or entry == "metrics"], stage


def test_a_stage_that_is_timed_has_an_out_that_names_what_was_timed():
    missing = {}
    for stage in source_code.STAGES:
        names = source_code.literals(stage_path(stage), "machine.write") - {"cost"}  # made of the others, not timed
        missing[stage] = [
            f"data/timed/{name}"
            for name in names
            if not source_code.covered(f"data/timed/{name}", source_code.graph()[stage]["outs"])
        ]
    expect_no(missing, "outs", "add to dvc.yaml")


def test_the_stages_that_read_seconds_run_every_time_and_no_others():
    readers = {
        stage
        for stage in source_code.STAGES
        if any(source_code.literals(path, "machine.read") for path in source_code.closure(stage_path(stage)))
    }
    always = {stage for stage, body in source_code.graph().items() if body.get("always_changed")}
    assert readers == always


def test_only_stages_of_seconds_have_outs_that_dvc_does_not_cache():
    """DVC keeps no run of such a stage: in another folder, as of an experiment that goes on, it would run again."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    uncached = {name for name, body in stages.items() if any(isinstance(out, dict) for out in body.get("outs", []))}
    assert uncached - {"pretrain"} == {"compare", "card", "report"}, (
        "declare the out as a plot or a metric of the stage"
    )


def test_a_stage_declares_the_sections_of_params_that_its_modules_load():
    missing = {}
    for stage in source_code.STAGES:
        declared, sections = [str(name) for name in source_code.graph()[stage].get("params", [])], set()
        for path in source_code.closure(stage_path(stage)):
            sections |= source_code.literals(path, "params.load", "params.load_table", "params.names")
        missing[stage] = [section for section in sections if not source_code.is_declared(section, declared)]
    expect_no(missing, "params", "add to dvc.yaml")


def section_models() -> dict[str, tuple[dict, type]]:
    """Return the sections of params.yaml that stages and generators are the models of: (section, model) by name."""
    models = {}
    for stage in source_code.STAGES:
        if stage == "synthesize":
            for name, section in PARAMS[stage].items():
                models[f"{stage}.{name}"] = section, importlib.import_module(f"parts.generators.{name}").Params
        elif model := getattr(importlib.import_module(f"stages.{stage}"), "Params", None):
            models[stage] = PARAMS[stage], model
    return models


def test_the_keys_of_a_section_are_the_fields_of_its_model():
    wrong = [
        f"params.yaml, section {name}: keys must be {list(model.model_fields)}"
        for name, (section, model) in section_models().items()
        if set(section) != set(model.model_fields)
    ]
    assert not wrong, "\n".join(wrong)


BELOW = {
    "schemas": {"schemas", "parts"},
    "parts": {"schemas", "parts"},
    "stages": {"schemas", "parts", "stages"},
    "commands": {"schemas", "parts", "stages", "commands", "experiments"},
    "invitro": {"schemas", "parts", "invitro"},  # the pipeline sees it as it would see any teacher, model or corpus
    "experiments": set(source_code.LAYERS),
}


def import_violation(path: Path, other: Path) -> str | None:
    """Return why `path` may not import `other`, if it may not."""
    layer, above = path.parts[0], other.parts[0]
    if above not in BELOW[layer]:
        return f"{path} imports {other}: {above} may not be used by {layer}"
    if layer == "schemas" and above == "parts" and other.parts[1] != "project":
        return f"{path} imports {other}: schemas stands on parts/project alone"
    if above == "schemas" and path.parts[:2] == ("parts", "project"):
        return f"{path} imports {other}: parts/project is below schemas"
    if layer == above == "stages" and other != path:
        return f"{path} imports {other}: no stage imports a stage"
    rooms = [p.parts[1] for p in (path, other) if p.parts[0] == "parts"]
    floors = [at for room in rooms for at, floor in enumerate(source_code.FLOORS) if room in floor]
    if len(floors) == 2 and rooms[0] != rooms[1] and floors[1] >= floors[0]:
        return f"{path} imports {other}: {rooms[1]} is not below {rooms[0]} (tests/helpers/source_code.py)"
    return None


def test_layers_only_look_down():
    pairs = [(path, other) for path in source_code.MODULES for other in sorted(source_code.imports(path))]
    violations = [line for path, other in pairs if (line := import_violation(path, other))]
    assert not violations, "\n".join(violations)


HEAVY = {
    "torch", "transformers", "trl", "peft", "ragas", "psycopg", "sentence_transformers", "datasets", "presidio_analyzer",
    "spacy", "openai", "duckdb", "scipy", "altair",
}  # fmt: skip


def top_imports(path: Path) -> set[str]:
    """Return the packages that the module imports as it is itself imported."""
    names = []
    for node in source_code.tree(path).body:
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return {name.split(".")[0] for name in names}


def test_heavy_libraries_are_imported_where_they_are_used():
    paths = [path for path in source_code.MODULES if path.parts[0] != "invitro"]
    early = [
        f"{path}: import {name} inside the function that needs it"
        for path in paths
        for name in sorted(top_imports(path) & HEAVY)
    ]
    assert not early, "\n".join(early)


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
    assert seen == {"ingest", "chunk", "redact"}, (
        "another student has the same passages, and the same rows of the teacher"
    )


def test_the_teacher_by_rules_never_sees_the_world():
    """Its modules import nothing of the made-up world: no grammar, no facts, no exam."""
    paths = source_code.closure(Path("invitro/rules/server.py"))
    assert not [str(path) for path in paths if path.is_relative_to("invitro/world")]
    assert Path("invitro/rules/teacher.py") in paths


def test_the_keys_of_a_section_of_the_experiments_are_the_fields_of_its_model():
    sections = yaml.safe_load((ROOT / "experiments/params.yaml").read_text())
    for name in ("company", "leak", "seeds", "scaling"):
        fields = set(importlib.import_module(f"experiments.{name}").Params.model_fields)
        assert set(sections[name]) == fields, f"experiments/params.yaml, section {name}: keys must be {sorted(fields)}"


def render_calls(path: Path) -> list[tuple[str, set[str]]]:
    """Return the prompts that the module renders by name, each with the placeholders that it supplies."""
    calls = [node for node in ast.walk(source_code.tree(path)) if isinstance(node, ast.Call)]
    return [
        (call.args[0].value, {keyword.arg for keyword in call.keywords})
        for call in calls
        if ast.unparse(call.func) in ("prompts.render", "render") and isinstance(call.args[0], ast.Constant)
    ]


def test_every_placeholder_of_a_prompt_is_supplied():
    wrong = []
    for path in source_code.MODULES:
        for name, supplied in render_calls(path):
            wanted = set(Template((ROOT / "prompts" / f"{name}.md").read_text()).get_identifiers())
            if supplied != wanted:
                wrong.append(f"{path}: prompts/{name}.md has {sorted(wanted)}, it is supplied {sorted(supplied)}")
    assert not wrong, "\n".join(wrong)


def test_every_prompt_is_used():
    used = {name for path in source_code.MODULES for name in source_code.literals(path, "prompts.render", "render")}
    files = {str(path.relative_to(ROOT / "prompts").with_suffix("")) for path in (ROOT / "prompts").rglob("*.md")}
    assert files == used


def test_every_module_that_says_how_it_is_called_runs_when_it_is():
    for path in source_code.MODULES:
        dotted = ".".join(path.with_suffix("").parts)
        if f"python -m {dotted}" in (ast.get_docstring(source_code.tree(path)) or ""):
            assert 'if __name__ == "__main__":' in (ROOT / path).read_text(), f"{path} does nothing when it is called"
