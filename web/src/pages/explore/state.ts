/* state: what Explore keeps in the URL beside expression and range: view, kind, which lines. */
import { place, setParams } from '../../lib/place';
import { hash } from '../../lib/series';

export type View = 'both' | 'graph' | 'table';
export type Kind = 'lines' | 'stacked';

export const view = (): View => (['graph', 'table'] as const).find((v) => v === place.value.params['view']) ?? 'both';
export const kind = (): Kind => (place.value.params['kind'] === 'stacked' ? 'stacked' : 'lines');

const short = (key: string): string => hash(key).toString(36);
const list = (name: string): string[] => (place.value.params[name] ?? '').split('.').filter(Boolean);

/** A line is hidden by name, or because others are picked. */
export function isShown(key: string): boolean {
  const only = list('only');
  return only.length ? only.includes(short(key)) : !list('hide').includes(short(key));
}

/** Click: only this one, or all again. */
export function pickOnly(key: string): void {
  const only = list('only');
  const again = only.length === 1 && only[0] === short(key);
  setParams({ only: again ? null : short(key), hide: null }, 'replace');
}

/** Ctrl+click: this one on or off. */
export function toggle(key: string): void {
  const name = list('only').length ? 'only' : 'hide';
  const now = list(name);
  const id = short(key);
  const next = now.includes(id) ? now.filter((x) => x !== id) : [...now, id];
  setParams({ [name]: next.join('.') || null }, 'replace');
}
