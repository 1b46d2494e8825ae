"""Check that compared scores are of the same version of each scorer."""

from collections.abc import Mapping

import polars as pl

from parts.project.errors import UserError


def same_versions(scores: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Return the version of each scorer in `scores`: Scores by the name of the arm or run.

    Raises UserError, which names the scorer, its versions and where they are from, if a scorer has several versions.
    """
    by_scorer: dict[str, dict[str, str]] = {}
    for name, rows in scores.items():
        for scorer, version in rows.select("scorer", "version").unique().sort("scorer", "version").rows():
            by_scorer.setdefault(scorer, {}).setdefault(version, name)
    for scorer, names in by_scorer.items():
        if len(names) > 1:
            versions = ", ".join(f"{version} ({name})" for version, name in names.items())
            raise UserError(
                f"scores of {scorer} are of different versions and cannot be compared: {versions}: score them again"
            )
    return {scorer: next(iter(names)) for scorer, names in sorted(by_scorer.items())}
