import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grouped } from './marks';

test('changes that stand near each other share a line', () => {
  const marks = [{ x: 100, text: 'b' }, { x: 90, text: 'a' }, { x: 130, text: 'a text that is longer than there is room for' }];
  assert.deepEqual(grouped(marks, 24), [{ x: 90, text: '2 changes' }, { x: 130, text: 'a text that is longer than there is\u2026' }]);
});
