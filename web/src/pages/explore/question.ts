/* question: asking for a graph, and what came back as lines on one grid. */
import { answer, rangeArgs } from '../../lib/api';
import { now } from '../../lib/clocks';
import { num, type RangeData } from '../../lib/prom';
import { aligned, niceStep, resolve, type Range, type Span } from '../../lib/range';
import { canonical, colours, distinguishing, folded, onGrid, shortName, type Line, type Value } from '../../lib/series';

export interface Named extends Line {
  readonly name: string;
}
export interface Drawn extends Named {
  readonly colour: number;
}
export interface Result {
  readonly expr: string;
  readonly lines: readonly Named[];
  readonly times: readonly number[];
  readonly span: Span;
  readonly step: number;
  readonly took: number; // s, as the page saw it
  readonly warnings: readonly string[];
}

export function grid(range: Range, points: number): { span: Span; step: number; times: number[] } {
  const whole = resolve(range, now.peek());
  const step = niceStep(whole, points);
  const span = aligned(whole, step);
  const n = Math.round((span.to - span.from) / step) + 1;
  return { span, step, times: Array.from({ length: n }, (_, i) => span.from + i * step) };
}

export async function ask(expr: string, range: Range, points: number, signal: AbortSignal): Promise<Result> {
  const { span, step, times } = grid(range, points);
  const start = performance.now();
  const { data, warnings } = await answer<RangeData>('query_range', rangeArgs(expr, span, step), signal);
  const took = (performance.now() - start) / 1000;
  const telling = distinguishing(data.result.map((s) => s.metric));
  const keyed = data.result.map((s) => ({ key: canonical(s.metric), labels: s.metric, values: onGrid(s.values ?? [], span.from, step, times.length, num) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  const lines = keyed.map((l) => ({ ...l, name: shortName(l.labels, telling, expr) }));
  return { expr, lines, times, span, step, took, warnings };
}

/** Where a parse error lies: "1:16: parse error: unexpected ..." */
export function mistake(text: string): { line: number; column: number; text: string } | undefined {
  const m = /(\d+):(\d+):\s*(?:parse error:\s*)?([\s\S]+)$/.exec(text);
  if (!m) return undefined;
  return { line: Number(m[1]), column: Number(m[2]), text: (m[3] ?? '').trim() };
}

export interface Picture {
  readonly shown: readonly Drawn[];
  readonly rest: number; // lines that are one
  readonly others: readonly Value[];
}

/** What is drawn of the lines that are not hidden. Colours are given out over the whole answer first,
 * so that hiding a line changes none. */
export function picture(all: readonly Named[], visible: readonly Named[], stacked: boolean): Picture {
  const first = colours(folded(all, stacked).shown.map((l) => l.key));
  const { shown, rest, others } = folded(visible, stacked);
  const late = colours(shown.map((l) => l.key));
  return { shown: shown.map((l) => ({ ...l, colour: first.get(l.key) ?? late.get(l.key) ?? 0 })), rest: rest.length, others };
}
