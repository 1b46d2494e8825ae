"""JSONL files are read with their line numbers."""

import pytest

from parts.project.errors import UserError
from parts.text.jsonl import read_lines


def test_blank_lines_count_and_are_left_out_and_only_a_newline_ends_a_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('\ufeff{"a": "b\u2028\x85c"}\r\n \n\n{"a": 2}', encoding="utf-8", newline="")
    assert [(line.number, line.row) for line in read_lines(path)] == [(1, {"a": "b\u2028\x85c"}), (4, {"a": 2})]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "Expecting property name enclosed in double quotes at character 1"), ("[1, 2]", "[1, 2]")],
)
def test_what_is_no_json_object_is_named_with_its_line(tmp_path, text, reason):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n\n{text}\n')
    lines = read_lines(path)
    assert next(lines).where == f"{path}, line 1"
    with pytest.raises(UserError) as error:
        next(lines)
    assert str(error.value) == f"{path}, line 3: not a JSON object: {reason}"
