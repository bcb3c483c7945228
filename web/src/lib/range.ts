/* range: the span of time a page shows, as the URL writes it: `now-1h`, or two moments. */
import { shortDuration } from './words';

export type Range =
  | { readonly kind: 'last'; readonly seconds: number }
  | { readonly kind: 'fixed'; readonly from: number; readonly to: number };

export interface Span {
  readonly from: number; // seconds since 1970
  readonly to: number;
}

export const PRESETS: readonly { readonly seconds: number; readonly label: string }[] = [
  { seconds: 900, label: '15 min' },
  { seconds: 3600, label: '1 h' },
  { seconds: 21_600, label: '6 h' },
  { seconds: 86_400, label: '24 h' },
  { seconds: 604_800, label: '7 d' },
  { seconds: 7_776_000, label: '90 d' },
];

export const last = (seconds: number): Range => ({ kind: 'last', seconds });
export const fixed = (from: number, to: number): Range => ({
  kind: 'fixed',
  from: Math.min(from, to),
  to: Math.max(from, to),
});

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };

/** "1h30m" -> 5400; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+)(s|m|h|d|w|y)/g)];
  if (!parts.length || parts.map((p) => p[0]).join('') !== text) return undefined;
  return parts.reduce((sum, p) => sum + Number(p[1]) * (UNITS[p[2] ?? ''] ?? 0), 0) || undefined;
}

/** Seconds or ISO 8601 (local time when no zone is given). */
export function parseMoment(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const ms = Date.parse(text.trim().replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

export function parseRange(range: string | undefined, from: string | undefined, to: string | undefined): Range | undefined {
  const a = from === undefined ? undefined : parseMoment(from);
  const b = to === undefined ? undefined : parseMoment(to);
  if (a !== undefined && b !== undefined && a !== b) return fixed(a, b);
  const seconds = range?.startsWith('now-') ? parseDuration(range.slice(4)) : undefined;
  return seconds === undefined ? undefined : last(seconds);
}

export function rangeParams(r: Range): { range: string | null; from: string | null; to: string | null } {
  if (r.kind === 'last') return { range: `now-${shortDuration(r.seconds)}`, from: null, to: null };
  const iso = (ts: number): string => new Date(ts * 1000).toISOString().replace('.000Z', 'Z');
  return { range: null, from: iso(r.from), to: iso(r.to) };
}

export function resolve(r: Range, now: number): Span {
  return r.kind === 'fixed' ? { from: r.from, to: r.to } : { from: now - r.seconds, to: now };
}

export function sameRange(a: Range, b: Range): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const NICE = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** Smallest round step that gives at most `points` of them. */
export function niceStep(span: Span, points: number): number {
  const least = (span.to - span.from) / points;
  return NICE.find((s) => s >= least) ?? Math.ceil(least / 86_400) * 86_400;
}

/** Both ends on the step's grid, so that a refresh asks for the same points again. */
export function aligned(span: Span, step: number): Span {
  return { from: Math.floor(span.from / step) * step, to: Math.floor(span.to / step) * step };
}
