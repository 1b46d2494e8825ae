"""Numbers as a reader sees them."""

import math
from collections.abc import Callable

Show = Callable[[float | None], str]
"""a number -> its text"""


def number(value: float | None, digits: int = 3) -> str:
    """Return `value` with so many digits after the point; "-" for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """Return `value` likewise, with its sign."""
    return "-" if value is None else f"{value:+.{digits}f}"


def percent(value: float | None) -> str:
    """Return a share of 1 in percent, with one digit after the point; "-" for None."""
    return "-" if value is None else f"{value:.1%}"


def dollars(value: float | None) -> str:
    """Return US dollars: cents from $1 on, below at least two significant digits ($0.000050); "-" for None."""
    if value is None:
        return "-"
    decimals = 2 if value == 0 or abs(value) >= 1 else max(2, 1 - math.floor(math.log10(abs(value))))
    return f"{'-' if value < 0 else ''}${abs(value):,.{decimals}f}"


def interval(low: float | None, high: float | None, show: Show = number) -> str:
    """Return "LOW to HIGH"."""
    return f"{show(low)} to {show(high)}"


def with_interval(value: float | None, low: float | None, high: float | None, show: Show = number) -> str:
    """Return "VALUE (LOW to HIGH)"; VALUE alone where there is no interval."""
    return show(value) if low is None or high is None else f"{show(value)} ({interval(low, high, show)})"


def p_value(p: float) -> str:
    """Return "p 0.017"; "p < 0.001" where it is smaller."""
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"
