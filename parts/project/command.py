"""Tell a person what went wrong in one line: what, where, and what to do."""

import errno
import sys
from collections.abc import Callable
from pathlib import Path

from schemas.errors import UserError


def run(main: Callable[..., None]) -> None:
    """Call `main` with the command line's arguments; end with one line and status 1 when a person must act.

    Raises nothing for a user's mistake, a table that breaks its contract, a full disk or Ctrl-C; a defect of the
    program keeps its traceback.
    """
    try:
        main(*sys.argv[1:])
    except UserError as error:
        _end(str(error))
    except KeyboardInterrupt:
        _end("stopped; run the same command again to go on from here", 130)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        _end(f"no room left to write {error.filename or 'a file'} in {Path.cwd()}; free some and run again")
    except _bad_table() as error:
        _end(str(error))


def _bad_table() -> type[Exception]:
    """Return BadTable; called only once something was raised, for Pandera takes seconds to import."""
    from schemas.table import BadTable

    return BadTable


def _end(message: str, status: int = 1) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(status)
