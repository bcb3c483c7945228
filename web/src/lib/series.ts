/* series: names, colours and figures of the series of one chart. */
import type { Labels } from './prom';

export const COLOURS = 10;
const LARGEST = 9; // drawn one by one when there are more than COLOURS

/** {a="1", b="2"} in one order, whatever order the answer had. */
export function canonical(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((k) => `${k}=${JSON.stringify(labels[k])}`)
    .join(',');
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  return h >>> 0;
}

/** Colour index per key: by hash, then the next one that is free, in the order of the keys. */
export function colours(keys: readonly string[]): Map<string, number> {
  const out = new Map<string, number>();
  const taken = new Set<number>();
  for (const key of [...keys].sort()) {
    let c = hash(key) % COLOURS;
    for (let i = 0; i < COLOURS && taken.has(c); i++) c = (c + 1) % COLOURS;
    taken.add(c);
    out.set(key, c);
  }
  return out;
}

/** The labels that tell the series of a chart apart: as few and as short as it takes. */
export function distinguishing(all: readonly Labels[]): string[] {
  const names = new Set(all.flatMap((l) => Object.keys(l)));
  let telling = [...names].filter((n) => new Set(all.map((l) => l[n])).size > 1).sort();
  const told = (by: readonly string[]): number => new Set(all.map((l) => by.map((n) => l[n] ?? '').join('\u0000'))).size;
  const most = told(telling);
  const length = (n: string): number => all.reduce((sum, l) => sum + (l[n]?.length ?? 0), 0);
  for (const n of [...telling].sort((a, b) => length(b) - length(a))) {
    const without = telling.filter((x) => x !== n);
    if (without.length && told(without) === most) telling = without;
  }
  return telling;
}

/** Short name of a series beside the others of its chart. */
export function shortName(labels: Labels, telling: readonly string[], fallback: string): string {
  const shown = telling.filter((n) => labels[n] !== undefined);
  if (!shown.length) return labels['__name__'] ?? (Object.values(labels).join(' ') || fallback);
  if (shown.length === 1) return labels[shown[0] ?? ''] || '(empty)';
  return shown.map((n) => (n === '__name__' ? labels[n] : `${n}=${labels[n]}`)).join(' ');
}

/** metric{a="1"} as PromQL writes it. */
export function fullName(labels: Labels): string {
  const rest = Object.keys(labels)
    .filter((k) => k !== '__name__')
    .sort()
    .map((k) => `${k}=${JSON.stringify(labels[k])}`);
  const name = labels['__name__'] ?? '';
  return rest.length || !name ? `${name}{${rest.join(', ')}}` : name;
}

export type Value = number | null;
export interface Stats {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly last: number;
}

/** undefined when nothing was measured. */
export function stats(values: readonly Value[]): Stats | undefined {
  let n = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let last = Number.NaN;
  for (const v of values) {
    if (v === null || Number.isNaN(v)) continue;
    n++;
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
    last = v;
  }
  return n ? { min, mean: sum / n, max, last } : undefined;
}

export interface Line {
  readonly key: string;
  readonly labels: Labels;
  readonly values: readonly Value[];
}

/** At most ten lines: beyond, the nine largest by mean, and the rest as one. */
export function folded<L extends Line>(lines: readonly L[], stacked: boolean): { shown: L[]; rest: L[]; others: Value[] } {
  if (lines.length <= COLOURS) return { shown: [...lines], rest: [], others: [] };
  const size = (l: L): number => Math.abs(stats(l.values)?.mean ?? 0);
  const bySize = lines.map((l) => ({ l, s: size(l) })).sort((a, b) => b.s - a.s || (a.l.key < b.l.key ? -1 : 1));
  const largest = new Set(bySize.slice(0, LARGEST).map((x) => x.l.key));
  const rest = lines.filter((l) => !largest.has(l.key));
  const length = Math.max(...lines.map((l) => l.values.length));
  const others: Value[] = [];
  for (let i = 0; i < length; i++) {
    const here = rest.map((l) => l.values[i]).filter((v): v is number => typeof v === 'number' && !Number.isNaN(v));
    const sum = here.reduce((a, b) => a + b, 0);
    others.push(here.length ? (stacked ? sum : sum / here.length) : null);
  }
  return { shown: lines.filter((l) => largest.has(l.key)), rest, others };
}

/** Puts an answer's points on the grid from..to by step; what is missing is null. */
export function onGrid(values: readonly (readonly [number, string])[], from: number, step: number, n: number, parse: (s: string) => number): Value[] {
  const out: Value[] = new Array<Value>(n).fill(null);
  for (const [t, v] of values) {
    const i = Math.round((t - from) / step);
    const parsed = parse(v);
    if (i >= 0 && i < n && !Number.isNaN(parsed)) out[i] = parsed;
  }
  return out;
}
