"""All collectors on a busy host, beside Debian's exporters on the same services in one run.

The host: a Redis, a PostgreSQL and a service under load, 200 processes beside what runs anyway, a log
that grows by 200 lines a second. The exporters are asked every 5 s by this program, whose own time is not
counted; what stores their samples would come on top.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests/e2e'))
import services  # noqa: E402
from peers import Target  # noqa: E402

PROCESSES, LINES_PER_S = 200, 200
INTERVAL_S = 5

CONFIG = '''
collect:
  host: {interval: 5s}
  process:
    - {name: sleepers, exe: sleep, interval: 5s}
    - {name: everything else, match: '.', interval: 5s}
  redis: [{url: 'redis://127.0.0.1:%(redis)d', keys: [jobs, 'list', nothing], interval: 5s}]
  celery: [{broker: 'redis://127.0.0.1:%(redis)d', queues: [celery, jobs], interval: 5s}]
  postgres: [{url: 'postgresql://test@127.0.0.1:%(postgres)d/postgres?sslmode=disable', interval: 5s}]
  json: [{name: status, url: 'http://%(json)s/status', interval: 5s, metrics: {queue_length: queue, model_state: {
    path: models.*, labels: {model: $1}, states: [ready, loading, error]}}}]
  logs:
    - path: %(log)s
      interval: 5s
      patterns:
        - {event: finished, match: 'job (?P<id>\\\\d+) completed in (?P<took>[\\\\d.]+s)', severity: info, value: {took: duration}}
        - {event: out_of_memory, match: 'CUDA out of memory', severity: critical}
        - {event: refused, match: 'refused|rejected', severity: warning}
  scrape:
    - {job_name: service, scrape_interval: 5s, scrape_timeout: 5s, static_configs: [{targets: ['127.0.0.1:%(service)d']}]}
'''


class BusyHost:
    """until stop()"""

    def __init__(self):
        self.world = services.World()
        self.ending = threading.Event()
        self.sleepers = [subprocess.Popen(['sleep', '1000']) for _ in range(PROCESSES)]
        self.status = Target(lambda _: (200, {'Content-Type': 'application/json'}, json.dumps(
            {'queue': 3, 'models': {m: 'ready' for m in ('music', 'audio', 'magnet')}})))
        self.folder = tempfile.TemporaryDirectory()
        self.log = os.path.join(self.folder.name, 'service.log')
        open(self.log, 'w', encoding='ascii').close()
        self.threads = [threading.Thread(target=t) for t in (self._write, self._ask)]
        for t in self.threads:
            t.start()

    def config(self):
        return CONFIG % {'redis': self.world.redis.port, 'postgres': self.world.postgres.port, 'json': self.status.address,
                         'log': self.log, 'service': self.world.exporters['service'].port}

    def exporters(self):
        return [self.world.exporters[n].peer.process.pid for n in ('node', 'redis', 'postgres')]

    def _write(self):
        n = 0
        with open(self.log, 'a', encoding='ascii', buffering=1) as f:
            while not self.ending.wait(.1):
                for n in range(n, n + LINES_PER_S // 10):
                    f.write('2026-01-01 00:00:00 INFO worker: job %d completed in %d.%ds\n' % (n, n % 90, n % 10))

    def _ask(self):
        while not self.ending.wait(INTERVAL_S):
            for name in ('node', 'redis', 'postgres'):
                services.get(self.world.exporters[name].url)

    def stop(self):
        self.ending.set()
        for t in self.threads:
            t.join()
        for p in self.sleepers:
            p.terminate()
            p.wait()
        self.status.stop()
        self.world.stop()
        self.folder.cleanup()


def cpu_of(pid):
    return time.clock_gettime((~pid << 3) | 2)


def rss_of(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS')) / 1024


def measure(start, seconds):
    """start(config) gives a started Program; {share, peers_share (of a core), rss, peers_rss (MiB), rows}"""
    host = BusyHost()
    try:
        ours = start(host.config())
        try:
            pids = [ours.process.pid] + host.exporters()
            time.sleep(15)
            before = [cpu_of(p) for p in pids]
            time.sleep(seconds)
            spent = [(cpu_of(p) - b) / seconds for p, b in zip(pids, before)]
            rss = [rss_of(p) for p in pids]
            targets = json.loads(services.get('http://127.0.0.1:%d/api/v1/targets' % ours.port)[1])['data']['activeTargets']
            down = [t['scrapePool'] + ': ' + t['lastError'] for t in targets if t['health'] != 'up']
            if down:
                raise SystemExit('not all targets are up: ' + ', '.join(down))
            return {'share': spent[0], 'peers_share': sum(spent[1:]), 'rss': rss[0], 'peers_rss': sum(rss[1:]),
                    'targets': {t['scrapePool'] + ' ' + t['collector']: t['cost']['cpuRatio'] for t in targets}}
        finally:
            ours.stop()
    finally:
        host.stop()
