"""Cut each document into passages.

reads   Documents           one row per document
writes  Chunks              one row per passage
"""

from parts.corpus.splitting import Params, split_documents
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Student
from parts.student.model import tokenizer
from schemas.chunks import Chunks
from schemas.documents import Documents


def main() -> None:
    """Write Chunks."""
    given = params.load("chunk", Params)
    encode = tokenizer(params.load("student", Student))
    chunks = split_documents(
        Documents.read(), given.max_tokens, lambda text: len(encode(text, add_special_tokens=False).input_ids)
    )
    Chunks.write(chunks)
    metrics.write("chunk", {"passages": len(chunks), "tokens": int(chunks["n_tokens"].sum())})
    print(f"{len(chunks)} passages, {chunks['n_tokens'].sum():,} tokens")


if __name__ == "__main__":
    run(main)
