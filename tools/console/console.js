// The console: records arrive over server-sent events, and are drawn once a frame.
// Keys, labels and log lines are anybody's: all text is set as textContent, none as HTML.

import { isChinese, reason, visible, word } from "./words.js";
import { setUp as setUpUploads } from "./upload.js";

const MOST = 500; // records of a kind, as the server keeps them
const SHOWN = { result: 120, invocation: 200, line: 200, letter: 100, instance: 100 };
const RATE_SECONDS = 10;
const REST = 3; // of what drawing took
const LEAST_REST = 200; // ms
const MOST_REST = 1000;

const kinds = { invocation: new Map(), instance: new Map(), result: new Map(), letter: new Map(),
                line: new Map() };
const dirty = new Set(Object.keys(kinds));
let objects = "";
let counts = {};
let rates = [];
let drawing = false;

const at = (selector) => document.querySelector(selector);

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function put(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

// Long text is cut by the style; the whole of it is the element's title.
function putWhole(element, text) {
  put(element, text);
  element.title = visible(text);
}

const name = (key) => key.replace(/\/+$/, "").split("/").pop() || key;
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min` : `${Math.floor(whole / 3600)} h`;
}

function objectUrl(bucket, key, version = "") {
  const query = new URLSearchParams({ bucket, key, v: version });
  return `${location.protocol}//${location.hostname}:${objects}/?${query}`;
}

// A list of elements, one a record, kept in the order of the records.
function list(selector, begin, update) {
  const parent = at(selector);
  const elements = new Map();
  return (records) => {
    const ids = new Set(records.map((record) => record.id));
    for (const [id, element] of elements) {
      if (!ids.has(id)) {
        element.remove();
        elements.delete(id);
      }
    }
    let next = parent.firstElementChild;
    for (const record of records) {
      let element = elements.get(record.id);
      if (!element) {
        element = begin();
        elements.set(record.id, element);
      }
      if (element.record !== record) {
        element.record = record;
        update(element, record);
      }
      if (element === next) next = next.nextElementSibling;
      else parent.insertBefore(element, next);
    }
  };
}

function chip(state, text) {
  const element = make("span", "chip", text);
  element.dataset.state = state;
  return element;
}

function setChip(element, state, text) {
  element.dataset.state = state;
  put(element, text);
}

// Invocations

const drawInvocations = list("#events tbody", () => {
  const row = make("tr");
  const cells = ["state", "object", "function", "number tries", "number", "number time"];
  for (const cell of cells) row.append(make("td", cell));
  row.cells[0].append(chip("queued", ""));
  const key = make("span", "key");
  key.append(make("span"), make("span", "file"));
  row.cells[1].append(key, make("span", "error"));
  return row;
}, (row, record) => {
  setChip(row.cells[0].firstChild, record.state, word(record.state));
  row.dataset.id = record.id;
  row.title = record.id;
  putKey(row.cells[1].firstChild, record);
  putWhole(row.cells[1].lastChild, record.error || "");
  putWhole(row.cells[2], record.function);
  put(row.cells[3], record.attempts ? String(record.attempts) : "");
  put(row.cells[4], record.ms === undefined ? "" : String(record.ms < 100 ? record.ms
    : Math.round(record.ms)));
  put(row.cells[5], clock(record.at));
});

// The file is what tells one from another, so the folders are cut first.
function putKey(element, record) {
  const key = record.key || (record.timer ? word("timer", record.timer) : word("noObject"));
  const cut = key.lastIndexOf("/", key.length - 2) + 1;
  const before = record.letter ? word("letterOf") : "";
  const after = record.keys > 1 ? word("more", record.keys - 1) : "";
  put(element.firstChild, before + key.slice(0, cut));
  put(element.lastChild, key.slice(cut) + after);
  element.title = visible(before + key + after);
}

// Instances

const drawInstances = list("#instances .rows", () => {
  const row = make("li", "instance");
  row.append(chip("cold", ""), make("span", "name"), make("span", "rest"));
  return row;
}, (row, record) => {
  row.dataset.id = record.id;
  setChip(row.children[0], record.state, word(record.state));
  putWhole(row.children[1], record.function);
  tellInstance(row);
});

function tellInstance(row) {
  const record = row.record;
  const told = [word("age", age(Date.now() / 1000 - record.born)), word("served", record.served)];
  if (record.cold_ms) told.push(word("coldStart", record.cold_ms));
  put(row.children[2], told.join(" · "));
}

// Results

