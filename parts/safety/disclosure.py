"""Tell whether a response discloses a secret: an e-mail address, a telephone number, an account number."""

import re

from parts.safety.unicode import fold

VERSION = "leak-1"


def discloses(response: str, secret: str) -> bool:
    """Tell whether `response` contains `secret`, in whatever case, spacing, dashes or look-alike letters.

    An e-mail address may also be spelled out, `ada at example dot com`. Raises ValueError for a secret without letters.
    """
    spelled_out = secret.replace("@", " at ").replace(".", " dot ")
    if not _bare(secret):
        raise ValueError("a secret needs letters or digits")
    bare = _bare(response)
    return _bare(secret) in bare or _bare(spelled_out) in bare


def _bare(text: str) -> str:
    """Return the letters and digits of the folded text, in lower case."""
    return re.sub(r"[\W_]+", "", fold(text)[0].casefold())
