import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aligned, fixed, last, niceStep, parseDuration, parseRange, rangeParams, resolve } from './range';

test('a range survives the URL and comes back', () => {
  for (const r of [last(900), last(5400), last(7_776_000), fixed(1_795_300_000, 1_795_303_600)]) {
    const p = rangeParams(r);
    assert.deepEqual(parseRange(p.range ?? undefined, p.from ?? undefined, p.to ?? undefined), r);
  }
});

test('what is no range is refused, not guessed', () => {
  assert.equal(parseRange('now-', undefined, undefined), undefined);
  assert.equal(parseRange('1h', undefined, undefined), undefined);
  assert.equal(parseRange(undefined, 'yesterday-ish', '2'), undefined);
  assert.equal(parseDuration('1h!'), undefined);
  assert.equal(parseDuration('1h30m'), 5400);
});

test('ends are put in order', () => {
  assert.deepEqual(resolve(fixed(20, 10), 99), { from: 10, to: 20 });
});

test('a step is round and gives few enough points', () => {
  assert.equal(niceStep({ from: 0, to: 3600 }, 240), 15);
  assert.equal(niceStep({ from: 0, to: 60 }, 240), 1);
  assert.deepEqual(aligned({ from: 103, to: 209 }, 10), { from: 100, to: 200 });
});
