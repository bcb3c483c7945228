"""What is scraped and what relabelling leaves out, beside Debian's Prometheus with the same prometheus.yml."""
import http.server
import json
import os
import shutil
import socket
import tempfile
import threading
import unittest
import urllib.request

import peers
from server import Peer, Server, eventually, free_port

CONFIG = '''global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: some
  static_configs:
  - {targets: ["127.0.0.1:%(port)d"], labels: {rack: r1}}
  - {targets: ["spare:1", "spare:2"], labels: {rack: r2}}
  relabel_configs: [{source_labels: [rack], regex: r2, action: drop}]
  metric_relabel_configs: [{regex: shard, action: labeldrop}]
- job_name: all_out
  static_configs: [{targets: ["gone:1"]}]
  relabel_configs: [{source_labels: [job], regex: all_out, action: drop}]
'''
MERGED = b'one{shard="1"} 1\none{shard="2"} 2\none{shard="3"} 1\ntwo 2\n'


class Target(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain; version=0.0.4')
        self.send_header('Content-Length', str(len(MERGED)))
        self.end_headers()
        self.wfile.write(MERGED)

    def log_message(self, *_):
        pass


def shape(value):
    """keys and types; of lists, what their first item is"""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v) for v in value[:1]]
    return 'number' if isinstance(value, (int, float)) else type(value).__name__


class Targets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.target = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Target)
        threading.Thread(target=cls.target.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.target.shutdown)
        cls.server = Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': CONFIG % {'port': cls.target.server_port}}).start()
        cls.addClassCleanup(cls.server.close)
        cls.peer_port = free_port()
        if shutil.which('prometheus'):
            cls.peer_dir = tempfile.mkdtemp(prefix='earshot-peer-')
            cls.addClassCleanup(shutil.rmtree, cls.peer_dir, True)
            cls.peer = Peer('prometheus', '--config.file', os.path.join(cls.server.dir, 'p.yml'), '--storage.tsdb.path', cls.peer_dir,
                            '--web.listen-address', '127.0.0.1:%d' % cls.peer_port, cwd=cls.peer_dir)
            cls.addClassCleanup(cls.peer.stop)
            eventually(lambda: cls.peer_api('targets')['activeTargets'][0]['health'] == 'up')
        eventually(lambda: cls.server.query('up{job="some"} == 1'))

    @classmethod
    def peer_api(cls, path):
        with urllib.request.urlopen('http://127.0.0.1:%d/api/v1/%s' % (cls.peer_port, path), timeout=10) as r:
            return json.load(r)['data']

    def beside_prometheus(self):
        if not shutil.which('prometheus'):
            self.skipTest('needs Debian\'s prometheus')

    def test_what_relabelling_drops_is_listed_and_counted(self):
        found = self.server.api('targets')
        self.assertEqual([t['discoveredLabels']['__address__'] for t in found['droppedTargets']], ['gone:1', 'spare:1', 'spare:2'])
        self.assertEqual({t['scrapePool'] for t in found['droppedTargets']}, {'all_out', 'some'})
        self.assertEqual(found['droppedTargetCounts'], {'all_out': 1, 'some': 2})
        some = next(t for t in found['activeTargets'] if t['scrapePool'] == 'some')
        self.assertEqual(some['scrapeUrl'], 'http://127.0.0.1:%d/metrics' % self.target.server_port)
        self.assertEqual(some['globalUrl'], 'http://%s:%d/metrics' % (socket.gethostname(), self.target.server_port))
        self.assertEqual(some['discoveredLabels']['__metrics_path__'], '/metrics')

    def test_state_and_scrape_pool_choose(self):
        def chosen(**params):
            found = self.server.api('targets', **params)
            return len(found['activeTargets']), len(found['droppedTargets']), found['droppedTargetCounts']
        counts = {'all_out': 1, 'some': 2}
        every = len(self.server.api('targets')['activeTargets'])
        self.assertEqual(chosen(state='any'), (every, 3, counts))
        self.assertEqual(chosen(state='Dropped'), (0, 3, counts))
        self.assertEqual(chosen(state='active'), (every, 0, None))
        self.assertEqual(chosen(state='none of these'), (0, 0, None))
        self.assertEqual(chosen(scrapePool='some'), (1, 2, counts))
        self.assertEqual(chosen(scrapePool='some', state='dropped'), (0, 2, counts))
        self.assertIn('all_out', self.server.api('scrape_pools')['scrapePools'])

    def test_targets_are_described_as_prometheus_does(self):
        self.beside_prometheus()
        for path in ('targets', 'targets?state=dropped', 'targets?state=active'):
            ours, theirs = self.server.api(path.split('?')[0], **({'state': path.split('=')[1]} if '=' in path else {})), self.peer_api(path)
            self.assertEqual({t['discoveredLabels']['__address__']: t['discoveredLabels'] for t in ours['droppedTargets']},
                             {t['discoveredLabels']['__address__']: t['discoveredLabels'] for t in theirs['droppedTargets']})
            theirs = {t['scrapePool']: t for t in theirs['activeTargets']}
            ours = {t['scrapePool']: t for t in ours['activeTargets'] if t['scrapePool'] in theirs}
            for pool, t in theirs.items():
                self.assertEqual({k: v for k, v in shape(ours[pool]).items() if k in t}, shape(t))
                for key in ('discoveredLabels', 'labels', 'scrapeUrl', 'globalUrl', 'scrapeInterval', 'scrapeTimeout', 'health'):
                    self.assertEqual(ours[pool][key], t[key], key)

    def test_series_that_relabelling_makes_one_are_added_as_in_prometheus(self):
        self.beside_prometheus()
        expr = '{job="some",__name__=~"scrape_s.*"}[1m]'
        theirs = {r['metric']['__name__']: r['values'][0][1]
                  for r in self.peer_api('query?query=' + urllib.request.quote(expr))['result']}
        ours = {r['metric']['__name__']: r['values'][0][1] for r in self.server.api('query', query=expr)['result']}
        self.assertEqual(ours, theirs)


