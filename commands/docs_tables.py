"""Tables of docs/tables.md: path, grain, columns and checks, from the Pandera classes of schemas/."""

import inspect

from commands.docs_configuration import field_comments
from parts.text.markdown import table
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.development import Development
from schemas.documents import Documents
from schemas.open_book import OpenBook
from schemas.pairs import Ledger, Pairs, PeoplePairs, RawPairs
from schemas.questions import Questions
from schemas.redacted import Redacted
from schemas.rejected import Rejected
from schemas.scores import Scores
from schemas.table import Table

TABLES: tuple[type[Table], ...] = (
    Documents, Rejected, Chunks, Redacted, Questions, RawPairs, PeoplePairs, Ledger, Pairs, Development, OpenBook, Contexts,
    Answers, Scores,
)  # fmt: skip
"""In the order in which a run writes them."""
HEAD = ("column", "type", "null", "checks", "meaning")
CHECKS = {
    "greater_than_or_equal_to": "≥ {min_value}", "greater_than": "> {min_value}", "in_range": "{min_value} to {max_value}",
    "str_length": "length ≥ {min_value}", "isin": "one of {allowed_values}",
}  # fmt: skip
"""What a check of Pandera demands; another is shown in Pandera's words."""


def tables() -> str:
    """Return every table: a heading, its path and key, its docstring, and a table of its columns."""
    return "\n\n".join(map(_table, TABLES))


def _table(cls: type[Table]) -> str:
    schema, comments = cls.to_schema(), field_comments(cls, Table)
    rows = [
        (f"`{name}`", str(column.dtype), "yes" if column.nullable else "", _checks(column), comments.get(name, ""))
        for name, column in schema.columns.items()
    ]
    keys = ", ".join(f"`{name}`" for name in cls._key)
    checks = [f"Check: `{check.name}`." for check in schema.checks]
    address = f"`{cls._path.format('NAME')}`, sorted by {keys}"
    return "\n\n".join([f"### {cls.__name__}", address, inspect.getdoc(cls), table(HEAD, rows), *checks])


def _checks(column) -> str:
    demands = [CHECKS.get(check.name, check.error).format_map(check.statistics) for check in column.checks]
    return ", ".join(["unique"] * column.unique + demands)
