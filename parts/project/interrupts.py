"""End `python -m` in one line at Ctrl-C, while it imports and while it leaves, too; and at its end without delay.

It imports next to nothing, for it is the first that a module of stages/ or commands/ imports.
"""

import atexit
import os
import signal
import sys
from types import FrameType

STOPPED = "stopped; run the same command again to go on from here"

are_heard = False
"""Whether `command.run` is calling a main, which hears Ctrl-C as KeyboardInterrupt."""

status: int | None = None
"""The status with which `command.run` ends the process; None: it has not said so, or a defect ended it."""


def quiet_imports() -> None:
    """Handle SIGINT from now on, and the end, if `python -m` is importing and its shell does not ignore it.

    The handler is put in once: polars wraps the one that it finds, and swallows SIGINT where that is the system's.
    """
    is_run_by_module = sys.argv[:1] == ["-m"]  # Python's, until the module is there
    if is_run_by_module:
        atexit.register(_leave)  # the first registered is the last called
    if is_run_by_module and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    if are_heard and not _imports(frame):
        raise KeyboardInterrupt
    os.write(2, f"error: {STOPPED}\n".encode())
    os._exit(130)


def _imports(frame: FrameType | None) -> bool:
    """Tell whether a module is being imported in `frame`: one in C++ may abort where an exception ends its first lines."""
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _leave() -> None:
    """End the process before Python looks at every object once more, a second and a half of them where torch was loaded."""
    if status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
