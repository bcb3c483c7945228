#!/usr/bin/env python3
"""What it costs to look through logs, beside mtail, in one run on this machine.

usage: logs.py [speed|store|long]... [--json FILE]

  speed   512 MB of lines that all differ, 50 patterns of which none matches: megabytes a CPU second (the peer: 64 MB of them)
  store   128 MB of the same, of two days, kept: lines a second from the first that is stored to the last
  long    10 GB read, as ten files of 1 GB that take each other's name: the most memory it ever had

The peer is Debian's mtail. CPU seconds vary by a third with the load beside them: compare ratios.
"""
import argparse
import http.client
import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
import urllib.parse

import run

BLOCK = 64 << 20
DAY = b'2025-03-01'
PATTERNS = [p % n for n in range(10) for p in (
    r'error %d: lost (?P<what>\S+)', r'job (?P<id>\S+) number%d failed', r'worker%d (crashed|died)', r'timeout after %d ?s\b',
    r'memory%d: (?P<n>[\d.]+) ?GB')]


LINES = 'sum(earshot_log_lines_total{source="big"})'


def varied():
    """64 MB of lines as programs write them within an hour of one day, no two alike"""
    dice = random.Random(7)
    words = [''.join(dice.choice('abcdefghijklmnopqrstuvwxyz') for _ in range(dice.randint(3, 10))) for _ in range(4000)]
    lines, size, ms = [], 0, 8 * 3600000
    while size < BLOCK:
        ms += dice.randint(1, 10)
        line = '%s %02d:%02d:%02d,%03d %-8s %s[%d]: %s %s=%d\n' % (
            DAY.decode(), ms // 3600000, ms // 60000 % 60, ms // 1000 % 60, ms % 1000,
            dice.choice(['INFO', 'DEBUG', 'WARNING', 'INFO', 'INFO']), dice.choice(words), dice.randint(1, 40000),
            ' '.join(dice.choices(words, k=dice.randint(4, 14))), dice.choice(words), dice.randint(0, 10 ** 6))
        lines.append(line)
        size += len(line)
    return ''.join(lines).encode()


def write(path, block, blocks):
    with open(path, 'wb') as f:
        for _ in range(blocks):
            f.write(block)
    return len(block) * blocks


def reader(path, start, store='false'):
    text = 'collect:\n  logs:\n  - {name: big, path: %s, start: %s, interval: 10s, timeout: 10s, store: %s, patterns: [\n' % (
        path, start, store)
    text += ''.join("      {event: e%d, match: '%s', severity: error},\n" % (i, p) for i, p in enumerate(PATTERNS))
    return run.earshot(config=text + '    ]}\n')


def value(program, expr):
    c = http.client.HTTPConnection('127.0.0.1', program.port, timeout=10)
    c.request('GET', '/api/v1/query?query=' + urllib.parse.quote(expr))
    result = json.loads(c.getresponse().read())['data']['result']
    c.close()
    return float(result[0]['value'][1]) if result else 0


def live(program, name):
    """what it counts now; its stored samples are those of its interval"""
    c = http.client.HTTPConnection('127.0.0.1', program.port, timeout=10)
    c.request('GET', '/metrics')
    lines = c.getresponse().read().decode().splitlines()
    c.close()
    return sum(float(line.split()[-1]) for line in lines if line.split()[0] == name)


def wait_for(program, expr, least):
    while value(program, expr) < least:
        time.sleep(.5)


def most_memory_mib(program):
    with open('/proc/%d/status' % program.process.pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmHWM')) / 1024


def mtail(folder, path, size):
    """(megabytes a CPU second, MiB) of one pass over the file"""
    names = ['e%d' % i for i in range(len(PATTERNS))]
    run.write(folder, 'all.mtail', ''.join('counter %s\n' % n for n in names) +
              ''.join('/%s/ {\n  %s++\n}\n' % (p, n) for p, n in zip(PATTERNS, names)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(['mtail', '--one_shot', '--progs', os.path.join(folder, 'all.mtail'), '--logs', path, '--port', '0',
                    '--address', '127.0.0.1'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return size / 1e6 / seconds, after.ru_maxrss / 1024


def speed(folder):
    path, block = os.path.join(folder, 'big.log'), varied()
    size = write(path, block, 8)
    ours = reader(path, 'beginning')
    ours.start()
    wait_for(ours, 'sum(earshot_log_lines_total{source="big"})', 1)
    wait_for(ours, 'earshot_logs_read_bytes_total', size - 1000)
    mb_per_s, rss = size / 1e6 / ours.cpu(), most_memory_mib(ours)
    ours.stop()
    peer, peer_rss = mtail(folder, path, write(path, block, 1))  # it is slow
    run.row('logs, 50 patterns that do not match', mb_per_s, 'MB/s', {'mtail': peer})
    run.row('the same, most memory', rss, 'MiB', {'mtail, an eighth of it': peer_rss}, 64)
    os.unlink(path)


def store(folder):
    path, block = os.path.join(folder, 'kept.log'), varied()
    write(path, block, 1)
    with open(path, 'ab') as f:
        f.write(block.replace(DAY, b'2025-03-02'))
    ours, lines = reader(path, 'beginning', 'true'), 2 * block.count(b'\n')
    ours.start()
    while live(ours, 'earshot_logstore_stored_total') == 0:
        time.sleep(.05)
    began, already, cpu = time.monotonic(), live(ours, 'earshot_logstore_stored_total'), ours.cpu()
    while live(ours, 'earshot_logstore_stored_total') < lines - 1:
        time.sleep(.2)
    seconds = time.monotonic() - began
    run.row('logs, lines kept', (lines - already) / seconds, '1/s')
    run.row('the same, for a CPU second', (lines - already) / (ours.cpu() - cpu), '1/s')
    run.row('the same, most memory', most_memory_mib(ours), 'MiB', limit=64)
    ours.stop()
    os.unlink(path)


def long(folder):
    path, block, size = os.path.join(folder, 'long.log'), varied(), 0
    write(path, b'', 1)
    ours = reader(path, 'end')
    ours.start()
    wait_for(ours, 'count(earshot_log_lines_total{source="big"})', 1)
    for i in range(10):
        os.rename(path, path + '.1')
        size += write(path, block, 16)
        wait_for(ours, 'earshot_logs_read_bytes_total', size - 1000)
    run.row('logs, 10 GB in ten files, most memory', most_memory_mib(ours), 'MiB', limit=64)
    run.row('the same, megabytes a CPU second', size / 1e6 / ours.cpu(), 'MB/s')
    want, until = 160 * block.count(b'\n'), time.monotonic() + 60
    while abs(value(ours, LINES) - want) > 1:  # all is read, and the lines are told with the next interval
        if time.monotonic() > until:
            raise SystemExit('%d lines of %d' % (value(ours, LINES), want))
        time.sleep(1)
    ours.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', nargs='*', default=['speed', 'store', 'long'], choices=['speed', 'store', 'long'])
    p.add_argument('--json')
    args = p.parse_args()
    for what in args.what:
        folder = tempfile.mkdtemp(prefix='bench-logs-')
        try:
            {'speed': speed, 'store': store, 'long': long}[what](folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if args.json:
        with open(args.json, 'w', encoding='utf-8') as f:
            json.dump(run.ROWS, f, indent=1)


if __name__ == '__main__':
    main()
