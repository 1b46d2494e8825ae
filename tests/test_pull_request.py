"""A pull request runs the pipeline and gets one comment: the workflow's scripts, run in a clone of two commits."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from markdown_it import MarkdownIt

from commands import comment
from parts.project import metrics
from tests.helpers import git_runs, http_server
from tests.helpers.source_code import ROOT

pytestmark = pytest.mark.slow  # a pipeline, a clone and the scripts of the workflow
SCRIPTS = ROOT / ".github/scripts"
WORKFLOW = (ROOT / ".github/workflows/verdict.yml").read_text()
HOSTILE = "<img src=x onerror=alert(1)> @everyone [free](https://example.org) `rm`|"
RIGHT = {key: reference for key, (_, reference) in git_runs.QUESTIONS.items()}
GATE = {"against": "HEAD", "hold": {"accuracy_tuned": 0.3}}
PIPELINE = """\
stages:
  run:
    cmd: test ${train.fails} = no && cp -r made/${train.made}/. .
    deps: ["made/${train.made}"]
    params: [train]
    outs: [data/answers, data/questions.parquet, data/scores]
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A shallow clone of a pull request: main ran and was pushed to a remote; the other commit has yet to run."""
    home = tmp_path_factory.mktemp("pull")
    source = home / "source"
    source.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(source)
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        git_runs.begin()
        for made, gap, tuned in (("1", 0.2, RIGHT | {"q1": "a gift"}), ("2", 0.4, RIGHT | {"q2": HOSTILE, "q3": "no"})):
            result(Path("made", made), gap, tuned)
        Path("dvc.yaml").write_text(PIPELINE)
        git_runs.params(train={"made": 1, "fails": "no"}, teacher={"model": "t-1"}, synthesize={"qa": {}}, gate=GATE)
        shutil.copy(ROOT / "prices.yaml", "prices.yaml")
        with Path(".dvc/config").open("a") as config:
            config.write(f"[core]\n    remote = far\n['remote \"far\"']\n    url = {home / 'remote'}\n")
        with Repo() as repo:
            repo.reproduce()
            repo.push()
        git_runs.commit("main", tables=())
        metrics.write("synthesize/gone", {"prompt_tokens": 7_000_000, "new_tokens": 0, "requests": 1})
        git_runs.params(train={"made": 2, "fails": "no"}, teacher={"model": "t-1"}, synthesize={"qa": {}}, gate=GATE)
        git_runs.commit("another result", tables=())
        git_runs.git("clone", "-q", "--depth", "2", source.as_uri(), str(home / "clone"))
    return home / "clone"


def result(folder: Path, tuned_accuracy: float, tuned: dict[str, str]) -> None:
    """Write tables and metrics of a run to `folder`."""
    folder.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        git_runs.questions()
        git_runs.answers("rag", RIGHT)
        git_runs.answers("tuned", tuned)
        git_runs.figures({"tuned": tuned_accuracy})
        git_runs.costs()


def script(name: str, *words: str, at: Path, **environment: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([SCRIPTS / name, *words], cwd=at, env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def comment_text(clone):
    """The comment that the workflow's scripts write in the clone."""
    pulled = script("pull.sh", at=clone)
    assert pulled.returncode == 0, pulled.stderr
    ran = script("verdict.sh", "HEAD^1", "comment.md", at=clone, GITHUB_STEP_SUMMARY=str(clone / "summary.md"))
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert (clone / "summary.md").read_text() == (clone / "comment.md").read_text()
    return (clone / "comment.md").read_text()


def test_the_comment_holds_verdict_difference_flips_and_costs(comment_text):
    assert comment_text.startswith(comment.MARK)
    assert "**Undecided. On 6 answerable questions, tuned minus rag is -0.100" in comment_text
    assert "| `train.made` | `1` | `2` | `+1` |" in comment_text
    assert "| `accuracy_tuned` | `0.200 (0.100 to 0.600)` | `0.400 (0.200 to 0.700)` | `+0.200` |" in comment_text
    assert "tuned: of 6 questions, 1 became right and 2 wrong" in comment_text
    assert "| + | `What is the price of Lamp 1?` | `1 euros` | `a gift` | `1 euros` |" in comment_text
    assert re.search(r"This run took 0\.\d minutes", comment_text)
    assert "Teacher: 500 tokens (no price in prices.yaml" in comment_text and "upfront $2.50" in comment_text


def test_no_text_of_a_model_is_markup_in_the_comment(comment_text):
    html = MarkdownIt("commonmark").enable("table").render(comment_text)
    assert "&lt;img src=x" in html
    assert "<img" not in html and "<a " not in html
    assert "@everyone" not in "".join(part.split("</code>")[-1] for part in html.split("<code>"))


def test_a_failed_run_fails_the_job_and_the_comment_has_the_reason(clone, comment_text, tmp_path):
    shutil.copytree(clone, tmp_path / "copy", symlinks=True)
    at = tmp_path / "copy"
    (at / "params.yaml").write_text((at / "params.yaml").read_text().replace("fails: 'no'", "fails: '<b>yes'"))
    (at / "dvc.yaml").write_text(PIPELINE.replace("${train.fails}", "'${train.fails}'"))
    ran = script("verdict.sh", "HEAD^1", "comment.md", at=at)
    text = (at / "comment.md").read_text()
    assert ran.returncode != 0
    assert text.startswith(comment.MARK) and "## The run failed" in text
    assert "failed to run" in text and "<b>" not in text


