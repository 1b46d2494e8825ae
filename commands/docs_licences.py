"""The licences of docs/licences.md, from the metadata of the packages of requirements.txt that are installed."""

import re
from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from parts.text.markdown import table

LOCK = Path("requirements.txt")
NAMES = {
    "MIT License": "MIT", "BSD License": "BSD", "Apache Software License": "Apache-2.0", "Apache License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0", "Apache 2.0 License": "Apache-2.0", "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL", "GNU General Public License v2 (GPLv2)": "GPL-2.0",
    "Zope Public License": "ZPL-2.1",
}  # fmt: skip
"""SPDX's names of licences that packages name in other words."""
COPYLEFT = re.compile("GPL|MPL|EPL")


def licences() -> str:
    """Return two tables: the packages with copyleft, a line each, and the others by licence."""
    packages = defaultdict(list)
    for name in locked():
        try:
            packages[licence(distribution(name))].append(name)
        except PackageNotFoundError:
            continue  # of another system
    copyleft = [(name, each) for each, names in sorted(packages.items()) if COPYLEFT.search(each) for name in names]
    others = [(each, ", ".join(names)) for each, names in sorted(packages.items()) if not COPYLEFT.search(each)]
    return table(("package", "licence"), copyleft) + "\n\n" + table(("licence", "packages"), others)


def locked() -> list[str]:
    """Return the packages of requirements.txt."""
    lines = LOCK.read_text().splitlines()
    return sorted({line.partition("==")[0] for line in lines if "==" in line})


def licence(package: Distribution) -> str:
    """Return the licence that a package names: as an expression, by classifiers, or in the first line of its text."""
    if expression := package.metadata.get("License-Expression"):
        return expression
    text = (package.metadata.get("License") or "").strip().partition("\n")[0]
    classifiers = package.metadata.get_all("Classifier", [])
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    named = [name for name in named if name != "OSI Approved"]
    if "|" in text or not named:  # a choice, of which classifiers may name one
        return NAMES.get(text, text).replace("|", "or") or "unnamed"
    return " and ".join(sorted(NAMES.get(name, name) for name in named))
