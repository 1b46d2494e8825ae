"""The page works in Chromium: without requests or console messages, by keyboard, in dark mode, on a phone, with nine arms."""

import json
import os

import pytest

from parts.page import charts
from tests.helpers import browser, sample_run

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
    assert grades == ["✗ wrong"] * 2 + ["✗ 0/3 wrong"] * 3 + ["✓ right"], "of three trainings, where there are some"
    summaries = tab.js("[...document.querySelectorAll('.card summary')].map((s) => s.textContent)")
    assert summaries == ["1 passage shown, none gold"] * 2 + ["1 passage shown, 1 gold"]
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
    """The page of a run with three more arms than there are."""
    arm = {"model": "student", "retriever": "dense", "description": "one more"}
    return sample_run.finish(tmp_path_factory.mktemp("nine"), {f"rag_dense_{n}": arm for n in range(7, 10)})


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
