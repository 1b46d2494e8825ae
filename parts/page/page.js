"use strict";
// Texts of documents, questions and answers enter the page by textContent alone: never as markup.

const PAGE_SIZE = 25; // questions on a page
const exam = JSON.parse(document.getElementById("exam").textContent);
const byId = (id) => document.getElementById(id);
const isRight = (question, arm) => question.answers[arm].right === 1;
const armsRight = (question) => exam.arms.filter((arm) => isRight(question, arm)).length;

const CONTRASTS = [["tuned", "rag"], ["rag", "tuned"], ["tuned_rag", "rag"], ["tuned", "tuned_rag"]]; // right, wrong
const VIEWS = {
  "": ["all questions", () => true],
  ...Object.fromEntries(
    CONTRASTS.filter((arms) => arms.every((arm) => exam.arms.includes(arm))).map(([better, worse]) => [
      `${better}-${worse}`,
      [`${better} right, ${worse} wrong`, (question) => isRight(question, better) && !isRight(question, worse)],
    ]),
  ),
  disagreement: ["arms that disagree", (question) => armsRight(question) % exam.arms.length !== 0],
  none: ["wrong in every arm", (question) => armsRight(question) === 0],
  all: ["right in every arm", (question) => armsRight(question) === exam.arms.length],
};
const armSelects = [...document.querySelectorAll("select.arm")];
const armColours = Object.fromEntries(armSelects.map((select) => [select.dataset.arm, select.dataset.colour]));
let page = 0;
let matches = exam.questions;

function element(tag, className, text, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children);
  return node;
}

const readable = (name) => name.replaceAll("_", " ");
const grade = ({ right }) => ["wrong", "right"][right] ?? "not scored";
const tick = ({ right, seeds_right, seeds }) =>
  (["✗", "✓"][right] ?? "–") + (seeds > 1 ? ` ${seeds_right}/${seeds}` : "");
const trainings = ({ seeds_right, seeds }) => (seeds > 1 ? `, right by ${seeds_right} of ${seeds} trainings` : "");

function searchText(question) {
  question.searchText ??= [
    question.id, question.question, question.reference, ...exam.arms.map((arm) => question.answers[arm].response),
  ].join("\n").toLowerCase();
  return question.searchText;
}

function filterQuestions() {
  const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = byId("kind").value;
  const inView = VIEWS[byId("show").value][1];
  const grades = armSelects.filter((select) => select.value).map((select) => [select.dataset.arm, select.value === "1"]);
  matches = exam.questions.filter(
    (question) => (!kind || question.kind === kind) && inView(question)
      && grades.every(([arm, right]) => isRight(question, arm) === right)
      && words.every((word) => searchText(question).includes(word)),
  );
  page = 0;
  showPage();
}

function showPage() {
  const pages = Math.max(1, Math.ceil(matches.length / PAGE_SIZE));
  page = Math.min(Math.max(page, 0), pages - 1);
  byId("list").replaceChildren(...matches.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE).map(questionItem));
  byId("count").textContent = matches.length === exam.questions.length
    ? `${matches.length.toLocaleString("en")} questions`
    : `${matches.length.toLocaleString("en")} of ${exam.questions.length.toLocaleString("en")} questions`;
  byId("pages").hidden = pages === 1;
  byId("page").textContent = `Page ${page + 1} of ${pages}`;
  byId("back").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
}

function questionItem(question) {
  const details = element("small", "", `${question.id} · ${readable(question.kind)}`);
  const marks = exam.arms.map((arm) => {
    const answer = question.answers[arm];
    const mark = element("span", `mark ${grade(answer)}`, tick(answer), element("b", "", ` ${arm}`));
    mark.ariaLabel = `${arm} ${grade(answer)}${trainings(answer)}`;
    mark.role = "img";
    return mark;
  });
  const button = element("button", "", null, element("span", "question", question.question, details), ...marks);
  button.type = "button";
  button.ariaExpanded = "false";
  const item = element("li", "", null, button);
  button.addEventListener("click", () => togglePanel(item, button, question));
  return item;
}

function togglePanel(item, button, question) {
  const open = button.ariaExpanded !== "true";
  button.ariaExpanded = String(open);
  if (open) item.append(questionPanel(question));
  else item.lastChild.remove();
}

function questionPanel(question) {
  const gold = new Set(question.gold);
  const panel = element("div", "panel");
  const section = (title, content) => panel.append(element("h4", "", title), content);
  section("Reference", element("p", "reference", question.reference));
  if (question.options) section("Options", element("p", "", question.options.join("\n")));
  section("Answers", element("div", "answers", null, ...exam.arms.map((arm) => answerCard(question, arm, gold))));
  if (gold.size) section("Gold passages", passageList(question.gold, gold));
  if (question.rows.length) {
    section("Most similar training rows", element("ol", "rows", null, ...question.rows.map((index) => rowItem(exam.rows[index]))));
  } else if (armsRight(question) < exam.arms.length) {
    section("Most similar training rows", element("p", "", "None: no training row from its documents shares a word with it."));
  }
  return panel;
}

