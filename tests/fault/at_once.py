#!/usr/bin/env python3
"""Everything at once: at_once.py BINARY [SECONDS]

Scrapes, remote write, heavy and light queries, federation, cuts and compactions, deletes,
snapshots and reloads go on together for SECONDS (20). Meant for a build with a sanitizer, which must
stay silent; with any build each request must succeed, each acknowledged sample must be there once,
and no target may miss a scrape.
"""
import http.server
import os
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../e2e'))
import remote  # noqa: E402
import server as fixture  # noqa: E402
from server import Server, eventually  # noqa: E402

TARGETS = 8
SERIES = 200


class Stub(http.server.BaseHTTPRequestHandler):
    """some values change with each scrape, some series come and go"""

    def do_GET(self):
        n = int(time.time())
        lines = ['# TYPE load counter'] + ['load{n="%d"} %d' % (i, n if i % 3 else 7) for i in range(SERIES)]
        lines += ['coming_and_going{n="%d"} 1' % (n // 3 % 10)]
        body = ('\n'.join(lines) + '\n').encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain; version=0.0.4')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Busy:
    """work repeated on a thread of its own until the end; every failure is kept"""

    def __init__(self, name, work, every, end):
        self.name, self.work, self.every, self.end = name, work, every, end
        self.rounds, self.failures = 0, []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while time.monotonic() < self.end:
            try:
                self.work(self.rounds)
                self.rounds += 1
            except Exception as e:  # whatever it is, it is a failure of the server
                self.failures.append(repr(e))
            time.sleep(self.every)


def main():
    fixture.BINARY = os.path.abspath(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
    stub = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Stub)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    job = '- {job_name: j%d, static_configs: [{targets: ["127.0.0.1:%d"]}]}\n'
    config = 'global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n' + ''.join(
        job % (i, stub.server_port) for i in range(TARGETS))
    s = Server('--prometheus-config', '{dir}/p.yml', '--late-window', 'unlimited', '--enable-admin-api',
               '--enable-lifecycle', files={'p.yml': config})
    s.start()
    acknowledged = []

    def ask(method, path, wanted=(200, 204), body=None, headers=None):
        status, answer, _ = s.request(method, path, body, headers)
        if status not in wanted:
            raise AssertionError('%s %s: HTTP %d %s' % (method, path, status, answer[:200]))
        return answer

    def write(n):
        now = int(time.time() * 1000)
        ask('POST', '/api/v1/write', body=remote.write_body(
            [({'__name__': 'pushed', 'n': str(i)}, [(now, n)]) for i in range(50)]), headers=remote.HEADERS)
        acknowledged.append(now)

    def query(text):
        return lambda n: ask('GET', '/api/v1/query_range?' + urllib.parse.urlencode(
            {'query': text, 'start': time.time() - 120, 'end': time.time(), 'step': 1}))

    def reload(n):
        with open(os.path.join(s.dir, 'p.yml'), 'w', encoding='utf-8') as f:
            f.write(config + (job % (TARGETS, stub.server_port) if n % 2 else ''))
        ask('POST', '/-/reload')

    end = time.monotonic() + seconds
    busy = [Busy(*work, end) for work in (
        ('remote write', write, .05),
        ('heavy query', query('sum by (n) (rate(load[30s])) / on (n) sum by (n) (load)'), 0),
        ('another heavy query', query('max_over_time(sum by (n) (rate(load[10s]))[60s:5s])'), 0),
        ('light query', lambda n: ask('GET', '/api/v1/query?query=up'), .01),
        ('federation', lambda n: ask('GET', '/federate?match[]=load'), .1),
        ('series', lambda n: ask('GET', '/api/v1/series?match[]=load'), .1),
        ('compaction', lambda n: ask('POST', '/api/v1/admin/tsdb/compact'), 1),
        ('delete', lambda n: ask('POST', '/api/v1/admin/tsdb/delete_series?match[]=coming_and_going'), .7),
        ('clean', lambda n: ask('POST', '/api/v1/admin/tsdb/clean_tombstones'), 2),
        ('snapshot', lambda n: ask('POST', '/api/v1/admin/tsdb/snapshot'), 3),
        ('reload', reload, .9))]
    failed = passed = 0

    def check(good, name, said=''):
        nonlocal failed, passed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print('FAIL %s: %s' % (name, said), flush=True)

    try:
        for b in busy:
            b.thread.join()
            check(b.rounds and not b.failures, b.name, '%d rounds, %d failures: %s' % (
                b.rounds, len(b.failures), b.failures[:2]))
        span = '%ds' % int(seconds + 30)
        counts = {labels['n']: v for labels, v in eventually(lambda: s.query('count_over_time(pushed[%s])' % span))}
        distinct = len(set(acknowledged))
        check(len(counts) == 50 and all(v == distinct for v in counts.values()), 'acknowledged samples',
              '%d sent, %s there' % (distinct, sorted(set(counts.values()))))
        ups = s.query('min_over_time(up{job=~"j[0-%d]"}[%s])' % (TARGETS - 1, span))
        check(len(ups) == TARGETS and all(v == 1 for _, v in ups), 'targets', ups)
        scrapes = [v for _, v in s.query('count_over_time(up{job=~"j[0-%d]"}[%s])' % (TARGETS - 1, span))]
        sanitized = b'Sanitizer' in open(fixture.BINARY, 'rb').read()
        check(sanitized or min(scrapes) >= seconds - 3, 'scrapes', '%s in %d s' % (sorted(scrapes), seconds))
        check(not s.query('coming_and_going{n="none"}'), 'an empty answer')
        status, took = s.stop()
        log = s.log_text()
        check(status == 0 and 'Sanitizer' not in log and 'runtime error' not in log, 'a clean end',
              'status %s after %.1f s: %s' % (status, took, log[-3000:]))
    finally:
        s.close()
        stub.shutdown()
    print('%s' % ', '.join('%s %d' % (b.name, b.rounds) for b in busy))
    print('%d passed, %d failed, 0 skipped' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
