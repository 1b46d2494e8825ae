"""The page works in Chromium: without requests or console messages, by keyboard, in dark mode, on a phone, with nine arms."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from experiments import page as experiments_page
from parts.page import charts, document
from parts.project import metrics
from parts.project.arms import load_arms
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.pairs import Ledger, Pairs
from schemas.questions import Questions
from schemas.scores import Scores
from stages import report
from tests.helpers import browser, sample_run
from tests.helpers.sample_run import EVIL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if not browser.PROGRAM and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed: `apt-get install chromium` (.ci/run does)")
    assert browser.PROGRAM, "Chromium is not installed, and CI skips nothing: `apt-get install chromium`"
    with browser.browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(chromium, page):
    chromium.window(1200, 900)
    chromium.open(page)
    chromium.js("localStorage.clear()")
    chromium.console.clear(), chromium.requests.clear()
    chromium.open(page)
    yield chromium
    assert (chromium.console, chromium.requests) == ([], []), "the page logs or requests something"


def question_ids(tab) -> list[str]:
    """Return the questions on the page, in its order."""
    return tab.js("[...document.querySelectorAll('#list small')].map((s) => s.textContent.slice(0, 4))")


def choose(tab, selector: str, value: str) -> str:
    """Select `value`, and return the page's count of questions."""
    tab.js(
        f"(() => {{ const s = document.querySelector({selector!r}); s.value = {value!r};"
        "s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    return tab.js("document.getElementById('count').textContent")


def test_hostile_text_is_shown_as_text(tab):
    tab.js("document.querySelector('#list button').click()")
    assert tab.js("window.owned") is None
    shown = tab.js("document.querySelector('#list li').textContent")
    assert shown.count("</script><script>window.owned = 1</script>") >= 7 and "{{ 7 * 7 }}" in shown


NAMES_OF_MODELS = {"teacher", "student", "judge"}


def put_evil_everywhere() -> None:
    """Put a script into every text of the run in the working directory that a document, a model or a person wrote."""
    for path in Path("metrics").rglob("*.json"):
        values = json.loads(path.read_text())
        if isinstance(values, dict):
            path.write_text(json.dumps(values | dict.fromkeys(values.keys() & NAMES_OF_MODELS, EVIL)))
    evil, options = pl.lit(EVIL), pl.lit([EVIL, "b"], pl.List(pl.String))
    columns = {
        Questions: [evil.alias("question"), pl.concat_list(evil).alias("references"), options.alias("options")],
        Chunks: [evil.alias("heading"), evil.alias("text")],
        Pairs: [evil.alias(name) for name in ("prompt", "reasoning", "completion", "teacher", "generator")],
        Ledger: [evil.alias(name) for name in ("prompt", "reasoning", "completion", "teacher", "generator", "dropped")],
    }
    for table, changes in columns.items():
        table.write(table.read().with_columns(changes))
    for arm in load_arms():
        Answers.write(Answers.read(arm).with_columns(evil.alias("response")), arm)
        Scores.write(Scores.read(arm).with_columns(evil.alias("reason")), arm)


def test_a_script_in_every_field_is_text(chromium, tmp_path, monkeypatch):
    sample_run.finish(tmp_path, {"tuned": load_arms()["tuned"].model_dump() | {"description": EVIL}})
    monkeypatch.chdir(tmp_path)
    put_evil_everywhere()
    results = {"reference": {"accuracy": 0.25}, EVIL: {"accuracy": 0.5}, "rag_accuracy": 0.6, "companies": [1, 2]}
    metrics.write("ablations", results)
    report.main()
    experiments_page.main()
    for page in (report.PAGE, experiments_page.PAGE):
        chromium.console.clear(), chromium.requests.clear()
        chromium.open(tmp_path / page)
        chromium.js("document.querySelectorAll('#list button, details').forEach((e) => { e.click(); e.open = true; })")
        assert chromium.js("window.owned") is None and not chromium.js("document.querySelectorAll('img').length")
        assert (chromium.console, chromium.requests) == ([], [])
    chromium.open(tmp_path / report.PAGE)
    assert chromium.js("document.body.textContent").count("window.owned = 1</script>") > 30


def test_a_script_from_elsewhere_would_not_run(chromium, page):
    chromium.open(page)
    chromium.js(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s); })()"
    )
    assert chromium.js("window.owned") is None
    assert any("Content Security Policy" in message for message in chromium.console)


