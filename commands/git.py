"""Read committed files of many revisions by one git process; DVC's experiments are revisions, too."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from parts.project.errors import UserError

File = tuple[str, str]
"""A revision's hash and a path."""


@dataclass(frozen=True)
class Revision:
    """A commit, or an experiment that DVC keeps under a name."""

    sha: str
    name: str  # the short hash, or the experiment's name
    date: str  # ISO, the day alone
    subject: str
    before: str | None  # hash of the revision that it is compared with; None: it is the first


def run_git(*words: str, stdin: str = "") -> bytes:
    """Return the standard output of git. Raises UserError with git's last line when it fails."""
    try:
        return subprocess.run(["git", *words], input=stdin.encode(), capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise UserError("git is not installed") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise UserError(f"git {words[0]}: {lines[-1]}") from error


def commit(name: str) -> str:
    """Return the hash of the commit `name` (a branch, a tag, HEAD~1). Raises UserError when there is none."""
    try:
        return run_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    except UserError as error:
        raise UserError(
            f"there is no revision {name} in this clone (a shallow one? `git fetch --unshallow`)"
        ) from error


def resolve(name: str) -> str:
    """Return the hash of the commit or experiment `name`. Raises UserError when there is none."""
    try:
        return commit(name)
    except UserError:
        for experiment in experiments():
            if experiment.name == name:
                return experiment.sha
    raise UserError(f"no revision {name!r}: give a commit, branch, tag or an experiment that `make history` lists")


def read_files(files: Iterable[File]) -> dict[File, str]:
    """Return the texts of the `files` that exist."""
    files = list(dict.fromkeys(files))
    output = run_git("cat-file", "--batch", stdin="".join(f"{sha}:{path}\n" for sha, path in files))
    texts, start = {}, 0
    for file in files:
        end = output.index(b"\n", start)
        head, start = output[start:end], end + 1
        if not head.endswith(b" missing"):
            size = int(head.split()[-1])  # of "<hash> blob <size>"; after the content comes a line end
            texts[file], start = output[start : start + size].decode(), start + size + 1
    return texts


def list_files(sha: str, folder: str) -> list[str]:
    """Return the paths of the files below `folder` in a revision."""
    return run_git("ls-tree", "-r", "-z", "--name-only", sha, f"{folder}/").decode().split("\0")[:-1]


def commits_of(path: str) -> list[Revision]:
    """Return the commits that changed `path`, newest first, each compared with the one of them before it."""
    lines = run_git("log", "--format=%H%x00%h%x00%cs%x00%s", "--", path).decode().splitlines()
    rows = [line.split("\0") for line in lines]
    older = [*(row[0] for row in rows), None][1:]
    return [Revision(*row, before) for row, before in zip(rows, older, strict=True)]


def experiments() -> list[Revision]:
    """Return the experiments of all commits, by name, each compared with the commit that it was run on."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            by_baseline = repo.experiments.ls(all_commits=True)
    except NotDvcRepoError as error:
        raise UserError("not a DVC repository: run from the repository's root") from error
    names = {sha: (name, baseline) for baseline, pairs in by_baseline.items() for name, sha in pairs}
    if not names:
        return []
    log = run_git("log", "--no-walk=unsorted", "--format=%H %cs", "--stdin", stdin="\n".join(names)).decode()
    dates = dict(line.split() for line in log.splitlines())
    revisions = [Revision(sha, name, dates[sha], "", baseline) for sha, (name, baseline) in names.items()]
    return sorted(revisions, key=lambda revision: revision.name)
