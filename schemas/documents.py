"""The documents, as text."""

import pandera.polars as pa

from schemas.table import Table


class Documents(Table, path="data/documents.parquet", key=("doc_id",)):
    """One row per document.

    text is Markdown where the format has headings and tables; a form feed stands between the pages of a PDF, so the
    page of a character is one more than the form feeds before it. The text goes on over one, unless a line ends before it.
    """

    doc_id: str = pa.Field(str_length={"min_value": 1})  # its path below the folder read, e.g. "handbook/leave.pdf"
    title: str
    text: str = pa.Field(str_length={"min_value": 1})
