"use strict";
// Every text of a document, a question or an answer enters the page by textContent: as text, whatever it holds.

const EACH = 25; // questions on a page
const exam = JSON.parse(document.getElementById("exam").textContent);
const at = (id) => document.getElementById(id);
const right = (question, arm) => question.answers[arm].right === 1;
const all = (question, wanted) => exam.arms.every((arm) => right(question, arm) === wanted);
const SHOWS = {
  "": ["every question", () => true],
  won: ["tuned right, rag wrong", (q) => right(q, "tuned") && !right(q, "rag")],
  lost: ["rag right, tuned wrong", (q) => right(q, "rag") && !right(q, "tuned")],
  both: ["tuned_rag right, rag wrong", (q) => right(q, "tuned_rag") && !right(q, "rag")],
  misled: ["tuned right, tuned_rag wrong", (q) => right(q, "tuned") && !right(q, "tuned_rag")],
  parted: ["arms that disagree", (q) => !all(q, true) && !all(q, false)],
  none: ["wrong in every arm", (q) => all(q, false)],
  every: ["right in every arm", (q) => all(q, true)],
};
const arms = [...document.querySelectorAll("select.arm")];
let page = 0;
let found = exam.questions;

function make(tag, name, text, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined && text !== null) made.textContent = text;
  made.append(...children);
  return made;
}

const readable = (kind) => kind.replaceAll("_", " ");
const sign = (is) => (is ? "✓" : "✗");

function haystack(question) {
  question.text ??= [question.id, question.question, question.reference, ...exam.arms.map((arm) => question.answers[arm].said)]
    .join("\n").toLowerCase();
  return question.text;
}

