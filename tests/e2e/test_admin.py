"""What changes the store by request: deletes."""
import signal
import subprocess
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
        plain = self.start()
        for path in 'delete_series', 'clean_tombstones':
            status, body, _ = self.post(plain, path, **{'match[]': 'm'})
            self.assertEqual(status, 503)
            self.assertIn(b'--enable-admin-api', body)


if __name__ == '__main__':
    unittest.main()
