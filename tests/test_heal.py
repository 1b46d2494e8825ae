"""What DVC was writing when it was killed is put right before it reads it again, and what a living DVC writes is left alone."""

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import heal
from tests.helpers.source_code import ROOT

WHOLE = (ROOT / "dvc.lock").read_text()
MD5 = WHOLE.index("md5:") + 5


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with dvc.lock committed; the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(WHOLE)
    author = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "whole"]):
        subprocess.run(["git", *author, *words], check=True)
    return tmp_path


@pytest.mark.parametrize("cut", [0, 5, 20, MD5, MD5 + 2, 5017, 20011])
def test_a_lock_that_dvc_cannot_read_is_the_committed_one_again(repository, capsys, cut):
    Path("dvc.lock").write_text(WHOLE[:cut])
    readable = heal.is_whole(Path("dvc.lock"))
    assert cut > 20 or not readable
    heal.heal()
    assert Path("dvc.lock").read_text() == (WHOLE[:cut] if readable else WHOLE)
    assert heal.is_whole(Path("dvc.lock"))
    words = "dvc.lock: as committed, for a run that was killed left it half written\n"
    assert capsys.readouterr().out == ("" if readable else words)


@pytest.mark.parametrize("content", [bytes(4096), WHOLE[:4000].encode() + bytes(100), b"\xff\xfe"])
def test_a_lock_that_a_power_cut_left_zeroed_is_the_committed_one_again(repository, content):
    Path("dvc.lock").write_bytes(content)
    heal.heal()
    assert Path("dvc.lock").read_text() == WHOLE


def test_a_cut_lock_that_was_never_committed_goes(repository, capsys):
    Path("experiments").mkdir()
    Path("experiments/dvc.lock").write_text(WHOLE[:20])
    heal.heal()
    assert not Path("experiments/dvc.lock").exists()
    assert capsys.readouterr().out.startswith("experiments/dvc.lock: removed, for a run that was killed")


def test_a_lock_that_is_newer_than_the_commit_stays(repository, capsys):
    newer = WHOLE.replace("size: ", "size: 1")
    Path("dvc.lock").write_text(newer)
    heal.heal()
    assert Path("dvc.lock").read_text() == newer and capsys.readouterr().out == ""


@pytest.mark.parametrize("guard", heal.GUARDS)
def test_what_a_living_dvc_is_writing_is_left_alone(repository, guard):
    heal.FOLDER.mkdir(parents=True)
    Path("dvc.lock").write_text(WHOLE[:20])
    with (heal.FOLDER / guard).open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        heal.heal()
    assert Path("dvc.lock").read_text() == WHOLE[:20]
    heal.heal()
    assert Path("dvc.lock").read_text() == WHOLE


@pytest.mark.parametrize("content", ["{}", '{"write": {}, "read": {}}', '{"read": {}}'])
def test_a_list_without_readers_and_writers_is_nothing_to_tell(repository, capsys, content):
    path = heal.FOLDER / "rwlock"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    heal.heal()
    assert capsys.readouterr().out == ""


def users(process: int) -> str:
    info = {"pid": process, "cmd": "/bin/dvc repro"}
    return json.dumps({"write": {"out": info}, "read": {"dep": [info]}})


@pytest.mark.parametrize("content", ["", '{"write": {}, "re', "[]", '{"write": {"out": 1}, "read": {}}'])
def test_a_cut_list_of_readers_and_writers_is_removed_and_told(repository, capsys, content):
    path = heal.FOLDER / "rwlock"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    heal.heal()
    assert not path.exists() and capsys.readouterr().out.startswith(
        ".dvc/tmp/rwlock: removed, for a run that was killed"
    )


def test_a_writer_whose_number_another_process_has_is_forgotten_and_a_living_dvc_is_not(repository):
    path = heal.FOLDER / "rwlock"
    path.parent.mkdir(parents=True)
    path.write_text(users(os.getppid()))
    heal.heal()
    assert not path.exists()
    living = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "dvc"])
    try:
        while not heal.is_dvc(living.pid):
            time.sleep(0.05)
        path.write_text(users(living.pid))
        heal.heal()
        assert path.read_text() == users(living.pid)
    finally:
        living.kill()
        living.wait()


@pytest.mark.slow
def test_dvc_itself_stops_at_what_is_healed(repository):
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    Path("dvc.yaml").write_text("stages:\n  one: {cmd: echo 1 > out, outs: [out]}\n")
    Path("dvc.lock").write_text(WHOLE[:20])
    (heal.FOLDER / "rwlock").write_text('{"write": {}, "re')
    repro = [sys.executable, "-m", "dvc", "repro", "-q"]
    assert subprocess.run(repro, check=False, capture_output=True).returncode
    heal.heal()
    assert subprocess.run(repro, check=False, capture_output=True).returncode == 0
