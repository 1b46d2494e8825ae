"""Mask personal data before it reaches the teacher.

reads   Documents           one row per document
        Chunks              one row per passage
writes  Redacted            one row per passage
"""

from collections import Counter

from parts.project import metrics, params
from parts.project.command import run
from parts.safety.detection import Params
from parts.safety.redaction import describe_counts, redact
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.redacted import Redacted


def main() -> None:
    """Write Redacted."""
    Redacted.address().unlink(missing_ok=True)  # no passages of an earlier run are sent after a refusal
    section = params.load("redact", Params)
    redacted, counts = redact(Documents.read(), Chunks.read(), section)
    Redacted.write(redacted)
    total = sum(counts.values(), Counter())
    metrics.write("redact", {"documents": len(counts), "private": total.total()} | total)
    action = {"mask": "masked", "count": "left as it is"}.get(section.private, "")
    print(
        f"private: {describe_counts(total)}, in {len(counts)} documents, {action}" if total else "nothing private found"
    )


if __name__ == "__main__":
    run(main)
