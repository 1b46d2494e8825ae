"""The page shows a run: its verdict, figures and questions; no document can inject markup into it."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import page as experiments_page
from parts.page import collect, document, figures, questions
from parts.project import machine, metrics
from parts.verdict import cost_sentence, sentences
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores
from stages import report
from tests.helpers.cli import error_line
from tests.helpers.sample_run import ARMS, EVIL, right_answers
from tests.helpers.source_code import ROOT


@pytest.fixture
def here(page, monkeypatch):
    monkeypatch.chdir(page.parent.parent)


def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(), "html.parser")


@pytest.fixture
def exam(page) -> dict:
    return json.loads(soup(page).find(id="exam").string)


def test_nothing_in_a_document_becomes_part_of_the_page(page, exam):
    page = soup(page)
    assert [script.get("type") for script in page.find_all("script")] == ["application/json", None]
    assert not page.find_all("img")
    assert page.find_all("script")[1].string == (ROOT / "parts/page/page.js").read_text()
    first = exam["questions"][0]
    assert (first["question"], first["reference"]) == (f"Asked {EVIL}?", EVIL)
    assert EVIL in page.find(class_="note").text and EVIL in page.find(class_="strips").text


def test_the_page_says_that_nothing_in_it_is_masked(page):
    assert "unmasked" in soup(page).footer.text


def test_the_page_names_no_address_to_load_from(page):
    page = soup(page)
    named = {
        tag.get(key)
        for tag in page.find_all(True)
        for key in ("src", "href", "action", "data", "srcset")
        if tag.get(key)
    }
    assert all(address.startswith(("#", "data:,")) for address in named)
    assert "default-src 'none'" in page.find("meta", {"http-equiv": True})["content"]
    assert "@import" not in page.style.string and "http" not in page.style.string


@settings(max_examples=60)
@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_stands_in_a_script_is_read_back_and_ends_no_element(value):
    text = document.in_script(value)
    assert json.loads(text) == value
    assert not {"<", ">", "&"} & set(text)


def test_an_answer_is_right_as_the_verdict_counts_it_and_has_the_passages_that_its_arm_was_shown(exam):
    for n, question in enumerate(exam["questions"]):
        assert {arm: bool(answer["right"]) for arm, answer in question["answers"].items()} == {
            arm: right_answers(arm)(n) for arm in ARMS
        }
    answers = exam["questions"][1]["answers"]
    shown = {arm: [exam["passages"][index]["id"] for index in answer["shown"]] for arm, answer in answers.items()}
    assert shown == {
        "base": [],
        "rag": ["lamp.md#001"],
        "raw": [],
        "tuned": [],
        "tuned_rag": ["lamp.md#001"],
        "cascade": ["lamp.md#001"],
        "oracle": ["lamp.md#000"],
    }


def test_a_wrong_answer_has_the_most_similar_rows_those_of_the_gold_passage_first(exam):
    row_prompts = [exam["rows"][index]["prompt"] for index in exam["questions"][1]["rows"]]
    assert row_prompts == ["What does the lamp 0 cost?", "Does it float?", "What does lamp 0 cost in all?"]


def test_a_question_without_evidence_has_rows_of_the_retrieved_passages(exam):
    assert {exam["passages"][exam["rows"][index]["passage"]]["id"] for index in exam["questions"][4]["rows"]} == {
        "lamp.md#000",
        "lamp.md#001",
    }


def test_no_rows_are_shown_where_every_arm_is_right(here):
    tables = questions.Exam(
        Questions.read(), Chunks.read(), Pairs.read(), {"tuned": Answers.read("tuned")},
        {"tuned": Scores.read("tuned").with_columns(value=pl.lit(1.0))}, {"tuned": Contexts.read("none")},
    )  # fmt: skip
    exam = questions.exam(tables, "exact")
    assert exam["rows"] == [] and all(question["rows"] == [] for question in exam["questions"])


def test_the_page_starts_with_the_verdict(page):
    page = soup(page)
    assert page.find(id="headline").text == "Undecided." and page.title.text == "closedbook: Undecided."
    assert page.find(class_="rest").text.startswith("On 45 answerable questions, tuned minus rag is ")


def test_coverage_shows_the_documents_with_passages_that_no_row_came_from(page):
    strips = soup(page).find(class_="strips").find_all("li", recursive=False)
    assert [strip.find(class_="doc").text for strip in strips] == [EVIL, "lamp.md"]
    classes = [[rect["class"][0] for rect in strip.find_all("rect")] for strip in strips]
    assert classes == [["covered", "bare", "bare"], ["covered", "covered", "bare"]]
    assert "lamp.md > Part 2, characters 200 to 290: no rows generated" in strips[1].text


def test_the_crossing_is_marked_where_both_cost_the_same(here):
    curve, costs, undecided = json.loads(collect.CURVE.read_text()), cost_sentence.costs(), {"verdict": "undecided"}
    even = figures.cost(costs, curve, undecided)
    assert "break-even 2,000" in even.svg and "break-even between 1,500 and 3,000 questions" in even.caption
    never = figures.cost(costs | {"break_even_questions": None}, curve, undecided)
    assert "break-even" not in never.svg and "never" in never.caption
    far = figures.cost(costs | {"break_even_questions": 9_000_000}, curve, undecided)
    assert "break-even" not in far.svg and "break-even" in far.caption


def test_payback_of_an_arm_that_is_worse_is_not_told(here):
    figure = figures.cost(cost_sentence.costs(), json.loads(collect.CURVE.read_text()), {"verdict": "rag"})
    assert "break-even" not in figure.svg + figure.caption and "never" not in figure.caption


def test_a_page_without_timings_shows_dashes_and_no_charts_of_them(here, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "read", lambda path: {})
    monkeypatch.setattr(collect, "CURVE", tmp_path / "cost.json")
    collect.CURVE.write_text("[]")
    assert [figure.name for figure in collect.run_figures()] == ["accuracy", "gaps", "cost"]
    assert sentences.arm_rows()[0][-2:] == ("-", "-")


def test_a_step_that_no_arm_takes_is_not_drawn(here):
    figure = figures.latency({"rag": collect.latencies()["rag"]})
    assert "rerank" not in figure.svg and "prefill" in figure.svg


def test_whether_the_judge_can_be_trusted_is_on_the_page(here):
    agreement = soup(report.PAGE).find(id="judge-agreement-title").parent
    assert "the same model" in agreement.text and "90.0%" in agreement.text


@pytest.mark.slow
def test_the_experiments_have_a_page_of_their_own_and_the_run_reads_nothing_of_theirs(here):
    before = report.PAGE.read_bytes()
    line = {"tokens": [1000, 2000], "accuracies": [0.2, 0.3], "least": [0.1, 0.2], "most": [0.3, 0.4]}
    experiments = {
        "scaling": {"mixed": line, "rag_accuracy": 0.6, "companies": [1, 2]},
        "leak": {f"{arm}_{form}_{gate}": 0.25 for arm in ARMS for form in ("direct", "indirect") for gate in ("open", "gated")},
        "ablations": {"reference": {"accuracy": 0.25}, "before": {"read_8_em": 0.5}, "rag_accuracy": 0.6, "companies": [1, 2]},
    }  # fmt: skip
    for name, values in experiments.items():
        metrics.write(name, values)
    report.main()
    experiments_page.main()
    assert report.PAGE.read_bytes() == before
    page = soup(experiments_page.PAGE)
    assert page.find(id="leak").find_all("td")[0].text == "25.0%"
    assert page.find(id="scaling").find("svg") and "1,000" in page.find(id="scaling").find("table").text
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find(id="ablations").find_all("tr")]
    assert [row[:2] for row in rows[1:]] == [["before", "-"], ["reference", "0.250"]]
    assert page.find(id="seeds") is None, "not measured"
    for name in experiments:
        Path("metrics", f"{name}.json").unlink()


def test_without_a_run_there_is_one_line(workplace):
    assert "is not there yet" in error_line(report.main)


def test_the_charts_of_dvc_plots_can_be_drawn(here):
    import vl_convert
    from dvc_render import VegaRenderer

    accuracy = [{"arm": arm, "accuracy": 0.5, "lo": 0.4, "hi": 0.6} for arm in ARMS]
    Path("plots/accuracy.json").write_text(json.dumps(accuracy))
    plots = [item for plot in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] for item in plot.items()]
    with_template = {path: plot for path, plot in plots if "template" in plot}
    assert {plot["template"] for plot in with_template.values()} == {p.stem for p in (ROOT / ".dvc/plots").iterdir()}
    for path, plot in with_template.items():
        rows = [row | {"rev": rev} for rev in ("HEAD", "workspace") for row in json.loads(Path(path).read_text())]
        template = VegaRenderer(rows, path, template_dir=str(ROOT / ".dvc/plots"), **plot).get_filled_template()
        svg = vl_convert.vegalite_to_svg(template)
        assert plot["title"] in svg and "rag" in svg and "workspace" in svg
