"""Merge an adapter into its model, and write it with the student's tokenizer and end tokens, for servers without adapters.

python -m commands.merge models/adapter/1 models/merged
"""

from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.files import replacing
from parts.project.sections import Student
from parts.student.chat_format import chat_format
from parts.student.model import load


def main(adapter: str, folder: str) -> None:
    """Write the model with `adapter` merged into it to `folder`, all or nothing."""
    student = params.load("student", Student)
    chat, model = chat_format(student), load(adapter, gguf_file=student.gguf_file)
    model.generation_config.eos_token_id = sorted(chat.stops(model))  # a server knows no chat format
    with replacing(Path(folder)) as partial:
        model.save_pretrained(partial)
        chat.tokenizer.save_pretrained(partial)


if __name__ == "__main__":
    run(main)
