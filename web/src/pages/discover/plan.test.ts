import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headline, said, summary, watchedAs, type Found, type FoundState, type Plan } from './plan';

/** No-break spaces as plain ones, so that the cases below can be read. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

const found = (state: FoundState): Found => ({ id: state, title: 'Redis', state, evidence: '', watched: 'memory', needs: null, entry: null, series: null });
const plan = (...states: FoundState[]): Plan => ({
  host: 'studio',
  file: '/e.yml',
  looked_at: { ports: 1, processes: 2, units: 0, unknown_ports: 0, seconds: 0.2 },
  found: states.map(found),
});

test('the headline counts what runs', () => {
  assert.equal(headline(plan('new')), 'One thing runs on studio.');
  assert.equal(headline(plan('new', 'left', 'needs')), 'Three things run on studio.');
});

test('the headline names the machines behind SSH', () => {
  const far = (...hosts: string[]): Plan => ({ ...plan('new'), found: [found('new'), ...hosts.map((host) => ({ ...found('new'), host }))] });
  assert.equal(headline(far('box', 'box')), 'Three things run on studio and box.');
  assert.equal(plain(headline(far('box', 'rack'))), 'Three things run on studio and 2 machines behind SSH.');
});

test('the summary says what accepting would do', () => {
  assert.match(summary(plan('new', 'new')), /^Two can be watched now\. This is the plan/);
  assert.match(summary(plan('new', 'watched')), /^One is watched already, one more can be watched now\./);
  assert.equal(summary(plan('watched', 'left')), 'All that can be watched now is watched.');
  assert.equal(summary(plan('left')), 'Nothing of it can be watched now.');
});

test('a row says what stands in the way', () => {
  assert.equal(watchedAs(found('new')), 'memory');
  assert.equal(watchedAs(found('watched')), 'is watched already');
  assert.equal(watchedAs(found('needs')), 'needs you');
});

test('an answer is told with what became of it', () => {
  assert.equal(plain(said({ file: '/e.yml', added: 2, loaded: true })), 'Wrote 2 entries to /e.yml. It is in use.');
  assert.equal(plain(said({ file: '/e.yml', added: 1, loaded: false, error: 'no' })), 'Wrote 1 entry to /e.yml. The configuration before it stays in use: no');
  assert.equal(plain(said({ file: '/e.yml', taken: 3, changed: 1, loaded: true })), 'Took 3 entries out of /e.yml. 1 that was changed since stays. It is in use.');
  assert.equal(plain(said({ file: '/e.yml', taken: 3, removed: true, loaded: true })), 'Removed /e.yml: all of it was written here. It is in use.');
});
