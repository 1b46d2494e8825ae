"""Read benchmarks in the formats that they are published in: QuALITY, SQuAD 1.1 and 2.0, LongHealth, FinanceBench.

One file has the documents and the questions; FinanceBench's has the questions alone, and its documents are PDF files.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

from parts.corpus.cleaning import clean
from parts.corpus.question_file import Evidence, Question
from parts.project.errors import UserError
from parts.text.jsonl import read_lines

AROUND = 80  # characters on both sides of an answer that tell where it stands


@dataclass(frozen=True)
class Benchmark:
    """Documents (id -> title and text) and the questions on them."""

    documents: dict[str, tuple[str, str]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)


@cache
def read(path: Path) -> Benchmark | None:
    """Return the benchmark in the file `path`; None for no file, or one in no format. Raises UserError for a broken one."""
    rows = _rows(path) if path.is_file() else []
    for holds, parse in _FORMATS:
        if rows and all(isinstance(row, dict) and holds(row) for row in rows):
            try:
                return parse(rows)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                name = parse.__name__.removeprefix("_")
                problem = f"{type(error).__name__}: {error}"
                raise UserError(f"{path}: looks like {name}, and is not as it is published ({problem})") from error
    return None


def _rows(path: Path) -> list:
    """Return the objects of a JSON Lines file; of a JSON file its only one."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.read(2)
            if not head.startswith("{"):
                return []
            file.seek(0)
            return [json.load(file)]
    except ValueError:
        return [row for _, _, row in read_lines(path)]


def _squad(rows: list[dict]) -> Benchmark:
    """Return an article a document; the text around the first answer is the evidence. SQuAD 2.0 marks what has none."""
    documents, questions = {}, []
    for article in rows[0]["data"]:
        name, title = f"{article['title']}.md", article["title"].replace("_", " ")
        documents[name] = (
            title,
            clean("\n\n".join([f"# {title}", *(part["context"] for part in article["paragraphs"])])),
        )
        for context, row in ((part["context"], row) for part in article["paragraphs"] for row in part["qas"]):
            answers = [] if row.get("is_impossible") else row["answers"]
            texts, evidence = list(dict.fromkeys(answer["text"] for answer in answers)), []
            if answers:
                evidence = [Evidence(name, quote=_around(context, answers[0]["answer_start"], len(texts[0])))]
            kind = "fact" if answers else "unanswerable"
            questions.append(Question(str(row["id"]), row["question"], texts, bool(answers), kind, evidence=evidence))
    return Benchmark(documents, questions)


def _quality(rows: list[dict]) -> Benchmark:
    """Return an article a document, which several rows may share, and its questions with four options each."""
    from parts.corpus.readers.html import markdown

    documents, questions = {}, []
    for number, row in enumerate(rows, 1):
        article = row["article"] if isinstance(row["article"], str) else "".join(row["article"])
        is_page = article.lstrip()[:1] == "<"
        text = markdown(article)[1] if is_page else article
        documents[f"{row['article_id']}.md"] = row["title"], clean(text)
        for key, raw in _nested(row) if "questions" in row else _flat(row):
            options, label = [option.strip() for option in raw["options"]], int(raw["gold_label"])
            kind = "hard" if raw.get("difficult") else "fact"
            questions.append(
                Question(str(key or f"{number}"), raw["question"], [options[label - 1]], True, kind, options)
            )
    return Benchmark(documents, questions)


def _nested(row: dict) -> Iterator[tuple[str, dict]]:
    """Yield the questions of a row of QuALITY's release; the test split, which has no labels, has none."""
    for number, raw in enumerate(row["questions"], 1):
        if "gold_label" in raw:
            yield raw.get("question_unique_id") or f"{row['article_id']}-{row.get('set_unique_id', '')}-{number}", raw


def _flat(row: dict) -> Iterator[tuple[str, dict]]:
    """Yield the questions of a row of QuALITY's raw data: question1, question1option1, question1_gold_label and so on."""
    for number in count(1):
        key = f"question{number}"
        if key not in row:
            return
        options = [row[f"{key}option{option}"] for option in range(1, 5)]
        yield (
            f"{row.get('unique_id', row['article_id'])}-{number}",
            {"question": row[key], "options": options, "gold_label": row[f"{key}_gold_label"]},
        )


def _longhealth(rows: list[dict]) -> Benchmark:
    """Return a letter a document, and questions with five options that name their patient: in the file none does."""
    documents, questions = {}, []
    for patient_id, patient in rows[0].items():
        who = f"{patient['name']}, born {patient['birthday']}"
        for name, text in patient["texts"].items():
            documents[f"{patient_id}/{name}.md"] = who, f"# {who}\n\n{clean(text)}"
        for number, raw in enumerate(patient["questions"]):
            options = [str(raw[f"answer_{letter}"]).strip() for letter in "abcde"]
            texts = [str(raw["correct"]).strip()]
            evidence = [
                Evidence(f"{patient_id}/{name}.md", quote=patient["texts"][name][int(start * size) : int(end * size)])
                for name, place in (raw.get("answer_location") or {}).items()
                for size in [len(patient["texts"].get(name, ""))]
                for start, end in zip(place["start"], place["end"], strict=True)
                if 0 <= start < end <= 1  # shares of the letter's length
            ]
            question = f"{who}: {raw['question']}"
            questions.append(Question(f"{patient_id}-{number:02}", question, texts, True, "fact", options, evidence))
    return Benchmark(documents, questions)


def _financebench(rows: list[dict]) -> Benchmark:
    """Return the questions; the page of a piece of evidence, which the file counts from 0, is counted from 1."""
    questions = []
    for row in rows:
        pieces = [(piece.get("doc_name", row["doc_name"]), piece["evidence_page_num"]) for piece in row["evidence"]]
        evidence = [Evidence(f"{name}.pdf", page=page + 1) for name, page in pieces]
        kind = row.get("question_type") or "fact"
        texts = [str(row["answer"])]
        questions.append(Question(row["financebench_id"], row["question"], texts, True, kind, evidence=evidence))
    return Benchmark(questions=questions)


def _around(text: str, start: int, length: int) -> str:
    """Return the words of `text` around the span of an answer, none of them cut."""
    end = start + length
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    if start > AROUND:
        before = before.partition(" ")[2]
    if end + AROUND < len(text):
        after = after.rpartition(" ")[0]
    return before + text[start:end] + after


_FORMATS: list[tuple[Callable[[dict], bool], Callable[[list[dict]], Benchmark]]] = [
    (lambda row: isinstance(row.get("data"), list), _squad),
    (lambda row: "article" in row and ("questions" in row or "question1" in row), _quality),
    (lambda row: "financebench_id" in row, _financebench),
    (lambda row: bool(row) and all(isinstance(each, dict) and "texts" in each for each in row.values()), _longhealth),
]
"""(whether each object of a file is of the format, what reads it)"""
