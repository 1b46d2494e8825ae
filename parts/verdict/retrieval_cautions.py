"""What the embedder could not read of the passages, in words."""

from collections.abc import Mapping


def retrieval_cautions(index: Mapping) -> list[str]:
    """Return a line for each thing that makes vectors say little about the passages, from metrics/index.json."""
    lines, rows = [], index["rows"]
    if n_foreign := index.get("in_other_languages", 0):  # a run of before it was counted has neither
        lines.append(
            f"{n_foreign} of {rows} passages are in languages that {index['embedder']} was not trained on: retrieval leans on "
            "the words alone there (retrieve.embedder)."
        )
    if n_cut := index.get("cut", 0):
        lines.append(
            f"{n_cut} of {rows} passages are longer than {index['embedder']} reads: their ends are found by words alone "
            "(chunk.max_tokens)."
        )
    return lines
