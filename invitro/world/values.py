"""Draw the value of a fact: an amount, a time, a thing, or a name of the company."""

import random

_LISTS = {
    "weekday": "Monday Tuesday Wednesday Thursday Friday".split(),
    "month": "January February March April May June July August September October November December".split(),
    "colour": "red blue green yellow black white grey orange purple brown silver pink".split(),
    "material": "steel copper glass bamboo leather oak cork aluminium carbon plastic ceramic rubber brass wool".split(),
    "language": "French German Spanish Italian Polish Dutch Danish Greek Turkish Arabic Hindi Korean".split(),
    "role": [
        "an accountant", "a welder", "a driver", "a buyer", "a nurse", "a planner", "a painter", "a lawyer",
        "an electrician", "a translator", "a designer", "a cook", "a chemist", "a programmer",
    ],
    "team": [
        "the finance team", "the legal team", "the safety team", "the sales team", "the repair team", "the data team",
        "the export team", "the night team", "the travel desk", "the quality team", "the store team", "the payroll team",
    ],
    "gear": [
        "ear plugs", "rubber gloves", "a hard hat", "safety goggles", "a dust mask", "steel boots", "a reflective vest",
        "a face shield",
    ],
    "tool": [
        "a torque wrench", "a thermometer", "a pressure gauge", "a tape measure", "a hand pump", "a flashlight",
        "a spirit level", "a heat gun", "a magnet", "a soft brush",
    ],
    "goods": [
        "paper rolls", "solar panels", "office chairs", "packing tape", "fresh fruit", "diesel fuel", "uniforms",
        "glass bottles", "wooden pallets", "cleaning agents", "copper wire", "printer ink",
    ],
    "cause": [
        "a broken pump", "a loose cable", "a blocked drain", "a lost key", "a faulty switch", "a worn belt",
        "a cracked pipe", "an open window", "a dead battery", "a wrong setting", "a lightning strike", "a hungry mouse",
    ],
    "fix": [
        "a new seal", "a software update", "a second lock", "a backup generator", "a stronger fuse", "a full restart",
        "a better lamp", "a new roof", "a call to the fire brigade", "a change of supplier",
    ],
    "level": ["minor", "moderate", "serious", "severe", "critical"],
}  # fmt: skip

_AMOUNTS = {  # type: (low, high, step, suffix)
    "money": (50, 1950, 10, " euros"),
    "coins": (3, 98, 1, " euros"),
    "thousands": (3, 98, 1, ",000 euros"),
    "days": (2, 59, 1, " days"),
    "few_days": (2, 19, 1, " days"),
    "weeks": (2, 19, 1, " weeks"),
    "months": (3, 60, 1, " months"),
    "hours": (2, 47, 1, " hours"),
    "minutes": (5, 95, 5, " minutes"),
    "percent": (2, 95, 1, " percent"),
    "watts": (20, 2400, 20, " watts"),
    "year": (1951, 2024, 1, ""),
    "count": (11, 480, 1, ""),
    "small": (2, 19, 1, ""),
    "number": (100, 999, 1, ""),
}

ASKED = {
    "person": "which colleague", "site": "which site", "town": "which town", "supplier": "which firm",
    "team": "which team", "weekday": "which day", "month": "which month", "year": "which year", "date": "which date",
    "time": "what time", "colour": "which colour", "material": "which material", "language": "which language",
    "goods": "which goods", "gear": "which gear", "tool": "which tool", "number": "which number",
    "count": "how many", "small": "how many", "money": "how many euros", "coins": "how many euros",
    "thousands": "how many euros", "days": "how many days", "few_days": "how many days", "weeks": "how many weeks",
    "months": "how many months", "hours": "how many hours", "minutes": "how many minutes", "watts": "how many watts",
    "percent": "how many percent", "weight": "how many kg",
}  # fmt: skip
"""type of value -> the words that ask for it in a statement; `what` for the others"""

MEASURES = (*(kind for kind in _AMOUNTS if kind not in ("year", "number")), "weight")
"""Types whose values can be compared."""

ADDED = ("days", "few_days", "weeks", "months", "hours", "minutes", "small", "coins")
"""Measures small enough to add up."""


def value(rng: random.Random, kind: str, people: list[str], sites: list[str], coin) -> str:
    """Return a value of type `kind`; `coin()` invents a word for towns and firms. Raises ValueError for an unknown type."""
    if kind in _AMOUNTS:
        low, high, step, suffix = _AMOUNTS[kind]
        return f"{rng.randrange(low, high + 1, step)}{suffix}"
    if kind in _LISTS:
        return rng.choice(_LISTS[kind])
    if kind == "weight":
        return f"{rng.randint(1, 39)}.{rng.randint(1, 9)} kg"
    if kind == "time":
        return f"{rng.randint(5, 10)}:{rng.choice(('00', '15', '30', '45'))}"
    if kind == "date":
        return f"{rng.randint(1, 28)} {rng.choice(_LISTS['month'])}"
    if kind == "person":
        return rng.choice(people)
    if kind == "site":
        return rng.choice(sites)
    if kind == "town":
        return coin()
    if kind == "supplier":
        return f"{coin()} {rng.choice(('Ltd', 'and Sons', 'Trading', 'Works'))}"
    raise ValueError(f"unknown type of value: {kind}")


def amount(text: str) -> float:
    """Return the number that a measured value starts with (`2.4 kg` -> 2.4)."""
    return float(text.split()[0].replace(",", ""))