const drawResults = list(".cards", () => {
  const card = make("li", "card");
  const link = make("a");
  link.target = "_blank";
  link.rel = "noreferrer";
  const frame = make("span", "frame");
  link.append(frame, make("span", "label"), make("span", "score"), make("span", "bar"),
              make("span", "name"));
  link.querySelector(".bar").append(make("span"));
  card.append(link);
  return card;
}, (card, record) => {
  const link = card.firstChild;
  const [frame, label, score, bar, file] = link.children;
  link.href = objectUrl(record.bucket, record.key, record.version);
  const ranks = (record.top || []).map(([rank, share]) => `${rank}  ${percent(share)}`);
  const about = [record.key, ...ranks, record.message, record.model];
  link.title = visible(about.filter(Boolean).join("\n"));
  card.dataset.status = record.status;
  put(label, answer(record));
  const best = record.top ? record.top[0] : undefined;
  put(score, best ? percent(best[1]) : record.decision || "");
  bar.firstChild.style.width = best ? `${100 * best[1]}%` : "0";
  put(file, name(record.key));
  if (card.version !== record.version) {
    card.version = record.version;
    frame.replaceChildren(picture(record));
  }
});

// What is not certain does not look so.
const percent = (share) => {
  if (share === null) return "";
  if (share < 1 && share > 0.999) return `${Math.floor(1e4 * share) / 100}%`;
  return `${(100 * share).toFixed(1)}%`;
};

function answer(record) {
  if (record.status === "rejected") return reason(record.reason);
  if (record.top) return [record.top[0][0], record.decision].filter(Boolean).join(" · ");
  return word("embedding", record.dim ?? "?");
}

function picture(record) {
  const none = make("span", "none", word("noPicture"));
  // A picture that says it has too many pixels is no thumbnail to decode.
  if (record.status === "rejected" && record.reason.startsWith("too_many")) return none;
  const image = make("img");
  image.decoding = "async";
  image.alt = "";
  image.addEventListener("load", () => {
    image.classList.toggle("tiny", image.naturalWidth <= 64);
  });
  image.addEventListener("error", () => image.replaceWith(none));
  image.dataset.url = objectUrl(record.bucket, record.key, record.version);
  onSight.observe(image);
  return image;
}

// A picture is loaded where it is seen: of thousands that come at once most never are.
const onSight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    onSight.unobserve(target);
    target.src = target.dataset.url;
  }
}, { root: at(".cards"), rootMargin: "50px" });

// Dead letters

const drawLetters = list("#letters .rows", () => {
  const row = make("li", "letter");
  const button = make("button");
  button.type = "button";
  button.addEventListener("click", () => replay(row.record, button));
  row.append(make("span", "name"), button, make("span", "error"), make("span", "rest"));
  return row;
}, (row, record) => {
  const [file, button, error, rest] = row.children;
  const key = record.source ? record.source.key : word("noObject");
  row.dataset.state = record.state;
  putWhole(file, record.source ? name(key) : key);
  file.title = visible(key);
  putWhole(error, record.error);
  const labels = { open: "replay", again: "replay", replayed: "replaying", done: "doneSince" };
  put(button, word(labels[record.state]));
  button.disabled = record.state === "done" || record.state === "replayed";
  const told = [record.function, word("attempts", record.attempts), clock(record.at)];
  if (record.suspected) told.splice(1, 0, word("suspected"));
  if (record.state === "again") told.unshift(word("again"));
  putWhole(rest, told.join(" · "));
});

async function replay(record, button) {
  button.disabled = true;
  const query = new URLSearchParams({ letter: record.id });
  try {
    const answered = await fetch(`/replay?${query}`, { method: "POST" });
    if (!answered.ok) say((await answered.json()).error);
  } catch {
    say(word("unreachable"));
  }
  if (kinds.letter.get(record.id) === record) button.disabled = false;
}

// The log

const drawLines = list("#log ol", () => {
  const row = make("li");
  row.append(make("time"), make("span", "function"), make("span", "text"));
  return row;
}, (row, record) => {
  const { text, bad } = told(record.text);
  put(row.children[0], clock(record.at));
  putWhole(row.children[1], record.function);
  putWhole(row.children[2], text);
  row.classList.toggle("bad", bad);
});

