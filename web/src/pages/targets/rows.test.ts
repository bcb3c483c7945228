import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '../../lib/prom';
import { matching, sorted, toRow } from './rows';

const target = (over: Partial<Target>): Target => ({
  labels: { job: 'node', instance: 'a:1' },
  scrapePool: 'node',
  scrapeUrl: 'http://a:1/metrics',
  lastError: '',
  lastScrape: '',
  lastScrapeDuration: 0.01,
  health: 'up',
  scrapeTimeout: '5s',
  ...over,
});

test('states in words', () => {
  assert.equal(toRow(target({})).word, 'Up');
  assert.equal(toRow(target({ lastScrapeDuration: 2.8 })).plain.replaceAll('\u00a0', ' '), 'Answers in 2.8 s of 5 s allowed.');
  assert.equal(toRow(target({ health: 'unknown' })).word, 'Pending');
  const down = toRow(target({ health: 'down', lastError: 'connect: connection refused' }));
  assert.equal(down.state, 'critical');
  assert.match(down.plain, /Nothing listens/);
  assert.equal(down.detail, 'connect: connection refused');
});

test('the worst stand first, and filters find by any word', () => {
  const rows = sorted([toRow(target({})), toRow(target({ health: 'down', labels: { job: 'nas', instance: 'b:2' } }))]);
  assert.deepEqual(rows.map((r) => r.word), ['Down', 'Up']);
  assert.equal(matching(rows, 'unwell', '').length, 1);
  assert.equal(matching(rows, 'all', 'NAS b:').length, 1);
  assert.equal(matching(rows, 'all', 'nobody').length, 0);
});
