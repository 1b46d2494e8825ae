"""Read an electronic mail: who wrote to whom, when, about what, and what."""

from email import message_from_bytes, policy
from email.message import EmailMessage

from parts.corpus.readers import html
from parts.corpus.unreadable import Unreadable

HEAD = ("From", "To", "Cc", "Date")
_LONGEST = 50_000  # characters of a header: the library's time grows with their square


def read(data: bytes) -> tuple[str, str]:
    """Return the subject and the mail as text; attachments are named. Raises Unreadable where it cannot be read."""
    headers = (value for part in message_from_bytes(data).walk() for _, value in part.raw_items())
    if any(len(value) > _LONGEST for value in headers):
        raise Unreadable("too large", f"has a header of more than {_LONGEST:,} characters: shorten it")
    try:
        mail: EmailMessage = message_from_bytes(data, policy=policy.default)
        head = {name: str(mail[name]) for name in HEAD if mail[name]}
        body = mail.get_body(("plain", "html"))
        text = body.get_content() if body else ""
        names = [name for part in mail.iter_attachments() if (name := part.get_filename())]
    except (
        LookupError,
        ValueError,
        AttributeError,
        TypeError,
    ) as error:  # the library's, of broken headers and charsets
        raise Unreadable("broken", "is a mail that cannot be read") from error
    if body is not None and body.get_content_subtype() == "html":
        text = html.markdown(text)[1]
    return as_document(str(mail["Subject"] or ""), head, text, names)


def as_document(subject: str, head: dict[str, str], text: str, attachments: list[str]) -> tuple[str, str]:
    """Return the title and the text of a mail."""
    lines = [f"{name}: {value}" for name, value in head.items()]
    lines += [f"Attachments: {', '.join(attachments)}"] if attachments else []
    return subject, f"# {subject or 'No subject'}\n\n" + "\n".join(lines) + f"\n\n{text.strip()}\n"
