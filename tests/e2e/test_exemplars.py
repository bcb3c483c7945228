"""Exemplars: scraped from OpenMetrics or pushed, and asked for as Grafana does."""
import http.server
import json
import signal
import threading
import time
import unittest

import remote
from server import Server, eventually

JOB = 'scrape_configs: [{job_name: app, scrape_interval: 1s, static_configs: [{targets: ["127.0.0.1:%d"]}]}]\n'
PAGE = ('# TYPE http_seconds histogram\n'
        'http_seconds_bucket{le="0.1"} 3\n'
        'http_seconds_bucket{le="+Inf"} 4 # {trace_id="KOO5S4vxi0o"} 0.67 %d\n'
        'http_seconds_count 4\nhttp_seconds_sum 1.2\n# EOF\n')


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
        self.end_headers()
        self.wfile.write((PAGE % self.server.at).encode())

    def log_message(self, *_):
        pass


class Exemplars(unittest.TestCase):
    def start(self, extra=''):
        page = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Page)
        page.at = int(time.time()) - 1
        threading.Thread(target=page.serve_forever).start()
        self.addCleanup(page.server_close)
        self.addCleanup(page.shutdown)
        server = Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': JOB % page.server_port + extra}).start()
        self.addCleanup(server.close)
        return server, page.at

    def ask(self, server, query, **times):
        return server.api('query_exemplars', query=query, **times)

    def test_a_scraped_exemplar_is_read_back_also_after_a_kill(self):
        server, at = self.start()
        query = 'histogram_quantile(.9, sum by (le) (rate(http_seconds_bucket[5m])))'
        around = {'start': at - 60, 'end': at + 60}
        found = eventually(lambda: self.ask(server, query, **around))
        self.assertEqual(len(found), 1)
        self.assertEqual({k: found[0]['seriesLabels'][k] for k in ('__name__', 'job', 'le')},
                         {'__name__': 'http_seconds_bucket', 'job': 'app', 'le': '+Inf'})
        self.assertEqual(found[0]['exemplars'],
                         [{'labels': {'trace_id': 'KOO5S4vxi0o'}, 'value': '0.67', 'timestamp': at}])
        self.assertEqual(self.ask(server, 'up', **around), [])
        self.assertEqual(self.ask(server, query, start=at + 1, end=at + 60), [])
        server.stop(signal.SIGKILL)
        server.start()
        self.assertEqual(self.ask(server, query, **around), found)

    def test_grafana_asks_in_milliseconds_and_mistakes_are_those_of_prometheus(self):
        server, at = self.start()
        eventually(lambda: self.ask(server, 'http_seconds_bucket', start=at - 60, end=at + 60))
        now = int(time.time() * 1000)
        status, body, _ = server.get('/api/v1/query_exemplars?query=test&start=%d&end=%d' % (now - 60000, now))
        self.assertEqual((status, json.loads(body)), (200, {'status': 'success', 'data': []}))
        status, body, _ = server.get('/api/v1/query_exemplars?query=up&start=20&end=10')
        self.assertEqual((status, json.loads(body)['errorType']), (400, 'bad_data'))
        self.assertIn('end timestamp must not be before start timestamp', json.loads(body)['error'])
        self.assertEqual(server.get('/api/v1/query_exemplars?query=up%7B')[0], 400)

    def test_pushed_exemplars_are_kept_with_and_without_samples(self):
        server, _ = self.start()
        now = int(time.time()) * 1000
        body = remote.write_body([({'__name__': 'm'}, [(now, 1.0)])], [
            ({'__name__': 'm'}, {'trace_id': 'a'}, now, 1.0),
            ({'__name__': 'm'}, {'trace_id': 'b'}, now + 1, 2.5),
            ({'__name__': 'alone'}, {}, now, 3.0)])
        status, text, _ = server.request('POST', '/api/v1/write', body, remote.HEADERS)
        self.assertEqual(status, 204, text)
        found = self.ask(server, 'm or alone')
        self.assertEqual({s['seriesLabels']['__name__']: [(e['labels'], e['value']) for e in s['exemplars']] for s in found},
                         {'m': [({'trace_id': 'a'}, '1'), ({'trace_id': 'b'}, '2.5')], 'alone': [({}, '3')]})

    def test_max_exemplars_of_prometheus_yml_is_what_is_kept(self):
        server, _ = self.start('storage: {exemplars: {max_exemplars: 0}}\n')
        eventually(lambda: server.query('http_seconds_count'))
        self.assertEqual(self.ask(server, '{__name__!=""}'), [])
        metrics = server.get('/metrics')[1].decode()
        self.assertRegex(metrics, r'earshot_tsdb_exemplars_refused_total\{reason="off"\} [1-9]')


if __name__ == '__main__':
    unittest.main()
