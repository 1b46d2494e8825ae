"""Create the comment on a pull request, or update the existing one.

python .github/scripts/post.py FILE

FILE's first line identifies the comment. GITHUB_TOKEN, GITHUB_API_URL, GITHUB_REPOSITORY and PULL_REQUEST (its number)
come from the environment. A token without write access, such as a fork's, is no failure: the job's summary has the same
text. The script needs Python's standard library alone, since its job installs nothing.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

PAGE_SIZE = 100


def call(method: str, path: str, body: str | None = None) -> list | dict:
    """Return the parsed response of GitHub's API. Raises urllib.error.HTTPError."""
    api = os.environ["GITHUB_API_URL"]
    request = urllib.request.Request(  # noqa: S310 (the runner sets the API's URL)
        f"{api}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}",
        json.dumps({"body": body}).encode() if body is not None else None,
        {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return json.load(response)


def existing_comment(number: int, mark: str) -> int | None:
    """Return the id of a bot's comment that begins with `mark`; None without one. A person may have copied the mark."""
    page, comments = 1, [None] * PAGE_SIZE
    while len(comments) == PAGE_SIZE:
        comments = call("GET", f"issues/{number}/comments?per_page={PAGE_SIZE}&page={page}")
        for comment in comments:
            if comment["user"]["type"] == "Bot" and comment["body"].startswith(mark):
                return comment["id"]
        page += 1
    return None


def main(file: str) -> None:
    """Post the comment in `file`."""
    body = Path(file).read_text()
    number = int(os.environ["PULL_REQUEST"])
    try:
        comment_id = existing_comment(number, body.splitlines()[0])
        if comment_id:
            call("PATCH", f"issues/comments/{comment_id}", body)
        else:
            call("POST", f"issues/{number}/comments", body)
    except urllib.error.HTTPError as error:
        if error.code != 403:
            raise SystemExit(f"error: GitHub answered {error.code} {error.reason}") from error
        print("this token cannot write comments: the verdict is in the job's summary")
        return
    print("updated the comment" if comment_id else "created a comment")


if __name__ == "__main__":
    main(*sys.argv[1:])
