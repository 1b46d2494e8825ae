"""Release the adapter with a model card: its training data, recipe, scores and intended use.

reads   Documents           one row per document
        Pairs               one row per training row
        models/adapter/SEED by the first seed; metrics/train/adapter, metrics/verdict
writes  models/release      the adapter's files, and the card as their README.md
        models/card.md      the card alone, in git
"""

import shutil
from pathlib import Path

from parts.page.model_card import card
from parts.project import params
from parts.project.command import run
from parts.project.files import replacing, write_text
from parts.project.sections import Student
from parts.student.recipe import Recipe
from schemas.documents import Documents
from schemas.pairs import Pairs

ADAPTERS, RELEASE, CARD = Path("models/adapter"), Path("models/release"), Path("models/card.md")


def release(adapter: Path, text: str, folder: Path) -> None:
    """Write the adapter's files and the card `text` to `folder`, all or nothing."""
    with replacing(folder) as partial:
        shutil.copytree(adapter, partial)
        (partial / "README.md").write_text(text)


def main() -> None:
    """Write models/release and models/card.md."""
    student, recipe = params.load("student", Student), params.load("train", Recipe)
    text = card(Documents.read(), Pairs.read(), student, recipe)
    release(ADAPTERS / str(recipe.seeds[0]), text, RELEASE)
    write_text(CARD, text)
    print(f"card: {CARD}, and with the adapter in {RELEASE}")


if __name__ == "__main__":
    run(main)
