// Which cards are shown: each filter counts what it would show beside the others.

const BINS = 20;
const MOST_VALUES = 200; // of a facet; the rest is found by search or by another filter
const binOf = (score) => Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)));

// A choice among values: none chosen shows all. `of(card)`: its value, null if it has none.
class Choice {
  constructor(of, cards) {
    this.of = of;
    this.chosen = new Set();
    this.totals = new Map();
    for (const card of cards) {
      const value = of(card);
      if (value !== null) this.totals.set(value, (this.totals.get(value) ?? 0) + 1);
    }
    this.values = [...this.totals.keys()].sort((a, b) => this.totals.get(b) - this.totals.get(a));
    this.buttons = new Map();
  }

  get active() { return this.chosen.size > 0; }

  fits(card) { return !this.active || this.chosen.has(this.of(card)); }

  key(card) { return this.of(card); }

  clear() { this.chosen.clear(); }

  // A button for each value; `name(value)`: its text.
  build(element, name, changed) {
    for (const value of this.values.slice(0, MOST_VALUES)) {
      const count = make("span", "n");
      const fill = make("span", "fill");
      const button = make("button", "value", make("bdi", "name", name(value)), count, fill);
      button.type = "button";
      button.title = name(value);
      button.addEventListener("click", () => {
        if (!this.chosen.delete(value)) this.chosen.add(value);
        changed();
      });
      this.buttons.set(value, { button, count, fill });
      element.append(button);
    }
    const rest = this.values.length - MOST_VALUES;
    if (rest > 0) element.append(make("p", "", filled(words.more, { n: rest })));
  }

  draw(counts) {
    const most = Math.max(1, ...counts.values());
    for (const [value, { button, count, fill }] of this.buttons) {
      const n = counts.get(value) ?? 0;
      count.textContent = number.format(n);
      fill.style.width = `${(100 * n) / most}%`;
      button.ariaPressed = this.chosen.has(value);
      button.classList.toggle("zero", n === 0);
    }
  }
}

// Scores from `lowest` to less than `highest`; 1 is in when that is 1.
class ScoreRange {
  constructor() {
    this.clear();
    this.bars = [];
  }

  get active() { return this.lowest > 0 || this.highest < 1; }

  fits({ score }) {
    if (!this.active) return true;
    return score !== null && score >= this.lowest && (score < this.highest || this.highest >= 1);
  }

  key({ score }) { return score === null ? null : binOf(score); }

  clear() {
    this.lowest = 0;
    this.highest = 1;
  }

  // Click a bar for its scores, again for all; with Shift, or drawn across, all bars between.
  build(element, inputs, changed) {
    this.inputs = inputs;
    const choose = (first, last) => {
      this.lowest = Math.min(first, last) / BINS;
      this.highest = (Math.max(first, last) + 1) / BINS;
      changed();
    };
    const click = (bin, shift) => {
      const first = Math.round(this.lowest * BINS);
      const last = Math.round(this.highest * BINS) - 1;
      if (shift && this.active) choose(Math.min(bin, first), Math.max(bin, last));
      else if (first !== bin || last !== bin) choose(bin, bin);
      else {
        this.clear();
        changed();
      }
    };
    let pressed = null;
    let drawn = false;
    for (let bin = 0; bin < BINS; bin += 1) {
      const fill = make("span", "fill");
      const button = make("button", "bin", fill);
      button.type = "button";
      button.addEventListener("pointerdown", ({ pointerType }) => {
        pressed = pointerType === "mouse" ? bin : null;
        drawn = false;
      });
      button.addEventListener("pointerenter", () => {
        if (pressed === null || (bin === pressed && !drawn)) return;
        drawn = true;
        choose(pressed, bin);
      });
      button.addEventListener("click", ({ shiftKey }) => {
        if (!drawn) click(bin, shiftKey);
        drawn = false;
      });
      this.bars.push({ button, fill });
      element.append(button);
    }
    addEventListener("pointerup", () => { pressed = null; });
    const typed = (input, otherwise) =>
      (input.value === "" ? otherwise : Math.min(1, Math.max(0, Number(input.value))));
    for (const input of inputs) {
      input.addEventListener("change", () => {
        this.lowest = typed(inputs[0], 0);
        this.highest = typed(inputs[1], 1);
        changed();
      });
    }
  }

  draw(counts) {
    const most = Math.max(1, ...counts.values());
    this.bars.forEach(({ button, fill }, bin) => {
      const n = counts.get(bin) ?? 0;
      fill.style.height = n ? `max(2px, ${(100 * n) / most}%)` : "0";
      const [from, to] = [bin, bin + 1].map((edge) => (edge / BINS).toFixed(2));
      button.ariaLabel = button.title = filled(words.bin, { from, to, n });
      button.ariaPressed =
        this.active && bin / BINS >= this.lowest && (bin + 1) / BINS <= this.highest;
    });
    this.inputs[0].value = this.lowest > 0 ? this.lowest : "";
    this.inputs[1].value = this.highest < 1 ? this.highest : "";
  }
}

class Search {
  constructor() { this.clear(); }

  get active() { return this.text !== ""; }

  fits({ low }) { return low.includes(this.text); }

  key() { return null; }

  clear() { this.text = ""; }

  draw() {}
}

// The cards that fit all filters. A card that one filter alone keeps away is counted by that one.
function filter(cards, filters) {
  const counts = filters.map(() => new Map());
  const count = (at, card) => {
    const key = filters[at].key(card);
    if (key !== null) counts[at].set(key, (counts[at].get(key) ?? 0) + 1);
  };
  const fitting = [];
  for (const card of cards) {
    let against = -1;
    let all = true;
    for (let at = 0; at < filters.length; at += 1) {
      if (filters[at].fits(card)) continue;
      if (against >= 0) {
        all = false;
        against = -2;
        break;
      }
      against = at;
      all = false;
    }
    if (all) {
      fitting.push(card);
      for (let at = 0; at < filters.length; at += 1) count(at, card);
    } else if (against >= 0) count(against, card);
  }
  filters.forEach((one, at) => one.draw(counts[at]));
  return fitting;
}
