"""Write docs/page.png, a picture of report/index.html in headless Chromium.

python -m commands.picture
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from parts.project.command import run
from parts.project.errors import UserError
from parts.project.files import replacing

PAGE, PICTURE = Path("report/index.html"), Path("docs/page.png")
SIZE = 1280, 800  # of the window, in pixels
LARGEST = 200_000  # bytes
BROWSERS = "chromium", "chromium-browser", "google-chrome"


def screenshot(page: Path, picture: Path) -> None:
    """Write a PNG of the first screen of `page`, all or nothing. Raises UserError without Chromium, and if it fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise UserError(f"no browser: install one of {', '.join(BROWSERS)}")
    flags = [
        "--headless",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
    ]
    flags += [f"--window-size={SIZE[0]},{SIZE[1]}"] + ["--no-sandbox"] * (os.geteuid() == 0)
    with tempfile.TemporaryDirectory() as profile, replacing(picture) as partial:
        # Chromium takes the format from the name, and an absolute path alone
        shot = Path(profile, picture.name)
        words = [browser, *flags, f"--user-data-dir={profile}", f"--screenshot={shot}", page.absolute().as_uri()]
        process = subprocess.run(words, capture_output=True, text=True, timeout=120)
        if process.returncode or not shot.exists():
            raise UserError(f"{browser} made no picture of {page}: {process.stderr[-300:]}")
        if shot.stat().st_size > LARGEST:
            raise UserError(f"the picture of {page} has {shot.stat().st_size:,} bytes, of {LARGEST:,} at most")
        shutil.copyfile(shot, partial)


def main() -> None:
    """Write docs/page.png."""
    if not PAGE.exists():
        raise UserError(f"{PAGE} is missing: run `make repro` first")
    screenshot(PAGE, PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    run(main)