def test_filters_and_search_find_the_questions(tab):
    assert tab.js("document.getElementById('count').textContent") == "60 questions"
    assert choose(tab, "#show", "tuned-rag") == "10 of 60 questions"  # n % 3 == 0 and n % 2
    assert question_ids(tab)[:2] == ["q003", "q009"]
    assert choose(tab, "#kind", "unanswerable") == "0 of 60 questions"
    tab.js("document.querySelector('#filters button').click()")
    tab.js("new Promise((done) => setTimeout(done, 20))")
    assert choose(tab, "select[data-arm=oracle]", "0") == "1 of 60 questions"
    assert choose(tab, "select[data-arm=oracle]", "") == "60 questions"
    assert choose(tab, "#text", "ITEM7 cost") == "1 of 60 questions"
    assert question_ids(tab) == ["q007"]


def test_a_wrong_answer_leads_to_the_passage_and_the_training_rows_behind_it(tab):
    choose(tab, "#text", "q001")
    tab.js("document.querySelector('#list button').click()")
    heads = tab.js("[...document.querySelectorAll('.panel h4')].map((h) => h.textContent)")
    assert heads == ["Reference", "Answers", "Gold passages", "Most similar training rows"]
    grades = tab.js("[...document.querySelectorAll('.card .grade')].map((s) => s.textContent)")
    assert grades == ["✗ wrong"] * 3 + ["✗ 0/3 wrong"] * 3 + ["✓ right"], "of three trainings, where there are some"
    summaries = tab.js("[...document.querySelectorAll('.card summary')].map((s) => s.textContent)")
    assert summaries == ["1 passage shown, none gold"] * 3 + ["1 passage shown, 1 gold"]
    assert tab.js("document.querySelectorAll('.card .passage.gold .badge').length") == 1
    assert tab.js("document.querySelector('.row .completion').textContent") == "0 euros"


def test_the_keyboard_is_enough(tab):
    tab.press("/", "/")
    assert tab.js("document.activeElement.id") == "text"
    tab.type("item7 cost")
    assert question_ids(tab) == ["q007"]
    tab.press("Escape")
    assert tab.js("document.getElementById('text').value") == ""
    for key in ("ArrowDown", "ArrowDown"):
        tab.press(key)
    assert tab.js("document.activeElement.querySelector('small').textContent").startswith("q001")
    tab.press("Enter", "\r")
    assert tab.js("document.activeElement.ariaExpanded") == "true" and tab.js("!!document.querySelector('.panel')")
    tab.press("ArrowRight")
    assert question_ids(tab)[0] == "q025" and tab.js(
        "document.activeElement.querySelector('small').textContent"
    ).startswith("q025")
    tab.press("Home")
    tab.press("ArrowLeft")
    assert question_ids(tab)[0] == "q000"


