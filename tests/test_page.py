"""The page works in Chromium: without a request or a word in the console, by keyboard, in the dark, on a phone."""

import json
import os

import pytest

from tests.helpers import browser


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
    chromium.said.clear(), chromium.asked.clear()
    chromium.open(page)
    yield chromium
    assert (chromium.said, chromium.asked) == ([], []), "the page says or asks for something"


def listed(tab) -> list[str]:
    return tab.js("[...document.querySelectorAll('#list small')].map((s) => s.textContent.slice(0, 4))")


def choose(tab, selector: str, value: str) -> str:
    """Choose `value`, and return how many questions the page then counts."""
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
    assert any("Content Security Policy" in said for said in chromium.said)


def test_filters_and_search_find_the_questions(tab):
    assert tab.js("document.getElementById('count').textContent") == "60 questions"
    assert choose(tab, "#show", "won") == "10 of 60 questions"  # n % 3 == 0 and n % 2
    assert listed(tab)[:2] == ["q003", "q009"]
    assert choose(tab, "#kind", "unanswerable") == "0 of 60 questions"
    tab.js("document.querySelector('#filters button').click()")
    tab.js("new Promise((done) => setTimeout(done, 20))")
    assert choose(tab, "select[data-arm=oracle]", "0") == "1 of 60 questions"
    assert choose(tab, "select[data-arm=oracle]", "") == "60 questions"
    assert choose(tab, "#text", "ITEM7 cost") == "1 of 60 questions"
    assert listed(tab) == ["q007"]


def test_a_wrong_answer_leads_to_the_passage_and_the_training_rows_behind_it(tab):
    choose(tab, "#text", "q001")
    tab.js("document.querySelector('#list button').click()")
    heads = tab.js("[...document.querySelectorAll('.panel h4')].map((h) => h.textContent)")
    assert heads == ["Reference", "Answers", "Where the answer stands", "Training rows most like it"]
    assert tab.js("[...document.querySelectorAll('.card .verdictlet')].map((s) => s.textContent)") == [
        "✗ wrong"
    ] * 4 + ["✓ right"]
    told = tab.js("[...document.querySelectorAll('.card summary')].map((s) => s.textContent)")
    assert told == ["Was shown 1 passage, none with the answer"] * 2 + ["Was shown 1 passage, 1 with the answer"]
    assert tab.js("document.querySelectorAll('.card .passage.gold .badge').length") == 1
    assert tab.js("document.querySelector('.row .said').textContent") == "0 euros"


def test_the_keyboard_is_enough(tab):
    tab.press("/", "/")
    assert tab.js("document.activeElement.id") == "text"
    tab.type("item7 cost")
    assert listed(tab) == ["q007"]
    tab.press("Escape")
    assert tab.js("document.getElementById('text').value") == ""
    for key in ("ArrowDown", "ArrowDown"):
        tab.press(key)
    assert tab.js("document.activeElement.querySelector('small').textContent").startswith("q001")
    tab.press("Enter", "\r")
    assert tab.js("document.activeElement.ariaExpanded") == "true" and tab.js("!!document.querySelector('.panel')")
    tab.press("ArrowRight")
    assert listed(tab)[0] == "q025" and tab.js("document.activeElement.querySelector('small').textContent").startswith(
        "q025"
    )
    tab.press("Home")
    tab.press("ArrowLeft")
    assert listed(tab)[0] == "q000"


CONTRAST = """(() => {
  const light = (rgb) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.match(/[\\d.]+/g).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const probe = document.body.appendChild(document.createElement("i"));
  const of = (name) => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
  const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  return Object.fromEntries(NAMES.map((name) => [name, Math.min(ratio(of(name), of("ground")), ratio(of(name), of("raised")))]));
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_colours_keep_the_contrast_that_reading_takes(tab, dark):
    tab.window(1200, 900, dark)
    text, marks = ["ink", "quiet", "link", "right", "wrong", "gold"], ["base", "rag", "tuned", "tuned-rag", "oracle"]
    found = tab.js(CONTRAST.replace("NAMES", json.dumps(text + marks)))
    assert {name: ratio for name, ratio in found.items() if ratio < (4.5 if name in text else 3)} == {}


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


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_small_screen_scrolls_down_only(tab, width):
    tab.window(width, 800)
    tab.js("document.querySelectorAll('#list button').forEach((b) => b.click())")
    tab.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert tab.js("document.documentElement.scrollWidth") <= width
