"""Tables of docs/configuration.md: sections and keys, from the Pydantic models and the comments of the params files."""

import ast
import importlib
import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel

from parts.project.arms import Arm
from parts.project.errors import UserError
from parts.project.sections import Server, Student
from parts.text.markdown import table

Model = type[BaseModel]
SHARED: dict[str, Model] = {"student": Student, "teacher": Server, "judge": Server, "arms": Arm}
HEAD = ("key", "type", "default", "range", "meaning")
BOUNDS = {"Ge": "≥ {0.ge}", "Gt": "> {0.gt}", "Le": "≤ {0.le}", "Lt": "< {0.lt}", "MinLen": "at least {0.min_length}"}
LONGEST = 60  # characters of a default; a longer one is cut


def params() -> str:
    """Return every section of params.yaml, each as a heading with a table of its keys."""
    return _sections(Path("params.yaml"), section_models)


def experiments_params() -> str:
    """Return every section of experiments/params.yaml likewise."""
    return _sections(Path("experiments/params.yaml"), experiments_section_models)


def _sections(path: Path, models: typing.Callable[[str], dict[str, Model]]) -> str:
    values, comments = yaml.safe_load(path.read_text()), yaml_comments(path.read_text())
    parts = []
    for section, value in values.items():
        heading = f"### {section}"
        parts.append(f"{heading}\n\n{comments[section]}" if section in comments else heading)
        by_name = models(section)
        for name, model in by_name.items():
            title = f"`{name}`:\n\n" if len(by_name) > 1 else ""
            parts.append(title + table(HEAD, _rows(name, model, _value(values, name), comments)))
        if not by_name:
            keys = [(f"`{key}`", type(each).__name__, _default(each), "", "") for key, each in value.items()]
            parts.append(table(HEAD, keys))
    return "\n\n".join(parts)


def section_models(section: str) -> dict[str, Model]:
    """Return the model of a section of params.yaml by its dotted name: one for each generator and each arm."""
    if section == "synthesize":
        names = sorted(path.stem for path in Path("parts/generators").glob("*.py") if path.stem != "__init__")
        return {f"{section}.{name}": importlib.import_module(f"parts.generators.{name}").Params for name in names}
    if section in SHARED:
        return {f"{section}.NAME" if section == "arms" else section: SHARED[section]}
    for folder in ("stages", "commands", "invitro/base_model"):
        if Path(folder, f"{section}.py").exists():
            return {section: importlib.import_module(f"{folder}/{section}".replace("/", ".")).Params}
    raise UserError(f"params.yaml: no module is named for section {section}")


def experiments_section_models(section: str) -> dict[str, Model]:
    """Return the model of a section of experiments/params.yaml: a group of variants has two; `world` has none."""
    if not Path("experiments", f"{section}.py").exists():
        return {}
    module = importlib.import_module(f"experiments.{section}")
    if section == "variants":
        return {"variants.GROUP": module.Params, "variants.GROUP.variants.NAME": module.Variant}
    return {section: module.Params}


def _value(values: dict, name: str) -> dict:
    """Return the value at a dotted name; {} where there is none, or where a part of the name is a placeholder."""
    for part in name.split("."):
        values = values.get(part) or {}
    return values


def _rows(name: str, model: Model, values: dict, comments: dict[str, str]) -> Iterator[tuple[str, ...]]:
    by_field = field_comments(model, BaseModel)
    for key, field in model.model_fields.items():
        has_default = key in values or (values and not field.is_required())
        default = _default(values.get(key, field.default)) if has_default else "-"
        bounds = ", ".join(BOUNDS[type(each).__name__].format(each) for each in field.metadata)
        meaning = comments.get(f"{name}.{key}") or by_field.get(key, "")
        yield f"`{key}`", type_name(field.annotation), default, bounds, _cell(meaning)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _default(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if len(text) <= LONGEST else f"`{text[: LONGEST - 1]}…`"


def type_name(annotation: object) -> str:
    """Return the type of a key as a reader of YAML would say it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(type_name, arguments))
    if origin is dict:
        return f"table of {type_name(arguments[1])}"
    if origin in (list, tuple):
        return f"list of {' and '.join(type_name(each) for each in arguments if each is not Ellipsis)}"
    return {type(None): "null", Path: "path"}.get(annotation) or annotation.__name__.lower()


def yaml_comments(text: str) -> dict[str, str]:
    """Return the comment at the end of each line `key: value # comment` of block style, by the dotted name of the key."""
    comments, parents = {}, []
    for line in text.splitlines():
        if match := re.match(r"( *)([\w.]+):(.*)", line):
            parents = [*parents[: len(match[1]) // 2], match[2]]
            _, mark, comment = match[3].partition(" # ")
            comments |= {".".join(parents): comment} if mark else {}
    return comments


def field_comments(model: type, base: type) -> dict[str, str]:
    """Return the comment behind each annotated field of a class, or on the line above it; of its bases below `base` too."""
    comments = {}
    for cls in reversed(model.__mro__[: model.__mro__.index(base)]):
        source = textwrap.dedent(inspect.getsource(cls))
        lines = source.splitlines()
        for node in ast.parse(source).body[0].body:
            if isinstance(node, ast.AnnAssign):
                above = lines[node.lineno - 2].strip()
                _, mark, comment = "\n".join(lines[node.lineno - 1 : node.end_lineno]).partition("  # ")
                comment = comment.split("\n")[0] if mark else above[2:] if above.startswith("# ") else ""
                comments |= {node.target.id: comment} if comment else {}
    return comments
