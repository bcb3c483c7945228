#!/usr/bin/env python3
"""Feeds earshot hostile inputs: run.py BINARY [KIND...] [--show]

The kind bad_targets is bad_targets.py: peers that misbehave on purpose. The inputs of the others
(exposition, openmetrics, config, promql, remote_write: the conformance cases) stay outside the
repository, in EARSHOT_CONFORMANCE/hostile, each with its verdict in MANIFEST.tsv. Files of the
scopes in VERDICTS must be judged as the manifest says; all other files must do no harm. Harm is: a
server that dies, hangs over 5 s, grows by more than 256 MB, leaves a sanitizer's report, or
does not answer the next good request. --show prints what the server said to each input.
"""
import base64
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../e2e'))
import bad_targets  # noqa: E402
import server as fixture  # noqa: E402
from server import Server, eventually  # noqa: E402

ROOT = os.path.abspath(os.environ.get('EARSHOT_CONFORMANCE', os.path.join(HERE, '../../../shared/conformance')))
INPUTS = os.path.join(ROOT, 'hostile')
VERDICTS = {'core', 'v1', 'gzip'}
GROWTH_BYTES = 256 << 20
ANSWER_SECONDS = 5
TYPES = {'exposition': 'text/plain; version=0.0.4', 'openmetrics': 'application/openmetrics-text; version=1.0.0; charset=utf-8'}
LIMITLESS = ['--retention', 'unlimited', '--late-window', 'unlimited']


class Tally:
    def __init__(self, show):
        self.passed, self.failed, self.show = 0, 0, show

    def check(self, good, name, said):
        if good:
            self.passed += 1
        else:
            self.failed += 1
        if self.show or not good:
            print('%s %s: %s' % ('ok  ' if good else 'FAIL', name, ' '.join(str(said).split())[:300]), flush=True)


def manifest(kind):
    """[(path, verdict, scope)] of one kind"""
    with open(os.path.join(INPUTS, 'MANIFEST.tsv'), encoding='utf-8') as f:
        rows = [line.rstrip('\n').split('\t')[:3] for line in f][1:]
    return [r for r in rows if r[0].startswith(kind + '/')]


def content(path):
    with open(os.path.join(INPUTS, path), 'rb') as f:
        return f.read()


def resident_bytes(server):
    with open('/proc/%d/status' % server.process.pid, encoding='ascii') as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith('VmHWM'))


class Guard:
    """a server that must come through a whole kind of inputs unharmed"""

    def __init__(self, tally, kind, server):
        self.tally, self.kind, self.server = tally, kind, server

    def __enter__(self):
        self.server.start()
        self.before = resident_bytes(self.server)
        return self.server

    def __exit__(self, error, value, _):
        try:
            if not error:
                self.judge()
                return False
            self.tally.check(False, self.kind, '%s: %s; log: %s' % (error.__name__, value, self.server.log_text()[-1500:]))
            return issubclass(error, (OSError, http.client.HTTPException, AssertionError))
        finally:
            self.server.close()

    def judge(self):
        grown = resident_bytes(self.server) - self.before
        with open(fixture.BINARY, 'rb') as f:
            sanitized = b'AddressSanitizer' in f.read()  # its memory says nothing
        self.tally.check(grown < GROWTH_BYTES or sanitized, self.kind + ': memory', 'grown by %d MiB' % (grown >> 20))
        started = time.monotonic()
        self.tally.check(self.server.query('vector(1)') and time.monotonic() - started < 1, self.kind + ': next good request', '')
        status, _ = self.server.stop()
        log = self.server.log_text()
        self.tally.check(status == 0 and 'Sanitizer' not in log and 'runtime error' not in log,
                         self.kind + ': a clean end', 'status %s %s' % (status, log[-1500:]))


