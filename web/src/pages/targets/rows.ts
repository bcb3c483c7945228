/* rows: targets with their state in words, and the filters over them. */
import { plainError } from '../../lib/plainerror';
import type { Target, Tunnel } from '../../lib/prom';
import { parseDuration } from '../../lib/range';
import { duration, plural, when } from '../../lib/words';
import type { State } from '../../parts/state';

export type Filter = 'all' | 'unwell' | 'dropped';
export interface TargetRow {
  readonly target: Target;
  readonly job: string;
  readonly instance: string;
  readonly state: State;
  readonly word: string;
  readonly plain: string;
  readonly detail: string; // the original text, when plain says it another way
}

const SLOW_SHARE = 0.5; // of its timeout

/** "1.5s" and "500ms" too, which parseDuration does not read. */
function seconds(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const ms = /^(\d+)ms$/.exec(text);
  return ms ? Number(ms[1]) / 1000 : parseDuration(text);
}

export function toRow(target: Target): TargetRow {
  const { job = target.scrapePool, instance = '' } = target.labels;
  const base = { target, job, instance };
  const error = target.lastError.trim();
  if (target.health === 'up') {
    const timeout = seconds(target.scrapeTimeout);
    const took = target.lastScrapeDuration;
    if (error) return { ...base, state: 'warning', word: 'Partial', plain: plainError(error) ?? error, detail: error };
    if (timeout && took > timeout * SLOW_SHARE)
      return { ...base, state: 'warning', word: 'Slow', plain: `Answers in ${duration(took)} of ${duration(timeout)} allowed.`, detail: '' };
    return { ...base, state: 'ok', word: 'Up', plain: 'fine', detail: '' };
  }
  if (target.health !== 'down') return { ...base, state: 'pending', word: 'Pending', plain: 'Not asked yet.', detail: '' };
  const plain = plainError(error);
  return { ...base, state: 'critical', word: 'Down', plain: plain ?? (error || 'It gave no reason.'), detail: plain ? error : '' };
}

const ORDER: readonly State[] = ['critical', 'warning', 'pending', 'ok'];

/** Worst first, then by job and instance. */
export function sorted(rows: readonly TargetRow[]): TargetRow[] {
  const key = (r: TargetRow): string => `${ORDER.indexOf(r.state)}\u0000${r.job}\u0000${r.instance}`;
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** A tunnel and the targets behind it; without tunnel: those that are reached directly. */
export interface Group {
  readonly tunnel?: Tunnel;
  readonly rows: readonly TargetRow[];
}

/** Targets reached directly first, then each tunnel, the ones that are down first. */
export function grouped(rows: readonly TargetRow[], tunnels: readonly Tunnel[]): Group[] {
  const known = new Set(tunnels.map((t) => t.host));
  const direct = rows.filter((r) => !known.has(r.target.tunnel?.host ?? ''));
  const behind = [...tunnels]
    .sort((a, b) => Number(a.up) - Number(b.up))
    .map((tunnel) => ({ tunnel, rows: rows.filter((r) => r.target.tunnel?.host === tunnel.host) }));
  return [...(direct.length ? [{ rows: direct }] : []), ...behind.filter((g) => g.rows.length)];
}

/** What the row of a tunnel says: whether it stands, since when, and who answers through it. */
export function tunnelWords({ tunnel, rows }: { tunnel: Tunnel; rows: readonly TargetRow[] }, now: number): string {
  const since = Date.parse(tunnel.since) / 1000;
  const age = since > 0 && now > since ? ` for ${duration(now - since)}` : '';
  const again = tunnel.reconnects ? `; connected again ${tunnel.reconnects === 1 ? 'once' : plural(tunnel.reconnects, 'time')}` : '';
  if (!tunnel.up) return `Tunnel down${age}${since > 0 ? `, since ${when(since, now)}` : ''}: ${tunnel.words || tunnel.state}`;
  const well = rows.filter((r) => r.target.health === 'up').length;
  return `Tunnel up${age}, ${well} of ${plural(rows.length, 'target')} ${well === 1 ? 'answers' : 'answer'} through it${again}.`;
}

/** Bytes that one cycle reads; undefined when nothing is known of it. */
export function bytesRead({ target }: TargetRow): number | undefined {
  const { readBytes = 0, cycles = 0 } = target.cost ?? {};
  return readBytes && cycles ? readBytes / cycles : undefined;
}

export function matching(rows: readonly TargetRow[], filter: Filter, words: string): TargetRow[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((r) => {
    if (filter === 'unwell' && r.state === 'ok') return false;
    const text = `${r.word} ${r.target.collector ?? ''} ${r.target.tunnel?.host ?? ''} ${r.job} ${r.instance} ${r.target.scrapeUrl} ${r.plain} ${r.detail}`.toLowerCase();
    return parts.every((p) => text.includes(p));
  });
}

/** What tells it from others of its job and is not said elsewhere in its row: the instance, unless it is the address or
 *  the machine that the tunnel leads to, and other labels. */
export function extra({ target, instance }: TargetRow): string {
  const { job: _, instance: __, ...rest } = target.labels;
  const said = new Set(['', target.tunnel?.host, target.collector]);
  return [target.scrapeUrl.includes(instance) ? '' : instance, ...Object.values(rest)].filter((v) => !said.has(v)).join(' ');
}
