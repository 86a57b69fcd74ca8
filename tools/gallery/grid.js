// A list of cards as a grid of which only the rows in view are elements, however long it is.

class Grid {
  // draw(item): a button for an item. Its text is `lines` rem high, below a square picture.
  constructor(element, lines, draw) {
    Object.assign(this, { element, lines, draw, items: [], cells: new Map(), active: 0 });
    this.wanted = false;
    const later = () => this.later();
    addEventListener("scroll", later, { passive: true });
    new ResizeObserver(later).observe(element);
    element.addEventListener("focusin", (event) => {
      this.active = Number(event.target.parentElement.dataset.position);
    });
  }

  show(items) {
    this.items = items;
    this.active = 0;
    this.clear();
    this.render();
  }

  clear() {
    for (const cell of this.cells.values()) cell.remove();
    this.cells.clear();
  }

  later() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      this.render();
    });
  }

  measure() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const all = this.element.clientWidth;
    this.gap = 0.75 * rem;
    this.columns = Math.max(1, Math.floor((all + this.gap) / (9.5 * rem + this.gap)));
    this.width = (all - this.gap * (this.columns - 1)) / this.columns;
    this.height = this.width + this.lines * rem;
    this.step = this.height + this.gap;
  }

  render() {
    this.measure();
    const rows = Math.ceil(this.items.length / this.columns);
    this.element.style.height = `${Math.max(0, rows * this.step - this.gap)}px`;
    const above = -this.element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / this.step) - 1) * this.columns;
    const below = Math.max(0, Math.ceil((above + innerHeight) / this.step));
    const last = (below + 1) * this.columns;
    const end = Math.min(this.items.length, last);
    for (const [position, cell] of this.cells) {
      // The one that has the focus stays: the keyboard goes on from there.
      if ((position < first || position >= end) && !cell.contains(document.activeElement)) {
        cell.remove();
        this.cells.delete(position);
      }
    }
    for (let position = first; position < end; position += 1) this.put(position);
    for (const [position, cell] of this.cells) this.place(position, cell);
    const reachable = this.cells.has(this.active) ? this.active : first;
    for (const [position, cell] of this.cells) {
      cell.firstChild.tabIndex = position === reachable ? 0 : -1;
    }
  }

  put(position) {
    if (this.cells.has(position)) return;
    const cell = make("div", "cell", this.draw(this.items[position], position));
    cell.role = "listitem";
    cell.dataset.position = position;
    cell.ariaSetSize = this.items.length;
    cell.ariaPosInSet = position + 1;
    const after = [...this.cells.keys()].filter((other) => other > position);
    this.element.insertBefore(cell, after.length ? this.cells.get(Math.min(...after)) : null);
    this.cells.set(position, cell);
  }

  place(position, cell) {
    const x = (position % this.columns) * (this.width + this.gap);
    const y = Math.floor(position / this.columns) * this.step;
    cell.style.width = `${this.width}px`;
    cell.style.height = `${this.height}px`;
    cell.style.transform = `translate(${x}px, ${y}px)`;
  }

  // Draw an item anew, if it is there.
  redraw(position) {
    const cell = this.cells.get(position);
    if (cell) cell.replaceChildren(this.draw(this.items[position], position));
  }

  // Bring a card into view, below what is `covered` at the top, and give it the focus.
  focus(position, covered) {
    if (!this.items.length) return;
    this.active = Math.min(Math.max(position, 0), this.items.length - 1);
    const top = this.element.getBoundingClientRect().top +
      Math.floor(this.active / this.columns) * this.step;
    if (top < covered + this.gap) scrollBy(0, top - covered - this.gap);
    const below = top + this.height + this.gap - innerHeight;
    if (below > 0) scrollBy(0, below);
    this.render();
    this.put(this.active);
    this.place(this.active, this.cells.get(this.active));
    this.cells.get(this.active).firstChild.focus({ preventScroll: true });
  }
}
