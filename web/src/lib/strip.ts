/* strip: a day of `up` as runs of one state. */
import type { Value } from './series';

export type RunState = 'ok' | 'critical' | 'nodata';
export interface Run {
  readonly state: RunState;
  readonly from: number; // index of the first step
  readonly to: number; // after the last
}

/** What lies before the first sample belongs to nobody: the target was not yet watched. */
export function runs(values: readonly Value[]): Run[] {
  const out: Run[] = [];
  const first = values.findIndex((v) => v !== null);
  if (first < 0) return out;
  for (let i = first; i < values.length; i++) {
    const v = values[i] ?? null;
    const state: RunState = v === null ? 'nodata' : v >= 1 ? 'ok' : 'critical';
    const before = out[out.length - 1];
    if (before?.state === state) out[out.length - 1] = { ...before, to: i + 1 };
    else out.push({ state, from: i, to: i + 1 });
  }
  return out;
}

/** Share of the watched time in which all was well; undefined when it was not watched. */
export function healthy(list: readonly Run[]): number | undefined {
  const all = list.reduce((n, r) => n + r.to - r.from, 0);
  const well = list.reduce((n, r) => n + (r.state === 'ok' ? r.to - r.from : 0), 0);
  return all ? well / all : undefined;
}
