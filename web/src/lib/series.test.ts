import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, colours, distinguishing, folded, fullName, onGrid, shortName, stats, type Line } from './series';

test('the order of labels and of series changes neither key nor colour', () => {
  assert.equal(canonical({ b: '2', a: '1' }), canonical({ a: '1', b: '2' }));
  const keys = ['x', 'y', 'z', 'w', 'v'];
  const forward = colours(keys);
  const backward = colours([...keys].reverse());
  for (const k of keys) assert.equal(forward.get(k), backward.get(k));
});

test('ten series have ten colours', () => {
  const keys = Array.from({ length: 10 }, (_, i) => `s${i}`);
  assert.equal(new Set(colours(keys).values()).size, 10);
});

test('a name says what differs', () => {
  const all = [{ __name__: 'up', job: 'a', dc: 'x' }, { __name__: 'up', job: 'b', dc: 'x' }];
  const telling = distinguishing(all);
  assert.deepEqual(telling, ['job']);
  assert.equal(shortName(all[0] ?? {}, telling, 'e'), 'a');
  assert.equal(shortName({}, [], 'sum(up)'), 'sum(up)');
  assert.equal(fullName({ __name__: 'up', job: 'a' }), 'up{job="a"}');
});

test('the fewest and shortest labels tell series apart', () => {
  const all = [{ job: 'a', instance: '127.0.0.1:1' }, { job: 'b', instance: '127.0.0.1:2' }];
  assert.deepEqual(distinguishing(all), ['job']);
  assert.deepEqual(distinguishing([{ cpu: '0', mode: 'x' }, { cpu: '0', mode: 'y' }, { cpu: '1', mode: 'x' }]), ['cpu', 'mode']);
});

test('figures leave out what was not measured', () => {
  assert.deepEqual(stats([1, null, 3, Number.NaN]), { min: 1, mean: 2, max: 3, last: 3 });
  assert.equal(stats([null]), undefined);
});

test('beyond ten, the nine largest stay and the rest is one line', () => {
  const lines: Line[] = Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, labels: {}, values: [i, i] }));
  const mean = folded(lines, false);
  assert.equal(mean.shown.length, 9);
  assert.equal(mean.rest.length, 31);
  assert.deepEqual(mean.others, [15, 15]);
  assert.equal(folded(lines, true).others[0], 465);
  assert.equal(folded(lines.slice(0, 10), false).rest.length, 0);
});

test('points land on their step and gaps stay gaps', () => {
  assert.deepEqual(onGrid([[100, '1'], [120, '3']], 100, 10, 3, Number), [1, null, 3]);
});
