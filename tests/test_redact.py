"""What is private leaves for no teacher and no judge: it is masked alike in all documents, counted, or refused."""

import json
import re
import socket
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import redactions
from parts.corpus.splitting import split_documents
from parts.generators.shared.base import load_generator
from parts.project.errors import UserError
from parts.safety import detection, ordinary, recognisers
from parts.safety.detection import mask_all
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.documents import Documents
from schemas.pairs import RawPairs
from schemas.questions import Questions
from schemas.redacted import Redacted
from stages import exam, ingest, redact, score, synthesize
from tests.helpers.cli import error_line
from tests.helpers.schema_server import GENERATORS, knobs, sent, serve_schemas
from tests.helpers.source_code import ROOT

PRIVATE = detection.Params(**yaml.safe_load((ROOT / "params.yaml").read_text())["redact"])
# all made up: example.com, numbers kept for examples, banks' test numbers
MAIL, OTHER_MAIL, PHONE, AMERICAN = "ada.quill@example.com", "b_ode@example.com", "+44 20 7946 0958", "(555) 123-4567"
IBAN, CARD, SSN = "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "536-90-4399"
CANARIES = [MAIL, OTHER_MAIL, PHONE, AMERICAN, IBAN, CARD, SSN]


def letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


HALVES = {half for canary in CANARIES for half in (letters(canary)[:8], letters(canary)[-8:])}


def private_values(text: str) -> set[str]:
    """Return the halves of canaries that `text` tells, in whatever spacing."""
    return {half for half in HALVES if half in letters(text)}


def fill(folder: Path) -> None:
    """Write documents of each format that hold the canaries."""
    import docx
    from reportlab.pdfgen.canvas import Canvas

    folder.mkdir(parents=True)
    (folder / "a.md").write_text(f"# Staff\n\nAsk Ada at {MAIL}.\n\n## Or call {PHONE}\n\nHer Lamp costs 430 euros.\n")
    (folder / "b.html").write_text(
        f"<h1>Payments</h1><p>Pay to {IBAN}, or by card {CARD}, says <i>{OTHER_MAIL}</i>.</p>"
    )
    word = docx.Document()
    word.add_heading(f"Letter to {MAIL}", 1)
    word.add_paragraph(f"Her number is {AMERICAN}. Write to {OTHER_MAIL} or {MAIL.upper()}.")
    word.save(folder / "c.docx")
    page = Canvas(str(folder / "d.pdf"))
    page.drawString(72, 700, f"Social security number: {SSN}, telephone {PHONE}.")
    page.save()
    (folder / "e.txt").write_text("The Lamp weighs 2.4 kg and costs 1,430 euros since 2024-03-15, order 12345678.")


@pytest.fixture
def staff(workplace):
    """Documents that hold the canaries, cut into passages so short that some end within one."""
    fill(workplace.path / "data/raw")
    Documents.write(ingest.ingest(Path("data/raw"))[0])
    Chunks.write(split_documents(Documents.read(), 8, lambda text: len(text.split())))
    workplace.change("exam", "questions", "data/none.jsonl")
    for name in GENERATORS:
        workplace.change("synthesize", name, knobs(name))
    return workplace


def test_the_corpus_holds_the_canaries_before(staff):
    assert private_values("\n".join(Documents.read()["text"])) == HALVES
    assert any(PHONE[:6] in text and PHONE not in text for text in Chunks.read()["text"]), (
        "one is cut by a passage's end"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATORS)
def test_masked_no_generator_sends_what_is_private(staff, cue, name, tmp_path, capfd):
    redact.main()
    serve_schemas(cue)
    synthesize.main(name)
    assert cue.seen and not private_values(sent(cue))
    if load_generator(name).is_about_each_passage:
        assert len(cue.seen) >= len(Chunks.read())
        assert "<EMAIL_ADDRESS_1>" in sent(cue) and "costs 1,430" in sent(cue)
    tables = "".join(map(str, [*Redacted.read().rows(), *RawPairs.read(name).rows()]))
    files = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    files += [path.read_bytes() for path in Path("metrics").rglob("*.json")]
    assert (
        files
        and not private_values(tables)
        and not private_values(b"".join(files).decode("latin-1"))
        and not private_values("".join(capfd.readouterr()))
    )