class Alike(unittest.TestCase):
    """two targets whose labels are equal and whose paths are not"""

    def test_both_are_scraped_and_their_samples_mix(self):
        target = peers.Target(lambda r: (200, {'Content-Type': peers.METRICS}, 'only%s 1\nshared %d\n' % (
            r.path.replace('/', '_'), ord(r.path[-1]))))
        self.addCleanup(target.stop)
        config = 'global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: two\n  static_configs:\n' + ''.join(
            '  - {targets: ["%s"], labels: {__metrics_path__: /%s}}\n' % (target.address, p) for p in 'ab')
        server = Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': config}).start()
        self.addCleanup(server.close)

        def seen():
            values = {v for _, v in server.api('query', query='shared[1m]')['result'][0]['values']}
            return {path for path, _ in target.asked} == {'/a', '/b'} and values == {'97', '98'}
        eventually(seen)
        eventually(lambda: server.query('count({__name__=~"only_[ab]"})')[0][1] == 2)
        self.assertEqual(server.query('min_over_time(up{job="two"}[1m])')[0][1], 1)
        self.assertEqual(len([t for t in server.api('targets')['activeTargets'] if t['labels']['job'] == 'two']), 2)
        self.assertEqual(server.log_text().count('1 targets have the labels of another one'), 1)
        self.assertEqual(server.stop()[0], 0)
        server.start()
        self.addCleanup(server.stop)
        self.assertEqual({v for _, v in server.api('query', query='shared[1m]')['result'][0]['values']}, {'97', '98'})
        del target.asked[:]
        eventually(lambda: {path for path, _ in target.asked} == {'/a', '/b'})


if __name__ == '__main__':
    unittest.main()


