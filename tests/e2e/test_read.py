import http.client
import json
import os
import random
import tempfile
import time
import unittest

import remote
from server import Peer, Server, eventually, free_port

CONFIG = 'global: {external_labels: {site: lab}}\nscrape_configs: []\n'


def series(name, n, samples, start):
    r = random.Random(7)
    return [({'__name__': name, 'i': str(i)}, [(start + k * 15000 + r.randrange(3), r.choice((1, i, r.random())))
                                               for k in range(samples)]) for i in range(n)]


class Reads(unittest.TestCase):
    """remote read, asked by hand and by a real Prometheus"""

    def setUp(self):
        self.server = Server('--prometheus-config', '{dir}/p.yml', '--late-window', 'unlimited', files={'p.yml': CONFIG})
        self.server.start()
        self.addCleanup(self.server.close)
        self.start = (int(time.time()) - 7200) * 1000

    def write(self, data):
        status, body, _ = self.server.request('POST', '/api/v1/write', remote.write_body(data), remote.HEADERS)
        self.assertEqual(status, 204, body)

    def read(self, queries, types=()):
        return self.server.request('POST', '/api/v1/read', remote.read_body(queries, types), remote.HEADERS)

    def test_samples_and_chunks_are_what_was_written(self):
        data = series('m', 40, 300, self.start)
        self.write(data)
        wanted = {tuple(sorted({**labels, 'site': 'lab'}.items())): samples for labels, samples in data}
        end = self.start + 10 ** 7
        queries = [(self.start, end, [(remote.EQ, '__name__', 'm'), (remote.EQ, 'site', 'lab')]),
                   (self.start, end, [(remote.RE, '__name__', 'm|n'), (remote.NE, 'i', '3')]),
                   (self.start, end, [(remote.EQ, '__name__', 'none')]),
                   (end, self.start, [(remote.EQ, '__name__', 'm')])]
        status, body, headers = self.read(queries)
        self.assertEqual((status, headers['Content-Type'], headers['Content-Encoding']),
                         (200, 'application/x-protobuf', 'snappy'))
        samples = remote.read_samples(body)
        self.assertEqual(samples[0], wanted)
        self.assertEqual(len(samples[1]), 39)
        self.assertEqual(samples[2:], [{}, {}])
        status, body, headers = self.read(queries, (remote.CHUNKS, remote.SAMPLES))
        self.assertEqual((status, headers['Content-Type'], headers.get('Content-Encoding')),
                         (200, 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse', None))
        self.assertEqual(remote.read_chunks(body), {0: samples[0], 1: samples[1]})
        part = self.read([(self.start + 14000, self.start + 50000, [(remote.EQ, 'i', '1')])])
        self.assertEqual([len(s) for s in remote.read_samples(part[1])[0].values()], [3])

    def test_a_stream_that_nobody_reads_to_its_end_leaves_nothing_behind(self):
        for i in range(4):
            self.write(series('big%d' % i, 500, 400, self.start))
        body = remote.read_body([(self.start, self.start + 10 ** 8, [(remote.RE, '__name__', 'big.')])], (remote.CHUNKS,))
        for _ in range(12):  # more than may be under way at once
            c = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=20)
            c.request('POST', '/api/v1/read', body, remote.HEADERS)
            self.assertEqual(c.getresponse().read(1000)[:1] != b'', True)
            c.close()

        def whole():
            status, answer, _ = self.read([(self.start, self.start + 10 ** 8, [(remote.RE, '__name__', 'big.')])],
                                          (remote.CHUNKS,))
            return status == 200 and sum(map(len, remote.read_chunks(answer)[0].values())) == 4 * 500 * 400
        eventually(whole, 30, 1)

    def test_bad_requests_are_refused_in_a_line(self):
        good = remote.read_body([(0, 1, [(remote.EQ, 'a', 'b')])])
        claims = b'\xff\xff\xff\xff\x0f' + good
        many = remote.read_body([(0, 1, [(remote.EQ, 'a', 'b')])] * 1001)
        for body, status in ((b'garbage', 400), (b'', 400), (claims, 400), (good[:-1], 400), (many, 400),
                             (remote.read_body([(0, 1, [(remote.RE, 'a', '(')])]), 400),
                             (remote.read_body([(0, 1, [(9, 'a', 'b')])]), 400),
                             (remote.read_body([], (5,)), 400), (b'x' * (2 << 20), 413)):
            got, text, headers = self.server.request('POST', '/api/v1/read', body, remote.HEADERS)
            self.assertEqual(got, status, text)
            self.assertEqual(text.count(b'\n'), 1, text)
            self.assertEqual(headers['Content-Type'].split(';')[0], 'text/plain')
        self.assertEqual(self.server.get('/api/v1/read')[0], 405)

    def test_a_prometheus_that_reads_from_here_answers_as_we_do(self):
        self.write([(labels, [(ts, 1e6 + k * int(labels['i']) * 3) for k, (ts, _) in enumerate(samples)])
                    for labels, samples in series('rr_total', 9, 200, self.start)])
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + '/p.yml', 'w', encoding='utf-8') as f:
                f.write('remote_read: [{url: "http://127.0.0.1:%d/api/v1/read", read_recent: true}]\n' % self.server.port)
            prometheus = Peer('prometheus', '--config.file=' + folder + '/p.yml',
                              '--storage.tsdb.path=' + os.path.join(folder, 'data'),
                              '--web.listen-address=127.0.0.1:%d' % port)
            try:
                other = Server()
                other.port = port
                eventually(lambda: other.get('/-/ready')[0] == 200, 40)
                at = self.start / 1000
                for expr in ('rr_total', 'sum by (i) (rate(rr_total[5m3s]))', 'count(rr_total{i!="3"})'):
                    ours, theirs = [{json.dumps({k: v for k, v in r['metric'].items() if k != 'site'}, sort_keys=True): r['values']
                                     for r in s.api('query_range', query=expr, start=at + 7, end=at + 2900, step=60)['result']}
                                    for s in (self.server, other)]
                    self.assertTrue(ours, expr)
                    self.assertEqual(ours.keys(), theirs.keys())
                    for key, values in ours.items():
                        for (t, a), (u, b) in zip(values, theirs[key], strict=True):
                            self.assertEqual(t, u)
                            self.assertAlmostEqual(float(a), float(b), delta=1e-9 * max(1, abs(float(b))), msg=expr)
                self.assertEqual(len(other.api('series', **{'match[]': 'rr_total', 'start': at, 'end': at + 3000})), 9)
            finally:
                prometheus.stop()


if __name__ == '__main__':
    unittest.main()
