"""Merge an adapter into its model, and write it with the student's tokenizer, for servers without adapters.

python -m commands.merge models/adapter/1 models/merged
"""

from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.files import replacing
from parts.project.sections import Student
from parts.student.model import load, tokenizer


def main(adapter: str, folder: str) -> None:
    """Write the model with `adapter` merged into it to `folder`, all or nothing."""
    student = params.load("student", Student)
    with replacing(Path(folder)) as partial:
        load(adapter, gguf_file=student.gguf_file).save_pretrained(partial)
        tokenizer(student).save_pretrained(partial)


if __name__ == "__main__":
    run(main)
