"""Files and folders are written all or nothing."""

import json

import pytest

from parts.project.files import replacing, write_json, write_text


class WriteFailed(Exception):
    pass


def write_folder(path, *names):
    with replacing(path) as partial:
        partial.mkdir()
        for name in names:
            (partial / name).write_text(name)


def test_a_file_is_replaced_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "old")
    with replacing(path) as partial:
        partial.write_text("now")
        assert path.read_text() == "old"
    assert path.read_text() == "now"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_replaces_a_folder_with_all_that_was_in_it(tmp_path):
    write_folder(tmp_path / "model", "old", "shared")
    write_folder(tmp_path / "model", "new", "shared")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["new", "shared"]
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


@pytest.mark.parametrize("error", [WriteFailed, OSError, KeyboardInterrupt])
@pytest.mark.parametrize(
    "write", [lambda path: path.write_text("half"), lambda path: (path / "half").mkdir(parents=True)]
)
def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path, write, error):
    write_folder(tmp_path / "model", "old")
    with pytest.raises(error), replacing(tmp_path / "model") as partial:
        write(partial)
        raise error
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_what_a_killed_process_left_behind_is_not_taken_over(tmp_path):
    (tmp_path / ".model.partial").mkdir()
    (tmp_path / ".model.partial" / "half").touch()
    write_folder(tmp_path / "model", "whole")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["whole"]


def test_a_value_that_is_no_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "plot.json"
    write_json(path, [{"arm": "rag"}])
    with pytest.raises(TypeError):
        write_json(path, {"arm": object()})
    assert path.read_text() == json.dumps([{"arm": "rag"}], indent=1) + "\n"


def test_text_is_utf_8_whatever_the_locale(tmp_path):
    write_text(tmp_path / "a.txt", "é")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9"
