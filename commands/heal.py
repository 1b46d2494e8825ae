"""Put right what DVC was writing when it was killed: it writes its files in place, and reads none that is cut."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from dvc.exceptions import DvcException
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils import strictyaml

from commands.git import run_git
from parts.project.errors import UserError
from parts.project.files import write_text

FOLDER = Path(".dvc/tmp")
GUARDS = ("lock", "rwlock.lock")
"""What DVC holds while it writes dvc.lock, and its list of who reads and writes what."""
LOCKS = (Path("dvc.lock"), Path("experiments/dvc.lock"))


@contextmanager
def _nobody_writes() -> Iterator[bool]:
    """Hold DVC's guards; yield whether they were free, for what a living DVC writes is not cut."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / GUARDS[0]).open("ab") as one, (FOLDER / GUARDS[1]).open("ab") as other:
        try:
            for guard in (one, other):
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_whole(lock: Path) -> bool:
    """Tell whether DVC can read `lock`, a dvc.lock."""
    try:
        strictyaml.load(lock, COMPILED_LOCKFILE_SCHEMA)
    except DvcException:
        return False
    return True


def heal_lock(path: Path) -> None:
    """Take the last commit's `path` where DVC cannot read it. What ran since does not run again: DVC keeps that elsewhere."""
    if not path.exists() or is_whole(path):
        return
    committed = b""
    with suppress(UserError):
        committed = run_git("show", f"HEAD:./{path}")
    if committed:
        write_text(path, committed.decode())
    else:
        path.unlink()
    print(f"{path}: {'as committed' if committed else 'removed'}, for a run that was killed left it half written")


def is_dvc(process: int) -> bool:
    """Tell whether DVC runs as `process`, whose number another may have by now."""
    try:
        return any(Path(word).name == "dvc" for word in psutil.Process(process).cmdline())
    except psutil.Error:
        return False


def heal_rwlock(path: Path = FOLDER / "rwlock") -> None:
    """Forget who read and wrote what, where `path` is cut or all of them are gone."""
    if not path.exists():
        return
    try:
        users = json.loads(path.read_bytes())
        readers = [each for several in users.get("read", {}).values() for each in several]
        numbers = [int(each["pid"]) for each in (*readers, *users.get("write", {}).values())]
    except (ValueError, KeyError, TypeError, AttributeError):  # no JSON, or none of DVC's
        path.unlink()
        print(f"{path}: removed, for a run that was killed left it half written")
    else:
        if not any(is_dvc(number) for number in numbers):
            path.unlink()


def heal() -> None:
    """Put right what a killed DVC left half written."""
    with _nobody_writes() as free:
        if free:
            for path in LOCKS:
                heal_lock(path)
            heal_rwlock()