class Neighbours(unittest.TestCase):
    """one that never answers, one that lies, one that hangs in the kernel: none harms those beside it"""

    CONFIG = '''collect:
  host: {interval: 1s}
  scrape:
  - {job_name: good, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["%(good)s", "%(better)s"]}]}
  - {job_name: silent, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["%(silent)s"]}]}
  - {job_name: lying, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["%(lying)s"]}]}
  json:
  - {file: %(pipe)s, name: pipe, interval: 1s, timeout: 1s, metrics: {x: a}}
  redis:
  - {url: "redis://%(silent)s", job: redis-silent, interval: 1s, timeout: 1s}
  - {url: "redis://%(lying)s", job: redis-lying, interval: 1s, timeout: 1s}
'''

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix='earshot-e2e-')
        cls.addClassCleanup(shutil.rmtree, folder, True)
        pipe = os.path.join(folder, 'pipe.jsonl')
        os.mkfifo(pipe)
        listener = socket.create_server(('127.0.0.1', 0))  # the kernel takes connections, nobody answers
        cls.addClassCleanup(listener.close)
        good, better = (peers.Target(lambda r: (200, {'Content-Type': peers.METRICS}, 'a 1\n')) for _ in range(2))
        lying = peers.Target(lambda r: (200, {'Content-Type': peers.METRICS}, 'a{b="' + 'x' * 1000 + '\n\xff\xfe 1 2 3\n'))
        for peer in (good, better, lying):
            cls.addClassCleanup(peer.stop)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': cls.CONFIG % {
            'good': good.address, 'better': better.address, 'silent': '127.0.0.1:%d' % listener.getsockname()[1], 'lying': lying.address, 'pipe': pipe,
        }}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: all(t['health'] != 'unknown' and t['cost']['cycles'] >= 4 for t in cls.targets() if t['scrapePool'] != 'earshot'), 40)

    @classmethod
    def targets(cls):
        return cls.server.api('targets')['activeTargets']

    def test_the_bad_ones_are_down_with_their_reasons(self):
        why = {t['scrapePool']: t['lastError'] for t in self.targets()}
        self.assertRegex(why['silent'], 'answer|time')
        self.assertRegex(why['lying'], 'line 1')
        for job in ('redis-silent', 'redis-lying', 'silent', 'lying'):
            self.assertTrue(why[job], job)
            self.assertEqual(self.server.query('up{job="%s"}' % job)[0][1], 0, job)

    def test_the_good_ones_have_no_gap(self):
        for expr in ('up{job="good"}', 'a{job="good"}', 'up{job="node"}', 'node_load1'):
            for series in self.server.api('query', query=expr + '[1m]')['result']:
                times = [t for t, _ in series['values']]
                self.assertGreaterEqual(len(times), 3, series['metric'])
                self.assertLess(max(b - a for a, b in zip(times, times[1:])), 1.5, series['metric'])
                self.assertEqual({v for _, v in series['values']} - {'1'} if 'up' in expr else set(), set(), series['metric'])

    def test_each_has_its_cost_and_jobs_their_sum(self):
        cost = {t['scrapePool']: t['cost'] for t in self.targets()}
        self.assertGreaterEqual(cost['lying']['readBytes'], 1000 * cost['lying']['cycles'])
        self.assertEqual(cost['silent']['readBytes'], 0)
        for job in ('good', 'node', 'lying', 'redis-silent'):
            self.assertGreater(cost[job]['cpuSeconds'], 0, job)
        self.assertGreater(cost['silent']['seconds'], .5 * cost['silent']['cycles'])
        self.assertGreater(cost['node']['cpuRatio'], 0)
        self.assertLess(cost['node']['cpuRatio'], .5)
        text = self.server.get('/metrics')[1].decode()
        for line in ('earshot_collector_cpu_seconds_total{collector="scrape",scrape_job="good"} ', 'earshot_collector_samples{collector="scrape",scrape_job="good"} 2\n',
                     'earshot_collector_cycles_total{collector="redis",scrape_job="redis-lying"} ', 'earshot_collector_read_bytes_total{collector="scrape",scrape_job="silent"} 0\n'):
            self.assertIn(line, text)