function answerCard(question, arm, gold) {
  const answer = question.answers[arm];
  const head = element("h5", "", null, element("i", `dot arm-${armColours[arm]}`), element("span", "", arm),
    element("span", `grade ${grade(answer)}`, `${tick(answer)} ${grade(answer)}`));
  if (answer.seeds > 1) head.title = `The first training's answer; ${answer.seeds_right} of ${answer.seeds} are right`;
  const mark = answer.response.lastIndexOf(exam.mark);
  const short = mark < 0 ? answer.response : answer.response.slice(mark + exam.mark.length);
  const card = element("article", "card", null, head, element("p", "short", short.trim() || "(empty)"));
  if (mark > 0) card.append(element("p", "reasoning", answer.response.slice(0, mark).trim()));
  if (answer.likeliest) card.append(element("p", "reasoning", `Likeliest option: ${answer.likeliest}`));
  card.append(element("div", "scores", null, ...Object.keys(answer.scores).map((name) => scoreLabel(answer, name))));
  if (answer.shown.length) {
    const goldShown = answer.shown.filter((index) => gold.has(index)).length;
    const summary = `${answer.shown.length} passage${answer.shown.length > 1 ? "s" : ""} shown, ${goldShown || "none"} gold`;
    card.append(element("details", "", null, element("summary", "", summary), passageList(answer.shown, gold)));
  }
  return card;
}

function scoreLabel({ scores, reasons }, name) {
  const label = element("span", "", `${readable(name)} ${scores[name] ?? "-"}`);
  if (reasons[name]) label.title = reasons[name];
  return label;
}

function passageList(indices, gold) {
  return element("ol", "passages", null, ...indices.map((index) => {
    const { id, page: sheet, heading, text } = exam.passages[index];
    const source = element("span", "source", `${id}, page ${sheet} · ${heading} `);
    if (gold.has(index)) source.append(element("span", "badge", "gold"));
    return element("li", `passage${gold.has(index) ? " gold" : ""}`, null, source, element("p", "", text));
  }));
}

function rowItem({ generator, prompt, reasoning, completion, passage }) {
  const source = element("span", "source", `${generator}, from ${exam.passages[passage].id}`);
  const item = element("li", `row ${prompt ? "qa" : "document"}`, null, source);
  if (prompt) item.append(element("p", "", prompt));
  if (reasoning) item.append(element("p", "reasoning", reasoning));
  item.append(element("p", "completion", completion));
  return item;
}

function turnPage(step) {
  page += step;
  showPage();
  byId("list").querySelector("button")?.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const search = byId("text");
  if (event.key === "/" && !event.target.matches("input, select, textarea")) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    filterQuestions();
  } else if (event.key === "ArrowDown" && event.target === search) {
    event.preventDefault();
    byId("list").querySelector("button")?.focus();
  } else if (event.target.matches("#list > li > button")) {
    onListKey(event);
  }
}

function onListKey(event) {
  const buttons = [...byId("list").querySelectorAll(":scope > li > button")];
  const current = buttons.indexOf(event.target);
  const target = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (target !== undefined) {
    event.preventDefault();
    (target < 0 ? byId("text") : buttons[Math.min(target, buttons.length - 1)]).focus();
  } else if (event.key === "ArrowRight" && !byId("next").disabled) turnPage(1);
  else if (event.key === "ArrowLeft" && !byId("back").disabled) turnPage(-1);
}

const THEMES = { auto: ["◐", "Auto", "as the system"], light: ["○", "Light", "light"], dark: ["●", "Dark", "dark"] };

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  const [icon, label, description] = THEMES[name];
  byId("theme").replaceChildren(icon, element("span", "", ` ${label}`));
  byId("theme").ariaLabel = `Colours: ${description}. Change`;
  byId("theme").dataset.theme = name;
  try {
    localStorage.setItem("theme", name);
  } catch { /* a page opened from a file may have no storage: it then starts with the system's theme */ }
}

function storedTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

for (const kind of exam.kinds) byId("kind").append(new Option(readable(kind), kind));
for (const [value, [label]] of Object.entries(VIEWS)) byId("show").append(new Option(label, value));
byId("filters").addEventListener("input", filterQuestions);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("reset", () => setTimeout(filterQuestions)); // after the fields are cleared
byId("back").addEventListener("click", () => turnPage(-1));
byId("next").addEventListener("click", () => turnPage(1));
byId("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  setTheme(names[(names.indexOf(byId("theme").dataset.theme) + 1) % names.length]);
});
document.addEventListener("keydown", onKey);
setTheme(storedTheme() in THEMES ? storedTheme() : "auto");
byId("filters").hidden = byId("theme").hidden = false;
showPage();