function filter() {
  const words = at("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = at("kind").value;
  const show = SHOWS[at("show").value][1];
  const wanted = arms.filter((one) => one.value).map((one) => [one.dataset.arm, one.value === "1"]);
  found = exam.questions.filter(
    (q) => (!kind || q.kind === kind) && show(q) && wanted.every(([arm, is]) => right(q, arm) === is)
      && words.every((word) => haystack(q).includes(word)),
  );
  page = 0;
  list();
}

function list() {
  const pages = Math.max(1, Math.ceil(found.length / EACH));
  page = Math.min(Math.max(page, 0), pages - 1);
  at("list").replaceChildren(...found.slice(page * EACH, (page + 1) * EACH).map(entry));
  at("count").textContent = found.length === exam.questions.length
    ? `${found.length.toLocaleString("en")} questions`
    : `${found.length.toLocaleString("en")} of ${exam.questions.length.toLocaleString("en")} questions`;
  at("pages").hidden = pages === 1;
  at("page").textContent = `Page ${page + 1} of ${pages}`;
  at("back").disabled = page === 0;
  at("next").disabled = page === pages - 1;
}

function entry(question) {
  const asked = make("span", "asked", question.question, make("small", "", `${question.id} · ${readable(question.kind)}`));
  const marks = exam.arms.map((arm) => {
    const is = right(question, arm);
    const mark = make("span", `mark ${is ? "right" : "wrong"}`, sign(is), make("b", "", ` ${arm}`));
    mark.ariaLabel = `${arm} ${is ? "right" : "wrong"}`;
    mark.role = "img";
    return mark;
  });
  const button = make("button", "", null, asked, ...marks);
  button.type = "button";
  button.ariaExpanded = "false";
  const item = make("li", "", null, button);
  button.addEventListener("click", () => toggle(item, button, question));
  return item;
}

function toggle(item, button, question) {
  const open = button.ariaExpanded !== "true";
  button.ariaExpanded = String(open);
  if (open) item.append(panel(question));
  else item.lastChild.remove();
}

function panel(question) {
  const gold = new Set(question.gold);
  const held = make("div", "panel");
  held.append(make("h4", "", "Reference"), make("p", "reference", question.reference));
  if (question.options) held.append(make("h4", "", "Options"), make("p", "", question.options.join("\n")));
  held.append(make("h4", "", "Answers"), make("div", "answers", null, ...exam.arms.map((arm) => card(question, arm, gold))));
  if (gold.size) held.append(make("h4", "", "Where the answer stands"), passages(question.gold, gold));
  if (question.rows.length) {
    held.append(
      make("h4", "", "Training rows most like it"),
      make("ol", "rows", null, ...question.rows.map((place) => row(exam.rows[place]))),
    );
  } else if (!all(question, true)) {
    held.append(make("h4", "", "Training rows most like it"), make("p", "", "None: what was studied of its documents has no word in common with it."));
  }
  return held;
}

function card(question, arm, gold) {
  const answer = question.answers[arm];
  const is = answer.right === 1;
  const head = make("h5", "", null, make("i", `dot arm-${(exam.arms.indexOf(arm) % 8) + 1}`), make("span", "", arm),
    make("span", `verdictlet ${is ? "right" : "wrong"}`, `${sign(is)} ${is ? "right" : "wrong"}`));
  const end = answer.said.lastIndexOf(exam.mark);
  const short = end < 0 ? answer.said : answer.said.slice(end + exam.mark.length);
  const held = make("article", "card", null, head, make("p", "short", short.trim() || "(nothing)"));
  if (end > 0) held.append(make("p", "thought", answer.said.slice(0, end).trim()));
  if (answer.likeliest) held.append(make("p", "thought", `Likeliest option: ${answer.likeliest}`));
  held.append(make("div", "scores", null, ...Object.keys(answer.scores).map((name) => score(answer, name))));
  if (answer.shown.length) {
    const of = answer.shown.filter((place) => gold.has(place)).length;
    const told = `Was shown ${answer.shown.length} passage${answer.shown.length > 1 ? "s" : ""}, ${of || "none"} with the answer`;
    held.append(make("details", "", null, make("summary", "", told), passages(answer.shown, gold)));
  }
  return held;
}

function score({ scores, reasons }, name) {
  const made = make("span", "", `${readable(name)} ${scores[name] ?? "-"}`);
  if (reasons[name]) made.title = reasons[name];
  return made;
}

function passages(places, gold) {
  return make("ol", "passages", null, ...places.map((place) => {
    const { id, page: sheet, heading, text } = exam.passages[place];
    const where = make("span", "where", `${id}, page ${sheet} · ${heading} `);
    if (gold.has(place)) where.append(make("span", "badge", "holds the answer"));
    return make("li", `passage${gold.has(place) ? " gold" : ""}`, null, where, make("p", "", text));
  }));
}

function row({ generator, prompt, reasoning, completion, passage }) {
  const held = make("li", `row ${prompt ? "qa" : "document"}`, null, make("span", "where", `${generator}, from ${exam.passages[passage].id}`));
  if (prompt) held.append(make("p", "", prompt));
  if (reasoning) held.append(make("p", "thought", reasoning));
  held.append(make("p", "said", completion));
  return held;
}

function turn(by) {
  page += by;
  list();
  at("list").querySelector("button")?.focus();
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    at("text").focus();
  } else if (event.key === "Escape" && event.target === at("text")) {
    at("text").value = "";
    filter();
  } else if (event.key === "ArrowDown" && event.target === at("text")) {
    event.preventDefault();
    at("list").querySelector("button")?.focus();
  } else if (event.target.matches("#list > li > button")) {
    const buttons = [...at("list").querySelectorAll(":scope > li > button")];
    const here = buttons.indexOf(event.target);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      (to < 0 ? at("text") : buttons[Math.min(to, buttons.length - 1)]).focus();
    } else if (event.key === "ArrowRight" && !at("next").disabled) turn(1);
    else if (event.key === "ArrowLeft" && !at("back").disabled) turn(-1);
  }
}

const THEMES = { auto: "as the system", light: "light", dark: "dark" };

function theme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  at("theme").textContent = { auto: "◐ Auto", light: "○ Light", dark: "● Dark" }[name];
  at("theme").ariaLabel = `Colours: ${THEMES[name]}. Change`;
  at("theme").dataset.now = name;
  try {
    localStorage.setItem("theme", name);
  } catch { /* a page from a file may not be let: it starts as the system is */ }
}

function remembered() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

for (const kind of exam.kinds) at("kind").append(new Option(readable(kind), kind));
for (const [value, [text]] of Object.entries(SHOWS)) at("show").append(new Option(text, value));
at("filters").addEventListener("input", filter);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("filters").addEventListener("reset", () => setTimeout(filter));
at("back").addEventListener("click", () => turn(-1));
at("next").addEventListener("click", () => turn(1));
at("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  theme(names[(names.indexOf(at("theme").dataset.now) + 1) % names.length]);
});
document.addEventListener("keydown", keys);
theme(remembered() in THEMES ? remembered() : "auto");
at("filters").hidden = at("theme").hidden = false;
list();
