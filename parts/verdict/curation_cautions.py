"""What is not as asked for in the training rows, in words."""

from collections.abc import Mapping


def curation_cautions(counts: Mapping) -> list[str]:
    """Return a line for each thing that the training rows lack, from metrics/curate.json."""
    if "replay_tokens_missing" not in counts:  # a run of before it was counted
        return []
    missing = counts["replay_tokens_missing"]
    replayed, tokens = counts["tokens_replay"], sum(counts[f"tokens_{kind}"] for kind in ("qa", "document", "replay"))
    lines = []
    if missing:
        asked = (replayed + missing) / (tokens + missing)
        lines.append(
            f"The rows to replay ran out: {replayed / tokens:.0%} of the tokens trained on are general text in place of "
            f"{asked:.0%}, for which {missing:,} are missing."
        )
    if replayed and "replay_of" in counts:
        lines.append(
            f"The rows to replay are text of {counts['replay_of']}, not of this student: {replayed / tokens:.0%} of the tokens "
            "trained on teach it to answer as that model does (curate.replay, curate.replay_of)."
        )
    return lines