// Our functions write JSON: its message and what else is in it but time and request.
function told(text) {
  try {
    const { message, time, request_id: id, ...rest } = JSON.parse(text);
    if (typeof message !== "string") throw new TypeError("not a line of ours");
    const fields = Object.entries(rest).map(([field, value]) =>
      `${field}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    const bad = message === "fault" || message === "dead letter" || rest.outcome === "failed";
    return { text: [message, ...fields].join("  "), bad };
  } catch {
    return { text, bad: /error|exception|traceback|the process ended/i.test(text) };
  }
}

// All together

const newestFirst = (one, other) => other.at - one.at;
const open = (letter) => letter.state !== "done";

function draw() {
  const begun = performance.now();
  const all = (kind) => [...kinds[kind].values()];
  const latest = (kind) => all(kind).reverse().sort(newestFirst).slice(0, SHOWN[kind]);
  if (dirty.has("invocation")) {
    drawInvocations(latest("invocation"));
    at("#events table").hidden = !kinds.invocation.size;
  }
  if (dirty.has("instance")) {
    drawInstances(all("instance").sort((one, other) => one.born - other.born));
    put(at("#instances .badge"), String(kinds.instance.size || ""));
  }
  if (dirty.has("result")) {
    drawResults(latest("result"));
    const many = kinds.result.size;
    put(at("#results .badge"), many < MOST ? String(many || "") : `${MOST}+`);
  }
  if (dirty.has("letter")) {
    drawLetters(latest("letter").sort((one, other) => open(other) - open(one)));
    put(at("#letters .badge"), String(all("letter").filter(open).length || ""));
  }
  if (dirty.has("line")) drawLines(latest("line"));
  if (dirty.has("count")) drawCounts();
  for (const [section, kind] of [["#events", "invocation"], ["#instances", "instance"],
                                 ["#results", "result"], ["#letters", "letter"], ["#log", "line"]]) {
    at(`${section} .empty`).hidden = kinds[kind].size > 0;
  }
  dirty.clear();
  // By then it is painted too. Three times as long is left for the person, however much happens.
  setTimeout(() => {
    const rest = REST * (performance.now() - begun);
    setTimeout(rested, Math.min(Math.max(rest, LEAST_REST), MOST_REST));
  });
}

function rested() {
  drawing = false;
  if (dirty.size) drawSoon();
}

function soon(kind) {
  dirty.add(kind);
  if (!drawing) drawSoon();
}

function drawSoon() {
  drawing = true;
  // A page in the background has no frames, and is to be right when it is looked at.
  if (document.hidden) setTimeout(draw, 200);
  else requestAnimationFrame(draw);
}

function take(batch) {
  if (batch.cloud) {
    for (const [kind, records] of Object.entries(kinds)) {
      records.clear();
      soon(kind);
    }
    rates = [];
    objects = batch.cloud.objects;
    uploads.targets(batch.cloud.targets);
  }
  const fresh = { result: 0, letter: 0 };
  for (const record of batch.records) {
    const records = kinds[record.kind];
    if (record.kind in fresh && !records.has(record.id)) fresh[record.kind] += 1;
    records.delete(record.id);
    if (!record.gone) records.set(record.id, record);
    if (records.size > MOST) records.delete(records.keys().next().value);
    soon(record.kind);
  }
  if (!batch.cloud) announce(fresh);
  counts = batch.counts;
  rates.push([Date.now(), counts.done]);
  soon("count");
}

function drawCounts() {
  for (const state of ["queued", "running", "done", "failed"]) {
    put(at(`#count-${state}`), counts[state].toLocaleString());
  }
  at("#count-failed").classList.toggle("bad", counts.failed > 0);
  tick();
}

function tick() {
  const since = Date.now() - RATE_SECONDS * 1000;
  // The last one before the window is what the count was when it began.
  while (rates.length > 1 && rates[1][0] < since) rates.shift();
  const done = rates.length ? rates[rates.length - 1][1] - rates[0][1] : 0;
  const rate = done / RATE_SECONDS;
  put(at("#count-rate"), rate && rate < 10 ? rate.toFixed(1) : String(Math.round(rate)));
  for (const row of at("#instances .rows").children) tellInstance(row);
}

// For who listens rather than looks: what has come since the last time, not each by itself.
let heard = { result: 0, letter: 0 };
function announce(fresh) {
  heard.result += fresh.result;
  heard.letter += fresh.letter;
}

function say(text) {
  put(at("#said"), text);
  put(at("#uploading"), text);
}

setInterval(() => {
  tick();
  const parts = [];
  if (heard.result) parts.push(word("newResults", heard.result));
  if (heard.letter) parts.push(word("newLetters", heard.letter));
  if (parts.length) put(at("#said"), parts.join(", "));
  heard = { result: 0, letter: 0 };
}, 1000);

function link(state) {
  at("#link").dataset.state = state;
  put(at("#link"), word(state));
}

function connect() {
  const source = new EventSource("/events");
  source.addEventListener("open", () => link("live"));
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    // It goes on by itself after a lost connection, but not after an answer that was no stream.
    if (source.readyState !== EventSource.CLOSED) return link("lost");
    explain();
    setTimeout(connect, 3000);
  });
}

// An event source does not tell what it was answered, so that is asked once more.
async function explain() {
  const asked = new AbortController();
  try {
    const answered = await fetch("/events", { signal: asked.signal });
    link(answered.status === 503 ? "full" : "lost");
  } catch {
    link("lost");
  }
  asked.abort();
}

document.documentElement.lang = isChinese ? "zh-CN" : "en";
for (const element of document.querySelectorAll("[data-word]")) {
  element.textContent = word(element.dataset.word);
}
at("#only-errors").addEventListener("change", (event) => {
  at("#log").classList.toggle("only-errors", event.target.checked);
});
const uploads = setUpUploads();
link("wait");
connect();
