import json
import math
import subprocess
import tempfile
import time
import unittest

from server import Peer, Server, eventually, free_port


class Peers(unittest.TestCase):
    """earshot beside the real Prometheus, its node_exporter and promtool"""

    def test_a_scraped_exporter_reads_as_from_prometheus(self):
        exporter_port, prometheus_port = free_port(), free_port()
        config = ('global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n'
                  '- {job_name: node, static_configs: [{targets: ["127.0.0.1:%d"], labels: {rack: r1}}]}\n' % exporter_port)
        exporter = Peer('prometheus-node-exporter', '--web.listen-address=127.0.0.1:%d' % exporter_port)
        with tempfile.TemporaryDirectory() as folder, \
                Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': config}) as server:
            with open(folder + '/p.yml', 'w', encoding='utf-8') as f:
                f.write(config)
            prometheus = Peer('prometheus', '--config.file=' + folder + '/p.yml', '--storage.tsdb.path=' + folder + '/data',
                              '--web.listen-address=127.0.0.1:%d' % prometheus_port)
            try:
                other = Server()
                other.port = prometheus_port
                for s in (server, other):
                    eventually(lambda s=s: s.query('up{job="node"} == 1'), 40)
                for expr in ('count by (__name__) ({job="node",__name__=~"node_(cpu|memory|filesystem|uname).*"})',
                             'node_memory_MemTotal_bytes', 'node_uname_info', 'sum by (rack) (node_filesystem_size_bytes)'):
                    ours, theirs = sorted(map(repr, server.query(expr))), sorted(map(repr, other.query(expr)))
                    self.assertTrue(ours, expr)
                    self.assertEqual(ours, theirs, expr)
            finally:
                prometheus.stop()
                exporter.stop()

    def test_prometheus_remote_write_arrives_whole(self):
        prometheus_port = free_port()
        with tempfile.TemporaryDirectory() as folder, \
                Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': 'scrape_configs: []\n'}) as server:
            with open(folder + '/p.yml', 'w', encoding='utf-8') as f:
                f.write('global: {scrape_interval: 1s}\nscrape_configs:\n- {job_name: self, static_configs: '
                        '[{targets: ["127.0.0.1:%d"]}]}\nremote_write: [{url: "http://127.0.0.1:%d/api/v1/write"}]\n'
                        % (prometheus_port, server.port))
            prometheus = Peer('prometheus', '--config.file=' + folder + '/p.yml', '--storage.tsdb.path=' + folder + '/data',
                              '--web.listen-address=127.0.0.1:%d' % prometheus_port)
            try:
                eventually(lambda: server.query('count({job="self"}) > 100'), 60)
                other = Server()
                other.port = prometheus_port
                at = time.time()
                time.sleep(12)  # Prometheus sends in batches of at most 5 s
                for s in (server, other):
                    s.answer = {json.dumps(m, sort_keys=True): v for m, v in s.query('{job="self"}', time=at)}
                self.assertEqual(server.answer.keys(), other.answer.keys())
                for key, value in other.answer.items():
                    self.assertTrue(server.answer[key] == value or math.isnan(value), key)
            finally:
                prometheus.stop()

    def test_prometheus_scrapes_our_metrics_and_what_we_federate(self):
        port = free_port()
        with tempfile.TemporaryDirectory() as folder, \
                Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {host: {interval: 1s}}\n'}) as server:
            eventually(lambda: server.query('node_load1'), 40)
            with open(folder + '/p.yml', 'w', encoding='utf-8') as f:
                f.write('global: {scrape_interval: 1s}\nscrape_configs:\n'
                        '- {job_name: own, static_configs: [{targets: ["127.0.0.1:%d"]}]}\n'
                        '- {job_name: federate, honor_labels: true, metrics_path: /federate, params: {"match[]": ["{job=\\"node\\"}"]}, '
                        'static_configs: [{targets: ["127.0.0.1:%d"]}]}\n' % (server.port, server.port))
            prometheus = Peer('prometheus', '--config.file=' + folder + '/p.yml', '--storage.tsdb.path=' + folder + '/data',
                              '--web.listen-address=127.0.0.1:%d' % port)
            try:
                other = Server()
                other.port = port
                for job in ('own', 'federate'):
                    eventually(lambda job=job: other.query('up{job="%s"} == 1 and scrape_samples_scraped > 50' % job), 40)
                self.assertTrue(other.query('earshot_http_requests_total{job="own"}'))
                total = 'node_memory_MemTotal_bytes{job="node"}'
                self.assertEqual(eventually(lambda: other.query(total), 20), server.query(total))
            finally:
                prometheus.stop()

    def test_promtool_queries(self):
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {host: {interval: 1s}}\n'}) as server:
            eventually(lambda: len(server.query('count by (job) (up)')) == 2, 40)  # earshot itself: every 15 s
            r = subprocess.run(['promtool', 'query', 'instant', 'http://127.0.0.1:%d' % server.port, 'up{job="node"}'],
                               capture_output=True, text=True, check=False)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertRegex(r.stdout, r'up\{.*job="node".*\} => 1 @')
            r = subprocess.run(['promtool', 'query', 'labels', 'http://127.0.0.1:%d' % server.port, 'job'],
                               capture_output=True, text=True, check=False)
            self.assertEqual(r.stdout.split(), ['earshot', 'node'], r.stderr)


if __name__ == '__main__':
    unittest.main()
