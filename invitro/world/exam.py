"""Draw an exam on a company: questions in wordings that the base model has never read."""

import random

from invitro.world.company import Company
from invitro.world.questions import Asker, Case

SHARES = {"two_documents": 1 / 7, "reasoning": 1 / 7, "unanswerable": 1 / 7}
"""of the exam; the rest asks for one fact"""


TRIES = 1000
"""draws without a new question, after which a company has no more of a form"""


def draw(rng: random.Random, company: Company, count: int) -> list[Case]:
    """Return `count` questions in the exam's wordings, all different: SHARES of the harder forms, the rest one fact each.

    Raises ValueError where the company has too few.
    """
    asker = Asker(rng, company, "exam")
    forms = [form for form, share in SHARES.items() for _ in range(round(share * count))]
    facts = [(entity, name) for entity in company.entities for name in entity.facts]
    rng.shuffle(facts)
    cases: dict[str, Case] = {}
    tries = 0
    while len(cases) < len(forms):
        form, n_cases = forms[len(cases)], len(cases)
        case = getattr(asker, form)(rng.choice(company.entities))
        if case:
            cases.setdefault(case.question, case)
        tries = tries + 1 if len(cases) == n_cases else 0
        if tries == TRIES:
            raise ValueError(
                f"{len(company.entities)} documents have fewer than {forms.count(form)} questions of form {form}"
            )
    while len(cases) < count:
        if not facts:
            raise ValueError(f"{len(company.entities)} documents have facts for {len(cases)} questions, not {count}")
        case = asker.fact(*facts.pop())
        cases.setdefault(case.question, case)
    return list(cases.values())
