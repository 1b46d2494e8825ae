"""Read files as committed: of many revisions at once, by one git process; DVC's experiments are revisions, too."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import UserError

File = tuple[str, str]
"""A revision's hash and a path."""


@dataclass(frozen=True)
class Revision:
    """A commit, or an experiment that DVC keeps under a name."""

    sha: str
    name: str  # the short hash, or the experiment's name
    date: str  # ISO, the day alone
    subject: str
    before: str | None  # hash of the revision that it is held against; None: it is the first


def run_git(*words: str, given: str = "") -> bytes:
    """Return what git prints, told `given`. Raises Mistake with git's own last line when it fails."""
    try:
        return subprocess.run(["git", *words], input=given.encode(), capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise UserError("git is not installed") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise UserError(f"git {words[0]}: {said[-1]}") from error


def commit(name: str) -> str:
    """Return the hash of the commit that `name` (a branch, a tag, HEAD~1) stands for. Raises Mistake when there is none."""
    try:
        return run_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    except UserError as error:
        raise UserError(
            f"there is no revision {name} in this clone (a shallow one? `git fetch --unshallow`)"
        ) from error


def resolve(name: str) -> str:
    """Return the hash of the commit or experiment `name`. Raises Mistake when there is none."""
    try:
        return commit(name)
    except UserError:
        for found in experiments():
            if found.name == name:
                return found.sha
    raise UserError(f"no revision {name!r}: give a commit, branch, tag or an experiment that `make history` lists")


def read_files(wanted: Iterable[File]) -> dict[File, str]:
    """Return the texts of those of the `wanted` files that are there."""
    wanted = list(dict.fromkeys(wanted))
    told = run_git("cat-file", "--batch", given="".join(f"{sha}:{path}\n" for sha, path in wanted))
    found, at = {}, 0
    for file in wanted:
        end = told.index(b"\n", at)
        head, at = told[at:end], end + 1
        if not head.endswith(b" missing"):
            size = int(head.split()[-1])  # of "<hash> blob <size>"; after the content comes a line end
            found[file], at = told[at : at + size].decode(), at + size + 1
    return found


def list_files(sha: str, folder: str) -> list[str]:
    """Return the paths of the files below `folder` in a revision."""
    return run_git("ls-tree", "-r", "-z", "--name-only", sha, f"{folder}/").decode().split("\0")[:-1]


def commits_of(path: str) -> list[Revision]:
    """Return the commits that changed `path`, newest first, each held against the one of them before it."""
    told = run_git("log", "--format=%H%x00%h%x00%cs%x00%s", "--", path).decode().splitlines()
    rows = [line.split("\0") for line in told]
    older = [*(row[0] for row in rows), None][1:]
    return [Revision(*row, before) for row, before in zip(rows, older, strict=True)]


def experiments() -> list[Revision]:
    """Return the experiments of all commits, by name, each held against the commit that it was run on."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            listed = repo.experiments.ls(all_commits=True)
    except NotDvcRepoError as error:
        raise UserError("this is no DVC repository: run from the repository's root") from error
    names = {sha: (name, baseline) for baseline, some in listed.items() for name, sha in some}
    if not names:
        return []
    dated = run_git("log", "--no-walk=unsorted", "--format=%H %cs", "--stdin", given="\n".join(names)).decode()
    days = dict(line.split() for line in dated.splitlines())
    found = [Revision(sha, name, days[sha], "", baseline) for sha, (name, baseline) in names.items()]
    return sorted(found, key=lambda one: one.name)
