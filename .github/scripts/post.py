"""Put a comment on a pull request, or renew the one that is there.

python .github/scripts/post.py FILE

FILE's first line marks the comment. GITHUB_TOKEN, GITHUB_API_URL, GITHUB_REPOSITORY and PULL_REQUEST (its number) come
from the environment. A token that may not write, as a fork's, is no failure: the job's summary holds the same. Python's
own library is all it needs, for this job installs nothing.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

PAGE = 100


def call(method: str, path: str, body: str | None = None) -> list | dict:
    """Return GitHub's answer. Raises urllib.error.HTTPError."""
    api = os.environ["GITHUB_API_URL"]
    request = urllib.request.Request(  # noqa: S310 (the runner says which API)
        f"{api}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}",
        json.dumps({"body": body}).encode() if body is not None else None,
        {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def earlier(number: int, mark: str) -> int | None:
    """Return the id of the comment that begins with `mark`, by a bot: a person may have copied the mark."""
    page, found = 1, [None] * PAGE
    while len(found) == PAGE:
        found = call("GET", f"issues/{number}/comments?per_page={PAGE}&page={page}")
        for comment in found:
            if comment["user"]["type"] == "Bot" and comment["body"].startswith(mark):
                return comment["id"]
        page += 1
    return None


def main(file: str) -> None:
    """Post the comment in `file`."""
    body = Path(file).read_text()
    number = int(os.environ["PULL_REQUEST"])
    try:
        there = earlier(number, body.splitlines()[0])
        if there:
            call("PATCH", f"issues/comments/{there}", body)
        else:
            call("POST", f"issues/{number}/comments", body)
    except urllib.error.HTTPError as error:
        if error.code != 403:
            raise SystemExit(f"error: GitHub answered {error.code} {error.reason}") from error
        print("this token may not comment here: the verdict is in the job's summary")
        return
    print("renewed the comment" if there else "commented")


if __name__ == "__main__":
    main(*sys.argv[1:])
