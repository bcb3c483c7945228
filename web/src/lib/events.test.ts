import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busy, changesIn, clipsOf, clusters, isAbout, lanesOf, ruledAt, type Happening } from './events';

const span = { from: 100, to: 200 };
const event = (over: Partial<Happening>): Happening => ({ id: 1, kind: 'job', start: 110, end: 120, labels: { job: 'soundbox', model: 'music', status: 'done' }, text: 'x', ...over });

test('changes are what began in the span', () => {
  const list = [event({ kind: 'restart', start: 150 }), event({ kind: 'config', start: 50, end: 150 })];
  assert.deepEqual(changesIn(list, span).map((e) => e.kind), ['restart']);
});

test('jobs stand in the lane of their model, cut to the span', () => {
  const list = [
    event({ start: 50, end: 120 }),
    event({ end: null, labels: { job: 'soundbox', model: 'tts', status: 'processing' } }),
    event({ labels: { job: 'soundbox', model: 'music', status: 'Failed' } }),
    event({ labels: { job: 'other', status: 'done' } }),
  ];
  const lanes = lanesOf(list, span, new Set(['soundbox']));
  assert.deepEqual(lanes.map((l) => [l.name, l.clips.length]), [['music', 2], ['tts', 1]]);
  assert.deepEqual(lanes[0]?.clips.map((c) => [c.from, c.to, c.failed]), [[100, 120, false], [110, 120, true]]);
  assert.deepEqual(lanes[1]?.clips.map((c) => [c.to, c.open]), [[200, true]]);
  assert.equal(lanesOf(list, span, new Set()).length, 3); // of all services
});

test('many short jobs become the share of time that they take', () => {
  const clips = [{ from: 100, to: 125, failed: false, open: false, text: '' }, { from: 160, to: 170, failed: false, open: false, text: '' }];
  assert.deepEqual(busy(clips, span, 4), [1, 0, 0.4, 0]);
});

test('an event belongs to the target that it names, or to all', () => {
  const target = { job: 'soundbox', instance: 'a:1' };
  assert.equal(isAbout(event({ labels: { job: 'soundbox', instance: 'a:1', model: 'x' } }), target), true);
  assert.equal(isAbout(event({ labels: { job: 'soundbox', instance: 'a:2' } }), target), false);
  assert.equal(isAbout(event({ labels: { job: 'other' } }), target), false);
  assert.equal(isAbout(event({ labels: {} }), target), true);
  assert.equal(clipsOf([event({}), event({ labels: { job: 'other' } })], span, target).length, 1);
});

test('changes that stand too near share a mark', () => {
  const at = (...starts: number[]): Happening[] => starts.map((start) => event({ start }));
  assert.deepEqual(clusters(at(150, 100, 104, 109, 111), (t) => t, 10).map((c) => c.map((e) => e.start)), [[100, 104, 109], [111], [150]]);
});

test('lines of changes stand where their steps do, also when the line begins later', () => {
  assert.deepEqual(ruledAt([0.75, 0.5, 0.505], 101, 101, 0.02), [0.5, 0.75]);
  assert.deepEqual(ruledAt([0.25, 0.75], 101, 51, 0.02), [0.5]); // the first half is not shown
  assert.deepEqual(ruledAt([0.5], 1, 1, 0.02), []);
});
