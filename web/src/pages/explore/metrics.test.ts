import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fold, usualQuestion } from './metrics';

test('the parts of a histogram are one entry', () => {
  const names = ['d_seconds_bucket', 'd_seconds_sum', 'd_seconds_count', 'up', 'x_total', 'a_count'];
  const meta = { d_seconds: [{ type: 'histogram', help: 'How long.' }] };
  const m = fold(names, meta, new Map([['d_seconds_bucket', 10], ['d_seconds_sum', 1], ['d_seconds_count', 1], ['up', 3]]));
  assert.deepEqual(m.map((x) => [x.name, x.type, x.series]), [
    ['d_seconds', 'histogram', 12],
    ['up', 'unknown', 3],
    ['x_total', 'counter', 0],
    ['a_count', 'unknown', 0],
  ]);
  assert.equal(usualQuestion(m[0] ?? { name: '', type: '', help: '', series: 0 }), 'histogram_quantile(0.95, sum by (le) (rate(d_seconds_bucket[5m])))');
});