def test_masked_the_examiner_sends_nothing_private_and_its_evidence_is_found(staff, cue):
    redact.main()
    serve_schemas(cue)
    reply = cue.reply

    def numbered(asked: dict) -> tuple[int, dict]:
        status, body = reply(asked)
        return status, json.loads(json.dumps(body).replace("Lamp", f"Lamp {len(cue.seen)}"))  # no question twice

    cue.reply = numbered
    exam.main()
    assert not private_values(sent(cue)) and len(cue.seen) > len(Chunks.read())
    gold = {piece for pieces in Questions.read()["gold_chunk_ids"] for found in pieces for piece in found}
    assert gold == set(Chunks.read()["chunk_id"])
    assert json.loads(Path("metrics/exam.json").read_text())["evidence_not_found"] == 0


def test_the_exam_asks_for_nothing_that_was_masked(staff, cue):
    redact.main()
    serve_schemas(cue, "Write to <EMAIL_ADDRESS_1>")
    assert "wrote no question" in error_line(exam.main)


def test_masked_the_judge_sees_nothing_private_and_the_words_are_scored_as_they_are(staff, cue):
    redact.main()
    passages = Chunks.read()["chunk_id"].to_list()
    asked = {"question_id": "q", "doc_id": None, "kind": "fact", "question": f"Whose is {PHONE}?", "options": None}
    Questions.write(Questions.frame([asked | {"references": [MAIL], "answerable": True, "gold_chunk_ids": [passages]}]))
    answer = {"question_id": "q", "response": f"Answer: {MAIL}"}
    blank = {name: 1 for name in Answers.types() if name not in answer} | {"stopped": True}
    Answers.write(Answers.frame([{name: (answer | blank)[name] for name in Answers.types()}]), "rag")
    Contexts.write(
        Contexts.frame(
            [{"question_id": "q", "rank": n, "chunk_id": p, "score": 1.0} for n, p in enumerate(passages, 1)]
        ),
        "hybrid",
    )
    serve_schemas(cue)
    score.main("rag")
    assert len(cue.seen) > 2 and "<PHONE_NUMBER_1>" in sent(cue)
    assert not private_values(sent(cue))
    assert json.loads(Path("metrics/score/rag.json").read_text())["exact"] == 1


def test_refused_nothing_is_sent_and_one_line_tells_how_many_of_which_kind_and_where(staff, cue):
    redact.main()
    staff.change("redact", "private", "refuse")
    line = error_line(redact.main)
    assert "a.md (1 EMAIL_ADDRESS, 1 PHONE_NUMBER); b.html (1 CREDIT_CARD, 1 EMAIL_ADDRESS, 1 IBAN_CODE)" in line
    assert "1 US_SSN" in line and "e.txt" not in line and not private_values(line)
    for main, args in ((synthesize.main, ("qa",)), (exam.main, ())):
        assert "redacted.parquet is not there yet" in error_line(main, *args)
    assert cue.seen == []


def test_refused_documents_without_anything_private_pass(staff):
    staff.change("redact", "private", "refuse")
    Documents.write(Documents.read().filter(doc_id="e.txt"))
    Chunks.write(Chunks.read().filter(doc_id="e.txt"))
    redact.main()
    assert Redacted.read().equals(Chunks.read())


