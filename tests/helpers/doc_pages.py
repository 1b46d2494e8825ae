"""Read README.md and docs/."""

from tests.helpers.source_code import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
}
"""page -> its text"""
