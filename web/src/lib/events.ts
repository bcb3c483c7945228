/* events: what happened: changes, which are drawn as lines, and jobs, which are clips. */
import { own } from './api';
import type { Labels } from './prom';
import type { Span } from './range';

export interface Happening {
  readonly id: number;
  readonly kind: string;
  readonly start: number; // Unix seconds
  readonly end: number | null; // null: it goes on
  readonly labels: Labels;
  readonly text: string;
}

interface Told {
  readonly data: readonly { id: number; kind: string; start: string; end: string | null; labels: Labels; text: string }[];
}

export async function askEvents(span: Span, signal?: AbortSignal): Promise<Happening[]> {
  const { data } = await own<Told>('events', signal, { start: span.from.toFixed(3), end: span.to.toFixed(3), limit: '2000' });
  const seconds = (text: string): number => Date.parse(text) / 1000;
  return data.map((e) => ({ ...e, start: seconds(e.start), end: e.end === null ? null : seconds(e.end) }));
}

/** Those that began in the span: a line where one came in would lie outside the chart. */
export function changesIn(list: readonly Happening[], span: Span): Happening[] {
  return list.filter((e) => e.kind !== 'job' && e.start >= span.from && e.start <= span.to);
}

export interface Clip {
  readonly from: number;
  readonly to: number;
  readonly failed: boolean;
  readonly open: boolean;
  readonly text: string;
}
export interface Lane {
  readonly name: string;
  readonly clips: readonly Clip[];
}

const FAILED = /^(failed|failure|error|errored|crashed|timeout)$/i;

/** Jobs by model, cut to the span; of these services only, when some are named. */
export function lanesOf(list: readonly Happening[], span: Span, services: ReadonlySet<string>): Lane[] {
  const lanes = new Map<string, Clip[]>();
  for (const e of list) {
    const { job = '', model = '', status = '' } = e.labels;
    if (e.kind !== 'job' || (services.size && !services.has(job))) continue;
    const name = model || job || 'jobs';
    const clips = lanes.get(name) ?? [];
    clips.push({ from: Math.max(span.from, e.start), to: Math.min(span.to, e.end ?? span.to), failed: FAILED.test(status), open: e.end === null, text: e.text });
    lanes.set(name, clips);
  }
  return [...lanes].map(([name, clips]) => ({ name, clips })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Share of each of `n` equal parts of the span in which some job ran. */
export function busy(clips: readonly Clip[], span: Span, n: number): number[] {
  const part = (span.to - span.from) / n;
  const out = new Array<number>(n).fill(0);
  for (const c of clips)
    for (let i = Math.max(0, Math.floor((c.from - span.from) / part)); i < n && span.from + i * part < c.to; i++) {
      const left = span.from + i * part;
      out[i] = Math.min(1, (out[i] ?? 0) + Math.max(0, Math.min(c.to, left + part) - Math.max(c.from, left)) / part);
    }
  return out;
}
