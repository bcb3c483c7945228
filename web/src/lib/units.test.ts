import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guessUnit, write, type Unit } from './units';

const CASES: readonly (readonly [string, Unit])[] = [
  ['up', 'none'],
  ['rate(node_network_receive_bytes_total[5m])', 'bytes/s'],
  ['sum by (device) (rate(node_disk_read_bytes_total{device=~"sd.*"}[1m]))', 'bytes/s'],
  ['node_filesystem_avail_bytes', 'bytes'],
  ['node_memory_MemAvailable_bytes', 'memory'],
  ['process_resident_memory_bytes', 'memory'],
  ['node_filesystem_avail_bytes / node_filesystem_size_bytes', 'ratio'],
  ['100 * node_filesystem_avail_bytes / node_filesystem_size_bytes * 100', 'none'],
  ['rate(node_cpu_seconds_total[5m])', 'ratio'],
  ['histogram_quantile(0.95, sum by (le, model) (rate(separation_duration_seconds_bucket[5m])))', 'seconds'],
  ['scrape_duration_seconds', 'seconds'],
  ['rate(http_requests_total[5m])', '/s'],
  ['count(node_cpu_seconds_total)', 'none'],
  ['node_boot_time_seconds', 'moment'],
  ['time() - node_boot_time_seconds', 'seconds'],
  ['node_hwmon_temp_celsius', 'celsius'],
  ['rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])', 'seconds'],
];

for (const [expr, unit] of CASES)
  test(`${expr} is in ${unit}`, () => {
    assert.equal(guessUnit(expr), unit);
  });

test('values are written in their unit', () => {
  assert.equal(write(0.5, 'ratio'), '50\u00a0%');
  assert.equal(write(1500, 'bytes/s'), '1.5\u00a0kB/s');
  assert.equal(write(Number.NaN, 'seconds'), 'not measured');
});
