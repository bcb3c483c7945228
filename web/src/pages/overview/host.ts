/* host: which host the page shows, and its tiles' data: sparklines by range queries, figures from
 * the live stream. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ApiError, range as askRange, instant } from '../../lib/api';
import { now } from '../../lib/clocks';
import { back } from '../../lib/connection';
import { refreshes, useData } from '../../lib/data';
import { follow } from '../../lib/live';
import { live, range } from '../../lib/place';
import { num, quoted, type InstantSeries } from '../../lib/prom';
import { aligned, niceStep, parseDuration, resolve, type Span } from '../../lib/range';
import { onGrid, type Value } from '../../lib/series';
import { active, overview, overviewError } from '../../lib/shared';
import { worstDisk } from './disks';
import { TILES, type Answers, type Asking } from './specs';

const SPARK_POINTS = 120;
const RATE_SCRAPES = 4; // a rate needs two samples; four outlive a missed scrape
const REFRESH_MIN_MS = 2000;
const REFRESH_MAX_MS = 30_000;
const SHORTEST_S = 60;

/** The machine earshot runs on; where there is none of it, the first target of job node. */
export function useAsking(): Asking | undefined {
  const name =
    overview.value?.host?.name ?? (overviewError.value ? active.value.find((t) => t.labels['job'] === 'node')?.labels['instance'] : undefined);
  // The job of our own collector may have been renamed; other collectors read this host too.
  const target =
    active.value.find((t) => t.labels['instance'] === name && t.collector === 'host') ??
    active.value.find((t) => t.labels['instance'] === name && t.labels['job'] === 'node');
  const job = target?.labels['job'] ?? 'node';
  const mountpoint = worstDisk()?.mountpoint;
  const interval = parseDuration(target?.scrapeInterval ?? '') ?? 5;
  return useMemo(
    () => (name === undefined ? undefined : { host: `job=${quoted(job)},instance=${quoted(name)}`, window: `${interval * RATE_SCRAPES}s`, mountpoint }),
    [name, job, interval, mountpoint],
  );
}

export interface TileData {
  readonly spark: readonly Value[];
  readonly span: Span | undefined; // of the first and the last of these
  readonly answers: Answers;
  readonly asked: boolean; // an answer came, if an empty one
}

/** Values as they come, by tile and query. */
function useLiveAnswers(asking: Asking | undefined): Readonly<Record<string, Answers>> {
  const [answers, setAnswers] = useState<Readonly<Record<string, Answers>>>({});
  const list = useMemo(
    () => (asking ? TILES.flatMap((t) => Object.entries(t.now).map(([name, q]) => ({ tile: t.id, name, query: q(asking) }))) : []),
    [asking],
  );
  const on = live.value;
  const round = refreshes.value + back.value;
  useEffect(() => {
    if (!list.length) return undefined;
    let waiting: [number, readonly InstantSeries[]][] = [];
    const flush = (): void => {
      const batch = waiting;
      waiting = [];
      setAnswers((old) => {
        const next: Record<string, Answers> = { ...old };
        for (const [i, series] of batch) {
          const q = list[i];
          if (q) next[q.tile] = { ...next[q.tile], [q.name]: series };
        }
        return next;
      });
    };
    const take = (i: number, series: readonly InstantSeries[]): void => {
      if (!waiting.length) requestAnimationFrame(flush);
      waiting.push([i, series]);
    };
    const first = list.map(async (q, i) => {
      try {
        const data = await instant(q.query);
        if (data.resultType === 'vector') take(i, data.result);
      } catch (e) {
        if (e instanceof ApiError) take(i, []); // when nobody answers, the old figures stay
      }
    });
    void Promise.all(first);
    if (!on) return undefined;
    return follow(
      list.map((q) => q.query),
      (i, data) => data.resultType === 'vector' && take(i, data.result),
    );
  }, [list, on, round]);
  return answers;
}

export function useTiles(): Readonly<Record<string, TileData>> | undefined {
  const asking = useAsking();
  const answers = useLiveAnswers(asking);
  const r = range.value;
  /** The range, but not before the first sample: a young store shows its minutes, not an empty day. */
  const watched = (): Span => {
    const { from, to } = resolve(r, now.peek());
    return { from: Math.min(Math.max(from, overview.peek()?.self?.oldest_ts ?? from), to - SHORTEST_S), to };
  };
  const key = asking ? JSON.stringify([asking, r]) : '';
  const sparks = useData(
    key,
    async (signal) => {
      if (!asking) return undefined;
      const whole = watched();
      const step = niceStep(whole, SPARK_POINTS);
      const span = aligned(whole, step);
      const n = Math.round((span.to - span.from) / step) + 1;
      const wide = { ...asking, window: `${Math.max(parseDuration(asking.window) ?? 20, step)}s` };
      const entries = TILES.map(async (t): Promise<[string, readonly Value[]]> => {
        const data = await askRange(t.spark(wide), span, step, signal);
        return [t.id, onGrid(data.result[0]?.values ?? [], span.from, step, n, num)];
      });
      return { span, lines: Object.fromEntries(await Promise.all(entries)) };
    },
    live.value ? Math.min(REFRESH_MAX_MS, Math.max(REFRESH_MIN_MS, niceStep(watched(), SPARK_POINTS) * 1000)) : 0,
  );
  if (!asking) return undefined;
  return Object.fromEntries(
    TILES.map((t) => {
      const a = answers[t.id] ?? {};
      return [t.id, { spark: sparks.value?.lines[t.id] ?? [], span: sparks.value?.span, answers: a, asked: Object.keys(t.now).every((q) => a[q]) }];
    }),
  );
}