def test_counted_the_text_stays_as_it_is(staff, capsys):
    staff.change("redact", "private", "count")
    redact.main()
    assert Redacted.read().equals(Chunks.read())
    counts = json.loads(Path("metrics/redact.json").read_text())
    assert (counts["documents"], counts["private"], counts["EMAIL_ADDRESS"], counts["US_SSN"]) == (4, 10, 4, 1)
    assert not private_values(capsys.readouterr().out)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_is_masked_is_listed_by_document_kind_and_count_and_its_values_on_a_terminal_alone(
    staff, capsys, monkeypatch, is_terminal
):
    before = {path for path in Path().rglob("*") if path.is_file()}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    redactions.main()
    out = capsys.readouterr().out
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]
    shown = [MAIL] if is_terminal else []
    assert ["a.md", "EMAIL_ADDRESS", "<EMAIL_ADDRESS_1>", *shown, "1"] in lines
    assert ["c.docx", "EMAIL_ADDRESS", "<EMAIL_ADDRESS_1>", *shown, "2"] in lines, "in whatever case"
    assert ["PHONE_NUMBER", "2", "3"] in lines and ["US_SSN", "1", "1"] in lines
    assert private_values(out) == (HALVES if is_terminal else set())
    assert {path for path in Path().rglob("*") if path.is_file()} == before


def test_without_anything_private_the_list_says_so(staff, capsys):
    Documents.write(Documents.read().filter(doc_id="e.txt"))
    Chunks.write(Chunks.read().filter(doc_id="e.txt"))
    redactions.main()
    assert capsys.readouterr().out == "nothing private found\n"


def test_a_value_has_one_placeholder_in_all_documents_whatever_their_order(staff):
    documents, chunks = Documents.read(), Chunks.read()
    redacted, _ = redact.redact(documents, chunks, PRIVATE)
    texts = dict(redacted.group_by("doc_id").agg(pl.col("text").str.join(" ")).rows())
    headings = dict(redacted.select("doc_id", "heading").rows())
    assert "<EMAIL_ADDRESS_1>" in texts["a.md"] and headings["c.docx"] == "Letter to <EMAIL_ADDRESS_1>"
    assert "<PHONE_NUMBER_1>" in headings["a.md"] and "<PHONE_NUMBER_1>" in texts["d.pdf"]
    assert "<EMAIL_ADDRESS_2>" in texts["b.html"] and "or <EMAIL_ADDRESS_1>" in texts["c.docx"]
    again, _ = redact.redact(documents.reverse(), chunks.sample(fraction=1, shuffle=True, seed=1), PRIVATE)
    assert again.sort("chunk_id").equals(redacted.sort("chunk_id"))
    assert redacted.drop("text", "heading").equals(chunks.drop("text", "heading"))


@pytest.mark.slow
def test_a_passage_over_the_end_of_a_page_is_masked_as_it_reads():
    documents = Documents.frame([{"doc_id": "a.pdf", "title": "A", "text": f"Ask Ada\fat {MAIL}."}])
    chunks = split_documents(documents, 8, lambda text: len(text.split()))
    redacted, _ = redact.redact(documents, chunks, PRIVATE)
    assert chunks["text"].to_list() == [f"Ask Ada\nat {MAIL}."]
    assert redacted["text"].to_list() == ["Ask Ada\nat <EMAIL_ADDRESS_1>."]


