"""The headings of a PDF are found by its type; what is text stays text."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.corpus import reading
from parts.corpus.headings import headings
from parts.corpus.pdf_headings import Style, mark
from parts.corpus.readers import pdf
from parts.corpus.splitting import split_document

TEXT, BOLD, LARGE, LARGER = ("Helvetica", 11), ("Helvetica-Bold", 11), ("Helvetica", 16), ("Helvetica", 24)
PROSE = [(TEXT, f"The notice period of post {n} is twelve days, and nobody asked why it is so.") for n in range(9)]


def drawn(*pages: list[tuple[tuple[str, float], str]], by_matrix: bool = False) -> bytes:
    """Return a PDF with the lines of each page, each in its font and size: of size 1, and larger by its matrix, `by_matrix`."""
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    for page in pages:
        for number, ((font, size), line) in enumerate(page):
            scale = size if by_matrix else 1
            canvas.saveState()
            canvas.scale(scale, scale)
            canvas.setFont(font, size / scale)
            canvas.drawString(40 / scale, (800 - 26 * number) / scale, line)
            canvas.restoreState()
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def marked(*pages: list[tuple[tuple[str, float], str]], by_matrix: bool = False) -> list[tuple[int, str]]:
    return [(each.level, each.words) for each in headings(pdf.read(drawn(*pages, by_matrix=by_matrix))[1])]


@pytest.mark.parametrize("by_matrix", [False, True])
def test_larger_and_bolder_lines_are_headings_by_their_rank(by_matrix):
    page = [
        (LARGER, "Plan"),
        (LARGE, "Costs"),
        *PROSE[:3],
        (BOLD, "Deductible"),
        *PROSE[3:6],
        (LARGE, "Appeals"),
        *PROSE,
    ]
    assert marked(page, by_matrix=by_matrix) == [(1, "Plan"), (2, "Costs"), (3, "Deductible"), (2, "Appeals")]


def test_a_passage_knows_the_heading_it_stands_under():
    page = [(LARGE, "Costs"), *PROSE[:3], (BOLD, "Deductible"), (TEXT, "It is 1,500 dollars a year."), *PROSE[3:]]
    text = pdf.read(drawn(page))[1]
    passages = list(split_document("Plan", text, 30, lambda piece: len(piece.split())))
    under = {passage.heading for passage in passages if "1,500" in passage.text}
    assert under == {"Plan > Costs > Deductible"}


def test_sections_alone_are_no_title():
    sections = [(LARGE, "1 Purpose"), *PROSE[:3], (BOLD, "Who"), *PROSE[3:6], (LARGE, "2 Scope"), *PROSE]
    assert marked(sections) == [(2, "1 Purpose"), (3, "Who"), (2, "2 Scope")]
    assert reading.read("leave_rules.pdf", drawn(sections))[0] == "leave rules"
    assert reading.read("leave_rules.pdf", drawn([(LARGER, "Leave"), *sections]))[0] == "Leave"


def test_a_heading_of_two_lines_is_one_and_one_at_the_foot_leads_the_next_page():
    assert marked([(LARGE, "Care outside"), (LARGE, "the network"), *PROSE]) == [(1, "Care outside the network")]
    assert marked([*PROSE, (LARGE, "Appeals")], PROSE) == [(1, "Appeals")]


@pytest.mark.parametrize(
    "page",
    [
        PROSE,
        [*PROSE, (LARGE, "The end")],
        [*((LARGE, f"Large line {n}") for n in range(4)), *PROSE],
        [(LARGE, "1 Introduction . . . . . . . 3"), *PROSE],
        [(LARGE, "This stands out, but it is a sentence."), *PROSE],
        [(LARGE, "1,500"), *PROSE],
        [(LARGE, "A foreword that goes on " * 6), *PROSE],
        [(BOLD, line) for _, line in PROSE],
    ],
    ids=["nothing", "no text below", "large text", "contents", "sentence", "number", "paragraph", "all bold"],
)
def test_what_is_no_heading_is_text(page):
    assert marked(page) == []


def test_a_cover_stays_text_so_that_its_page_has_a_passage():
    cover, body = [(LARGER, "Health Plus"), (LARGE, "Plan of 2026")], [(LARGE, "Costs"), *PROSE]
    text = pdf.read(drawn(cover, body))[1]
    assert [each.words for each in headings(text)] == ["Costs"]
    assert text.split("\f")[0].split() == ["Health", "Plus", "Plan", "of", "2026"]


def test_a_hash_in_the_text_is_a_heading_only_where_the_type_tells_none():
    assert marked([*PROSE, (TEXT, "# Tips"), *PROSE]) == [(1, "Tips")]
    assert marked([(LARGE, "Costs"), *PROSE, (TEXT, "# Tips"), *PROSE]) == [(1, "Costs")]


def test_a_line_that_stands_twice_on_a_page_is_a_heading_where_it_is_large():
    page = [*PROSE, (TEXT, "Costs"), *PROSE, (LARGE, "Costs"), *PROSE]
    text = pdf.read(drawn(page))[1]
    assert text.splitlines().count("# Costs") == 1 and text.splitlines().count("Costs") == 1


def test_a_sentence_that_crosses_a_page_is_whole_where_it_begins():
    first = [*PROSE, (TEXT, "A claim is paid within")]
    pages = pdf.read(drawn(first, [(TEXT, "thirty days of its receipt. Later ones"), *PROSE]))[1].split("\f")
    assert pages[0].endswith("A claim is paid within thirty days of its receipt.")
    assert pages[1].startswith("Later ones")
    whole = pdf._whole_sentences
    assert whole(["It ends.", "and so on."]) == ["It ends.", "and so on."]
    assert whole(["It goes on", "Chapter 2"]) == ["It goes on", "Chapter 2"]
    assert whole(["one,", "two,", "three."]) == ["one,", "two,", "three."], "no page is left without text"
    assert whole(["net\x02", "work of care. More."]) == ["net\x02work of care.", "More."]
    assert whole(["It goes on", "x" * 501]) == ["It goes on", "x" * 501]


@given(
    st.lists(
        st.lists(st.tuples(st.text("aB# .1", max_size=6), st.sampled_from([None, (8.0, 700), (9.5, 400)]))),
        max_size=4,
    )
)
def test_marking_loses_no_word(pages):
    texts = ["\n".join(line for line, _ in page) for page in pages]
    styles: list[dict] = [{} for _ in pages]
    for known, page in zip(styles, pages, strict=True):
        for line, style in page:
            known.setdefault(line.strip(), []).append(style and Style(*style))
    words = [letter for letter in "".join(mark(texts, styles)) if letter.isalnum()]
    assert words == [letter for letter in "".join(texts) if letter.isalnum()]
