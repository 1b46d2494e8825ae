"""Write a company as a corpus: its documents in four formats, and an exam whose every answer cites its evidence.

    python -m invitro.world.corpus --seed 7 --documents 32 --questions 140 --out data

writes the documents of a company below DIR/raw and its exam to DIR/exam.jsonl.
"""

import argparse
import json
import random
import re
import shutil
from itertools import cycle
from pathlib import Path

from invitro.world import documents, exam, writers
from invitro.world.company import Company, make_company
from invitro.world.questions import Case

Evidence = dict[tuple[str, str], dict[str, str]]
"""(entity name, attribute) -> the file that states it, and the quote"""


def write(company: Company, seed: int, questions: int, out: Path) -> None:
    """Write the documents of `company` below `out`/raw, and `questions` questions on them to `out`/exam.jsonl.

    What was in `out`/raw before is removed.
    """
    rng = random.Random(f"exam {seed}")
    evidence = _write_documents(rng, company, out / "raw")
    cases = exam.draw(rng, company, questions)
    rows = [_row(number, case, evidence) for number, case in enumerate(cases, 1)]
    (out / "exam.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write_documents(rng: random.Random, company: Company, folder: Path) -> Evidence:
    """Write a file per entity, the formats in turn; return where each fact is stated."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    evidence: Evidence = {}
    for entity, suffix in zip(company.entities, cycle(writers.WRITERS)):
        blocks = documents.write(rng, entity)
        name = re.sub(r"[^a-z0-9]+", "-", entity.name.lower()) + suffix
        (folder / name).write_bytes(writers.WRITERS[suffix](entity.name, blocks))
        for line in (line for block in blocks for line in block.lines if line.attribute):
            evidence[entity.name, line.attribute] = {"file": name, "quote": line.text}
    return evidence


def _row(number: int, case: Case, evidence: Evidence) -> dict:
    row = {"question_id": f"q{number:03}", "question": case.question, "kind": case.form, "answerable": bool(case.facts)}
    cited = {"reference": case.answer, "evidence": [evidence[fact] for fact in case.facts]}
    return row | (cited if case.facts else {})


def main() -> None:
    """Write a company and its exam."""
    parser = argparse.ArgumentParser(description="Make up a company: its documents and an exam on them.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--documents", type=int, default=32)
    parser.add_argument("--questions", type=int, default=140)
    parser.add_argument("--out", type=Path, required=True, help="a folder, for raw/ and exam.jsonl")
    args = parser.parse_args()
    if args.documents < 1 or args.questions < 1:
        parser.error("--documents and --questions are 1 or more")
    try:
        write(make_company(args.seed, "exam", args.documents), args.seed, args.questions, args.out)
    except ValueError as error:
        shutil.rmtree(args.out / "raw")
        parser.error(f"{error}: more --documents, or fewer --questions")


if __name__ == "__main__":
    main()
