// The page: its cards and filters, and what keys and buttons do.

const $ = (id) => document.getElementById(id);

const about = JSON.parse($("about").textContent);
const cards = [];
for (const block of document.querySelectorAll("script.cards")) {
  for (const card of JSON.parse(block.textContent)) {
    cards.push(Object.assign(card, { at: cards.length, low: card.key.toLowerCase() }));
  }
}
cards.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.at - b.at));

const models = about.models.map((names) => names.map(visible).join(", ") || "?");
const [modelA, modelB] = ["A", "B"].map((letter, which) => `${letter} · ${models[which]}`);
const details = (card) => JSON.parse($(`i${card.at}`).textContent);
const revealed = new Set();
const blurred = (card) =>
  (card.kind === "block" || card.other?.kind === "block") && !revealed.has(card.at);

// Cards

function draw(card, position) {
  const more = details(card);
  const button = make("button", "card", picture(more, blurred(card)));
  button.type = "button";
  if (card.other) button.append(answerLine(card, "A"), answerLine(card.other, "B"));
  else button.append(answerLine(card));
  button.append(keyLine(keyText(card.key)));
  button.ariaLabel = [keyText(card.key), ...[card, card.other].filter(Boolean).map((one) =>
    `${words.kind[one.kind]} ${answerText(one)} ${scoreText(one.score)}`)].join(", ");
  button.title = keyText(card.key);
  button.addEventListener("click", () => dialog.open(grid.items, position));
  return button;
}

// What does not fit is left out in the middle: folders and the end of a name both tell something.
// Text of other scripts stays in one piece, which keeps its order.
function keyLine(text) {
  const end = /^[ -~]*$/.test(text) ? Math.max(0, text.length - 10) : text.length;
  return make("span", "key", make("bdi", "", text.slice(0, end)), make("bdi", "", text.slice(end)));
}

function answerLine(card, which) {
  const line = make("span", "line", make("bdi", "label", answerText(card)),
    make("span", "n", roughly(card.score)));
  const plain = card.kind === "classified" || card.kind === "embedding";
  if (!plain) line.prepend(make("span", `dot ${card.kind}`));
  if (which) line.prepend(make("span", "which", which));
  return make("span", "answer-line", line, meter(card.score));
}

const grid = new Grid($("grid"), about.compared ? 6.4 : 3.9, draw);
const dialog = new Details($("details"), [modelA, modelB], {
  read: details,
  blurred,
  reveal(card) {
    revealed.add(card.at);
    grid.redraw(dialog.position);
  },
  closed: (position) => grid.focus(position, covered()),
});
const covered = () => (getComputedStyle(header).position === "sticky" ? header.offsetHeight : 0);
const header = document.querySelector("header");

// Filters and order

const ORDERS = {
  key: null,
  least: (a, b) => (a.score ?? 2) - (b.score ?? 2),
  most: (a, b) => (b.score ?? -1) - (a.score ?? -1),
};
const search = new Search();
const kinds = new Choice((card) => card.kind, cards);
const scores = new ScoreRange();
const filters = [search, kinds, scores];

function update() {
  const fitting = filter(cards, filters);
  const order = ORDERS[$("sort").value];
  if (order) fitting.sort(order);
  const counts = { n: fitting.length, all: cards.length };
  const all = counts.n === counts.all;
  $("count").textContent = all && counts.n === 1 ? words.one : filled(all ? words.all : words.of, counts);
  $("none").hidden = fitting.length > 0;
  $("clear").hidden = !filters.some((one) => one.active);
  if (scrollY > header.offsetTop) scrollTo(0, 0);
  grid.show(fitting);
}

function facet(title, of, name) {
  const choice = new Choice(of, cards);
  if (!choice.values.length) return;
  const values = make("div", "values");
  choice.build(values, name, update);
  filters.push(choice);
  $("facets").append(make("section", "facet", make("h2", "", make("bdi", "", title)), values));
}

const nameOf = (card) => (card.reason ? null : card.label);
if (about.compared) {
  const apart = (card) => `\u2068${answerText(card)}\u2069`; // as a bdi does
  facet("A → B", (card) => `${apart(card)} → ${apart(card.other)}`, (value) => value);
  facet(modelA, answerText, (value) => value);
  facet(modelB, (card) => answerText(card.other), (value) => value);
} else {
  facet(words.labels, nameOf, visible);
  facet(words.reasons, (card) => card.reason, reasonText);
}
kinds.build($("kinds"), (kind) => words.kind[kind], update);
scores.build($("scores"), [$("lowest"), $("highest")], update);
$("scores-section").hidden = cards.every((card) => card.score === null);
$("sort").addEventListener("change", update);
$("search").addEventListener("input", () => {
  search.text = $("search").value.toLowerCase();
  update();
});
$("clear").addEventListener("click", () => {
  for (const one of filters) one.clear();
  $("search").value = "";
  update();
});

// What the page is about

if (about.compared) {
  const { both, here, there } = about.compared;
  $("summary").textContent = `${modelA}   ${modelB}`;
  $("comparison").textContent = filled(words.compared, { n: cards.length, both }) +
    (here || there ? ` ${filled(words.alone, { here, there })}` : "");
} else {
  $("summary").textContent = about.models[0].map(visible).join(", ");
  $("comparison").hidden = true;
}

// Buttons and keys

$("skip").addEventListener("click", () => grid.focus(grid.active, covered()));

$("filters-toggle").addEventListener("click", () => {
  const open = document.body.classList.toggle("filtering");
  $("filters-toggle").ariaExpanded = open;
  grid.later();
});

const root = document.documentElement;
const kept = { // where a file may keep nothing, the choice lasts as long as the page
  get theme() { try { return localStorage.getItem("fanlight-theme"); } catch { return null; } },
  set theme(theme) { try { localStorage.setItem("fanlight-theme", theme); } catch { /* as said */ } },
};
if (["light", "dark"].includes(kept.theme)) root.dataset.theme = kept.theme;
$("theme").addEventListener("click", () => {
  const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  kept.theme = root.dataset.theme = now === "dark" ? "light" : "dark";
});

document.addEventListener("keydown", (event) => {
  if ($("details").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (event.key === "Escape" && target === $("search")) {
    grid.focus(grid.active, covered());
    return;
  }
  if (target.closest("input, select")) return;
  if (event.key === "/") {
    event.preventDefault();
    $("search").focus();
    $("search").select();
    return;
  }
  const inGrid = $("grid").contains(target);
  if (!inGrid && target !== document.body) return;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -grid.columns, ArrowDown: grid.columns,
    Home: -Infinity, End: Infinity };
  if (!(event.key in moves)) return;
  event.preventDefault();
  const to = inGrid ? grid.active + moves[event.key] : grid.active;
  if (to < 0 && event.key === "ArrowUp") return;
  grid.focus(to, covered());
});

update();
