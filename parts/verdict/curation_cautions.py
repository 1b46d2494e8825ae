"""What is not as asked for in the training rows, in words."""

from collections.abc import Mapping


def curation_cautions(counts: Mapping) -> list[str]:
    """Return a line for each thing that the training rows lack, from metrics/curate.json."""
    missing = counts.get("replay_tokens_missing")  # a run of before it was counted has none
    if not missing:
        return []
    replayed, tokens = counts["tokens_replay"], sum(counts[f"tokens_{kind}"] for kind in ("qa", "document", "replay"))
    asked = (replayed + missing) / (tokens + missing)
    return [
        f"The rows to replay ran out: {replayed / tokens:.0%} of the tokens trained on are general text in place of "
        f"{asked:.0%}, for which {missing:,} are missing."
    ]
