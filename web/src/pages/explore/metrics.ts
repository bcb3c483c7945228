/* metrics: the names that exist, with type, help and number of series; parts of a histogram are one. */
import { get, instant } from '../../lib/api';
import { num, type Metadata } from '../../lib/prom';

export interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly series: number;
}

const PARTS = /_(bucket|sum|count)$/;

export function fold(names: readonly string[], meta: Readonly<Record<string, readonly Metadata[] | undefined>>, counts: ReadonlyMap<string, number>): Metric[] {
  const all = new Set(names);
  const out = new Map<string, Metric>();
  for (const name of names) {
    const base = name.replace(PARTS, '');
    const whole = base !== name && (meta[base]?.[0]?.type === 'histogram' || meta[base]?.[0]?.type === 'summary' || all.has(`${base}_bucket`)) ? base : name;
    const info = meta[whole]?.[0] ?? meta[whole.replace(/_total$/, '')]?.[0];
    const series = (out.get(whole)?.series ?? 0) + (counts.get(name) ?? 0);
    out.set(whole, { name: whole, type: info?.type ?? guess(name, whole), help: info?.help ?? '', series });
  }
  return [...out.values()];
}

function guess(name: string, whole: string): string {
  if (whole !== name) return 'histogram';
  return name.endsWith('_total') ? 'counter' : 'unknown';
}

export async function askMetrics(signal: AbortSignal): Promise<Metric[]> {
  const [names, meta, counts] = await Promise.all([
    get<string[]>('label/__name__/values', {}, signal),
    get<Readonly<Record<string, readonly Metadata[]>>>('metadata', {}, signal).catch(() => ({})),
    instant('count by (__name__) ({__name__!=""})', undefined, signal).catch(() => undefined),
  ]);
  const map = new Map<string, number>();
  if (counts?.resultType === 'vector') for (const s of counts.result) map.set(s.metric['__name__'] ?? '', num(s.value?.[1]));
  return fold(names, meta, map);
}

/** Labels of a metric and how many values each has. */
export async function askLabels(metric: Metric, signal: AbortSignal): Promise<{ name: string; values: number }[]> {
  const match = metric.type === 'histogram' ? `${metric.name}_bucket` : metric.name;
  const series = await get<Readonly<Record<string, string>>[]>('series', { 'match[]': `{__name__=~"${match}|${metric.name}"}`, limit: '2000' }, signal);
  const values = new Map<string, Set<string>>();
  for (const labels of series)
    for (const [k, v] of Object.entries(labels)) if (k !== '__name__') values.set(k, (values.get(k) ?? new Set()).add(v));
  return [...values].map(([name, set]) => ({ name, values: set.size })).sort((a, b) => b.values - a.values || (a.name < b.name ? -1 : 1));
}

/** What one would most likely ask of it. */
export function usualQuestion(metric: Metric): string {
  if (metric.type === 'counter') return `rate(${metric.name}[5m])`;
  if (metric.type === 'histogram') return `histogram_quantile(0.95, sum by (le) (rate(${metric.name}_bucket[5m])))`;
  return metric.name;
}