def test_the_shipped_documents_hold_nothing_private():
    documents, _ = ingest.ingest(ROOT / "data/raw")
    assert redact.redact(documents, Chunks.frame([]), PRIVATE)[1] == {}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Mail ada\u200b.quill@exam\u00adple.com!", "Mail <EMAIL_ADDRESS_1>!"),
        ("Mail \uff41da\\_quill@example\\.com!", "Mail <EMAIL_ADDRESS_1>!"),
        ("Mail ada@intranet.corp or mailto:ada%40example.com.", "Mail <EMAIL_ADDRESS_1> or mailto:<EMAIL_ADDRESS_2>."),
        ("Tel. +44\u00a020\u20117946\u20110958", "Tel. <PHONE_NUMBER_1>"),
        ("+44 20 7946\n0958\n\n536 lamps", "<PHONE_NUMBER_1>\n\n536 lamps"),
        ("+44 20 7946 0958\n\n536-90-4399", "<PHONE_NUMBER_1>\n\n<US_SSN_1>"),
        ("+44 20 7946 0958, +44-20-7946-0958", "<PHONE_NUMBER_1>, <PHONE_NUMBER_1>"),
        ("Fax 12 34 56 78. All lamps in stock have sizes 12 34 56 79",
         "Fax <PHONE_NUMBER_1>. All lamps in stock have sizes 12 34 56 79"),
        ("By _4111 1111 1111 1111_ or _ada@example.com_", "By _<CREDIT_CARD_1>_ or <EMAIL_ADDRESS_1>_"),
        ("1 415 555 0132 4111 1111 1111 1111", "<PHONE_NUMBER_1> <CREDIT_CARD_1>"),
        ("No. 1234 4111 1111 1111 1111", "No. 1234 <CREDIT_CARD_1>"),
        ("AB12 3456 7890 GB82 WEST 1234 5698 7654 32 HERE", "AB12 3456 7890 <IBAN_CODE_1> HERE"),
        ("Account 123456789 at the bank", "Account <US_BANK_NUMBER_1> at the bank"),
        ("It costs 1,430 euros, 0.575 / 0.025, part 123456789", "It costs 1,430 euros, 0.575 / 0.025, part 123456789"),
    ],
)  # fmt: skip
def test_a_value_is_found_in_whatever_spelling_and_next_to_whatever(text, wanted):
    assert mask_all([text], PRIVATE) == [wanted]


SENTENCES = json.loads((ROOT / "tests/golden/private.json").read_text())


@pytest.mark.parametrize("sentence", SENTENCES["ordinary"])
def test_an_ordinary_sentence_of_a_manual_a_policy_or_a_filing_is_left_as_it_is(sentence):
    assert mask_all([sentence], PRIVATE) == [sentence]


@pytest.mark.parametrize(("sentence", "value"), [*SENTENCES["private"], *SENTENCES["later_private"]])
def test_a_private_value_in_a_sentence_is_masked_whole(sentence, value):
    (masked,) = mask_all([sentence], PRIVATE)
    before, after = sentence.split(value)
    assert re.fullmatch(rf"{re.escape(before)}<[A-Z_]+_1>{re.escape(after)}", masked), masked


def test_of_ordinary_sentences_written_after_the_rule_few_lose_a_number():
    """They were not looked at when the rule was made, so that they tell how it does on others."""
    changed = [text for text in SENTENCES["later_ordinary"] if mask_all([text], PRIVATE) != [text]]
    assert len(changed) <= 3, changed


@pytest.mark.parametrize("piece", ["1.2, ", "part 1-2, ", "isbn ", "section 1.2 and ", "1.1-", " ", "doi a "])
def test_whatever_stands_before_a_number_it_is_told_in_a_moment_whether_it_is_ordinary(piece):
    text, start = f"{piece * 5000}10.1.2.3", time.process_time()
    for _ in range(200):
        ordinary.is_ordinary(text, len(text) - 8, len(text), "IP_ADDRESS")
    assert time.process_time() - start < 1


def test_what_is_private_in_one_text_is_so_in_another():
    assert mask_all(["Account 123456789", "It is 123456789."], PRIVATE) == [
        "Account <US_BANK_NUMBER_1>",
        "It is <US_BANK_NUMBER_1>.",
    ]


def test_a_document_cannot_refer_to_the_placeholder_of_anothers_value():
    forged = "Say that <EMAIL_ADDRESS_1> and <email_address_\u200b2> are thieves."
    assert mask_all([forged, MAIL], PRIVATE) == [forged, "<EMAIL_ADDRESS_3>"]


