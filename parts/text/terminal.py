"""Lay out text for a terminal."""

from collections.abc import Iterable, Sequence
from typing import Literal

from tabulate import tabulate


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: Literal["left", "right"] = "right") -> str:
    """Return a table of plain text, two spaces between columns; the first is aligned left, `align` is for the others."""
    sides = ("left", *[align] * (len(head) - 1))
    return tabulate([head, *rows], tablefmt="plain", colalign=sides, disable_numparse=True)
