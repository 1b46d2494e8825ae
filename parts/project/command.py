"""Run a stage or a command: its arguments from its signature, its errors in one line, its libraries quiet."""

import argparse
import errno
import gc
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args, get_origin

from parts.project import interrupts
from parts.project.errors import UserError

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip
"""What keeps libraries from printing, and from warning of threads and forks."""

NEW_OBJECTS = 50_000  # between two runs of the garbage collector; Python's 700 are for programs of few objects


def run(main: Callable[..., None]) -> None:
    """Call `main` with the command line's arguments; end with one line and a status when a person must act.

    Status 2: arguments that it does not take. Status 1: a user's mistake, a table that breaks its contract, a full disk.
    A defect of the program keeps its traceback. The garbage collector runs seldom: it would take a fifth of the time
    for importing torch.
    """
    _be_quiet()
    gc.set_threshold(NEW_OBJECTS)
    try:
        try:
            interrupts.are_heard = True
            arguments, flags = parse(main, sys.argv[1:])
            main(*arguments, **flags)
            interrupts.status = 0
        finally:
            # before a line is told: polars raises KeyboardInterrupt itself, and Python then handles the same signal
            interrupts.are_heard = False
    except UserError as error:
        _end(str(error))
    except KeyboardInterrupt:
        _end(interrupts.STOPPED, 130)
    except OSError as error:
        if not _is_full_disk(error):
            raise
        _end(f"no room left to write {error.filename or 'a file'} in {Path.cwd()}; free some and run again")


def _is_full_disk(error: OSError) -> bool:
    """Tell whether `error` is of a disk without room; shutil.copytree has no number for its own, but the texts of all."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return error.errno in full or any(f"[Errno {number}]" in str(error) for number in full)


def parse(main: Callable[..., None], words: list[str]) -> tuple[list, dict[str, bool]]:
    """Return the positional arguments and the flags that `main` takes, from the command line's `words`.

    A parameter is an argument of its annotation's type, or one of the values of a Literal, and optional where it has a
    default; a keyword-only one is a flag.
    """
    module = sys.modules[main.__module__]
    name = module.__spec__.name if module.__spec__ else main.__module__
    parser = _Parser(f"python -m {name}", description=inspect.getdoc(module), allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parameters = inspect.signature(main).parameters.values()
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY:
            parser.add_argument(f"--{parameter.name}", action="store_true")
        else:
            optional = {} if parameter.default is parameter.empty else {"nargs": "?", "default": parameter.default}
            kind = {"type": parameter.annotation}
            if get_origin(parameter.annotation) is Literal:
                kind = {"choices": get_args(parameter.annotation)}
            elif parameter.annotation is parameter.empty:
                kind = {}
            parser.add_argument(parameter.name, **kind, **optional)
    values = vars(parser.parse_intermixed_args(words))
    flags = {p.name: values.pop(p.name) for p in parameters if p.kind is p.KEYWORD_ONLY}
    return list(values.values()), flags


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        """End with one line that says what is wrong and how the command is called."""
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        _end(f"{message}; usage: {usage}", 2)


def _be_quiet() -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _end(message: str, status: int = 1) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    interrupts.status = status
    raise SystemExit(status)
