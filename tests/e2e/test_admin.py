"""What is done to the store by request: deletes and snapshots."""
import json
import os
import signal
import subprocess
import threading
import time
import unittest
import urllib.parse

import server as fixture
from remote import HEADERS, write_body
from server import Server


def series(name, job, count, end_ms, value=1.0):
    return {'__name__': name, 'job': job}, [(end_ms - 1000 * i, value) for i in reversed(range(count))]


class Admin(unittest.TestCase):
    def start(self, *flags):
        server = Server('--config', '{dir}/e.yml', *flags, files={'e.yml': 'collect: {}\n'}).start()
        self.addCleanup(server.close)
        return server

    def write(self, server, *what):
        status, body, _ = server.request('POST', '/api/v1/write', write_body(what), HEADERS)
        self.assertIn(status, (200, 204), body)

    def post(self, server, path, **params):
        return server.request('POST', '/api/v1/admin/tsdb/%s?%s' % (path, urllib.parse.urlencode(params, doseq=True)))

    def test_deleted_series_are_gone_for_good_and_may_be_written_again(self):
        server = self.start('--enable-admin-api')
        now = int(time.time()) * 1000 - 5000
        at = now / 1000 + 1
        self.write(server, series('m', 'a', 10, now), series('m', 'b', 10, now))
        for _ in range(2):
            status, body, _ = self.post(server, 'delete_series', **{'match[]': ['m{job="a"}', 'nothing']})
            self.assertEqual((status, body), (204, b''))
            self.assertEqual([m['job'] for m, _ in server.query('count_over_time(m[10m])', time=at)], ['b'])
            self.assertEqual([s['job'] for s in server.api('series', **{'match[]': 'm'})], ['b'])
        server.stop(signal.SIGKILL)
        server.start()
        self.assertEqual([m['job'] for m, _ in server.query('count_over_time(m[10m])', time=at)], ['b'])
        self.write(server, series('m', 'a', 3, now, 2.0))
        self.assertEqual({m['job']: v for m, v in server.query('count_over_time(m[10m])', time=at)}, {'a': 3, 'b': 10})
        status, _, _ = self.post(server, 'delete_series', **{
            'match[]': 'm{job="b"}', 'start': now / 1000 - 4, 'end': now / 1000 - 2})
        self.assertEqual(status, 204)
        self.assertEqual({m['job']: v for m, v in server.query('count_over_time(m[10m])', time=at)}, {'a': 3, 'b': 7})
        self.assertEqual(self.post(server, 'clean_tombstones')[0], 204)
        self.assertEqual({m['job']: v for m, v in server.query('count_over_time(m[10m])', time=at)}, {'a': 3, 'b': 7})
        self.assertEqual(self.post(server, 'compact')[0], 204)
        blocks = server.api('status/tsdb/blocks')['blocks']
        self.assertGreaterEqual(sum(b['stats']['numSamples'] for b in blocks), 10)
        for b in blocks:
            self.assertRegex(b['ulid'], '^[0-7][0-9A-HJKMNP-TV-Z]{25}$')
            self.assertLess(b['minTime'], b['maxTime'])
        self.assertEqual(server.stop()[0], 0)
        r = subprocess.run([fixture.BINARY, 'tsdb', 'verify', server.data], capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        r = subprocess.run([fixture.BINARY, 'tsdb', 'dump', server.data], capture_output=True, text=True, check=False)
        self.assertEqual(r.stdout.count('job="a"'), 3, r.stdout)
        self.assertEqual(r.stdout.count('job="b"'), 7, r.stdout)

    def test_what_cannot_be_deleted_is_said(self):
        server = self.start('--enable-admin-api')
        status, body, _ = self.post(server, 'delete_series')
        self.assertEqual(status, 400)
        self.assertIn(b'no match[] parameter provided', body)
        self.assertEqual(self.post(server, 'delete_series', **{'match[]': '{'})[0], 400)
        self.assertEqual(self.post(server, 'delete_series', **{'match[]': 'm', 'start': 'x'})[0], 400)
        self.assertEqual(server.get('/api/v1/admin/tsdb/delete_series?match[]=m')[0], 405)
        self.assertEqual(self.post(server, 'snapshot', skip_head='maybe')[0], 400)
        plain = self.start()
        for path in 'delete_series', 'clean_tombstones', 'snapshot':
            status, body, _ = self.post(plain, path, **{'match[]': 'm'})
            self.assertEqual(status, 500)
            self.assertIn(b'--enable-admin-api', body)

    def snapshot(self, server, **params):
        status, body, _ = self.post(server, 'snapshot', **params)
        self.assertEqual(status, 200, body)
        name = json.loads(body)['data']['name']
        self.assertRegex(name, r'^\d{8}T\d{6}Z-[0-9a-f]{16}$')
        return os.path.join(server.data, 'snapshots', name)

    def open(self, folder):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}, data=folder).start()
        self.addCleanup(server.close)
        return server

    def test_a_snapshot_under_remote_write_answers_for_all_that_was_acknowledged(self):
        server = self.start('--enable-admin-api')
        now = int(time.time()) * 1000
        acknowledged = [0]
        stop = threading.Event()

        def write():
            while not stop.is_set():
                n = acknowledged[0]
                self.write(server, ({'__name__': 'n'}, [(now - 60000 + n, float(n))]))
                acknowledged[0] = n + 1

        self.write(server, series('gone', 'a', 10, now - 5000), series('stays', 'a', 10, now - 5000))
        self.assertEqual(self.post(server, 'compact')[0], 204)
        self.assertEqual(self.post(server, 'delete_series', **{'match[]': 'gone'})[0], 204)
        writer = threading.Thread(target=write)
        writer.start()
        snapshots = []
        try:
            for _ in range(5):
                time.sleep(0.1)
                before = acknowledged[0]
                folder = self.snapshot(server)
                snapshots.append((before, folder, acknowledged[0] + 1))
        finally:
            stop.set()
            writer.join()
        head = self.snapshot(server, skip_head='true')
        total = acknowledged[0]
        self.assertGreater(total, 20)
        self.assertEqual([v for _, v in server.query('count_over_time(n[2h])', time=now / 1000)], [total])
        self.assertEqual(server.stop()[0], 0)
        for before, folder, after in snapshots:
            copy = self.open(folder)
            (_, n), = copy.query('count_over_time(n[2h])', time=now / 1000)
            self.assertTrue(before <= n <= after, (before, n, after))
            self.assertEqual([v for _, v in copy.query('max_over_time(n[2h])', time=now / 1000)], [n - 1])
            self.assertEqual([v for _, v in copy.query('count_over_time(stays[1h])', time=now / 1000)], [10])
            self.assertEqual(copy.query('count_over_time(gone[1h])', time=now / 1000), [])
            self.assertEqual(copy.stop()[0], 0)
        copy = self.open(head)
        self.assertEqual([v for _, v in copy.query('count_over_time(stays[1h])', time=now / 1000)], [10])
        self.assertEqual(copy.query('n', time=now / 1000), [])
        r = subprocess.run([fixture.BINARY, 'tsdb', 'verify', server.data], capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)


if __name__ == '__main__':
    unittest.main()
