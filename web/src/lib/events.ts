/* events: what happened: changes, which are drawn as lines, and jobs, which are clips. */
import { own, type Params } from './api';
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
  readonly warnings?: readonly string[];
}

export interface Happened {
  readonly changes: readonly Happening[];
  readonly jobs: readonly Happening[];
  readonly jobsFrom: number | null; // older ones were too many; Unix seconds
}

const CHANGES_MOST = 1000;

/** Asked for apart, so that jobs, which may be many, do not push out changes. */
export async function askEvents(span: Span, jobsMost: number, signal?: AbortSignal): Promise<Happened> {
  const seconds = (text: string): number => Date.parse(text) / 1000;
  const ask = async (params: Params): Promise<{ list: Happening[]; cut: boolean }> => {
    const { data, warnings } = await own<Told>('events', signal, { start: span.from.toFixed(3), end: span.to.toFixed(3), ...params });
    return { list: data.map((e) => ({ ...e, start: seconds(e.start), end: e.end === null ? null : seconds(e.end) })), cut: !!warnings?.length };
  };
  const [changes, jobs] = await Promise.all([ask({ except: 'job', limit: String(CHANGES_MOST) }), ask({ kind: 'job', limit: String(jobsMost) })]);
  return { changes: changes.list, jobs: jobs.list, jobsFrom: jobs.cut ? (jobs.list[0]?.start ?? null) : null };
}

/** Those that began in the span: a line where one came in would lie outside the chart. */
export function changesIn(list: readonly Happening[], span: Span): Happening[] {
  return list.filter((e) => e.start >= span.from && e.start <= span.to);
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

function clip(e: Happening, span: Span): Clip {
  return { from: Math.max(span.from, e.start), to: Math.min(span.to, e.end ?? span.to), failed: FAILED.test(e.labels['status'] ?? ''), open: e.end === null, text: e.text };
}

/** Jobs by what they were done with, cut to the span; of these services only, when some are named. */
export function lanesOf(jobs: readonly Happening[], span: Span, services: ReadonlySet<string>): Lane[] {
  const lanes = new Map<string, Clip[]>();
  for (const e of jobs) {
    const { job = '', model = '', name: task = '' } = e.labels;
    if (services.size && !services.has(job)) continue;
    const name = model || task || job || 'jobs';
    const clips = lanes.get(name) ?? [];
    clips.push(clip(e, span));
    lanes.set(name, clips);
  }
  return [...lanes].map(([name, clips]) => ({ name, clips })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether an event is about a target: it names no other service, and no other instance. */
export function isAbout(e: Happening, target: Labels): boolean {
  return ['job', 'instance'].every((name) => !e.labels[name] || e.labels[name] === target[name]);
}

export function clipsOf(jobs: readonly Happening[], span: Span, target: Labels): Clip[] {
  return jobs.filter((e) => isAbout(e, target)).map((e) => clip(e, span));
}

/** Those that stand too near to each other for marks of their own, together; by time. */
export function clusters(changes: readonly Happening[], x: (t: number) => number, least: number): Happening[][] {
  const out: Happening[][] = [];
  for (const e of [...changes].sort((a, b) => a.start - b.start)) {
    const last = out[out.length - 1];
    if (last?.[0] && x(e.start) - x(last[0].start) < least) last.push(e);
    else out.push([e]);
  }
  return out;
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

/** Where changes stand on a line that shows the last `shown` of `all` steps: from shares of all to shares of what is shown, none too near to the one before. */
export function ruledAt(marks: readonly number[], all: number, shown: number, least: number): number[] {
  const out: number[] = [];
  for (const m of [...marks].sort((a, b) => a - b)) {
    const at = shown > 1 ? (m * (all - 1) - (all - shown)) / (shown - 1) : -1;
    if (at >= 0 && at <= 1 && at - (out[out.length - 1] ?? -1) > least) out.push(at);
  }
  return out;
}