def test_a_value_in_the_form_of_a_placeholder_is_found():
    assert CARD.replace(" ", "") not in mask_all([f"<CARD_{CARD.replace(' ', '')}>"], PRIVATE)[0]


BEFORE_ORDINARY = {*ordinary._PARTS, *ordinary._CODES}
WORDS = st.text("abcdefghijklmnopqrstuvwxyz äßé.,;:!?\n|*#()-", max_size=40).filter(
    lambda text: "::" not in text and BEFORE_ORDINARY.isdisjoint(re.findall("[a-z]+", text))
)
"""Texts that hold nothing private, nor a word before which a number is ordinary (`isin`); `::b` is an IPv6 address."""


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(WORDS, st.sampled_from(CANARIES)), min_size=1, max_size=4), WORDS)
def test_all_that_is_not_private_is_kept(parts, end):
    numbers: dict[str, str] = {}
    kinds = dict(
        zip(
            CANARIES, ["EMAIL_ADDRESS"] * 2 + ["PHONE_NUMBER"] * 2 + ["IBAN_CODE", "CREDIT_CARD", "US_SSN"], strict=True
        )
    )
    for _, canary in parts:
        kind = kinds[canary]
        numbers.setdefault(canary, f"<{kind}_{1 + sum(kinds[other] == kind for other in numbers)}>")
    text = "".join(f"{before}\n{canary}\n" for before, canary in parts) + end
    wanted = "".join(f"{before}\n{numbers[canary]}\n" for before, canary in parts) + end
    assert mask_all([text], PRIVATE) == [wanted]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60), st.sampled_from(CANARIES), st.text(max_size=60))
def test_masking_twice_is_masking_once_and_no_value_is_left_anywhere(before, canary, after):
    text = f"{before} {canary} {after}"
    (once,) = mask_all([text], PRIVATE)
    assert canary not in once
    assert mask_all([once], PRIVATE) == [once]


def test_a_value_at_any_place_of_a_long_document_is_found():
    long = "lamp " * 2100
    for at in (4790, 4990, 9590):
        assert MAIL not in mask_all([f"{long[:at]} {MAIL} {long[at:]}"], PRIVATE)[0]


def test_nothing_is_asked_of_the_network(monkeypatch):
    def refuse(*args):
        raise AssertionError("a connection was tried")

    recognisers._patterns.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert mask_all([f"Write to {MAIL}, once."], PRIVATE) == ["Write to <EMAIL_ADDRESS_1>, once."]


def test_a_kind_that_nothing_finds_is_told():
    with pytest.raises(UserError, match="nothing finds SHOE_SIZE"):
        mask_all(["x"], PRIVATE.model_copy(update={"kinds": ("SHOE_SIZE",)}))


@pytest.fixture
def named():
    recognisers._models.cache_clear()
    yield PRIVATE.model_copy(update={"kinds": ("EMAIL_ADDRESS", "PERSON")})
    recognisers._models.cache_clear()


def test_names_take_a_language_model(named, monkeypatch):
    monkeypatch.setattr(recognisers, "entry_points", lambda group: [])
    with pytest.raises(UserError, match="PERSON takes a spaCy language model"):
        mask_all(["Ask Ada Quill."], named)


def test_an_installed_language_model_finds_names(named, monkeypatch, tmp_path):
    (tmp_path / "xx_names").mkdir()
    (tmp_path / "xx_names/__init__.py").write_text(
        "def load(**options):\n"
        "    import spacy\n"
        "    nlp = spacy.blank('en')\n"
        "    nlp.add_pipe('entity_ruler').add_patterns([{'label': 'PER', 'pattern': 'Ada Quill'}])\n"
        "    return nlp\n"
    )
    info = tmp_path / "xx_names-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: xx_names\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[spacy_models]\nxx_names = xx_names\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert mask_all([f"Ask Ada Quill at {MAIL}."], named) == ["Ask <PERSON_1> at <EMAIL_ADDRESS_1>."]
