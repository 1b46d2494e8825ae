"""Record which model the student is, for DVC: every stage that reads the student depends on this record.

reads   student.watch       the student's folder; data/none.jsonl for a model of the hub
writes  models/student      one file, record.json: the model and a hash of its files, or its revision on the hub
"""

from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.files import write_json
from parts.project.sections import Student
from parts.student.model import files_digest, hub_revision

RECORD = Path("models/student/record.json")
HUB = "data/none.jsonl"


def record(student: Student) -> dict[str, str]:
    """Return the model and its digest, or its revision. Raises UserError when DVC watches something else."""
    is_folder = Path(student.model).is_dir()
    watch = student.model if is_folder else HUB
    if Path(student.watch) != Path(watch):
        raise UserError(
            f"params.yaml: student.watch is {student.watch}: it must be {watch}, "
            + ("the folder that student.model names" if is_folder else "for student.model names a model of the hub")
        )
    identity = {"sha256": files_digest(student.model)} if is_folder else {"revision": hub_revision(student.model)}
    return {"model": student.model} | identity


def main() -> None:
    """Write models/student."""
    values = record(params.load("student", Student))
    write_json(RECORD, values, indent=2)
    print("student: " + ", ".join(f"{key} {value[:40]}" for key, value in values.items()))


if __name__ == "__main__":
    run(main)
