"""The embedded Postgres starts on any path, heals, ends with its last user, and lets nobody else in."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from parts.project.errors import UserError
from parts.retrieval import embedded_postgres

HOLD = """
import sys, time
from pathlib import Path
from parts.retrieval.embedded_postgres import running
with running(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of a name that shells and connection strings do not like."""
    yield tmp_path / "a b'c\"%d&e$f" / ("x" * 100) / "postgres"
    wait_until(lambda: not servers(tmp_path))


def hold(folder: Path, seconds: float = 60) -> subprocess.Popen:
    """Start a process that uses the server of `folder`, and wait until it does."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert "host=" in holder.stdout.readline()
    return holder


def servers(folder: Path) -> list[psutil.Process]:
    """Return the Postgres processes, backends too, that run somewhere in `folder`."""
    own = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres":
            try:
                own += [process] if Path(process.cwd()).is_relative_to(folder) else []
            except psutil.Error:
                continue
    return own


def wait_until(is_true, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def tables(dsn: str) -> list[str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        connection.execute("CREATE TABLE IF NOT EXISTS kept ()")
    return [name for (name,) in rows]


def test_it_starts_on_any_path_keeps_its_tables_and_is_one_for_all_who_use_it(folder):
    with embedded_postgres.running(folder) as first, embedded_postgres.running(folder) as second:
        assert first == second
        assert tables(first) == []
    wait_until(lambda: not servers(folder))
    with embedded_postgres.running(folder) as third:
        assert tables(third) == ["kept"]


def test_two_processes_that_start_it_at_once_use_one_server(folder):
    with ThreadPoolExecutor() as pool:
        holders = [*pool.map(hold, [folder] * 3)]
    assert len({server.ppid() for server in servers(folder)} - {server.pid for server in servers(folder)}) == 1
    for holder in holders:
        holder.kill()


@pytest.mark.parametrize("who", ["the only user", "the watcher"])
def test_it_ends_when_what_keeps_it_is_killed(folder, who):
    holder = hold(folder)
    watcher = next(server.parent() for server in servers(folder) if server.parent().name() != "postgres")
    os.kill(holder.pid if who == "the only user" else watcher.pid, signal.SIGKILL)
    wait_until(lambda: not servers(folder))
    wait_until(lambda: not watcher.is_running() or watcher.status() == psutil.STATUS_ZOMBIE)
    holder.kill()
    with embedded_postgres.running(folder) as dsn:
        assert tables(dsn) == []


def test_a_user_that_ends_leaves_the_server_to_the_others(folder):
    holder = hold(folder)
    with embedded_postgres.running(folder) as dsn:
        holder.kill()
        holder.wait()
        time.sleep(0.5)
        assert tables(dsn) == []


def test_a_lock_file_with_the_number_of_another_process_harms_nobody(folder):
    with embedded_postgres.running(folder):
        lock_file = (folder / "cluster/postmaster.pid").read_text()
    wait_until(lambda: not servers(folder))
    with subprocess.Popen(["sleep", "60"]) as other:
        lines = [str(other.pid), *lock_file.splitlines()[1:]]
        (folder / "cluster/postmaster.pid").write_text("\n".join(lines))
        with embedded_postgres.running(folder) as dsn:
            assert tables(dsn) == []
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize(
    "name", ["postmaster.pid", "global/pg_control", "PG_VERSION", "postgresql.conf", "pg_wal", "password"]
)
def test_a_broken_one_is_made_anew_and_told(folder, name, capfd):
    with embedded_postgres.running(folder) as dsn:
        tables(dsn)
    wait_until(lambda: not servers(folder))
    path = folder / "cluster" / name.replace("password", embedded_postgres.PASSWORD)
    for file in [*path.iterdir()] if path.is_dir() else [path]:
        if not file.is_dir():
            file.write_bytes(b"")
    with embedded_postgres.running(folder) as dsn:
        assert tables(dsn) == (["kept"] if name in ("postmaster.pid", "postgresql.conf") else [])
    is_told = "was broken" in capfd.readouterr().err
    assert is_told == (name not in ("postmaster.pid", "postgresql.conf"))


def test_one_that_was_killed_while_it_was_made_is_made_by_the_next(folder):
    for delay in (0.15, 0.3, 0.45):
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), "60"], stdout=subprocess.DEVNULL)
        time.sleep(delay)
        holder.kill()
    with embedded_postgres.running(folder) as dsn:
        assert tables(dsn) in ([], ["kept"])


def test_a_server_that_takes_no_more_connections_is_not_stopped(folder):
    with embedded_postgres.running(folder) as dsn, contextlib.ExitStack() as stack:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            for _ in range(200):
                stack.enter_context(psycopg.connect(dsn))
        with embedded_postgres.running(folder) as again:
            assert again == dsn


def test_a_copy_of_a_folder_in_use_has_a_server_of_its_own(folder):
    with embedded_postgres.running(folder) as original:
        tables(original)
        copy = folder.with_name("copy")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".s.*"))
        with embedded_postgres.running(copy) as own:
            assert own.partition("port")[0] != original.partition("port")[0]
            assert servers(copy)


def test_nobody_else_gets_in_and_no_folder_is_opened(folder):
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    with embedded_postgres.running(folder) as dsn:
        sockets = Path(psycopg.conninfo.conninfo_to_dict(dsn)["host"])
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert (folder / "cluster" / embedded_postgres.PASSWORD).stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=str(sockets), user=embedded_postgres.ROLE, password="guess", dbname="postgres")
        listening = [link for server in servers(folder) for link in server.net_connections("inet")]
        assert not listening


def test_a_socket_folder_of_another_user_is_refused(folder):
    with embedded_postgres.running(folder) as dsn:
        sockets = Path(psycopg.conninfo.conninfo_to_dict(dsn)["host"])
    wait_until(lambda: not sockets.exists())
    sockets.mkdir(mode=0o777)
    with pytest.raises(UserError, match="another user's"), embedded_postgres.running(folder):
        pass
    sockets.rmdir()


def test_a_folder_that_cannot_be_made_is_an_error_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"set CLOSEDBOOK_DSN$"), embedded_postgres.running(tmp_path / "file/postgres"):
        pass
