"""Jobs that tell when they ran (/ping/NAME), as a cron job does it with curl."""
import subprocess
import time
import unittest

from server import Server, eventually

CONFIG = '''collect:
  push:
    ping:
    - {name: backup, every: 1s, grace: 1s}
    - {name: nightly, cron: '30 3 * * *'}
    - {name: silent, every: 1s, grace: 500ms}
    - {name: calm, every: 1d}
'''


class Ping(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG}).start()
        cls.addClassCleanup(cls.server.close)

    def ping(self, path, method='GET', **headers):
        return self.server.request(method, '/ping/' + path, headers=headers)[0]

    def value(self, expr):
        found = self.server.query(expr)
        return found[0][1] if found else None

    def test_a_cron_job_tells_its_start_its_end_and_its_failure(self):
        url = 'http://127.0.0.1:%d/ping/report' % self.server.port
        subprocess.run(['curl', '-fsS', url + '/start'], check=True, capture_output=True)
        time.sleep(.3)
        r = subprocess.run(['curl', '-fsS', url], check=True, capture_output=True)
        self.assertEqual(r.stdout, b'ok\n')
        at = '{job="ping",instance="report"}'
        eventually(lambda: .2 < (self.value('earshot_ping_duration_seconds' + at) or 0) < 5)
        self.assertAlmostEqual(self.value('earshot_ping_last_timestamp_seconds' + at), time.time(), delta=15)
        self.assertEqual(self.value('earshot_ping_failed' + at), 0)
        self.assertEqual(self.value('earshot_ping_running' + at), 0)
        self.assertIsNone(self.value('earshot_ping_late' + at))  # no rhythm yet: it is not judged
        self.assertEqual(self.ping('report/fail', 'POST'), 200)
        self.assertEqual(self.ping('report/start', 'HEAD'), 200)
        eventually(lambda: self.value('earshot_ping_failed' + at) == 1)
        eventually(lambda: self.value('earshot_ping_running' + at) == 1)
        self.assertEqual({m['kind']: v for m, v in self.server.query('earshot_ping_received_total' + at)}, {'start': 2, 'end': 1, 'fail': 1})

    def test_one_that_does_not_come_in_time_is_late(self):
        eventually(lambda: self.value('earshot_ping_late{instance="silent"}') == 1)  # it never came at all
        self.assertEqual(self.value('earshot_ping_late{instance="calm"}'), 0)
        self.assertEqual(self.ping('backup'), 200)
        eventually(lambda: self.value('earshot_ping_late{instance="backup"}') == 1)
        expected = self.value('earshot_ping_expected_timestamp_seconds{instance="nightly"}')
        self.assertEqual(time.localtime(expected)[3:5], (3, 35))  # with the grace of 5m
        self.assertTrue(0 < expected - time.time() < 86400 + 300)

    def test_names_that_are_none_and_pages_of_others_are_refused(self):
        before = self.own('earshot_push_pings_refused_total')
        for path in ('', 'a%20b', 'a/stop', 'a/start/x', 'x' * 101, 'a%2Fb%2Fc'):
            self.assertEqual(self.ping(path), 400, path)
        self.assertEqual(self.ping('img', **{'Sec-Fetch-Site': 'cross-site'}), 403)
        self.assertEqual(self.ping('img', Referer='http://evil.example/page'), 403)  # all that is told beyond loopback
        self.assertEqual(self.ping('img', 'POST', Origin='http://evil.example'), 403)
        self.assertEqual(self.ping('img', 'PUT'), 405)
        self.assertGreaterEqual(self.own('earshot_push_pings_refused_total'), before + 8)

    def own(self, name):
        text = self.server.get('/metrics')[1].decode()
        return float(next(line for line in text.splitlines() if line.startswith(name + ' ')).split()[1])


class Kept(unittest.TestCase):
    def test_what_was_told_survives_a_restart_and_may_be_forgotten(self):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {push: {ping: [{name: calm, every: 1d}]}}\n'}).start()
        self.addCleanup(server.close)
        self.assertEqual(server.get('/ping/report/start')[0], 200)
        self.assertEqual(server.get('/ping/report/fail')[0], 200)
        server.stop()
        server.start()
        eventually(lambda: server.query('earshot_ping_received_total{instance="report",kind="fail"}')[0][1] == 1)
        self.assertEqual(server.query('earshot_ping_failed{instance="report"}')[0][1], 1)
        self.assertEqual(server.request('DELETE', '/ping/report')[0], 204)
        self.assertEqual(server.request('DELETE', '/ping/report')[0], 404)
        eventually(lambda: not server.query('earshot_ping_failed{instance="report"}'))
        self.assertTrue(server.query('earshot_ping_failed{instance="calm"}'))

    def test_names_are_bounded_and_pings_of_one_address_too(self):
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {push: {}}\n'}) as server:
            statuses = [server.get('/ping/p%d' % i)[0] for i in range(400)]
            self.assertEqual(set(statuses), {200, 429})
            self.assertGreaterEqual(statuses.count(200), 100)
            self.assertEqual(statuses[:100], [200] * 100)

    def test_what_makes_no_sense_is_told_before_the_start(self):
        for ping, words in (('{name: a}', 'needs one of every and cron'), ('{name: a, every: 1d, cron: "* * * * *"}', 'needs one of every and cron'),
                            ('{name: a, cron: "61 * * * *"}', 'minute: "61"'), ('{name: a b, every: 1d}', 'letters, digits'),
                            ('{name: a, every: 1d}, {name: a, every: 1d}', '"a" is there twice')):
            server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {push: {ping: [%s]}}\n' % ping})
            self.addCleanup(server.close)
            status, text = server.refused()
            self.assertEqual(status, 2, text)
            self.assertIn(words, text)


if __name__ == '__main__':
    unittest.main()
