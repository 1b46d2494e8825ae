"""Make ready for DVC what it reads before a stage begins: put right what it was writing when it was killed, refuse a pipe among
the documents, which it would read for ever, and take away what a generator wrote that params.yaml names no more.
"""

from collections.abc import Iterator
from pathlib import Path

from commands.heal import heal
from parts.project import params
from parts.project.command import run
from parts.project.errors import UserError
from schemas.pairs import PeoplePairs, RawPairs
from stages.ingest import Params


def special_files(folder: Path) -> Iterator[Path]:
    """Yield what is neither a file nor a folder in `folder`, or is `folder`; links are followed as DVC follows them."""
    for path in (folder, *folder.rglob("*")):
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path


def leftovers() -> Iterator[Path]:
    """Yield the rows and the metrics of generators that section `synthesize` does not have."""
    generators = params.names("synthesize")
    wanted = {PeoplePairs.address(), *map(RawPairs.address, generators)}
    yield from (path for path in sorted(RawPairs.address("*").parent.glob("*.parquet")) if path not in wanted)
    yield from (path for path in sorted(Path("metrics/synthesize").glob("*.json")) if path.stem not in generators)


def main() -> None:
    """Heal DVC's files, end with an error where the documents of ingest.path have a special file, remove leftovers."""
    heal()
    if path := next(special_files(params.load("ingest", Params).path), None):
        raise UserError(
            f"{path} is a pipe, a socket or a device: take it out of the documents, for DVC would hang on it"
        )
    for path in leftovers():
        path.unlink()
        print(f"{path}: removed, for params.yaml has no generator {path.stem}")


if __name__ == "__main__":
    run(main)
