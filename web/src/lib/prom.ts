/* prom: the shapes of the Prometheus HTTP API that the page reads. */

export type Labels = Readonly<Record<string, string>>;
export type Point = readonly [number, string];

export interface InstantSeries { readonly metric: Labels; readonly value?: Point }
export interface RangeSeries { readonly metric: Labels; readonly values?: readonly Point[] }

export type InstantData =
  | { readonly resultType: 'vector'; readonly result: readonly InstantSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Point };
export interface RangeData { readonly resultType: 'matrix'; readonly result: readonly RangeSeries[] }

export interface Target {
  readonly labels: Labels;
  readonly discoveredLabels?: Labels;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
  readonly lastScrape: string;
  readonly lastScrapeDuration: number;
  readonly health: string;
  readonly scrapeInterval?: string;
  readonly scrapeTimeout?: string;
  // earshot's own additions
  readonly lastSamples?: number;
  readonly collector?: string;
  readonly cost?: Cost;
  readonly tunnel?: { readonly host: string; readonly state: string };
}
/** Since it became a target. */
export interface Cost {
  readonly cpuSeconds: number;
  readonly cpuRatio: number; // of a core, lately
  readonly readBytes: number;
  readonly cycles: number;
}
export interface Tunnel {
  readonly host: string;
  readonly address: string;
  readonly state: string;
  readonly up: boolean;
  readonly words: string;
  readonly since: string;
  readonly reconnects: number;
}
export interface Targets {
  readonly tunnels?: readonly Tunnel[];
  readonly activeTargets: readonly Target[] | null;
  readonly droppedTargets?: readonly { readonly discoveredLabels: Labels }[] | null;
}

export interface Metadata { readonly type: string; readonly help: string; readonly unit?: string }

/** NaN for what is no number. */
export function num(text: string | undefined): number {
  if (text === undefined) return Number.NaN;
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return text === '' ? Number.NaN : Number(text);
}

/** The one value of an answer to an instant query; undefined when there is none. */
export function single(data: InstantData): number | undefined {
  if (data.resultType !== 'vector') return num(data.result[1]);
  const first = data.result[0];
  return first?.value ? num(first.value[1]) : undefined;
}

/** Label value as it stands inside quotes in PromQL. */
export function quoted(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}
