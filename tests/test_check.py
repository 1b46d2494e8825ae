"""A pipe among the documents is refused before DVC waits for it."""

import os
import socket
from pathlib import Path

import pytest

from commands import check
from tests.helpers.cli import error_line


@pytest.mark.parametrize("kind", ["pipe", "socket", "link"])
def test_what_is_no_file_is_refused_by_name(workplace, kind):
    workplace.change("ingest", "path", "raw")
    folder = Path("raw/deeper")
    folder.mkdir(parents=True)
    (folder / "good.txt").write_text("a document")
    check.main()
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(folder / "odd"))
    elif kind == "pipe":
        os.mkfifo(folder / "odd")
    else:
        (folder / "odd").symlink_to("/dev/zero")
    assert error_line(check.main).startswith("error: raw/deeper/odd is a pipe, a socket or a device")