def test_a_verdict_worse_than_the_revision_fails_the_job_with_the_reason(clone, comment_text, tmp_path):
    shutil.copytree(clone, tmp_path / "copy", symlinks=True)
    at = tmp_path / "copy"
    (at / "params.yaml").write_text(
        (at / "params.yaml").read_text().replace("accuracy_tuned: 0.3", "accuracy_tuned: 0.01")
    )
    metrics = at / "made/2/metrics/verdict.json"
    metrics.write_text(metrics.read_text().replace('"accuracy_tuned": 0.4', '"accuracy_tuned": 0.1'))
    ran = script("verdict.sh", "HEAD^1", "comment.md", at=at)
    assert ran.returncode != 0
    assert "accuracy_tuned is 0.1, was 0.2" in (at / "comment.md").read_text()


def test_without_a_remote_there_is_nothing_to_pull(clone, tmp_path):
    shutil.copytree(clone, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy/.dvc/config").write_text("")
    pulled = script("pull.sh", at=tmp_path / "copy")
    assert (pulled.returncode, pulled.stdout.strip()) == (
        0,
        "no DVC remote: outputs that are not in the cache are made again",
    )


class Hub:
    """GitHub's comments on pull request 7, over HTTP; `status` answers what writes."""

    def __init__(self):
        self.comments, self.status, self.seen = [], 201, []

    def handle(self, method: str, path: str, body: dict | None) -> tuple[int, list | dict]:
        self.seen.append((method, path))
        if method == "GET":
            page = int(re.search(r"&page=(\d+)", path)[1])
            return 200, self.comments[(page - 1) * 100 : page * 100]
        if self.status != 201:
            return self.status, {"message": "Resource not accessible by integration"}
        if method == "POST":
            self.add(body["body"], "Bot")
        else:
            number = int(path.rpartition("/")[2])
            next(row for row in self.comments if row["id"] == number)["body"] = body["body"]
        return 200, {}

    def add(self, body: str, kind: str) -> None:
        self.comments.append({"id": 1000 + len(self.comments), "body": body, "user": {"type": kind}})


@pytest.fixture
def hub(monkeypatch):
    server = Hub()

    class Handler(http_server.Handler):
        def do(self):
            assert self.headers["Authorization"] == "Bearer t0ken"
            size = int(self.headers.get("Content-Length") or 0)
            status, body = server.handle(self.command, self.path, json.loads(self.rfile.read(size)) if size else None)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = do_PATCH = do

    with http_server.running(Handler) as url:
        server.environment = {
            "GITHUB_API_URL": url, "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_TOKEN": "t0ken", "PULL_REQUEST": "7", "PATH": os.environ["PATH"],
        }  # fmt: skip
        yield server


def post(hub: Hub, tmp_path: Path, text: str) -> subprocess.CompletedProcess:
    (tmp_path / "comment.md").write_text(f"{comment.MARK}\n{text}\n")
    words = [sys.executable, "-I", SCRIPTS / "post.py", tmp_path / "comment.md"]
    return subprocess.run(words, env=hub.environment, capture_output=True, text=True)


def test_there_is_one_comment_which_later_runs_update(hub, tmp_path):
    hub.add(f"{comment.MARK}\nI am a person who copied the mark", "User")
    for n in range(130):
        hub.add(f"chatter {n}", "User")
    assert post(hub, tmp_path, "first").stdout == "created a comment\n"
    assert post(hub, tmp_path, "second").stdout == "updated the comment\n"
    marked = [row["body"] for row in hub.comments if row["body"].startswith(comment.MARK)]
    assert marked == [f"{comment.MARK}\nI am a person who copied the mark", f"{comment.MARK}\nsecond\n"]
    assert hub.seen[-1] == ("PATCH", "/repos/owner/name/issues/comments/1131")


def test_a_token_without_write_access_is_no_failure_and_other_errors_are(hub, tmp_path):
    hub.status = 403
    process = post(hub, tmp_path, "first")
    assert (process.returncode, process.stdout.strip()) == (
        0,
        "this token cannot write comments: the verdict is in the job's summary",
    )
    hub.status = 500
    process = post(hub, tmp_path, "first")
    assert process.returncode == 1
    assert process.stderr == "error: GitHub answered 500 Internal Server Error\n"


def test_the_workflow_gives_a_pull_requests_code_no_write_access_and_passes_none_of_its_text_to_a_shell():
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert yaml.safe_load(WORKFLOW)[True].keys() == {"pull_request", "push"}  # YAML reads `on` as true
    assert yaml.safe_load(WORKFLOW)["permissions"] == {} and "secrets." not in WORKFLOW
    assert jobs["run"]["permissions"] == {"contents": "read"}
    assert jobs["comment"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    steps = [step for job in jobs.values() for step in job["steps"]]
    for step in steps:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}", step.get("uses", "actions/none@" + "0" * 40))
    called = {word for step in steps for word in step.get("run", "").split() if word.startswith(".github/scripts/")}
    assert called == {f".github/scripts/{path.name}" for path in SCRIPTS.iterdir() if path.suffix in (".sh", ".py")}
    assert all(os.access(path, os.X_OK) for path in SCRIPTS.glob("*.sh"))


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_has_no_syntax_error(path):
    subprocess.run(["bash", "-n", path], check=True)
