"""Write the model that an adapter is merged into, with the student's tokenizer, for servers that know no adapters.

python -m commands.merge models/adapter models/merged
"""

import shutil
from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.model import load, tokenizer


def main(adapter: str, folder: str) -> None:
    """Write `adapter` merged into its model to `folder`, all or nothing."""
    to = Path(folder)
    beside = to.with_name(f".{to.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    load(adapter).save_pretrained(beside)
    tokenizer(params.load("student", Student)).save_pretrained(beside)
    shutil.rmtree(to, ignore_errors=True)
    beside.rename(to)


if __name__ == "__main__":
    run(main)
