import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busy, changesIn, lanesOf, type Happening } from './events';

const span = { from: 100, to: 200 };
const event = (over: Partial<Happening>): Happening => ({ id: 1, kind: 'job', start: 110, end: 120, labels: { job: 'soundbox', model: 'music', status: 'done' }, text: 'x', ...over });

test('changes are what began in the span, and no jobs', () => {
  const list = [event({}), event({ kind: 'restart', start: 150 }), event({ kind: 'config', start: 50, end: 150 })];
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
