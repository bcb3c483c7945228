import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as w from './words';

/** No-break spaces as plain ones, so that the cases below can be read. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

function cases(name: string, f: (n: number) => string, list: readonly (readonly [number, string])[]) {
  test(name, () => {
    for (const [n, expected] of list) assert.equal(plain(f(n)), expected, `${name}(${n})`);
  });
}

cases('figure', w.figure, [
  [0, '0'], [999, '999'], [999.6, '1 k'], [1234, '1.23 k'], [14_100_000, '14.1 M'], [0.41, '0.41'],
  [-1.8, '\u22121.8'], [12.345, '12.3'], [0.000123, '0.000123'], [Number.NaN, 'not measured'],
]);
cases('count', w.count, [
  [3008, '3,008'], [9999, '9,999'], [10_000, '10 k'], [14, '14'], [-1200, '\u22121,200'],
]);
cases('bytes', w.bytes, [[4_200_000_000, '4.2 GB'], [999, '999 B'], [1500, '1.5 kB']]);
cases('memory', w.memory, [[24 * 2 ** 30, '24 GB'], [21.5 * 2 ** 20, '21.5 MB']]);
cases('percent never rounds up to all', w.percent, [
  [0.93, '93 %'], [0.9997, '99.97 %'], [0.99999, '99.99 %'], [1, '100 %'], [0, '0 %'],
  [0.034, '3.4 %'], [0.996, '99.6 %'], [0.3, '30 %'],
]);
cases('duration', w.duration, [
  [0.031, '31 ms'], [8.4, '8.4 s'], [700, '11 min 40 s'], [9960, '2 h 46 min'],
  [533_000, '6 d 4 h'], [3600, '1 h'], [59.99, '1 min'], [3599.9, '1 h'], [0.000031, '31 \u00b5s'],
  [86_399, '1 d'], [90 * 86_400, '90 d'],
]);
cases('shortDuration', w.shortDuration, [[900, '15m'], [5400, '1h30m'], [7_776_000, '90d'], [0, '0s']]);

test('times show the day only when it is another one', () => {
  const noon = Date.UTC(2026, 10, 21, 12, 0, 5) / 1000; // the runner sets TZ=UTC
  assert.equal(plain(w.when(noon, noon + 60)), '12:00');
  assert.equal(plain(w.when(noon, noon + 60, true)), '12:00:05');
  assert.equal(plain(w.when(noon, noon + 86_400)), 'Sat 21 Nov, 12:00');
  assert.equal(plain(w.when(noon, noon + 400 * 86_400)), 'Sat 21 Nov 2026, 12:00');
});

test('plurals', () => {
  assert.equal(plain(w.plural(1, 'target')), '1 target');
  assert.equal(plain(w.plural(3008, 'sample')), '3,008 samples');
});
