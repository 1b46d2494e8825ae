"""Read the SQL of queries/."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "queries"


def query(name: str) -> str:
    """Return queries/`name`.sql."""
    return (FOLDER / f"{name}.sql").read_text()
