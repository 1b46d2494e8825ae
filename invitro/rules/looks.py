"""What a phrase is by its look alone: a team, a place, a person, a year, a number of months; for rules of English."""

import re

from invitro.rules.sentences import COLOURS, DAYS, MONTHS

_MATERIALS = (
    "aluminium|aluminum|bamboo|brass|bronze|carbon|ceramic|concrete|copper|cork|cotton|glass|iron|leather|linen|marble|"
    "nylon|oak|paper|pine|plastic|porcelain|rubber|silk|steel|stone|titanium|wood|wool|zinc"
)
_LANGUAGES = (
    "Arabic|Chinese|Czech|Danish|Dutch|English|Finnish|French|German|Greek|Hebrew|Hindi|Hungarian|Italian|Japanese|Korean|"
    "Norwegian|Persian|Polish|Portuguese|Romanian|Russian|Spanish|Swedish|Thai|Turkish|Ukrainian|Vietnamese"
)
_SITES = (
    "Airport|Branch|Building|Campus|Center|Centre|Depot|Factory|Garage|Hall|Hospital|Hotel|House|Hub|Lab|Laboratory|Mill|"
    "Office|Plant|School|Shop|Station|Store|Studio|Tower|Warehouse|Workshop|Yard"
)
_FIRMS = "AG|Co|Corp|GmbH|Group|Holding|Inc|LLC|Ltd|PLC|and Sons|Trading|Works"
_LOOKS = {  # in this order: what an earlier one matches, a later one does not see
    "a time": r"\d\d?:\d\d",
    "a date": rf"\d\d? (?:{MONTHS})|(?:{MONTHS}) \d\d?",
    "a sum of money": r"[$€£]\d[\d.,]*|\d[\d.,]* (?:euros?|dollars?|pounds?)",
    "a share": r"\d[\d.,]* ?(?:%|percent)",
    **{f"{unit}s": rf"\d[\d.,]*[- ]{unit}s?" for unit in ("second", "minute", "hour", "day", "week", "month", "year")},
    "a weight": r"\d[\d.,]* ?(?:kg|grams?|tons?|tonnes?)",
    "a power": r"\d[\d.,]* (?:watts?|volts?|kW)",
    "a length": r"\d[\d.,]* (?:km|miles?|met(?:er|re)s?|cm|mm)",
    "a year": r"(?:1[5-9]|20)\d\d",
    "a number": r"\d[\d.,]*",
    "a day of the week": DAYS,
    "a month": MONTHS,
    "a language": _LANGUAGES,
    "a place": rf"[A-Z]\w+ (?:{_SITES})",
    "a firm": rf"[A-Z]\w+ (?:{_FIRMS})",
    "a team": r"(?:[Tt]he|[Aa]|[Oo]ur) \w+ (?:board|committee|crew|department|desk|team)",
    "a person": r"[A-Z]\w+ [A-Z]\w+",
    "a colour": rf"(?i:{COLOURS})",
    "a material": rf"(?i:{_MATERIALS})",
}


def look(phrase: str) -> str:
    """Return what `phrase` is by its look; "" where that does not show it."""
    return next((name for name, pattern in _LOOKS.items() if re.fullmatch(pattern, phrase)), "")


def looks(text: str) -> list[str]:
    """Return what the phrases of `text` are by their looks, one for each that has one."""
    shown = []
    for name, pattern in _LOOKS.items():
        text, count = re.subn(rf"(?<!\w)(?:{pattern})(?!\w)", "\0", text)
        shown += [name] * count
    return shown
