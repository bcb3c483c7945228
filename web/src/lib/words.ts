/* words: numbers, durations and times as people read them.
 *
 * Three significant digits, a no-break space before the unit, two units of time at most, a true
 * minus, never NaN, null or a lone dash. RAM counts in powers of 1024, disk and network in powers
 * of 1000; both are written GB. Times are local, 24 h. */

const NB = '\u00a0';
const MINUS = '\u2212';
export const NOT_MEASURED = 'not measured';

/** Three significant digits without needless zeros; no exponent between 1e-6 and 1e15. */
export function digits(n: number): string {
  if (Number.isNaN(n)) return NOT_MEASURED;
  if (!Number.isFinite(n)) return n > 0 ? 'endless' : `${MINUS}endless`;
  const a = Math.abs(n);
  if (a === 0) return '0';
  const sign = n < 0 ? MINUS : '';
  if (a >= 100) return sign + String(Math.round(a));
  const text = a < 1e-6 ? a.toExponential(1).replace('-', MINUS) : a.toFixed(decimals(a));
  return sign + (text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text);
}

function decimals(a: number): number {
  const whole = Math.floor(Math.log10(a)) + 1; // digits before the point; <= 0 below 1
  return Math.min(8, Math.max(0, 3 - whole));
}

function scaled(n: number, base: number, names: readonly string[]): string {
  if (!Number.isFinite(n)) return digits(n);
  let i = 0;
  let v = n;
  while (Math.abs(v) >= 999.5 && i < names.length - 1) {
    v /= base;
    i++;
  }
  const unit = names[i] ?? '';
  return unit ? `${digits(v)}${NB}${unit}` : digits(v);
}

/** 999, 1.2 k, 14.1 M */
export function figure(n: number): string {
  return scaled(n, 1000, ['', 'k', 'M', 'G', 'T', 'P']);
}

/** Whole things: in full with commas under 10,000. */
export function count(n: number): string {
  if (!Number.isFinite(n) || Math.abs(n) >= 10_000) return figure(n);
  const whole = Math.round(n);
  const text = String(Math.abs(whole)).replace(/\B(?=(\d{3})+$)/, ',');
  return whole < 0 ? MINUS + text : text;
}

/** Files, disks, networks: powers of 1000. */
export function bytes(n: number): string {
  return scaled(n, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** RAM: powers of 1024. */
export function memory(n: number): string {
  return scaled(n, 1024, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** A share of one: 93 %, 99.97 %; 100 % only when it is all of it. */
export function percent(ratio: number): string {
  if (!Number.isFinite(ratio)) return digits(ratio);
  const p = ratio * 100;
  if (p > 99 && p < 100) return `${cut(p)}${NB}%`;
  const text = Math.abs(p) >= 10 ? digits(Math.round(p)) : digits(Math.round(p * 10) / 10);
  return `${text}${NB}%`;
}

/** 99 < p < 100: as many nines as it takes (two at most), cut, never rounded up. */
function cut(p: number): string {
  return (Math.floor(p * 100 + 1e-9) / 100).toFixed(2).replace(/\.?0+$/, '');
}

const STEPS: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Seconds: 31 ms, 8.4 s, 11 min 40 s, 2 h 46 min, 6 d 4 h. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return digits(seconds);
  const a = Math.abs(seconds);
  const sign = seconds < 0 ? MINUS : '';
  if (a === 0) return `0${NB}s`;
  if (a < 1e-3) return `${sign}${digits(a * 1e6)}${NB}\u00b5s`;
  if (a < 0.9995) return `${sign}${digits(a * 1e3)}${NB}ms`;
  if (a < 59.95) return `${sign}${digits(Math.round(a * 10) / 10)}${NB}s`;
  return sign + twoUnits(a);
}

function twoUnits(a: number): string {
  const first = STEPS.findIndex(([size]) => Math.round(a) >= size);
  const [big, bigName] = STEPS[first] ?? [1, 's'];
  const next = STEPS[first + 1];
  if (!next) return `${Math.round(a)}${NB}s`;
  const [small, smallName] = next;
  let whole = Math.floor(a / big);
  let rest = Math.round((a - whole * big) / small);
  if (rest * small >= big) {
    whole++;
    rest = 0;
    const above = STEPS[first - 1];
    if (above && whole * big >= above[0]) return `1${NB}${above[1]}`;
  }
  const head = `${whole}${NB}${bigName}`;
  return rest ? `${head} ${rest}${NB}${smallName}` : head;
}

/** The same in the short form of a query: 15m, 1h30m, 90d. */
export function shortDuration(seconds: number): string {
  let rest = Math.round(seconds);
  let out = '';
  for (const [size, unit] of [[86_400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']] as const) {
    const n = Math.floor(rest / size);
    if (n) out += `${n}${unit}`;
    rest -= n * size;
  }
  return out || '0s';
}

const two = (n: number): string => String(n).padStart(2, '0');
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Seconds since 1970 -> 14:06, or 14:06:30. */
export function clock(ts: number, withSeconds = false): string {
  const d = new Date(ts * 1000);
  const hm = `${two(d.getHours())}:${two(d.getMinutes())}`;
  return withSeconds ? `${hm}:${two(d.getSeconds())}` : hm;
}

/** Sat 21 Nov */
export function day(ts: number): string {
  const d = new Date(ts * 1000);
  return `${DAYS[d.getDay()] ?? ''}${NB}${d.getDate()}${NB}${MONTHS[d.getMonth()] ?? ''}`;
}

/** Clock time, with the day when it is not today's, with the year when it is not this year's. */
export function when(ts: number, now: number, withSeconds = false): string {
  const at = new Date(ts * 1000);
  const today = new Date(now * 1000);
  const time = clock(ts, withSeconds);
  if (at.toDateString() === today.toDateString()) return time;
  const year = at.getFullYear() === today.getFullYear() ? '' : ` ${at.getFullYear()}`;
  return `${day(ts)}${year}, ${time}`;
}

/** 1 target, 3 targets */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)}${NB}${n === 1 ? one : many}`;
}

const SMALL = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];
/** A number that begins a sentence. */
export function spelled(n: number): string {
  return SMALL[n] ?? count(n);
}
