import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistake, picture } from './question';

test('the place of a mistake is read from the message', () => {
  assert.deepEqual(mistake(`invalid parameter "query": 1:16: parse error: unexpected right parenthesis ')'`), {
    line: 1,
    column: 16,
    text: "unexpected right parenthesis ')'",
  });
  assert.equal(mistake('query timed out in expression evaluation'), undefined);
});

test('hiding lines changes no colour, and no two drawn lines share one', () => {
  const all = Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, name: '', labels: {}, values: [i] }));
  const whole = picture(all, all, false);
  assert.equal(new Set(whole.shown.map((l) => l.colour)).size, 9);
  const of = new Map(whole.shown.map((l) => [l.key, l.colour]));
  for (const l of picture(all, all.slice(24), false).shown) assert.equal(l.colour, of.get(l.key));
});
