/* keys: the keyboard. Single letters are off while a field has the focus, and can be switched off. */
import { signal } from '@preact/signals';
import { refreshes } from './data';
import { go, PAGES, toggleLive } from './place';
import { over, pageKeys } from './ui';

export const letters = signal(true);
const STORE = 'earshot.keys';
const CHORD_MS = 1200;

export const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'search metrics, targets, pages'],
  ['t', 'time range'],
  ['r', 'refresh'],
  ['l', 'live on and off'],
  ['g o', 'Overview'],
  ['g e', 'Explore'],
  ['g t', 'Targets'],
  ['g s', 'Status'],
  ['g d', 'Discovery'],
  ['j k', 'next and previous row'],
  ['Enter', 'open the row'],
  ['Left Right', 'move the playhead (Shift: ten steps)'],
  ['Backspace', 'zoom back'],
  ['Esc', 'close'],
  ['?', 'this list'],
];

export function setLetters(on: boolean): void {
  letters.value = on;
  try {
    localStorage.setItem(STORE, on ? 'on' : 'off');
  } catch {
    /* holds for this page only */
  }
}

function typing(target: EventTarget | null): boolean {
  const inside = target instanceof Element && target.shadowRoot ? target.shadowRoot.activeElement : target;
  if (!(inside instanceof HTMLElement)) return false;
  return inside.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(inside.tagName);
}

const SINGLE: Readonly<Record<string, () => void>> = {
  '/': () => (over.value = 'search'),
  '?': () => (over.value = 'help'),
  t: () => (over.value = 'range'),
  r: () => refreshes.value++,
  l: toggleLive,
  Backspace: () => history.back(),
};

export function startKeys(): void {
  try {
    letters.value = localStorage.getItem(STORE) !== 'off';
  } catch {
    /* on */
  }
  let chord = 0;
  addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || over.value || typing(e.target)) return;
    const single = e.key.length === 1;
    if (single && !letters.value) return;
    const afterG = e.timeStamp < chord;
    chord = 0;
    const page = afterG ? PAGES.find((p) => p.key === e.key) : undefined;
    if (page) go(page.page);
    else if (e.key === 'g') chord = e.timeStamp + CHORD_MS;
    else if (pageKeys.value?.(e.shiftKey && !single ? `Shift+${e.key}` : e.key)) {
      /* the page took it */
    } else if (SINGLE[e.key]) SINGLE[e.key]?.();
    else return;
    e.preventDefault();
  });
}