CONTRAST = """(() => {
  const light = (rgb) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.match(/[\\d.]+/g).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const probe = document.body.appendChild(document.createElement("i"));
  const luminance = (name) => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
  const defined = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`) !== "";
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const grounds = ["ground", "raised"].map(luminance);
  return Object.fromEntries(NAMES.map(
    (name) => [name, defined(name) ? Math.min(...grounds.map((ground) => ratio(luminance(name), ground))) : 0]));
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_colours_of_text_and_marks_have_the_contrast_of_wcag_aa(tab, dark):
    tab.window(1200, 900, dark)
    text = ["ink", "quiet", "link", "right", "wrong", "gold"]
    marks = [f"arm-{n + 1}" for n in range(charts.N_ARM_COLOURS)]
    marks += [f"recipe-{n + 1}" for n in range(charts.N_RECIPE_COLOURS)]
    marks += [f"step-{n + 1}" for n in range(len(charts.STEPS))]
    ratios = tab.js(CONTRAST.replace("NAMES", json.dumps(text + marks)))
    assert {name: ratio for name, ratio in ratios.items() if ratio < (4.5 if name in text else 3)} == {}


def test_light_and_dark_follow_the_system_until_one_is_chosen(tab, page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.js(ground)
    tab.window(1200, 900, dark=True)
    dark = tab.js(ground)
    assert dark != light
    tab.js("document.getElementById('theme').click()")
    assert tab.js(ground) == light and "light" in tab.js("document.getElementById('theme').ariaLabel")
    tab.open(page)
    assert tab.js(ground) == light
    tab.js("document.getElementById('theme').click()")
    assert tab.js(ground) == dark


@pytest.fixture(scope="module")
def nine_arms(tmp_path_factory):
    """The page of a run with two more arms than there are."""
    arm = {"model": "student", "retriever": "dense", "description": "one more"}
    return sample_run.finish(tmp_path_factory.mktemp("nine"), {f"rag_dense_{n}": arm for n in range(8, 10)})


@pytest.mark.parametrize("width", [390, 800, 1200])
def test_nine_arms_fit_and_each_mark_stands_below_the_name_of_its_arm(tab, nine_arms, width):
    tab.window(width, 900)
    tab.open(nine_arms)
    tab.js("document.querySelector('#list button').click()")
    assert tab.js("document.documentElement.scrollWidth") <= width
    colours = "[...document.querySelectorAll('.card .dot')].map((dot) => dot.className.split(' ')[1])"
    assert tab.js(colours) == [f"arm-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 1)]
    centres = (
        "[...document.querySelectorAll(SELECTOR)].map((e) => e.getBoundingClientRect()).map((r) => r.x + r.width / 2)"
    )
    names = tab.js(centres.replace("SELECTOR", "'.legend span:not(:first-child)'"))
    marks = tab.js(centres.replace("SELECTOR", "'#list > li:first-child .mark'"))
    assert len(names) == len(marks) == 9
    if width > 768:
        assert marks == pytest.approx(names, abs=1)
    tab.js("document.querySelector('#charts').scrollIntoView()")
    outside = (
        "[...document.querySelectorAll('.chart svg text')].filter((t) => t.getBoundingClientRect().right > innerWidth)"
    )
    assert tab.js(f"{outside}.length") == 0


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_small_screen_scrolls_down_only(tab, width):
    tab.window(width, 800)
    tab.js("document.querySelectorAll('#list button').forEach((b) => b.click())")
    tab.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert tab.js("document.documentElement.scrollWidth") <= width


OVER_THE_EDGE = """[...document.querySelectorAll("body *")].filter((e) => !e.closest(".stacks thead, .visually-hidden, .skip"))
  .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.right > innerWidth + 0.5 || r.left < -0.5); })
  .map((e) => `${e.tagName}.${e.getAttribute("class")} ${e.textContent.slice(0, 40)}`)"""
OVERLAPS = """[...document.querySelectorAll(".chart svg")].flatMap((svg) => {
  const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim() && t.getAttribute("opacity") !== "0");
  const boxes = texts.map((t) => t.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b, j) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4  // a box is taller than its letters
    ? [`${texts[i].textContent} | ${texts[i + 1 + j].textContent}`] : []));
})"""
TEXT_SIZES = """[...document.querySelectorAll(".chart svg text")].filter((t) => t.textContent).map(
  (t) => parseFloat(getComputedStyle(t).fontSize) * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b))"""


@pytest.fixture
def phone(tab):
    tab.window(390, 844)
    tab.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    return tab


def test_on_a_phone_nothing_reaches_beyond_the_screen_and_no_table_hides_a_column(phone):
    assert phone.js(OVER_THE_EDGE) == []
    hidden = (
        "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.ariaLabel)"
    )
    assert phone.js(hidden) == []


def test_on_a_phone_each_cell_stands_below_the_name_of_its_column(phone):
    names = "[...document.querySelectorAll('[aria-label=\"The arms\"] tbody tr:first-child td')].map(NAME)"
    shown = phone.js(names.replace("NAME", "(td) => getComputedStyle(td, '::before').content"))
    columns = phone.js(
        "[...document.querySelectorAll('[aria-label=\"The arms\"] thead th')].map((th) => th.textContent)"
    )
    assert shown == [f'"{column}"' for column in columns[1:]]
    below = """[...document.querySelectorAll(".stacks tbody tr")].every((row) => [...row.cells].slice(1).every(
      (cell) => cell.getBoundingClientRect().top >= row.cells[0].getBoundingClientRect().bottom - 1))"""
    assert phone.js(below)


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_all_links_to_sections_are_in_sight(tab, width):
    tab.window(width, 844)
    cut = """[...document.querySelectorAll("header nav a")].filter((a) => {
      const [r, nav] = [a, a.parentElement].map((e) => e.getBoundingClientRect());
      return !r.width || r.left < nav.left || r.right > nav.right + 0.5 || r.right > innerWidth || r.bottom > nav.bottom + 0.5;
    }).length"""
    assert tab.js("document.querySelectorAll('header nav a').length") == 3
    assert tab.js(cut) == 0
    assert tab.js("document.getElementById('theme').getBoundingClientRect().right") <= width


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_the_first_screen_has_the_verdict_by_what_was_asked_and_what_was_left_out(tab, width, height):
    tab.window(width, height)
    rows = tab.js("[...document.querySelectorAll('.first tbody tr')].map((row) => row.innerText)")
    assert "Answering" in rows[0] and "45 answerable questions: " in rows[0]
    assert "Declining" in rows[-1] and "15 unanswerable questions: RAG is better" in rows[-1] and "-0.778" in rows[-1]
    omissions = tab.js("document.querySelector('.omissions').innerText")
    assert "1 of 3 files were left out: 1 empty." in omissions and "5.0% of tuned" in omissions
    assert tab.js("document.querySelector('.omissions').getBoundingClientRect().bottom") < height


def test_the_text_of_charts_can_be_read_on_a_phone_and_does_not_overlap(phone):
    sizes = phone.js(TEXT_SIZES)
    assert len(sizes) > 40 and min(sizes) >= 11
    assert phone.js(OVERLAPS) == []


SPANS = [(-0.79, -0.27), (0.27, 0.79), (-0.004, -0.001), (-1.0, 1.0), (-0.2, 0.012), (0.0, 0.0), (-0.0012, 0.31)]


@pytest.mark.parametrize("width", [390, 1280])
def test_labels_of_intervals_do_not_overlap_wherever_the_intervals_lie(chromium, tmp_path, width):
    drawn = []
    for low, high in SPANS:
        for value in (low, high, (low + high) / 2):
            rows = [
                {"arm": arm, "name": arm, "value": value, "lo": low, "hi": high} for arm in ("tuned", "rag_reranked")
            ]
            drawn.append(charts.intervals(rows, "accuracy minus rag's", charts.DIFFERENCES))
    rows = [{"arm": arm, "name": arm, "value": v, "lo": v, "hi": v} for arm, v in (("base", 0.0), ("tuned_rag", 1.0))]
    drawn.append(charts.intervals(rows, "accuracy", charts.SHARES))
    style = (document.FOLDER / "page.css").read_text()
    figures = "".join(f"<figure><div class=chart>{svg}</div></figure>" for svg in drawn)
    page = tmp_path / "charts.html"
    page.write_text(f"<meta name=viewport content='width=device-width'><style>{style}</style><main>{figures}</main>")
    chromium.window(width, 844)
    chromium.open(page)
    assert chromium.js("document.querySelectorAll('svg').length") == len(drawn)
    assert chromium.js(OVERLAPS) == []
    assert min(chromium.js(TEXT_SIZES)) >= 11
    edges = (
        "[...document.querySelectorAll('svg text')].filter((t) => t.getBoundingClientRect().right > innerWidth).length"
    )
    assert chromium.js(edges) == 0


def test_a_table_too_wide_for_a_larger_screen_shows_that_it_scrolls(tab, nine_arms):
    tab.window(800, 900)
    tab.open(nine_arms)
    wide = tab.js(
        "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
        ".map((e) => getComputedStyle(e).backgroundAttachment)"
    )
    assert wide and all("local" in layers and "scroll" in layers for layers in wide)
