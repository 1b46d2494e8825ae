"""One of the processes of a training, as `accelerate launch` starts them.

python -m parts.student.worker JOB RESULT    a file of processes.to_json, and the one that the first process writes
"""

import json
import os
from pathlib import Path

from parts.project.command import run
from parts.student import processes
from parts.student.chat_format import chat_format
from parts.student.finetune import train


def main(path: Path, result: Path) -> None:
    """Train, and write the metrics and the seconds to `result`."""
    processes.end_with_parent()
    job = processes.from_json(path.read_text())
    outcome = train(job, chat_format(job.student))
    if os.environ.get("RANK", "0") == "0":
        result.write_text(json.dumps(outcome))


if __name__ == "__main__":
    run(main)
