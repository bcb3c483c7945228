#!/usr/bin/env python3
"""What earshot costs beside the tools it replaces, in one run on this machine.

usage: run.py [size|start|rest|collectors|healthy|restart|latency]... [--seconds N] [--json FILE]

CPU seconds vary by a third with the load beside them: compare the ratios of one run. Peers are
Debian's prometheus, prometheus-node-exporter and victoria-metrics; all on private loopback ports.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests/fault'))
import collectors as busy  # noqa: E402
import kill9  # noqa: E402  the remote-write encoder
import latency as light  # noqa: E402

BINARY = os.path.join(ROOT, 'build/release/earshot')
PORT = 19330
ROWS = []


def row(what, ours, unit, peers=None, limit=None):
    """one line of the table; peers: {name: value}"""
    text = '%-46s %10.4g %-8s' % (what, ours, unit)
    for name, value in (peers or {}).items():
        text += '  %s %.4g (ratio %.3f)' % (name, value, ours / value if value else float('nan'))
    if limit is not None:
        text += '  must <= %g: %s' % (limit, 'met' if ours <= limit else 'NOT MET')
    print(text, flush=True)
    ROWS.append({'what': what, 'value': ours, 'unit': unit, 'peers': peers or {}, 'limit': limit})


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


class Program:
    def __init__(self, command, port, ready='/-/ready'):
        self.folder = tempfile.mkdtemp(prefix='bench-')
        self.port, self.ready = port, ready
        self.command = [c.replace('{dir}', self.folder) for c in command]

    def start(self):
        """seconds until it answers"""
        t = time.monotonic()
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                if self.get(self.ready) == 200:
                    return time.monotonic() - t
            except (OSError, http.client.HTTPException):
                pass
            if self.process.poll() is not None or time.monotonic() - t > 60:
                raise SystemExit('did not start: ' + ' '.join(self.command))
            time.sleep(.001)

    def get(self, path):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        try:
            c.request('GET', path)
            r = c.getresponse()
            r.read()
            return r.status
        finally:
            c.close()

    def cpu(self):
        """seconds, with the resolution of the process clock"""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def rss_mib(self):
        with open('/proc/%d/status' % self.process.pid, encoding='ascii') as f:
            return next(int(line.split()[1]) for line in f if line.startswith('VmRSS')) / 1024

    def stop(self, sig=signal.SIGTERM, keep=False):
        self.process.send_signal(sig)
        self.process.wait()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def earshot(*flags, config=None):
    p = Program([BINARY, 'serve', '--listen', '127.0.0.1:%d' % PORT, '--data', '{dir}/data', *flags], PORT)
    if config:
        p.command += ['--config', write(p.folder, 'earshot.yml', config)]
    return p


def prometheus(config='scrape_configs: []\n'):
    p = Program(['prometheus', '--config.file={dir}/p.yml', '--storage.tsdb.path={dir}/data',
                 '--web.listen-address=127.0.0.1:%d' % (PORT + 1), '--web.enable-remote-write-receiver'], PORT + 1)
    write(p.folder, 'p.yml', config)
    return p


def victoria():
    return Program(['victoria-metrics', '-storageDataPath={dir}/data', '-httpListenAddr=127.0.0.1:%d' % (PORT + 2)],
                   PORT + 2, '/health')


def size(_):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(['strip', '-o', f.name, BINARY], check=True)
        row('binary, stripped, page included', os.path.getsize(f.name) / 1e6, 'MB', limit=6)


def start(_):
    def median(make):
        times = []
        for _ in range(5):
            p = make()
            times.append(p.start() * 1e3)
            p.stop()
        return statistics.median(times)
    row('empty directory to ready', median(lambda: earshot(config='collect: {host: {}}\n')), 'ms',
        {'prometheus': median(prometheus), 'victoria-metrics': median(victoria)}, 50)


def rest(seconds):
    node = Program(['prometheus-node-exporter', '--web.listen-address=127.0.0.1:%d' % (PORT + 3)], PORT + 3, '/metrics')
    both = prometheus('global: {scrape_interval: 5s, scrape_timeout: 5s}\nscrape_configs:\n'
                      '- {job_name: node, static_configs: [{targets: ["127.0.0.1:%d"]}]}\n' % (PORT + 3))
    ours = earshot()
    for p in (node, both, ours):
        p.start()
    time.sleep(15)
    before = ours.cpu(), both.cpu() + node.cpu()
    time.sleep(seconds)
    after = ours.cpu(), both.cpu() + node.cpu()
    row('this host at 5 s, RSS', ours.rss_mib(), 'MiB', {'prometheus + node_exporter': both.rss_mib() + node.rss_mib()}, 20)
    row('this host at 5 s, share of a core', 100 * (after[0] - before[0]) / seconds, '%',
        {'prometheus + node_exporter': 100 * (after[1] - before[1]) / seconds}, .3)
    for p in (ours, both, node):
        p.stop()


def collectors(seconds):
    def start(config):
        p = earshot(config=config)
        p.start()
        return p
    r = busy.measure(start, seconds)
    exporters = 'node_exporter + redis_exporter + postgres_exporter'
    row('all collectors of a busy host at 5 s, RSS', r['rss'], 'MiB', {exporters: r['peers_rss']}, 30)
    row('all collectors of a busy host, share of a core', 100 * r['share'], '%', {exporters: 100 * r['peers_share']}, 1)
    for target, share in sorted(r['targets'].items()):
        row('  of it ' + target, 100 * share, '%')


def healthy(seconds):
    def cost(p):
        p.start()
        before = p.cpu()
        r = subprocess.run(['wrk', '-t1', '-c16', '-d%d' % min(10, seconds), 'http://127.0.0.1:%d/-/healthy' % p.port],
                           capture_output=True, text=True, check=True)
        n = int(next(line.split()[0] for line in r.stdout.split('\n') if 'requests in' in line))
        us = (p.cpu() - before) / n * 1e6
        p.stop()
        return us
    row('GET /-/healthy, wrk with 16 connections', cost(earshot(config='collect: {}\n')), 'us CPU',
        {'prometheus': cost(prometheus())}, 10)


def restart(_):
    """100,000 series and 1 M samples in the log, kill -9, ready again"""
    series, a_request = 100000, 5000
    p = earshot('--late-window', 'unlimited', config='collect: {}\n')
    p.start()
    t0 = int(time.time() * 1000) - 600000
    labels = [b''.join(kill9.field(1, kill9.field(1, k) + kill9.field(2, v)) for k, v in
                       ((b'__name__', b'bench_restart'), (b'instance', b'i%d' % (i % 100)), (b'job', b'bench'),
                        (b's', b'%06d' % i))) for i in range(series)]
    c = http.client.HTTPConnection('127.0.0.1', p.port, timeout=60)
    for step in range(10):
        for at in range(0, series, a_request):
            body = b''.join(kill9.field(1, labels[i] + kill9.field(2, b'\x09' + struct.pack('<d', i * 7 + step) + b'\x10'
                                                                   + kill9.varint(t0 + step * 15000)))
                            for i in range(at, at + a_request))
            c.request('POST', '/api/v1/write', kill9.snappy_literal(body),
                      {'Content-Encoding': 'snappy', 'Content-Type': 'application/x-protobuf'})
            r = c.getresponse()
            r.read()
            if r.status // 100 != 2:
                raise SystemExit('remote write answered %d' % r.status)
    p.stop(signal.SIGKILL, keep=True)
    row('kill -9 to ready, 100,000 series, 1 M samples', p.start() * 1e3, 'ms', limit=1000)
    p.stop()


def latency(_):
    """a light query while eight heavy ones run and 20,000 samples/s come in"""
    ours = light.measure(earshot('--late-window', 'unlimited', config='collect: {}\n'))
    peers = {'prometheus': light.measure(prometheus()), 'victoria-metrics': light.measure(victoria())}
    for key, what, limit in (('idle_p50', 'light query, nothing else, median', None),
                             ('p50', 'the same beside 8 heavy ones, median', None), ('p99', 'its 99th percentile', 20),
                             ('max', 'its worst', None), ('runs', 'answers in at most %d s' % light.LIGHT_SECONDS, None),
                             ('heavy_per_s', 'heavy queries meanwhile', None)):
        row(what, ours[key], {'heavy_per_s': '1/s', 'runs': ''}.get(key, 'ms'), {k: v[key] for k, v in peers.items()}, limit)


PARTS = {'size': size, 'start': start, 'rest': rest, 'collectors': collectors, 'healthy': healthy, 'restart': restart,
         'latency': latency}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='*', choices=[*PARTS, []], help='without a name: all')
    parser.add_argument('--seconds', type=int, default=60, help='length of a measurement over time')
    parser.add_argument('--json', help='the table as data')
    options = parser.parse_args()
    for name in options.parts or PARTS:
        PARTS[name](options.seconds)
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as f:
            json.dump(ROWS, f, indent=1)


if __name__ == '__main__':
    main()
