import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthy, runs } from './strip';

test('runs begin at the first sample; gaps after it are no data', () => {
  const r = runs([null, null, 1, 1, 0, null, 1]);
  assert.deepEqual(r, [
    { state: 'ok', from: 2, to: 4 },
    { state: 'critical', from: 4, to: 5 },
    { state: 'nodata', from: 5, to: 6 },
    { state: 'ok', from: 6, to: 7 },
  ]);
  assert.equal(healthy(r), 0.6);
});

test('a target never seen has no share', () => {
  assert.deepEqual(runs([null, null]), []);
  assert.equal(healthy([]), undefined);
});
