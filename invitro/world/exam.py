"""Draw an exam on a company: questions in wordings that the base model has never read."""

import random

from invitro.world.company import Company
from invitro.world.questions import Asker, Case

SHARES = {"two_documents": 1 / 7, "reasoning": 1 / 7, "unanswerable": 1 / 7}
"""of the exam; the rest asks for one fact"""


def draw(rng: random.Random, company: Company, count: int) -> list[Case]:
    """Return `count` questions in the exam's wordings, all different: SHARES of the harder forms, the rest one fact each."""
    asker = Asker(rng, company, "exam")
    forms = [form for form, share in SHARES.items() for _ in range(round(share * count))]
    facts = [(entity, name) for entity in company.entities for name in entity.facts]
    rng.shuffle(facts)
    cases: dict[str, Case] = {}
    while len(cases) < len(forms):
        case = getattr(asker, forms[len(cases)])(rng.choice(company.entities))
        if case:
            cases.setdefault(case.question, case)
    while len(cases) < count:
        case = asker.fact(*facts.pop())
        cases.setdefault(case.question, case)
    return list(cases.values())
