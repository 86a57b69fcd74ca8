// Pictures from the person's machine into the bucket: dropped, chosen, or the samples.

import { visible, word } from "./words.js";

const LARGEST_MB = 100; // as the server takes
const AT_ONCE = 4;
const PROBLEMS = 3;

const at = (selector) => document.querySelector(selector);

export function setUp() {
  let targets = [];
  let todo = [];
  let working = 0;
  const total = { all: 0, done: 0, problems: [] };

  const chosen = () => targets[at("#target").selectedIndex];

  function show() {
    const moving = todo.length + working > 0;
    const told = [moving ? word("uploadingOf", total.done, total.all) : word("uploaded", total.done)];
    if (!total.all) told.pop();
    at("#uploading").textContent = visible([...told, ...total.problems].join("\n"));
    if (!moving) Object.assign(total, { all: 0, done: 0, problems: [] });
  }

  // The last few are shown, of thousands that may come.
  function problem(text) {
    total.problems = [...total.problems, text].slice(-PROBLEMS);
  }

  async function post(path, query, body) {
    let answered;
    try {
      answered = await fetch(`${path}?${new URLSearchParams(query)}`, { method: "POST", body });
    } catch {
      throw new Error(word("unreachable"));
    }
    const document = await answered.json().catch(() => ({ error: word("refused", answered.status) }));
    if (!answered.ok) throw new Error(document.error);
    for (const key of document.unheard) problem(word("unheard", key));
    return document.keys.length;
  }

  async function work() {
    working += 1;
    while (todo.length) {
      const { path, query, body, title } = todo.shift();
      try {
        if (body && body.size > LARGEST_MB * 2 ** 20) throw new Error(word("tooLarge", LARGEST_MB));
        const keys = await post(path, query, body);
        total.done += keys;
        total.all += keys - 1;
      } catch (error) {
        problem(word("notUploaded", title, error.message));
      }
      if (todo.length) show();
    }
    working -= 1;
    show();
  }

  function add(jobs) {
    for (const job of jobs) todo.push(job); // a call takes only so many arguments
    total.all += jobs.length;
    show();
    while (working < Math.min(AT_ONCE, todo.length + working)) work();
  }

  function addFiles(files) {
    const target = at("#target").selectedIndex;
    add(files.map(({ file, path }) => (
      { path: "/upload", query: { target, name: path }, body: file, title: path })));
  }

  const named = (files) => [...files].map((file) => (
    { file, path: file.webkitRelativePath || file.name }));

  // A folder's files, and those of the folders in it; hidden ones are nobody's pictures. One that
  // cannot be read is told of, and the others are uploaded.
  async function walk(entry) {
    if (entry.name.startsWith(".")) return [];
    const path = entry.fullPath.replace(/^\//, "");
    const found = [];
    try {
      if (entry.isFile) {
        return [{ file: await new Promise((done, no) => entry.file(done, no)), path }];
      }
      const reader = entry.createReader();
      for (;;) { // it gives some at a time, and none at the end
        const some = await new Promise((done, no) => reader.readEntries(done, no));
        if (!some.length) return found;
        for (const inner of some) for (const one of await walk(inner)) found.push(one);
      }
    } catch (error) {
      problem(word("notUploaded", path, error.message));
      return found;
    }
  }

  async function drop(data) {
    // Entries are there during the event alone; files of a drop made by a script have none.
    const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return addFiles(named(data.files));
    for (const entry of entries) addFiles(await walk(entry));
  }

  function note() {
    const target = chosen();
    const place = target ? `oss://${target.bucket}/${target.prefix}` : "";
    at("#target-note").textContent = [place, target && target.wants].filter(Boolean).join("\n");
    at("#samples").hidden = !target || !target.samples;
  }

  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    at("#over").hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) at("#over").hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    at("#over").hidden = true;
    drop(event.dataTransfer);
  });
  for (const [button, input] of [["#pick", "#files"], ["#pick-folder", "#folder"]]) {
    at(button).addEventListener("click", () => at(input).click());
    at(input).addEventListener("change", () => {
      addFiles(named(at(input).files));
      at(input).value = "";
    });
  }
  at("#samples").addEventListener("click", () => {
    add([{ path: "/samples", query: { target: at("#target").selectedIndex }, title: word("samples") }]);
  });
  at("#target").addEventListener("change", note);

  return {
    // Where pictures can be put; what was chosen stays chosen.
    targets(all) {
      const before = at("#target").selectedIndex;
      targets = all;
      at("#target").replaceChildren(...all.map((target) => {
        const option = document.createElement("option");
        option.textContent = target.function;
        return option;
      }));
      at("#target").selectedIndex = Math.min(Math.max(before, 0), all.length - 1);
      note();
    },
  };
}
