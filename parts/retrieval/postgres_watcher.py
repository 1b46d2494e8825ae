"""Run a server until nobody holds a lock on a file any more: a script of its own, without imports of the project.

python postgres_watcher.py IN_USE FOLDER SOCKETS USER GROUP COMMAND...     it runs in FOLDER, as USER (a number)

Whoever uses the server has a shared lock on IN_USE. The system takes it from a process that ends, however it ends. The
watcher tries to have the file for itself; once it has, it stops the server, and keeps the file until the server is gone, and
the folder SOCKETS with it.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time

INTERVAL = 0.1  # seconds between two tries
PATIENCE = 60  # seconds for the server to stop, before it is killed

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(in_use: str, folder: str, sockets: str, user: str, group: str, *command: str) -> int:
    """Return the server's exit status."""
    owner = {} if os.geteuid() else {"user": int(user), "group": int(group), "extra_groups": []}
    with open(in_use) as file:
        server = subprocess.Popen(command, cwd=folder, preexec_fn=_end_with_watcher, **owner)
        while server.poll() is None:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                status = _stop(server)
                with contextlib.suppress(OSError):
                    os.rmdir(sockets)
                return status
            time.sleep(INTERVAL)
        return server.returncode


def _end_with_watcher() -> None:
    """Have the system stop the server, should the watcher be killed; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _stop(server: subprocess.Popen) -> int:
    server.send_signal(signal.SIGINT)  # of Postgres: a fast shutdown
    try:
        return server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
