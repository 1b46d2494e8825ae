"""Record which model the student is, for DVC: every stage that reads the student depends on this record.

What would end a later stage ends this one: a student that cannot be loaded, is quantised, or whose chat template cannot be
used.

reads   student.watch       the student's folder; data/none.jsonl for a model of the hub
writes  models/student      one file, record.json: the model, a hash of its files or its revision on the hub,
                            and what its chat template is given, or that it has none
"""

from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.files import write_json
from parts.project.sections import Student
from parts.student.chat_format import chat_format
from parts.student.model import files_digest, has_plain_chat, hub_revision, refuse_quantised

RECORD = Path("models/student/record.json")
HUB = "data/none.jsonl"


def identity(student: Student) -> dict[str, str]:
    """Return the model and its digest, or its revision. Raises UserError when DVC watches something else."""
    is_folder = Path(student.model).is_dir()
    watch = student.model if is_folder else HUB
    if Path(student.watch) != Path(watch):
        raise UserError(
            f"params.yaml: student.watch is {student.watch}: it must be {watch}, "
            + ("the folder that student.model names" if is_folder else "for student.model names a model of the hub")
        )
    by = {"sha256": files_digest(student.model)} if is_folder else {"revision": hub_revision(student)}
    return {"model": student.model} | by


def conversation(student: Student) -> dict:
    """Return what is decided about the student's chat format; nothing where nothing is. Raises UserError, as chat_format."""
    refuse_quantised(student)
    chat, decided = chat_format(student), {}
    if has_plain_chat(chat.tokenizer):
        decided["chat_template"] = "none of its own: plain text, by parts/student/plain_chat.jinja"
    if not chat.has_system:
        decided["system_words"] = "before the question: the chat template has no place for them"
    if chat.settings:
        decided["template"] = chat.settings
    return decided


def main() -> None:
    """Write models/student."""
    student = params.load("student", Student)
    values = identity(student) | conversation(student)
    write_json(RECORD, values, indent=2)
    print("student: " + ", ".join(f"{key} {str(value)[:70]}" for key, value in values.items()))


if __name__ == "__main__":
    run(main)
