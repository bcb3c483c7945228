import json
import math
import re
import signal
import subprocess
import tempfile
import time
import unittest

import server as scenario
import services
from remote import HEADERS, write_body
from server import Peer, Server, eventually, free_port

COLUMN_BUDGET = .05  # bytes a sample that timestamps may cost at rest


class Push(unittest.TestCase):
    """what Debian's Prometheus 2.42 sends by 4 shards"""

    def setUp(self):
        lacking = services.missing()
        if lacking:
            self.skipTest('needs the Debian packages ' + lacking)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.world = services.World()
        self.addCleanup(self.world.stop)
        self.ours = Server('--prometheus-config', '{dir}/p.yml', '--enable-admin-api', files={'p.yml': 'scrape_configs: []\n'})
        self.addCleanup(self.ours.close)
        self.theirs = Server()
        self.addCleanup(self.theirs.close)
        self.theirs.port = free_port()
        config = 'global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n'
        ports = {name: e.port for name, e in self.world.exporters.items()}
        for job, port in {**ports, 'prometheus': self.theirs.port}.items():
            config += '- {job_name: %s, static_configs: [{targets: ["127.0.0.1:%d"]}]}\n' % (job, port)
        config += ('remote_write: [{url: "http://127.0.0.1:%d/api/v1/write", metadata_config: {send_interval: 2s}, '
                   'queue_config: {min_shards: 4, max_shards: 4, min_backoff: 50ms, max_backoff: 500ms}}]\n' % self.ours.port)
        self.write_config(config)
        self.config = config
        self.prometheus = None
        self.addCleanup(lambda: self.prometheus.stop())

    def write_config(self, text):
        with open(self.folder.name + '/p.yml', 'w', encoding='utf-8') as f:
            f.write(text)

    def stop_prometheus(self):
        """stops it when all that it has is sent: what it stores in the last moments before its end (10 ms, and
        the scrapes that its end cuts off), it never sends, since it begins at the time of its next start"""
        self.write_config(self.config[:self.config.index('scrape_configs:')] + self.config[self.config.index('remote_write:'):])
        loaded = self.own()['prometheus_config_last_reload_success_timestamp_seconds']
        self.prometheus.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.own()['prometheus_config_last_reload_success_timestamp_seconds'] > loaded, 60)
        eventually(self.all_sent, 60)
        self.prometheus.stop()
        self.write_config(self.config)

    def own(self):
        """{name: value} of Prometheus' own metrics without their labels"""
        lines = [l for l in self.theirs.get('/metrics')[1].decode().splitlines() if not l.startswith('#')]
        return {re.split('[{ ]', l)[0]: float(l.rpartition(' ')[2]) for l in lines}

    def all_sent(self):
        """of what it has stored; nothing is scraped any more"""
        own = self.own()
        return (own['prometheus_remote_storage_highest_timestamp_in_seconds'] ==
                own['prometheus_remote_storage_queue_highest_sent_timestamp_seconds'] and
                own['prometheus_remote_storage_samples_pending'] == 0)

    def start_prometheus(self):
        self.prometheus = Peer('prometheus', '--config.file=' + self.folder.name + '/p.yml', '--storage.tsdb.path=' +
                               self.folder.name + '/data', '--web.listen-address=127.0.0.1:%d' % self.theirs.port)

    def samples(self, server, start, end):
        """{(labels, time): value} of all that was sent, staleness markers left out"""
        out = {}
        for job in list(self.world.exporters) + ['prometheus']:
            expr = '{job="%s"}[%dms]' % (job, (end - start) * 1000)
            for r in server.api('query', query=expr, time=end)['result']:
                labels = json.dumps(r['metric'], sort_keys=True)
                for t, v in r['values']:
                    self.assertNotIn((labels, t), out)
                    out[labels, t] = float(v)
        return out

    def test_timestamps_cost_next_to_nothing_and_no_restart_loses_or_doubles_a_sample(self):
        self.ours.start()
        self.start_prometheus()
        # The half of a millisecond keeps borders of windows, which 2.42 counts in, off all samples.
        start = math.floor(time.time()) + .0005
        eventually(lambda: self.ours.query('count({job="service"}) > 20 and on () up{job="prometheus"}'), 60)
        time.sleep(6)
        self.ours.stop(signal.SIGKILL)  # Prometheus tries again until it is back
        time.sleep(3)
        self.ours.start()
        time.sleep(6)
        self.stop_prometheus()
        self.start_prometheus()
        eventually(lambda: self.theirs.get('/-/ready')[0] == 200, 60)
        time.sleep(6)
        self.ours.stop()
        self.ours.start()
        time.sleep(4)
        end = math.floor(time.time()) + .0005
        theirs = self.samples(self.theirs, start, end)
        self.assertGreater(len(theirs), 10000)
        for _ in range(30):  # the shards still send
            ours = self.samples(self.ours, start, end)
            lost = [k for k in theirs if k not in ours]
            if not lost:
                break
            time.sleep(1)
        self.assertEqual(len(lost), 0, lost[:5])
        added = [k for k in ours if k not in theirs]
        self.assertEqual(len(added), 0, added[:5])
        for key, value in theirs.items():
            self.assertTrue(ours[key] == value or math.isnan(value) and math.isnan(ours[key]), key)
        self.assertTrue(self.ours.api('metadata', metric='node_load1').get('node_load1'))
        self.assertEqual(self.ours.request('POST', '/api/v1/admin/tsdb/compact')[0], 204)
        r = subprocess.run([scenario.BINARY, 'tsdb', 'stat', self.ours.data, '--json'], capture_output=True, check=True)
        stat = json.loads(r.stdout)
        cost = stat['timestamp_bytes'] / stat['samples']
        print('%d samples equal, timestamps %.4f bytes a sample' % (len(theirs), cost))
        self.assertLess(cost, COLUMN_BUDGET)


