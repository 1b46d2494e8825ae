"""Write the generated parts of README.md, between their marks: what metrics/ holds, and the tree.

python -m tests.readme
"""

import re
import subprocess
from functools import partial
from pathlib import Path

from commands import readme_tables
from parts.verdict import sentences
from tests.helpers.source_code import ROOT

MEASURED = {
    "verdict": sentences.markdown, "abilities": readme_tables.abilities, "seeds": readme_tables.seeds,
    "scaling": readme_tables.scaling, "ablations": partial(readme_tables.variants, "ablations"),
    "search": partial(readme_tables.variants, "search"), "leak": readme_tables.leak,
}  # fmt: skip
"""What stands between two marks of that name, and is made from metrics/."""

SHOWN = ("stages", "schemas", "parts", "queries", "prompts", "invitro", "experiments", "tests")


def tree() -> str:
    """Return every source file that git knows, one a line, with its first sentence."""
    listed = subprocess.run(
        ["git", "ls-files", *SHOWN], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    lines, folder = [], ""
    for path in sorted(map(Path, listed), key=lambda p: (SHOWN.index(p.parts[0]), p.parent, p.name)):
        if path.name == "__init__.py" and path.parent != Path("invitro/world/grammar"):
            continue
        if path.parent.as_posix() != folder:
            folder = path.parent.as_posix()
            lines.append(f"{folder}/")
        lines.append(f"    {path.name:<22} {_first(path)}".rstrip())
    return "\n".join(["```", *lines, "```"])


def _first(path: Path) -> str:
    """Return the first sentence that a file says of itself."""
    text = (ROOT / path).read_text()
    if path.suffix == ".py":
        said = re.match(r'"""(.+?)(?:\n\n|"""|\n$)', text, re.DOTALL)
    elif path.suffix in (".sql", ".yaml"):
        said = re.match(r"(?:--|#) (.+)", text)
    else:
        said = re.match(r"()", text)
    sentence = " ".join(said[1].split()) if said else ""
    return re.split(r"(?<=[.:]) ", sentence)[0].rstrip(".:")


def main() -> None:
    """Rewrite README.md."""
    path = ROOT / "README.md"
    text = path.read_text()
    for mark, part in (MEASURED | {"tree": tree}).items():
        before, _, after = text.split(f"<!-- {mark} -->")
        text = f"<!-- {mark} -->".join([before, f"\n{part()}\n", after])
    path.write_text(text)


if __name__ == "__main__":
    main()
