"""Read a scan by Tesseract, where it is installed."""

import shutil
import subprocess
from functools import cache

from parts.corpus.unreadable import Unreadable

PROGRAM = "tesseract"
WITHOUT = "is a scan, without text: install Tesseract, or run an OCR tool over it first"


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the text in a picture. Raises Unreadable without Tesseract, or where it fails."""
    if not shutil.which(PROGRAM):
        raise Unreadable("scan without text", WITHOUT)
    command = [PROGRAM, "stdin", "stdout", "-l", _languages()]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        raise Unreadable("broken", "is a picture that Tesseract cannot read")
    return "", done.stdout.decode("utf-8", "replace").replace("\f", "\n")


@cache
def _languages() -> str:
    """Return the languages that Tesseract has, as it takes them."""
    listed = subprocess.run([PROGRAM, "--list-langs"], capture_output=True, text=True, check=True).stdout
    return "+".join(sorted(set(listed.split("\n")[1:]) - {"", "osd"})) or "eng"