class Protocol(unittest.TestCase):
    """remote write 1.0 as Prometheus' receiver answers it"""

    def write(self, server, series, headers=None):
        status, body, _ = server.request('POST', '/api/v1/write', write_body(series), {**HEADERS, **(headers or {})})
        return status, body.decode()

    def test_what_is_refused_is_named_and_the_rest_is_kept(self):
        now = int(time.time() * 1000)
        with Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': 'scrape_configs: []\n'}) as server:
            name = lambda n, **labels: {'__name__': n, **labels}
            self.assertEqual(self.write(server, [(name('a'), [(now, 1)])]), (204, ''))
            self.assertEqual(self.write(server, [(name('a'), [(now, 1)])])[0], 204)  # sent again
            status, text = self.write(server, [(name('a'), [(now, 2)]), (name('b'), [(now, 3)])])
            self.assertEqual(status, 400)
            self.assertIn('1 of 2 samples were not stored: 1 with another value at a time already stored', text)
            status, text = self.write(server, [(name('c'), [(now - 86400000, 1), (now, 5)])])
            self.assertEqual(status, 400)
            self.assertIn('older than the late window', text)
            self.assertEqual(self.write(server, [(name('c'), [(now - 500, 4), (now - 1500, 3)])])[0], 204)  # late, not lost
            self.assertEqual(self.write(server, [(name('d'), [(now + 3600000, 1)])])[0], 400)
            self.assertEqual(self.write(server, [({'x': '1'}, [(now, 1)])])[0], 400)
            self.assertEqual({m['__name__']: v for m, v in server.query('{__name__=~"[a-d]"}', time=(now + 1) / 1000)},
                             {'a': 1, 'b': 3, 'c': 5})
            values = server.api('query', query='c[1m]', time=(now + 1) / 1000)['result'][0]['values']
            self.assertEqual([v for _, v in values], ['3', '4', '5'])

    def test_the_versions_and_formats_that_are_taken(self):
        now = int(time.time() * 1000)
        with Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': 'scrape_configs: []\n'}) as server:
            one = [({'__name__': 'a'}, [(now, 1)])]
            for headers, status in (({'X-Prometheus-Remote-Write-Version': '0.1.0'}, 204),
                                    ({'Content-Type': 'application/x-protobuf;proto=prometheus.WriteRequest'}, 204),
                                    ({'Content-Type': 'application/x-protobuf; proto=io.prometheus.write.v2.Request',
                                      'X-Prometheus-Remote-Write-Version': '2.0.0'}, 415),
                                    ({'Content-Type': 'application/json'}, 415), ({'Content-Encoding': 'zstd'}, 415)):
                got, text = self.write(server, one, headers)
                self.assertEqual(got, status, (headers, text))
            self.assertEqual(server.get('/api/v1/write')[0], 405)


if __name__ == '__main__':
    unittest.main()
