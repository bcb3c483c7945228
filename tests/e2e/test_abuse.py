"""What a hostile or careless client may try: the answer is clean, and the server stays as it was."""
import concurrent.futures
import socket
import time
import unittest
import urllib.parse

import remote
from server import Server, eventually

NOTHING = 'collect: {}\n'


def status_kib(server, key):
    with open('/proc/%d/status' % server.process.pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ':'))


def cpu_seconds(server):
    with open('/proc/%d/stat' % server.process.pid, encoding='ascii') as f:
        words = f.read().rsplit(')', 1)[1].split()
    return (int(words[11]) + int(words[12])) / 100


def load(server, series, points, step_ms=15000):
    now = int(time.time() * 1000)
    for first in range(0, series, 2000):
        body = remote.write_body([
            ({'__name__': 'load', 'id': 'i%d' % i, 'host': 'h%d' % (i % 100)},
             [(now - (points - k) * step_ms, i + k) for k in range(points)])
            for i in range(first, min(series, first + 2000))])
        status, out, _ = server.request('POST', '/api/v1/write', body, remote.HEADERS)
        assert status in (200, 204), (status, out)


def metric(server, name):
    return float(next(line.split()[-1] for line in server.get('/metrics')[1].decode().split('\n') if line.startswith(name + ' ')))


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml', '--late-window', 'unlimited', files={'e.yml': NOTHING}).start()
        cls.addClassCleanup(cls.server.close)

    def get(self, path, **params):
        return self.server.get('/api/v1/' + path + '?' + urllib.parse.urlencode(params))

    def test_a_range_has_11000_steps_after_its_first_point_and_no_more(self):
        self.assertEqual(self.get('query_range', query='1', start=0, end=11000, step=1)[0], 200)
        status, body, _ = self.get('query_range', query='1', start=0, end=11001, step=1)
        self.assertEqual(status, 400)
        self.assertIn(b'exceeded maximum resolution of 11,000 points', body)

    def test_the_times_that_mean_no_bound_are_answered_everywhere(self):
        for time_text in ('-292273086-05-16T16:47:06Z', '292277025-08-18T07:12:54.999999999Z'):
            for path in ('query', 'labels'):
                status, body, _ = self.get(path, query='1', time=time_text, **{'start' if time_text[0] == '-' else 'end': time_text})
                self.assertEqual(status, 200, body)

    def test_a_number_past_all_times_is_the_bound_and_what_is_no_time_is_refused(self):
        for text in ('NaN', 'Inf', '1e300', '-1e300', '9.1e15'):
            self.assertEqual(self.get('query', query='up', time=text)[0], 200, text)
            self.assertEqual(self.get('series', **{'match[]': 'up', 'start': text, 'end': text})[0], 200, text)
        self.assertEqual(self.get('query', query='1', time='yesterday')[0], 400)

    def test_a_sample_at_a_time_no_query_can_name_is_refused(self):
        for ts in (-2 ** 63, 2 ** 63 - 1):
            status, body, _ = self.server.request('POST', '/api/v1/write', remote.write_body([({'__name__': 'far'}, [(ts, 1)])]),
                                                  remote.HEADERS)
            self.assertEqual(status, 400, body)

    def test_match_of_everything_is_refused(self):
        status, body, _ = self.server.get('/api/v1/series?match[]=' + urllib.parse.quote('{job=~".*"}'))
        self.assertEqual(status, 400)
        self.assertIn(b'match[] must contain at least one non-empty matcher', body)

    def test_a_page_of_another_origin_may_not_write_samples(self):
        body = remote.write_body([({'__name__': 'forged'}, [(int(time.time() * 1000), 1)])])
        self.assertEqual(self.server.request('POST', '/api/v1/write', body, {'Origin': 'http://evil.example'})[0], 403)
        self.assertEqual(self.server.query('forged'), [])


class Weight(unittest.TestCase):
    """heavy queries over 50,000 series"""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml', '--late-window', 'unlimited', files={'e.yml': NOTHING}).start()
        cls.addClassCleanup(cls.server.close)
        load(cls.server, 50000, 10)

    def test_0_all_series_are_listed(self):
        self.assertEqual(len(self.server.api('series', **{'match[]': 'load'})), 50000)
        self.assertIn('load', self.server.api('label/__name__/values'))

    def test_1_memory_of_heavy_queries_goes_back_to_the_system(self):
        self.server.query('count(load)')
        before = status_kib(self.server, 'VmRSS')
        heavy = ['load', 'sort(load)', 'label_replace(load, "x", "$1$1", "id", "(.*)")', 'load[10m]'] * 8
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for answer in pool.map(lambda expr: self.server.get('/api/v1/query?query=' + urllib.parse.quote(expr)), heavy):
                self.assertEqual(answer[0], 200)
        eventually(lambda: status_kib(self.server, 'VmRSS') < before * 1.2 + 4096, 5)

    def test_2_who_hangs_up_stops_the_query(self):
        now = int(time.time())
        path = '/api/v1/query_range?' + urllib.parse.urlencode(
            {'query': 'sum(quantile_over_time(.5, load[5m]))', 'start': now - 10000, 'end': now, 'step': 1})
        for _ in range(4):
            with socket.create_connection(('127.0.0.1', self.server.port)) as s:
                s.sendall(('GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n' % (path, self.server.port)).encode())
                time.sleep(.1)
        time.sleep(.5)
        self.assertGreaterEqual(metric(self.server, 'earshot_api_cancelled_total'), 4)
        self.assertEqual(metric(self.server, 'earshot_lane_running{lane="query"}'), 0)
        before = cpu_seconds(self.server)
        time.sleep(1)
        self.assertLess(cpu_seconds(self.server) - before, .3)
        self.assertEqual(self.server.query('vector(1)')[0][1], 1)
