import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '../../lib/prom';
import { bytesRead, extra, grouped, matching, sorted, toRow, tunnelWords } from './rows';

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

const tunnel = (over: object) => ({ host: 'far', address: 'me@far:22', state: 'connected', up: true, words: '', since: '2026-01-01T00:00:00Z', reconnects: 0, ...over });

test('a tunnel stands above what is reached through it', () => {
  const direct = toRow(target({}));
  const behind = toRow(target({ labels: { job: 'flower', instance: 'far:5555' }, tunnel: { host: 'far', state: 'connected' } }));
  const dead = toRow(target({ health: 'down', lastError: 'far end refused: 5432', labels: { job: 'pg', instance: 'far:5432' }, tunnel: { host: 'far', state: 'connected' } }));
  const groups = grouped([direct, behind, dead], [tunnel({})]);
  assert.deepEqual(groups.map((g) => [g.tunnel?.host, g.rows.length]), [[undefined, 1], ['far', 2]]);
  assert.equal(dead.plain, 'far end refused: 5432');
  const now = Date.parse('2026-01-03T01:00:00Z') / 1000;
  assert.equal(tunnelWords({ tunnel: tunnel({ reconnects: 1 }), rows: [behind, dead] }, now).replaceAll('\u00a0', ' '), 'Tunnel up for 2 d 1 h, 1 of 2 targets answers through it; connected again once.');
  assert.match(tunnelWords({ tunnel: tunnel({ up: false, state: 'refused', words: 'Nothing listens on port 22.' }), rows: [] }, now), /^Tunnel down for .*: Nothing listens on port 22\.$/);
  assert.equal(grouped([direct], [tunnel({})]).length, 1); // nothing is behind it
});

test('a target whose tunnel is not told of is not lost', () => {
  const row = toRow(target({ tunnel: { host: 'gone', state: 'unknown' } }));
  assert.equal(grouped([row], [])[0]?.rows.length, 1);
});

test('what tells a target from others is said once', () => {
  assert.equal(extra(toRow(target({}))), '');
  assert.equal(extra(toRow(target({ scrapeUrl: '', labels: { job: 'redis', instance: 'a:1', zone: 'z' } }))), 'a:1 z');
  const behind = { scrapeUrl: '', collector: 'host-slow', tunnel: { host: 'far', state: 'connected' } };
  assert.equal(extra(toRow(target({ ...behind, labels: { job: 'node', instance: 'far', host: 'far', collector: 'host-slow' } }))), '');
});

test('bytes are those of one cycle', () => {
  const cost = { cpuSeconds: 1, cpuRatio: 0.001, readBytes: 3000, cycles: 3 };
  assert.equal(bytesRead(toRow(target({ cost }))), 1000);
  assert.equal(bytesRead(toRow(target({ cost: { ...cost, readBytes: 0 } }))), undefined);
});
