"""squad_em and squad_f1 are those of SQuAD 1.1's published script, evaluate-v1.1.py.

The scores below are what that script gave for these pairs.
"""

import pytest

from parts.scoring import squad


@pytest.mark.parametrize(
    ("answer", "references", "em", "f1"),
    [
        ("The Denver Broncos", ["Denver Broncos"], 1, 1),
        ("Denver Broncos!", ["denver broncos"], 1, 1),
        ("Broncos", ["Denver Broncos"], 0, 2 / 3),
        ("the team of Denver", ["Denver Broncos", "Broncos of Denver"], 0, 2 / 3),
        ("NYC", ["New York City", "NYC"], 1, 1),
        ("4.3 kg", ["43 kg"], 1, 1),
        ("-5", ["5"], 1, 1),
        ("$430", ["430"], 1, 1),
        ("\u20ac430", ["430"], 0, 0),
        ("1,430", ["1430"], 1, 1),
        ("15%", ["15"], 1, 1),
        ("C++", ["C"], 1, 1),
        ("help-desk", ["help desk"], 0, 0),
        ("help-desk", ["helpdesk"], 1, 1),
        ("driver\u2019s licence", ["driver's licence"], 0, 0.5),
        ("A", ["the"], 1, 0),
        ("", ["an"], 1, 0),
        ("", ["430"], 0, 0),
        ("a 12 day period", ["12 day period"], 1, 1),
        ("12  days\n", ["12 days"], 1, 1),
        ("12 days 12 days", ["12 days"], 0, 2 / 3),
        ("STRASSE", ["Stra\u00dfe"], 0, 0),
        ("Corfa and Dorva", ["Dorva and Corfa"], 0, 1),
    ],
)
def test_scores_are_those_of_the_published_script(answer, references, em, f1):
    assert squad.score(f"Answer: {answer}", references, True) == pytest.approx({"squad_em": em, "squad_f1": f1})


def test_for_an_unanswerable_question_a_refusal_is_right():
    assert squad.score("The documents do not tell.", [], False) == {"squad_em": 1, "squad_f1": 1}
    assert squad.score("Answer: 5", [], False) == {"squad_em": 0, "squad_f1": 0}
