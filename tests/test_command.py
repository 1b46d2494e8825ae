"""Stages and commands report wrong arguments in one line, silence their libraries, and show progress in one bar."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from parts.project.command import parse
from parts.project.interrupts import STOPPED
from parts.project.progress import ProgressBar
from parts.project.queries import select
from tests.helpers.source_code import ROOT


def main(pilot: int = 0, name: str = "x", *, md: bool = False) -> None:
    """Take arguments of two types and a flag."""


def test_arguments_have_the_types_of_the_signature_and_flags_are_keyword_only():
    assert parse(main, []) == ([0, "x"], {"md": False})
    assert parse(main, ["7", "--md", "y"]) == ([7, "y"], {"md": True})


@pytest.mark.parametrize("words", [["x"], ["1", "y", "z"], ["--markdown"], ["--m"]])
def test_wrong_arguments_end_with_one_line_of_usage(words, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(main, words)
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2
    assert line.startswith("error: ") and "usage: python -m" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["stages.answer"], ["stages.score"], ["stages.synthesize"], ["stages.answer", "rag", "tuned"],
        ["stages.train", "student", "1"],
        ["commands.estimate", "x"], ["commands.merge", "models/adapter"], ["commands.comment", "HEAD", "soon"],
    ],
)  # fmt: skip
def test_a_module_with_wrong_arguments_ends_with_one_line(words):
    process = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1 and process.stderr.startswith("error: ")


@pytest.mark.slow
def test_an_unknown_arm_is_named():
    process = subprocess.run(
        [sys.executable, "-m", "stages.answer", "nobody"], capture_output=True, text=True, cwd=ROOT
    )
    assert process.returncode == 1
    assert "arms.nobody" in process.stderr and len(process.stderr.splitlines()) == 1


@pytest.mark.parametrize("module", ["stages.score", "commands.coverage", "experiments.seeds", "invitro.rules.server"])
def test_ctrl_c_while_a_module_imports_ends_it_in_one_line(module, tmp_path):
    interrupt = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    for library in ("polars", "duckdb", "numpy"):
        (tmp_path / f"{library}.py").write_text(interrupt)
    process = subprocess.run(
        [sys.executable, "-m", module], capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.returncode == 130
    assert process.stderr == f"error: {STOPPED}\n"


@pytest.mark.parametrize(("shell", "heard"), [(signal.SIG_DFL, "_handle"), (signal.SIG_IGN, "SIG_IGN")])
def test_a_running_module_hears_ctrl_c_unless_its_shell_ignores_it(shell, heard):
    code = "import signal, sys; sys.argv = ['-m']; import stages; from parts.project.command import run; sys.argv = ['x']\n"
    code += "run(lambda: print(repr(signal.getsignal(signal.SIGINT))))"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, shell),
    )  # fmt: skip
    assert heard in process.stdout


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.8])
def test_ctrl_c_at_any_time_ends_a_command_in_one_line(seconds):
    command = subprocess.Popen(
        [sys.executable, "-m", "commands.coverage"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        cwd=ROOT, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(seconds)
    command.send_signal(signal.SIGINT)
    lines = command.communicate()[1].splitlines()
    assert lines == [] or (len(lines) == 1 and lines[0].startswith("error: "))


HEARD = """
import signal, sys; sys.argv = ["-m"]
import stages
from parts.project.command import run
sys.argv = ["x"]
"""


@pytest.mark.parametrize(
    "main",
    [
        # as polars does it: an exception, and a signal that Python has yet to handle
        "lambda: list(map(operator.call, [_thread.interrupt_main, functools.partial(signal.default_int_handler, 2, None)]))",
        "lambda: importlib.import_module('interrupted')",
    ],
)
def test_a_library_that_hears_ctrl_c_too_and_one_that_is_being_imported_end_in_one_line(main, tmp_path):
    broken = "import os, time\ntry:\n    os.kill(os.getpid(), 2)\n    time.sleep(9)\nexcept BaseException:\n    print('half')"
    (tmp_path / "interrupted.py").write_text(broken)
    code = f"import _thread, functools, importlib, operator\n{HEARD}\nsys.path.append({str(tmp_path)!r})\nrun({main})"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (process.returncode, process.stdout, process.stderr) == (130, "", f"error: {STOPPED}\n")


@pytest.mark.parametrize(("words", "raised"), [("Query interrupted", KeyboardInterrupt), ("Broken", RuntimeError)])
def test_what_duckdb_makes_of_ctrl_c_is_ctrl_c_again(words, raised, monkeypatch):
    def connect() -> None:
        raise RuntimeError(words)

    monkeypatch.setattr("duckdb.connect", connect)
    with pytest.raises(raised):
        select("SELECT 1")


def test_help_prints_the_docstring_of_the_module():
    process = subprocess.run([sys.executable, "-m", "commands.gate", "-h"], capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0 and "worse than in earlier runs" in process.stdout


def lines(seconds: list[float], monkeypatch, is_terminal: bool = False) -> str:
    """Return what a bar of ten steps prints, the clock standing at `seconds` after each."""
    shown, now = io.StringIO(), [0.0]
    shown.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", shown)
    with ProgressBar(total=10, desc="answers", file=shown) as bar:
        bar._time = lambda: now[0]
        bar.start_t = bar.last_print_t = bar.shown_t = 0.0
        for now[0] in seconds:
            bar.update()
        bar.set_postfix_str("done")  # draws, whatever the interval
    return shown.getvalue()


def test_without_a_terminal_there_is_a_line_a_minute_and_no_bar(monkeypatch):
    text = lines([20.0 * step for step in range(1, 11)], monkeypatch)
    assert "\r" not in text
    assert 2 <= len(text.splitlines()) <= 4 and "answers" in text


def test_without_a_terminal_what_takes_seconds_prints_nothing(monkeypatch):
    assert lines([0.5 * step for step in range(1, 11)], monkeypatch) == ""


def test_on_a_terminal_the_bar_leaves_nothing_behind(monkeypatch):
    text = lines([2.0 * step for step in range(1, 11)], monkeypatch, is_terminal=True)
    assert "\r" in text and text.rstrip(" \r").count("\n") == 0


@pytest.mark.parametrize(
    ("main", "status", "error"),
    [
        ("lambda: print('done')", 0, ""),
        ("lambda: None.lacking", 1, "AttributeError"),
        ("refuse", 1, "error: no such file\n"),
        ("lambda: sys.exit(3)", 3, ""),
    ],
)
def test_a_module_ends_with_its_status_after_its_output_and_what_others_do_at_the_end(main, status, error):
    code = "import sys; sys.argv = ['-m']; import stages, atexit; from parts.project.command import run\n"
    code += "from parts.project.errors import UserError\ndef refuse(): raise UserError('no such file')\n"
    code += f"sys.argv = ['x']; atexit.register(lambda: print('closed')); print('begun')\nrun({main})"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == status
    assert process.stdout.startswith("begun") and process.stdout.endswith("closed\n")
    assert error in process.stderr and (error or not process.stderr)


def test_python_does_not_tidy_up_after_a_module():
    code = "import sys; sys.argv = ['-m']; import stages; from parts.project.command import run\n"
    code += "class Kept:\n  def __del__(self): print('tidied')\nkept = Kept(); sys.argv = ['x']; run(lambda: None)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert process.stdout == ""
