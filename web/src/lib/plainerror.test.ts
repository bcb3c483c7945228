import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainError } from './plainerror';

const CASES: readonly (readonly [string, RegExp])[] = [
  ['Get "http://a:1/metrics": dial tcp 192.0.2.1:1: connect: connection refused', /Nothing listens/],
  ['dial tcp: lookup a.invalid on 10.0.0.1:53: no such host', /DNS/],
  ['context deadline exceeded', /in time/],
  ['server returned HTTP status 404 Not Found', /404/],
  ['connect: no route to host', /no route/],
  ['x509: certificate signed by unknown authority', /not trusted/],
  ['expected label name, got "INVALID"', /cannot be read/],
];
for (const [text, expected] of CASES)
  test(text, () => {
    assert.match(plainError(text) ?? '', expected);
  });

test('an error nobody knows is left as it is', () => {
  assert.equal(plainError('the moon is full'), undefined);
});

test('our own words are not said another way', () => {
  assert.equal(plainError('tunnel to win-whisper is down: connection refused'), undefined);
  assert.equal(plainError('host-slow has not come back yet: it waits for a dead network mount, a sleeping disk or a sensor'), undefined);
});
