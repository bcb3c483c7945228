/* units: what an expression measures, guessed from names and functions alone, and how to write it. */
import { bytes, duration, figure, memory, percent } from './words';

export type Unit = 'seconds' | 'bytes' | 'memory' | 'bytes/s' | 'ratio' | '/s' | 'celsius' | 'moment' | 'none';

const COUNTS = /^\s*(count|count_values|group|changes|resets|quantile_over_time|stddev|stdvar|absent|sgn|day_of_\w+|hour|minute|month|year)\b/;
const RATES = /\b(rate|irate|deriv)\s*\(/;

/** Only where it is safe to say; 'none' else. */
export function guessUnit(expr: string): Unit {
  if (COUNTS.test(expr)) return 'none';
  const bare = expr.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^}]*\}|\[[^\]]*\]/g, '');
  const outside = bare.replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const names = [...new Set(outside.match(/[a-zA-Z_:][a-zA-Z0-9_:]*_[a-zA-Z0-9_:]+/g) ?? [])];
  const divided = /[^/]\/[^/]/.test(outside);
  if (/\btime\s*\(\s*\)\s*-/.test(outside) && names.every((n) => /_seconds$|timestamp/.test(n))) return 'seconds';
  if (/_bucket\b/.test(outside) && /histogram_quantile/.test(outside)) return kindOf(names.map((n) => n.replace(/_bucket$/, '')));
  const kind = kindOf(names.filter((n) => !/_(over_time|quantile)$/.test(n) || /^node_|_total$/.test(n)));
  if (divided) return ratioOf(outside, kind, names);
  if (RATES.test(outside)) return rateOf(kind);
  return kind;
}

function kindOf(names: readonly string[]): Unit {
  const kinds = new Set(names.filter((n) => !/^(avg|sum|min|max|last|count|histogram|label|predict)_/.test(n) || n.length > 20).map(kindOfName));
  const [only] = kinds;
  return kinds.size === 1 && only ? only : 'none';
}

function kindOfName(name: string): Unit {
  const n = name.replace(/_(total|sum|created)$/, '');
  if (/(boot|start|end|mtime|timestamp|time)(_time)?_seconds$/.test(n) && !/duration|run_time|cpu|uptime/.test(n) && /timestamp|start_time|boot_time|mtime/.test(n)) return 'moment';
  if (/_seconds$/.test(n)) return 'seconds';
  if (/(memory|memory_\w+|rss|resident_memory|heap\w*|virtual_memory)_bytes$|node_memory_\w+/.test(n)) return 'memory';
  if (/_bytes$/.test(n)) return 'bytes';
  if (/_ratio$/.test(n)) return 'ratio';
  if (/_celsius$/.test(n)) return 'celsius';
  return 'none';
}

/** a/b of one kind is a share; a/scalar keeps its kind only where no factor changes it. */
function ratioOf(expr: string, kind: Unit, names: readonly string[]): Unit {
  const second = /[^/]\/\s*(?:on\s*)?([^)]*)$/.exec(expr)?.[1] ?? '';
  const byMetric = /[a-zA-Z_]/.test(second);
  if (!byMetric || /_count\b/.test(expr)) return /_sum\b/.test(expr) && /_count\b/.test(expr) ? kindOf(names.filter((n) => /_sum$/.test(n))) : 'none';
  return kind !== 'none' && !/\*\s*100\b/.test(expr) ? 'ratio' : 'none';
}

function rateOf(kind: Unit): Unit {
  if (kind === 'seconds') return 'ratio'; // seconds a second: a share of one
  if (kind === 'bytes' || kind === 'memory') return 'bytes/s';
  return kind === 'none' ? '/s' : 'none';
}

const WRITE: Readonly<Record<Unit, (n: number) => string>> = {
  seconds: duration,
  bytes,
  memory,
  'bytes/s': (n) => `${bytes(n)}/s`,
  ratio: percent,
  '/s': (n) => `${figure(n)}\u00a0/\u00a0s`,
  celsius: (n) => `${figure(n)}\u00a0\u00b0C`,
  moment: (n) => new Date(n * 1000).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
  none: figure,
};

export function write(n: number, unit: Unit): string {
  return Number.isFinite(n) ? WRITE[unit](n) : figure(n);
}

export const UNIT_WORDS: Readonly<Record<Unit, string>> = {
  seconds: 'seconds',
  bytes: 'bytes',
  memory: 'bytes',
  'bytes/s': 'bytes a second',
  ratio: 'share of one',
  '/s': 'a second',
  celsius: 'degrees Celsius',
  moment: 'point in time',
  none: '',
};
