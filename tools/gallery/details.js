// All that is known of one image, in a dialog.

class Details {
  // read(card): its details. moved(position): another one is shown. blurred(card), reveal(card).
  constructor(dialog, models, { read, blurred, reveal, closed }) {
    Object.assign(this, { dialog, models, read, blurred, reveal, items: [], position: 0 });
    const by = (step) => () => this.move(step);
    document.getElementById("previous").addEventListener("click", by(-1));
    document.getElementById("next").addEventListener("click", by(1));
    document.getElementById("close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (step) {
        event.preventDefault();
        this.move(step);
      }
    });
    dialog.addEventListener("close", () => closed(this.position));
  }

  open(items, position) {
    this.items = items;
    this.position = position;
    this.draw();
    this.dialog.showModal();
    document.getElementById("close").focus();
  }

  move(step) {
    this.position = Math.min(this.items.length - 1, Math.max(0, this.position + step));
    this.draw();
  }

  draw() {
    const card = this.items[this.position];
    const details = this.read(card);
    document.getElementById("place").textContent =
      filled(words.place, { n: this.position + 1, all: this.items.length });
    document.getElementById("previous").disabled = this.position === 0;
    document.getElementById("next").disabled = this.position === this.items.length - 1;
    const key = make("h2", "", make("bdi", "", keyText(card.key)));
    key.id = "details-key";
    const text = make("div", "text", key, ...this.notes(card, details));
    const answers = make("div", "answers", this.answer(card, details));
    text.append(answers);
    if (card.other) {
      answers.firstChild.prepend(make("h3", "", make("bdi", "", this.models[0])));
      answers.append(this.answer(card.other, details.other));
      answers.lastChild.prepend(make("h3", "", make("bdi", "", this.models[1])));
      answers.firstChild.append(fields(details, OF_ANSWER));
      answers.lastChild.append(fields(details.other, OF_ANSWER));
      text.append(fields(details, OF_IMAGE));
    } else text.append(fields(details, [...OF_IMAGE, ...OF_ANSWER]));
    document.getElementById("details-body").replaceChildren(this.shown(card, details), text);
  }

  shown(card, details) {
    const blurred = this.blurred(card);
    const shown = picture(details, blurred);
    if (!blurred || !details.thumbnail.webp) return shown;
    const button = make("button", "reveal", words.reveal);
    button.type = "button";
    button.addEventListener("click", () => {
      this.reveal(card);
      this.draw();
      document.getElementById("close").focus();
    });
    shown.append(button);
    return shown;
  }

  notes(card, { thumbnail, suspected, settled, version, bucket, other }) {
    const notes = [];
    if (thumbnail.changed) notes.push(words.changed);
    if (other && bucket === other.bucket && version !== other.version) notes.push(words.between);
    if (suspected) notes.push(words.suspected);
    if (settled) notes.push(words.settled);
    const shown = notes.map((note) => make("p", "note", note));
    if (thumbnail.message && thumbnail.code !== card.reason) {
      const code = reasonText(thumbnail.code);
      shown.push(make("p", "note", `${code}: `, untrusted(thumbnail.message)));
    }
    return shown;
  }

  answer(card, details) {
    const answer = make("div", "answer", make("p", "kind-line", kindBadge(card.kind)));
    if (card.reason) {
      answer.append(make("p", "reason", make("strong", "", reasonText(card.reason))));
      if (details.message) answer.append(untrusted(details.message, "message"));
    }
    if (details.numbers) answer.append(make("p", "", filled(words.numbers, { n: details.numbers })));
    if (details.predictions) {
      const rows = details.predictions.map(({ label, score }) => make("tr", "",
        make("th", "", untrusted(label)), make("td", "", meter(score)), make("td", "n", scoreText(score))));
      for (const row of rows) row.firstChild.scope = "row";
      answer.append(make("table", "predictions", make("tbody", "", ...rows)));
    }
    return answer;
  }
}

function kindBadge(kind) {
  return make("span", `badge ${kind}`, words.kind[kind]);
}

const OF_IMAGE = ["picture", "bucket", "version"];
const OF_ANSWER = ["model", "digest", "recipe", "attempts", "request"];

function fields(details, names) {
  const { width, height, format, size } = details;
  const parts = [format && visible(format).toUpperCase(), width && `${width} × ${height}`,
    size !== undefined && bytes(size)];
  const shown = { ...details, picture: parts.filter(Boolean).join(" · ") };
  const list = make("dl");
  for (const name of names) {
    if (!shown[name]) continue;
    list.append(make("dt", "", words.field[name]), make("dd", "", untrusted(String(shown[name]))));
  }
  return list;
}

function bytes(size) {
  const units = ["B", "KB", "MB", "GB"];
  let at = 0;
  let amount = size;
  while (amount >= 1024 && at < units.length - 1) {
    amount /= 1024;
    at += 1;
  }
  return `${amount.toFixed(at && amount < 10 ? 1 : 0)} ${units[at]}`;
}
