"""Read params.yaml: every knob that changes a result, one section a stage, each checked by a Pydantic model."""

from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from parts.project.errors import UserError

PATH = Path("params.yaml")
ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("stages", "commands", "invitro", "experiments")
SHARED = ("student", "teacher", "judge", "arms")
"""Sections that more than one stage reads; every other section is named for its stage."""

Model = TypeVar("Model", bound=BaseModel)


def load(section: str, model: type[Model], path: Path = PATH) -> Model:
    """Return `section` of params.yaml ("synthesize.qa" for a part of one) as `model`.

    Raises UserError when the file, the section or a key is missing, unknown or of the wrong type.
    """
    values = _sections(path)
    for name in section.split("."):
        if not isinstance(values, dict) or name not in values:
            raise UserError(
                f"{path} has no section {section!r}: add it (`git show HEAD:params.yaml` has the shipped one)"
            )
        values = values[name]
    try:
        return model.model_validate(values or {})
    except ValidationError as error:
        errors = error.errors(include_url=False)
        if missing := [".".join(map(str, each["loc"])) for each in errors if each["type"] == "missing"]:
            raise UserError(
                f"{path}: section {section} lacks {', '.join(missing)}: docs/configuration.md has the shipped values"
            ) from error
        first = errors[0]
        key = ".".join([section, *map(str, first["loc"])])
        is_unknown = first["type"] == "extra_forbidden"
        hint = f"its keys are {', '.join(model.model_fields)}" if is_unknown else first["msg"]
        raise UserError(f"{path}: {'unknown key' if is_unknown else 'bad value for'} {key}: {hint}") from error


def _sections(path: Path) -> dict:
    """Return the parsed file. Raises UserError for a file that is not there or not YAML, or an unknown section."""
    try:
        return _parse(path.read_text(), path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is not here: run from the repository's root") from error


@lru_cache(maxsize=8)
def _parse(text: str, path: Path) -> dict:
    """Return `text` of `path` parsed: once, for a stage loads ten sections and PyYAML takes longer than some stages."""
    try:
        sections = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from error
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    modules = {name for file in files for name in (file.stem, file.parent.name)}  # invitro/world is a folder
    for name in sections:
        if name not in SHARED and name not in modules:
            raise UserError(
                f"{path}: unknown section {name!r}: sections are named for modules of stages, commands, invitro, experiments"
            )
    return sections


def load_table(section: str, model: type[Model], path: Path = PATH) -> dict[str, Model]:
    """Return the entries of a section by name, in its order, each as `model`. Raises UserError as `load` does."""
    return {name: load(f"{section}.{name}", model, path) for name in _sections(path).get(section) or {}}


def names(section: str, path: Path = PATH) -> list[str]:
    """Return the keys of a section that are names, such as the generators of `synthesize`, sorted."""
    return sorted(_sections(path)[section])
