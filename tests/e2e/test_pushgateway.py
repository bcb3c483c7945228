"""Groups pushed as to a Pushgateway, by the Python client library and by plain HTTP, are series that survive a restart."""
import subprocess
import unittest

from server import Server, eventually
from services import DEBIAN_PYTHON

# In Debian's Python, which has the library of Debian's package.
CLIENT = """
import sys
import prometheus_client as client
what, address = sys.argv[1:]
registry, key = client.CollectorRegistry(), {'path': '/var/tmp'}
if what == 'push':
    client.Gauge('batch_rows', 'Rows.', registry=registry).set(7)
    client.push_to_gateway(address, job='batch', registry=registry, grouping_key=key)
elif what == 'add':
    client.Counter('batch_errors', 'Errors.', registry=registry).inc(3)
    client.pushadd_to_gateway(address, job='batch', registry=registry, grouping_key=key)
else:
    client.delete_from_gateway(address, job='batch', grouping_key=key)
"""


class Pushgateway(unittest.TestCase):
    def setUp(self):
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {push: {ttl: 1h}}\n'}).start()
        self.addCleanup(self.server.close)

    def value(self, expr):
        found = self.server.query(expr)
        return float(found[0][1]) if found else None

    def push(self, method, path, body=''):
        return self.server.request(method, path, body)[:2]

    def client(self, what):
        subprocess.run([DEBIAN_PYTHON, '-c', CLIENT, what, '127.0.0.1:%d' % self.server.port], check=True, timeout=20)

    def test_the_client_library_pushes_adds_and_deletes(self):
        self.client('push')
        eventually(lambda: self.value('batch_rows{job="batch",path="/var/tmp",instance=""}') == 7)
        self.assertGreater(self.value('push_time_seconds{job="batch"}'), 1.7e9)
        self.assertEqual(self.value('push_failure_time_seconds{job="batch"}'), 0)
        self.client('add')
        eventually(lambda: self.value('batch_errors_total{job="batch"}') == 3)
        self.assertEqual(self.value('batch_rows{job="batch"}'), 7)
        self.client('delete')
        eventually(lambda: self.value('count({job="batch"})') is None)

    def test_go_s_client_pushes_protobuf(self):
        # As its push.New(...).Push() sends a counter rows_total{db="a"} of 3 with the help "Rows.".
        metric = bytes.fromhex('0a07 0a026462 120161' '1a09 09 0000000000000840')  # its label, its counter
        family = b'\x0a\x0arows_total' + b'\x12\x05Rows.' + b'\x18\x00' + b'\x22' + bytes([len(metric)]) + metric
        family = bytes([len(family)]) + family
        status, text, _ = self.server.request('PUT', '/metrics/job/go', family, {
            'Content-Type': 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'})
        self.assertEqual((status, text), (200, b''))
        eventually(lambda: self.value('rows_total{job="go",db="a",instance=""}') == 3)

    def test_a_group_survives_a_restart(self):
        self.assertEqual(self.push('PUT', '/metrics/job/nightly/instance/i', 'done_total 5\n')[0], 200)
        self.server.stop()
        self.server.start()
        eventually(lambda: self.value('min_over_time(up{job="push"}[1m])') == 1)
        eventually(lambda: self.value('done_total{job="nightly",instance="i"}') == 5)

    def test_a_refused_push_says_why_and_is_counted(self):
        status, text = self.push('POST', '/metrics/job/j', 'a 1 1234567890\n')
        self.assertEqual(status, 400)
        self.assertIn(b'pushed metrics must not have timestamps', text)
        self.assertEqual(self.push('POST', '/metrics/job/j/x', 'a 1\n')[0], 400)
        self.assertEqual(self.push('POST', '/metrics/job/j', 'a b c\n')[0], 400)
        self.assertEqual(self.server.request('PUT', '/metrics/job/j', 'a 1\n', {'Origin': 'http://evil.example'})[0], 403)
        protobuf = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily'
        self.assertEqual(self.server.request('PUT', '/metrics/job/j', 'x', {'Content-Type': protobuf + '; encoding=text'})[0], 415)
        self.assertEqual(self.server.request('PUT', '/metrics/job/j', 'x', {'Content-Type': protobuf + '; encoding=delimited'})[0], 400)
        eventually(lambda: (self.value('push_failure_time_seconds{job="j"}') or 0) > 1.7e9)
        own = self.server.get('/metrics')[1].decode()
        self.assertIn('earshot_push_refused_total{reason="inconsistent"} 1\n', own)
        self.assertIn('earshot_push_refused_total{reason="malformed"} 4\n', own)


class Off(unittest.TestCase):
    def test_without_pushgateway_its_paths_say_so(self):
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {push: {pushgateway: false}}\n'}) as server:
            answer = server.request('PUT', '/metrics/job/j', 'a 1\n')
            self.assertEqual(answer[0], 404)


if __name__ == '__main__':
    unittest.main()
