"""One progress bar a stage on a terminal; elsewhere, as in a log, a line a minute."""

import sys
from time import time

from tqdm import tqdm

MINUTE = 60.0


class ProgressBar(tqdm):
    """A tqdm bar that leaves nothing behind, for a stage ends with a line of its own."""

    def __init__(self, *args, **kwargs):
        """Take what tqdm takes."""
        self.is_terminal = sys.stderr.isatty()
        interval = 1.0 if self.is_terminal else MINUTE
        self.shown_t = time()  # when the last line was printed
        super().__init__(*args, **{"mininterval": interval, "maxinterval": interval, "leave": False} | kwargs)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the bar; without a terminal print a line of what is done so far, once a minute at most."""
        if self.is_terminal:
            super().display(msg, pos)
        elif msg is None and not self.disable and self._time() - self.shown_t >= MINUTE:
            self.shown_t = self._time()
            print(str(self), file=sys.stderr, flush=True)
