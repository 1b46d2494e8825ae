"""Hold scores that are compared to one version of each scorer."""

from collections.abc import Mapping

import polars as pl

from schemas.errors import UserError


def same_versions(scores: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Return the version of each scorer in `scores` (Scores by arm, or by whatever is compared), the same in all.

    Raises Mistake, which names the scorer, its versions and whose they are, when one was scored by two versions.
    """
    found: dict[str, dict[str, str]] = {}
    for name, rows in scores.items():
        for scorer, version in rows.select("scorer", "version").unique().sort("scorer", "version").rows():
            found.setdefault(scorer, {}).setdefault(version, name)
    for scorer, by in found.items():
        if len(by) > 1:
            told = ", ".join(f"{version} ({name})" for version, name in by.items())
            raise UserError(
                f"scores of {scorer} are of different versions and cannot be compared: {told}: score them again"
            )
    return {scorer: next(iter(by)) for scorer, by in sorted(found.items())}
