"""An embedded Postgres: started by whoever needs it first, stopped when nobody does, made anew when it is broken.

The server runs in the folder of its files, and is never told where that is: no path is too long for it, and none has a letter
that it does not take. postgres_account.py says by whom it is run.
"""

import contextlib
import fcntl
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from parts.project.errors import UserError
from parts.project.files import replacing
from parts.retrieval import postgres_account as account

WATCHER = Path(__file__).with_name("postgres_watcher.py")
ROLE, PASSWORD = "closedbook", "closedbook_password"
PATIENCE = 60  # seconds to start, and to stop
_NO_ROOM = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "shared memory",
    "Cannot allocate",
)


class _Broken(Exception):
    """The files of the server are of no use; the argument is its last word."""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Yield the DSN of the Postgres in `folder`, which is made where it is missing, or broken: its passages are derived.

    It runs until the last of those who use it, in whatever process, ends. Raises UserError where it cannot start.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder = folder.resolve()
            in_use = stack.enter_context((folder / "in_use").open("a"))
            fcntl.flock(in_use, fcntl.LOCK_SH)  # waits for a server that is being stopped
            with (folder / "starting").open("a") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                dsn = _start(folder, starting.fileno())
        except OSError as error:
            raise UserError(
                f"the embedded Postgres in {folder}: {error.strerror or error}; or set CLOSEDBOOK_DSN"
            ) from error
        yield dsn


def _start(folder: Path, lock: int) -> str:
    """Return the DSN of the server, started where it does not run; a broken one is made anew, once."""
    for is_last in (False, True):
        if not _cluster(folder).exists():
            _make(folder, lock)
        try:
            return _dsn(_cluster(folder)) or _started(folder)
        except _Broken as error:
            if is_last or any(words in str(error) for words in _NO_ROOM):
                raise UserError(f"the embedded Postgres does not start: {error}; or set CLOSEDBOOK_DSN") from error
            print(f"the embedded Postgres was broken ({error}); it is made anew from the documents", file=sys.stderr)
            _end(_cluster(folder), patience=0)
            shutil.rmtree(_cluster(folder))
    raise AssertionError


def _make(folder: Path, lock: int) -> None:
    """Make the server's files, all or nothing, its password among them.

    `lock` is the open file of the lock: the program has it, too, so that nobody else starts while it outlives a killed process.
    """
    password = secrets.token_urlsafe(32)
    with replacing(_cluster(folder)) as partial, tempfile.TemporaryFile() as file:
        partial.mkdir(mode=0o700)
        file.write(password.encode())
        file.flush()
        account.give(partial, file.fileno())
        command = [
            account.binaries() / "initdb", "-D", account.here(), "-U", ROLE, "-A", "scram-sha-256",
            f"--pwfile=/dev/fd/{file.fileno()}", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        descriptors = [file.fileno(), lock]
        result = subprocess.run(
            command, cwd=partial, pass_fds=descriptors, capture_output=True, text=True, **account.user()
        )
        if result.returncode:
            raise UserError(f"the embedded Postgres cannot be made: {_last_line(result.stderr)}; or set CLOSEDBOOK_DSN")
        (partial / PASSWORD).touch(mode=0o600)
        (partial / PASSWORD).write_text(password)


def _started(folder: Path) -> str:
    """Return the DSN of the server once it answers. Raises _Broken where it ends before."""
    cluster, sockets = _cluster(folder), account.socket_folder(folder)
    _end(cluster, PATIENCE)
    settings = {
        "listen_addresses": "", "unix_socket_directories": sockets, "unix_socket_permissions": "0700",
        "logging_collector": "off",
        "dynamic_shared_memory_type": "mmap",  # in its folder: of /dev/shm a container has 64 MB, too little to build an index
        "maintenance_work_mem": f"{psutil.virtual_memory().total // 2**21}MB",  # half of the machine's, where a build takes it
    }  # fmt: skip
    command = [str(account.binaries() / "postgres"), "-D", account.here()]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    watched = [str(folder / "in_use"), str(cluster), str(sockets), *map(str, account.ids())]
    with (folder / "log").open("w") as log:
        watcher = subprocess.Popen(
            [sys.executable, str(WATCHER), *watched, *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    for _ in range(PATIENCE * 20):
        if dsn := _dsn(cluster):
            return dsn
        if watcher.poll() is not None:
            raise _Broken(_last_line((folder / "log").read_text(errors="replace")))
        time.sleep(0.05)
    watcher.terminate()
    raise UserError(
        f"the embedded Postgres did not answer within {PATIENCE} s: see {folder / 'log'}, or set CLOSEDBOOK_DSN"
    )


def _dsn(cluster: Path) -> str | None:
    """Return how to connect to the server of this folder, None where it does not answer. Raises _Broken for its password.

    A lock file names a process; another process may have its number by now, or the file is of the folder that this one was
    copied from.
    """
    import psycopg

    lines = _lock_file(cluster)
    if len(lines) < 8 or lines[7].strip() != "ready" or not _is_server(lines[0], cluster):
        return None
    try:
        password = (cluster / PASSWORD).read_text()
        dsn = psycopg.conninfo.make_conninfo(
            host=lines[4], port=lines[3], user=ROLE, password=password, dbname="postgres"
        )
        psycopg.connect(dsn, connect_timeout=10).close()
    except (FileNotFoundError, ValueError, psycopg.ProgrammingError) as error:
        raise _Broken(f"its password: {error}") from error
    except psycopg.OperationalError as error:
        if "password" in str(error):
            raise _Broken("its password is another") from error
        return dsn if "too many clients" in str(error) else None
    return dsn


def _is_server(pid: str, cluster: Path) -> bool:
    """Tell whether the process `pid` is the Postgres that runs in `cluster`."""
    try:
        process = psutil.Process(int(pid))
        return process.name() == "postgres" and Path(process.cwd()) == cluster
    except (ValueError, OverflowError, psutil.Error):
        return False


def _end(cluster: Path, patience: float) -> None:
    """Wait up to `patience` seconds for the server of this folder to stop, kill it then, and remove its lock file.

    Raises UserError where it outlives that.
    """
    lines = _lock_file(cluster)
    deadline = time.monotonic() + patience
    while lines and _is_server(lines[0], cluster):
        if time.monotonic() > deadline + PATIENCE:
            raise UserError(
                f"the embedded Postgres, process {lines[0]}, cannot be stopped: end it, or set CLOSEDBOOK_DSN"
            )
        if time.monotonic() > deadline:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(int(lines[0])).kill()
        time.sleep(0.05)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _lock_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _cluster(folder: Path) -> Path:
    return folder / "cluster"


def _last_line(log: str) -> str:
    """Return the last error in a server's log, without its time and process, or its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if "FATAL: " in line or "PANIC: " in line or "rror: " in line]
    return (errors or lines or ["it said nothing"])[-1].rpartition("] ")[2]
