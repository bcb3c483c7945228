import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parts } from './explain';

test('an expression falls into its parts, the whole first', () => {
  const p = parts('sum(rate(a[5m])) - b > 50');
  assert.deepEqual(
    p.map((x) => [x.depth, x.text]),
    [
      [0, 'sum(rate(a[5m])) - b > 50'],
      [1, 'sum(rate(a[5m])) - b'],
      [2, 'sum(rate(a[5m]))'],
      [3, 'rate(a[5m])'],
      [4, 'a'],
      [2, 'b'],
    ],
  );
  assert.deepEqual(p[1]?.children, [2, 5]);
});
