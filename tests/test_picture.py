"""make picture writes a PNG of the page, or says in one line what is missing."""

import struct

import pytest

from commands import picture
from tests.helpers.cli import error_line


@pytest.mark.slow
def test_the_picture_is_a_png_of_the_window(tmp_path):
    page, shot = tmp_path / "index.html", tmp_path / "docs" / "page.png"
    page.write_text("<!doctype html><title>page</title><h1>The verdict</h1>")
    picture.screenshot(page, shot)
    data = shot.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">2I", data[16:24]) == picture.SIZE
    assert [path.name for path in shot.parent.iterdir()] == ["page.png"]


def test_a_picture_that_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "LARGEST", 10)
    monkeypatch.chdir(tmp_path)
    picture.PAGE.parent.mkdir()
    picture.PAGE.write_text("<!doctype html><title>page</title>")
    assert "of 10 at most" in error_line(picture.main)
    assert not picture.PICTURE.exists()


def test_without_a_page_the_way_to_one_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "make repro" in error_line(picture.main)
