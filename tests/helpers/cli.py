"""Run a stage as the command line would, and hold it to ending a user's mistake with one line."""

import contextlib
import io
import sys
from unittest import mock

import pytest

from parts.project.command import run


def error_line(main, *args: str) -> str:
    """Run `main`, see that it ends with status 1 and one line that is no traceback, and return that line."""
    stderr = io.StringIO()
    with (
        contextlib.redirect_stderr(stderr),
        mock.patch.object(sys, "argv", ["stage", *args]),
        pytest.raises(SystemExit) as stop,
    ):
        run(main)
    line = stderr.getvalue().strip().splitlines()[-1]
    assert stop.value.code == 1
    assert line.startswith("error: ")
    assert "Traceback" not in stderr.getvalue(), stderr.getvalue()
    return line
