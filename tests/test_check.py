"""Before DVC hashes folders, a pipe among the documents is refused, and what a generator left that is no more is removed."""

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


def test_a_generator_that_is_taken_out_takes_its_rows_and_metrics_along(workplace, capsys):
    workplace.change("ingest", "path", "raw")
    for folder in ("raw", "data/synth", "metrics/synthesize"):
        Path(folder).mkdir(parents=True)
    kept = ["data/synth/qa.parquet", "data/synth/rows.parquet", "metrics/synthesize/qa.json"]
    gone = ["data/synth/focal.parquet", "metrics/synthesize/focal.json"]
    for name in kept + gone:
        Path(name).touch()
    check.main()
    assert all(Path(name).exists() for name in kept) and not any(Path(name).exists() for name in gone)
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: removed, for params.yaml has no generator focal" for name in gone
    ]