def scraped(tally, kind):
    """each file at a target of its own; the verdict is the target's `up`"""
    files = manifest(kind)

    class Stub(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.lstrip('/')
            body = b'good 1\n' if path == 'good' else content(path)
            self.send_response(200)
            self.send_header('Content-Type', TYPES['exposition' if path == 'good' else kind])
            if path.endswith('.gz'):
                self.send_header('Content-Encoding', 'gzip')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # the server may hang up on a bomb

        def log_message(self, *_):
            pass

    class Listener(http.server.ThreadingHTTPServer):
        request_queue_size = 512  # all targets may come at once
    stub = Listener(('127.0.0.1', 0), Stub)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    jobs = ''.join('- {job_name: "%d", metrics_path: "/%s", static_configs: [{targets: ["127.0.0.1:%d"]}]}\n' %
                   (i, path, stub.server_port) for i, path in enumerate([f[0] for f in files] + ['good']))
    text = 'global: {scrape_interval: 2s, scrape_timeout: 2s, body_size_limit: 16MB}\nscrape_configs:\n' + jobs
    with Guard(tally, kind, Server('--prometheus-config', '{dir}/p.yml', *LIMITLESS, files={'p.yml': text})) as server:
        eventually(lambda: len(server.query('up{job!="earshot"}')) == len(files) + 1, 30)
        time.sleep(4)  # twice over all of them
        up = {labels['job']: value for labels, value in server.query('up')}
        why = {t['labels']['job']: t['lastError'] for t in server.api('targets')['activeTargets']}
        for i, (path, verdict, scope) in enumerate(files):
            if scope in VERDICTS:
                tally.check(up[str(i)] == (verdict == 'valid'), '%s [%s]' % (path, verdict), why[str(i)])
        tally.check(up[str(len(files))] == 1, kind + ': a good target beside them', why[str(len(files))])
    stub.shutdown()


def config(tally, kind):
    """each file as --prometheus-config; the verdict is ready, or exit status 2 and a line of the file"""
    for path, verdict, scope in manifest(kind):
        flags = ['--alertmanager-config'] if scope.startswith(('am-', 'alertmanager')) else ['--prometheus-config']
        if flags[0] == '--alertmanager-config':
            continue  # of a later issue
        server = Server(*flags, '{dir}/p.yml', files={'p.yml': content(path)})
        server.log = open(os.path.join(server.dir, 'log'), 'ab')
        p = subprocess.Popen(server.command(), stdin=subprocess.DEVNULL, stdout=server.log, stderr=server.log)
        server.process = p

        def decided():
            try:
                return p.poll() is not None or server.get('/-/ready')[0] == 200
            except OSError:
                return False
        try:
            hung = False
            eventually(decided, ANSWER_SECONDS, .01)
        except AssertionError:
            hung = True
        status = p.poll()
        if status is None:
            p.terminate()
            p.wait(20)
        said = server.log_text().replace(server.dir + '/', '')
        harmless = not hung and status in (None, 2) and 'Sanitizer' not in said
        judged = status == 2 and 'p.yml:' in said if verdict == 'invalid' else status is None
        tally.check(harmless and (judged or scope not in VERDICTS), '%s [%s %s]' % (path, verdict, scope),
                    'hangs' if hung else 'status %s: %s' % (status, said))
        server.close()


def promql(tally, kind):
    """each line as a query; invalid: 400 bad_data; valid: an answer or a clean refusal for its cost"""
    with Guard(tally, kind, Server(*LIMITLESS)) as server:
        for path, verdict, _ in manifest(kind):
            for number, line in enumerate(content(path).decode().splitlines(), 1):
                case = json.loads(line)
                text = case['q'].encode('utf-8', 'surrogateescape') if 'q' in case else base64.b64decode(case['q_b64'])
                for where, more in (('query', {}), ('query_range', {'start': '0', 'end': '600', 'step': '60'})):
                    body = urllib.parse.urlencode({'query': text, **more})
                    started = time.monotonic()
                    status, out, _ = server.request('POST', '/api/v1/' + where, body,
                                                    {'Content-Type': 'application/x-www-form-urlencoded'})
                    seconds = time.monotonic() - started
                    out = out.decode()
                    kind_of = json.loads(out).get('errorType')
                    # a text may be too long or too deep for our limits before it is known to be sound
                    limit = kind_of == 'bad_data' and ('limit' in out or 'at most' in out or 'out of bounds' in out)
                    wanted = (status == 400 and kind_of == 'bad_data') if verdict == 'invalid' else (
                        status == 200 or status in (422, 503) or (status in (400, 413) and limit))
                    if where == 'query_range' and 'expression type' in out:
                        wanted = True  # a string or a range vector has no range of values
                    tally.check(wanted and seconds < ANSWER_SECONDS, '%s:%d %s [%s]' % (path, number, where, verdict),
                                '%.1f s, HTTP %d %s (%s)' % (seconds, status, out[:200], case.get('why', text[:60])))


def remote_write(tally, kind):
    """each file as a POST body; valid: 204 (or 200), invalid: 400"""
    with Guard(tally, kind, Server(*LIMITLESS)) as server:
        for path, verdict, scope in manifest(kind):
            headers = {'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy',
                       'X-Prometheus-Remote-Write-Version': '0.1.0'}
            if scope == 'v2':
                headers['Content-Type'] += ';proto=io.prometheus.write.v2.Request'
            started = time.monotonic()
            status, out, _ = server.request('POST', '/api/v1/write', content(path), headers)
            good = status in (200, 204) if verdict == 'valid' else 400 <= status < 500
            tally.check((good or scope not in VERDICTS) and status < 500 and time.monotonic() - started < ANSWER_SECONDS,
                        '%s [%s %s]' % (path, verdict, scope), 'HTTP %d %s' % (status, out[:200].decode('utf-8', 'replace')))


KINDS = {'exposition': scraped, 'openmetrics': scraped, 'config': config, 'promql': promql, 'remote_write': remote_write}


def main():
    names = [a for a in sys.argv[2:] if not a.startswith('-')]
    fixture.BINARY = os.path.abspath(sys.argv[1])
    tally = Tally('--show' in sys.argv)
    skipped = 0 if os.path.isdir(INPUTS) else len(KINDS)
    if not names or 'bad_targets' in names:
        bad_targets.judge(tally)
        bad_targets.judge_without_limits(tally)
        bad_targets.judge_ten_at_once(tally)
    if skipped:
        print('no hostile inputs at %s (set EARSHOT_CONFORMANCE)' % INPUTS)
    for kind, judge in {} if skipped else KINDS.items():
        if not names or kind in names:
            judge(tally, kind)
    print('%d passed, %d failed, %d skipped' % (tally.passed, tally.failed, skipped))
    return 1 if tally.failed or (skipped and '--all' in sys.argv) else 0


if __name__ == '__main__':
    sys.exit(main())
