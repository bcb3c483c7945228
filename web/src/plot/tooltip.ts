/* tooltip: the values at the crosshair; beside the line, never under the pointer. */

export interface Entry {
  readonly name: string;
  readonly colour: string;
  readonly value: number;
  readonly text: string;
  readonly nearest: boolean;
}
const MOST = 10;
const GAP = 12; // px from the line
const FLIP = { toLeft: 0.6, toRight: 0.4 }; // of the width: it does not jump sides on every pixel

export class Tooltip {
  readonly #box = document.createElement('div');
  #left = false;

  constructor(parent: HTMLElement) {
    this.#box.className = 'tip';
    this.#box.hidden = true;
    this.#box.setAttribute('aria-hidden', 'true'); // the table beside the chart says the same
    parent.append(this.#box);
  }

  hide(): void {
    this.#box.hidden = true;
  }

  show(title: string, entries: readonly Entry[], x: number, y: number, width: number, height: number): void {
    const sorted = [...entries].sort((a, b) => b.value - a.value);
    const first = sorted.slice(0, MOST);
    const rows = first.map((e) => row(e));
    const more = sorted.length - first.length;
    this.#box.replaceChildren(text('div', 'tip-head', title), ...rows, ...(more > 0 ? [text('div', 'tip-more', `and ${more} more`)] : []));
    this.#box.hidden = false;
    if (x > width * FLIP.toLeft) this.#left = true;
    else if (x < width * FLIP.toRight) this.#left = false;
    const { offsetWidth: w, offsetHeight: h } = this.#box;
    const left = this.#left ? x - GAP - w : x + GAP;
    this.#box.style.left = `${Math.round(Math.max(0, Math.min(width - w, left)))}px`;
    this.#box.style.top = `${Math.round(Math.max(0, Math.min(height - h, y - h / 2)))}px`;
  }
}

function text(tag: 'div' | 'span', name: string, words: string): HTMLElement {
  const el = document.createElement(tag);
  el.className = name;
  el.textContent = words;
  return el;
}

function row(e: Entry): HTMLElement {
  const el = text('div', e.nearest ? 'tip-row nearest' : 'tip-row', '');
  const dash = text('span', 'tip-dash', '');
  dash.style.background = e.colour;
  el.append(dash, text('span', 'tip-name', e.name), text('span', 'tip-value', e.text));
  return el;
}
