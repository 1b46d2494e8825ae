"""A knob that is missing, unknown or of the wrong type is told in one line."""

import pytest

from parts.project import params
from parts.project.errors import UserError
from stages import chunk, exam


def test_the_shipped_params_load():
    assert params.load("chunk", chunk.Params, params.ROOT / "params.yaml").max_tokens > 0


def test_an_unknown_key_is_named_with_the_known_ones(workplace):
    workplace.change("chunk", "max_token", 3)
    with pytest.raises(UserError, match=r"unknown key chunk.max_token: its keys are max_tokens"):
        params.load("chunk", chunk.Params)


def test_a_value_of_the_wrong_type_is_named(workplace):
    workplace.change("exam", "count", "many")
    with pytest.raises(UserError, match=r"bad value for exam.count"):
        params.load("exam", exam.Params)


def test_a_missing_key_is_named(workplace):
    for key in ("count", "mix"):
        del workplace.params["exam"][key]
    workplace.change("compare", "seed", 1)
    with pytest.raises(UserError, match=r"section exam lacks count, mix: docs/configuration.md has the shipped values"):
        params.load("exam", exam.Params)


def test_an_unknown_section_is_named(workplace):
    workplace.params["chunks"] = {}
    workplace.change("compare", "seed", 1)
    with pytest.raises(UserError, match=r"unknown section 'chunks'"):
        params.load("chunk", chunk.Params)


def test_a_missing_section_is_named(workplace):
    del workplace.params["chunk"]
    workplace.change("compare", "seed", 1)
    with pytest.raises(UserError, match=r"no section 'chunk'"):
        params.load("chunk", chunk.Params)


def test_a_file_that_is_not_yaml_or_not_there_is_told(workplace):
    (workplace.path / "params.yaml").write_text("a: [")
    with pytest.raises(UserError, match="not YAML"):
        params.load("chunk", chunk.Params)
    (workplace.path / "params.yaml").unlink()
    with pytest.raises(UserError, match="repository's root"):
        params.load("chunk", chunk.Params)
