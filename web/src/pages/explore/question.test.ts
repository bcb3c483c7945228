import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistake } from './question';

test('the place of a mistake is read from the message', () => {
  assert.deepEqual(mistake(`invalid parameter "query": 1:16: parse error: unexpected right parenthesis ')'`), {
    line: 1,
    column: 16,
    text: "unexpected right parenthesis ')'",
  });
  assert.equal(mistake('query timed out in expression evaluation'), undefined);
});
