"""What is installed has a licence that a company can take, and hashes to hold it to."""

import re
from importlib.metadata import PackageNotFoundError, distribution

from commands import docs_licences
from tests.helpers.source_code import ROOT

LOCK = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]
OF_ANOTHER_SYSTEM = {"colorama", "httpx2-jsfetch", "pywin32", "tzdata"}
CHOICE = re.compile(r" or |with linking exception|LGPL|EPL", re.IGNORECASE)


def installed() -> dict[str, str]:
    """Return the licence of each package of the lock that is installed."""
    licences = {}
    for name in docs_licences.locked():
        try:
            licences[name] = docs_licences.licence(distribution(name))
        except PackageNotFoundError:
            assert name in OF_ANOTHER_SYSTEM, f"{name} is not installed"
    return licences


def test_no_package_has_a_licence_that_a_company_cannot_take():
    licences = installed()
    assert len(licences) > 200
    bad = re.compile(
        "AGPL|Affero|SSPL|BUSL|Commons Clause|NonCommercial|CC-BY-NC|Proprietary|Other|unnamed", re.IGNORECASE
    )
    assert {name: licence for name, licence in licences.items() if bad.search(licence)} == {}
    strong = {name: licence for name, licence in licences.items() if re.search(r"(?<!L)GPL", licence)}
    assert strong and all(CHOICE.search(licence) for licence in strong.values()), strong


def test_every_package_but_torch_has_hashes():
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.hashes.txt").read_text().strip())
    hashed = {re.sub(r"\s+", " ", block.partition(" \\\n")[0]): block.count("--hash=sha256:") for block in blocks}
    assert set(hashed) == {re.sub(r"\s+", " ", line) for line in LOCK} - {"torch==2.13.0"}
    assert all(hashed.values())
