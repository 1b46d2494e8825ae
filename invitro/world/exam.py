"""Write a company down: its documents in four formats, and an exam whose every answer cites where it stands."""

import json
import random
import re
import shutil
from itertools import cycle
from pathlib import Path

from invitro.world import documents, writers
from invitro.world.company import Company
from invitro.world.questions import Asker, Case

SHARES = {"two_documents": 1 / 7, "reasoning": 1 / 7, "unanswerable": 1 / 7}
"""of the exam; the rest asks for one fact"""


def write(company: Company, seed: int, questions: int, out: Path) -> None:
    """Write the documents of `company` below `out`/raw, and `questions` questions on them to `out`/exam.jsonl.

    What was in `out`/raw before is removed.
    """
    rng = random.Random(f"exam {seed}")
    raw = out / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    stated: dict[tuple[str, str], dict[str, str]] = {}
    for entity, suffix in zip(company.entities, cycle(writers.WRITERS)):
        blocks = documents.write(rng, entity)
        name = re.sub(r"[^a-z0-9]+", "-", entity.name.lower()) + suffix
        (raw / name).write_bytes(writers.WRITERS[suffix](entity.name, blocks))
        for line in (line for block in blocks for line in block.lines if line.attribute):
            stated[entity.name, line.attribute] = {"file": name, "quote": line.text}
    rows = [_row(number, case, stated) for number, case in enumerate(draw(rng, company, questions), 1)]
    (out / "exam.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def draw(rng: random.Random, company: Company, count: int) -> list[Case]:
    """Return `count` questions in the exam's wordings, no two alike: SHARES of the harder forms, the rest one fact each."""
    asker = Asker(rng, company, "exam")
    forms = [form for form, share in SHARES.items() for _ in range(round(share * count))]
    facts = [(entity, name) for entity in company.entities for name in entity.facts]
    rng.shuffle(facts)
    found: dict[str, Case] = {}
    while len(found) < len(forms):
        case = getattr(asker, forms[len(found)])(rng.choice(company.entities))
        if case:
            found.setdefault(case.question, case)
    while len(found) < count:
        case = asker.fact(*facts.pop())
        found.setdefault(case.question, case)
    return list(found.values())


def _row(number: int, case: Case, stated: dict[tuple[str, str], dict[str, str]]) -> dict:
    row = {"question_id": f"q{number:03}", "question": case.question, "kind": case.form, "answerable": bool(case.facts)}
    return row | ({"reference": case.answer, "evidence": [stated[fact] for fact in case.facts]} if case.facts else {})
