import gzip
import http.client
import json
import os
import re
import subprocess
import threading
import time
import unittest
import urllib.parse

import remote
from server import Server, eventually

FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
DASHBOARDS = os.path.join(os.path.abspath(os.environ.get('EARSHOT_CONFORMANCE') or os.path.join(
    os.path.dirname(__file__), *['..'] * 3, 'shared', 'conformance')), 'dashboards')
FEATURES = ('promql-experimental-functions,promql-duration-expr,promql-extended-range-selectors,'
            'promql-binop-fill-modifiers')


class Asked(unittest.TestCase):
    """a server with some series of its own and one that it scrapes: itself"""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--prometheus-config', '{dir}/p.yml', '--enable-feature', FEATURES)
        with open(cls.server.dir + '/p.yml', 'w', encoding='utf-8') as f:
            f.write('global: {scrape_interval: 1s, external_labels: {site: lab, job: other}}\nscrape_configs:\n'
                    '- {job_name: me, static_configs: [{targets: ["127.0.0.1:%d"], labels: {rack: r1}}]}\n' % cls.server.port)
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        cls.now = int(time.time())
        cls.series = [({'__name__': 'clips_total', 'model': m, 'state': s}, [((cls.now - 600 + 15 * k) * 1000, k + n) for k in range(41)])
                      for n, (m, s) in enumerate([('large', 'ok'), ('large', 'bad'), ('small', 'ok')])]
        cls.series.append(({'__name__': 'http.status:sum', 'service.name': 'a b'}, [(cls.now * 1000, 1)]))
        cls.series.append(({'__name__': 'gone'}, [((cls.now - 60) * 1000, 1)]))
        cls.series.append(({'__name__': 'old'}, [((cls.now - 500) * 1000, 1)]))
        body = remote.write_body(cls.series)
        assert cls.server.request('POST', '/api/v1/write', body, remote.HEADERS)[0] == 204
        stale = b'\x09' + (0x7ff0000000000002).to_bytes(8, 'little') + b'\x10' + remote.varint((cls.now - 30) * 1000)
        raw = remote.field(1, remote.field(1, remote.field(1, b'__name__') + remote.field(2, b'gone')) + remote.field(2, stale))
        assert cls.server.request('POST', '/api/v1/write', remote.snappy(raw), remote.HEADERS)[0] == 204
        eventually(lambda: cls.server.query('up{job="me"} == 1'))

    def post(self, path, params):
        status, body, headers = self.server.request('POST', '/api/v1/' + path, urllib.parse.urlencode(params, doseq=True), FORM)
        self.assertEqual(headers['Content-Type'].split(';')[0], 'application/json')
        return status, json.loads(body)

    def fails(self, path, status, kind, text, method='GET', **params):
        got, body, headers = self.server.request(method, '/api/v1/' + path + '?' + urllib.parse.urlencode(params, doseq=True))
        answer = json.loads(body)
        self.assertEqual((got, answer['status'], answer['errorType']), (status, 'error', kind), answer)
        self.assertIn(text, answer['error'])
        return headers


class Grafana(Asked):
    """what Grafana's Prometheus data source asks, in the form it asks it"""

    def test_save_and_test(self):
        self.assertEqual(self.post('query', {'query': '1+1', 'time': 4}),
                         (200, {'status': 'success', 'data': {'resultType': 'scalar', 'result': [4, '2']}}))
        info = self.server.api('status/buildinfo')
        version = re.fullmatch(r'(\d+)\.(\d+)\.(\d+)\+earshot\.\d+\.\d+\.\d+', info['version'])
        self.assertGreaterEqual(tuple(map(int, version.groups())), (2, 24, 0))  # label values take match[] from there on
        self.assertNotIn('features', info)
        self.assertEqual(self.server.api('rules'), {'groups': []})
        self.assertEqual(self.server.api('alerts'), {'alerts': []})

    def test_durations_and_times_as_its_backend_prints_them(self):
        status, answer = self.post('query_range', {'query': 'clips_total', 'start': '%d.781' % (self.now - 600),
                                                   'end': '%d.219' % self.now, 'step': '1m0s', 'timeout': '1m0s'})
        self.assertEqual(status, 200, answer)
        self.assertEqual(len(answer['data']['result']), 3)
        self.assertEqual(answer['data']['result'][0]['values'][0][0], self.now - 600 + .781)

    def test_variables(self):
        window = {'start': self.now - 700, 'end': self.now + 1, 'limit': 40000}
        self.assertEqual(self.post('labels', {**window, 'match[]': 'clips_total'})[1]['data'], ['__name__', 'model', 'state'])
        self.assertEqual(self.server.api('label/model/values', **window, **{'match[]': ['clips_total{state="bad"}', 'old']}), ['large'])
        self.assertEqual(self.server.api('label/__name__/values', **window, **{'match[]': ['{model="small"}', 'old']}),
                         ['clips_total', 'old'])
        self.assertEqual(len(self.post('series', {**window, 'match[]': ['clips_total', 'old', '{state="ok"}']})[1]['data']), 4)
        one = self.post('labels', {**window, 'limit': 1})[1]
        self.assertEqual((len(one['data']), one['warnings']), (1, ['results truncated due to limit']))

    def test_names_of_any_utf8(self):
        self.assertEqual(self.server.api('label/service.name/values'), ['a b'])
        self.assertEqual(self.server.api('label/U__service_2e_name/values'), ['a b'])
        self.assertEqual(self.server.query('{"http.status:sum"}')[0][0], {'__name__': 'http.status:sum', 'service.name': 'a b'})

    def test_public_dashboards_parse(self):
        if not os.path.isdir(DASHBOARDS):
            self.skipTest('no dashboards at %s (set EARSHOT_CONFORMANCE)' % DASHBOARDS)
        seen = 0
        for name in sorted(os.listdir(DASHBOARDS)):
            if name.endswith('.json'):
                with open(os.path.join(DASHBOARDS, name), encoding='utf-8') as f:
                    for expr in expressions(json.load(f)):
                        status, answer = self.post('parse_query', {'query': expr})
                        self.assertEqual(status, 200, (name, expr, answer))
                        status, answer = self.post('query_range', {'query': expr, 'start': self.now - 60, 'end': self.now, 'step': 15})
                        self.assertEqual(status, 200, (name, expr, answer))
                        seen += 1
        self.assertGreater(seen, 200)


def expressions(node):
    """every PromQL expression of a dashboard, its variables filled in"""
    known = {'__rate_interval': '5m', '__interval': '1m', '__range': '1h', '__range_s': '3600', '__interval_ms': '60000'}
    if isinstance(node, dict):
        if isinstance(node.get('expr'), str) and node['expr'].strip():
            yield re.sub(r'\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]',
                         lambda m: known.get(next(filter(None, m.groups())), '1m' if 'interval' in m.group(0) else 'x'), node['expr'])
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from expressions(item)


class Routes(Asked):
    def test_what_is_not_there_is_said_in_json(self):
        for path in ('/api/v1/nope', '/api/', '/api/v2/silences', '/api/v1/query/', '/api/earshot/v1/none'):
            status, body, headers = self.server.get(path)
            self.assertEqual((status, headers['Content-Type'], json.loads(body)['errorType']), (404, 'application/json', 'not_found'))
        for method, path, allow in (('PUT', 'query', 'GET, HEAD, POST'), ('DELETE', 'series', 'GET, HEAD, POST'),
                                    ('POST', 'status/config', 'GET, HEAD'), ('GET', 'write', 'POST'), ('GET', 'read', 'POST')):
            self.assertEqual(self.fails(path, 405, 'bad_data', 'takes ' + allow, method)['Allow'], allow)
        status, body, headers = self.server.request('OPTIONS', '/api/v1/query')
        self.assertEqual((status, body, headers['Allow']), (204, b'', 'GET, HEAD, POST'))
        status, body, headers = self.server.request('HEAD', '/api/v1/labels')
        self.assertEqual((status, body, headers['Content-Type']), (200, b'', 'application/json'))

    def test_pages_of_other_origins_get_no_leave_to_read(self):
        headers = self.server.request('GET', '/api/v1/query?query=1', headers={'Origin': 'http://other.example'})[2]
        self.assertFalse([h for h in headers if h.lower().startswith('access-control')])
        self.assertEqual(self.server.request('POST', '/api/v1/query', 'query=1', {**FORM, 'Origin': 'http://other.example'})[0], 403)

    def test_errors_have_prometheus_words(self):
        self.fails('query', 400, 'bad_data', 'invalid parameter "query": 1:1: parse error: no expression found in input')
        self.fails('query', 400, 'bad_data', '''invalid parameter "time": invalid time value for 'time': cannot parse "x" to a valid timestamp''',
                   query='1', time='x')
        self.fails('query', 400, 'bad_data', 'error parsing lookback delta duration: cannot parse "x"', query='1', lookback_delta='x')
        self.fails('query', 400, 'bad_data', 'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax', query='1', limit='x')
        self.fails('labels', 400, 'bad_data', 'invalid parameter "limit": limit must be non-negative', limit='-1')
        self.fails('query_exemplars', 400, 'bad_data', 'end timestamp must not be before start timestamp', query='m', start=2, end=1)
        self.fails('query', 422, 'execution', 'found duplicate series', query='clips_total * on (model) clips_total')
        self.fails('query', 503, 'timeout', 'timed out', query='clips_total', timeout='0')
        for missing in ('start', 'end', 'step'):
            params = {k: 60 for k in ('start', 'end', 'step') if k != missing}
            self.fails('query_range', 400, 'bad_data', 'invalid parameter "%s": cannot parse "" to a valid' % missing, query='1', **params)
        self.fails('query_range', 400, 'bad_data', 'exceeded maximum resolution of 11,000 points', query='1', start=0, end=11001, step=1)
        self.fails('query_range', 400, 'bad_data', 'end timestamp must not be before start', query='1', start=2, end=1, step=1)
        self.fails('series', 400, 'bad_data', 'no match[] parameter provided')
        self.fails('series', 400, 'bad_data', 'invalid parameter "match[]": 1:2: parse error', **{'match[]': '{'})
        self.fails('labels', 400, 'bad_data', '1:2: parse error', **{'match[]': '{'})
        self.fails('labels', 400, 'bad_data', 'match[] must contain at least one non-empty matcher', **{'match[]': '{a=~".*"}'})
        self.fails('metadata', 400, 'bad_data', 'limit must be a number', limit='x')
        self.fails('targets/metadata', 400, 'bad_data', 'invalid parameter "match_target": 1:', match_target='{')
        self.fails('rules', 400, 'bad_data', 'invalid parameter "type": not supported value "x"', type='x')
        self.fails('format_query', 400, 'bad_data', 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis', query='sum(')
        self.fails('status/tsdb', 400, 'bad_data', 'limit must be a positive number', limit='0')
        self.fails('status/tsdb', 400, 'bad_data', 'limit must not exceed 10000', limit='10001')

    def test_answers_that_prometheus_words_in_its_own_way(self):
        self.assertEqual(self.server.get('/api/v1/query_exemplars?query=1')[:2], (204, b''))
        self.assertEqual(self.server.request('OPTIONS', '/api/v1/nope')[:2], (204, b''))
        self.assertIn(b'"result":[10.5,"100000000000000000000000"]', self.server.get('/api/v1/query?query=1e23&time=10.5')[1])
        self.assertIn(b'"value":[10.500,"1e+23"]', self.server.get('/api/v1/query?query=vector(1e23)&time=10.5')[1])
        for path in 'query?query=1&stats=yes', 'query_range?query=1&start=1&end=2&step=1&stats=yes':
            answer = json.loads(self.server.get('/api/v1/' + path)[1])
            self.assertIn('timings', answer['data']['stats'])
            self.assertEqual(answer['warnings'], ['value "yes" for parameter "stats" is deprecated and will be rejected in the next '
                                                  'major release, use "true" or "all"'])
        self.assertNotIn('warnings', json.loads(self.server.get('/api/v1/query?query=1&stats=all')[1]))

    def test_a_range_that_ends_before_it_starts_holds_nothing(self):
        for path in ('series', 'labels', 'label/model/values'):
            self.assertEqual(self.server.api(path, **{'match[]': 'clips_total', 'start': self.now, 'end': self.now - 60}), [])

    def test_metadata_by_target(self):
        eventually(lambda: self.server.api('targets/metadata', metric='earshot_http_requests_total', match_target='{rack="r1"}'))
        target = {'instance': '127.0.0.1:%d' % self.server.port, 'job': 'me', 'rack': 'r1'}
        one = self.server.api('targets/metadata', metric='process_open_fds', match_target='{job="me"}')
        self.assertEqual(one, [{'target': target, 'type': 'gauge', 'help': 'Open file descriptors.', 'unit': ''}])
        every = self.server.api('targets/metadata', match_target='{job="me"}')
        self.assertGreater(len(every), 50)
        self.assertIn('metric', every[0])
        self.assertEqual(self.server.api('targets/metadata', match_target='{job="none"}'), [])
        self.assertEqual(self.server.api('targets/metadata', limit=0), [])
        self.assertEqual(len(self.server.api('metadata', limit=2)), 2)
        self.assertEqual(self.server.api('metadata', limit=0), {})
        self.assertEqual(self.server.api('scrape_pools'), {'scrapePools': ['earshot', 'me']})

    def test_an_answer_comes_in_pieces_and_compressed_where_that_is_taken(self):
        path = '/api/v1/query_range?' + urllib.parse.urlencode({'query': 'time()', 'start': 0, 'end': 10999, 'step': 1})
        c = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=20)
        c.request('GET', path, headers={'Accept-Encoding': 'gzip'})
        r = c.getresponse()
        packed = r.read()
        c.close()
        self.assertEqual((r.headers['Transfer-Encoding'], r.headers['Content-Encoding']), ('chunked', 'gzip'))
        plain = self.server.get(path)[1]
        self.assertEqual(gzip.decompress(packed), plain)
        self.assertLess(len(packed), len(plain) / 3)
        self.assertEqual(len(json.loads(plain)['data']['result'][0]['values']), 11000)

    def test_a_query_as_a_tree(self):
        tree = self.server.api('parse_query', query='sum by (a) (rate(foo{b=~"c"}[5m] offset 1m)) / 2')
        self.assertEqual((tree['type'], tree['op'], tree['matching'], tree['rhs']),
                         ('binaryExpr', '/', None, {'type': 'numberLiteral', 'val': '2'}))
        selector = tree['lhs']['expr']['args'][0]
        self.assertEqual((selector['type'], selector['range'], selector['offset']), ('matrixSelector', 300000, 60000))


class Abuse(Asked):
    def test_hostile_requests_are_refused_or_answered_and_nothing_else_waits(self):
        lists = urllib.parse.urlencode([('match[]', 'm%d' % i) for i in range(9000)])
        deep = '(' * 5000 + '1' + ')' * 5000
        death = urllib.parse.urlencode({'match[]': '{__name__=~"(a*)*b|' + '(x+x+)+y|' * 200 + 'z"}'})
        bombs = [('POST', '/api/v1/series', lists), ('POST', '/api/v1/labels', lists), ('POST', '/api/v1/series', death),
                 ('POST', '/api/v1/query', urllib.parse.urlencode({'query': deep})),
                 ('POST', '/api/v1/parse_query', urllib.parse.urlencode({'query': deep})),
                 ('POST', '/api/v1/format_query', urllib.parse.urlencode({'query': '-' * 60000 + '1'})),
                 ('POST', '/api/v1/labels', '&'.join('a=%d' % i for i in range(10001))),
                 ('POST', '/api/v1/query', 'query=' + 'x' * (2 << 20)),
                 ('POST', '/api/v1/read', b'\xff\xff\xff\xff\x0f' + b'a' * 100000),
                 ('GET', '/federate?' + death, None)]
        answers, slowest = [], 0

        def ask(method, path, body):
            started = time.monotonic()
            status = self.server.request(method, path, body, FORM)[0]
            answers.append((path.split('?')[0], status, time.monotonic() - started))

        threads = [threading.Thread(target=ask, args=bomb) for bomb in bombs]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            started = time.monotonic()
            self.assertEqual(self.server.get('/-/healthy')[0], 200)
            slowest = max(slowest, time.monotonic() - started)
        for t in threads:
            t.join()
        self.assertEqual(len(answers), len(bombs))
        for path, status, seconds in answers:
            self.assertTrue(status in (200, 400, 413, 422, 431, 503) and seconds < 5, (path, status, seconds))
        self.assertLess(slowest, .3)  # .1 where nothing else runs
        self.assertEqual(self.server.query('vector(1)')[0][1], 1)


class Federation(Asked):
    def federate(self, *match, **headers):
        status, body, got = self.server.get('/federate?' + urllib.parse.urlencode([('match[]', m) for m in match]), **headers)
        return status, body.decode(), got['Content-Type']

    def test_the_newest_samples_go_out_with_what_they_lack(self):
        status, text, kind = self.federate('clips_total', '{__name__=~"gone|old"}', 'clips_total{state="bad"}', 'up{job="me"}')
        self.assertEqual((status, kind), (200, 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'))
        at = self.now * 1000
        self.assertEqual(re.sub(r' \d+\n$', ' T\n', text), ''.join([
            '# TYPE clips_total untyped\n',
            'clips_total{model="large",state="bad",instance="",job="other",site="lab"} 41 %d\n' % at,
            'clips_total{model="large",state="ok",instance="",job="other",site="lab"} 40 %d\n' % at,
            'clips_total{model="small",state="ok",instance="",job="other",site="lab"} 42 %d\n' % at,
            '# TYPE up untyped\n',
            'up{instance="127.0.0.1:%d",job="me",rack="r1",site="lab"} 1 T\n' % self.server.port]))
        self.assertEqual(self.federate()[:2], (200, ''))
        self.assertEqual(self.federate('{')[0], 400)

    def test_names_are_spelled_as_the_client_can_read_them(self):
        wanted = {'text/plain': '\nhttp_status:sum{service_name="a b",',
                  'text/plain;version=1.0.0;escaping=allow-utf-8': '\n{"http.status:sum","service.name"="a b",',
                  'text/plain;escaping=values;q=0.5': '\nU__http_2e_status:sum{U__service_2e_name="a b",'}
        for accept, line in wanted.items():
            self.assertIn(line, self.federate('{"http.status:sum"}', Accept=accept)[1])

    def test_openmetrics_for_who_takes_nothing_else(self):
        status, text, kind = self.federate('clips_total', Accept='application/openmetrics-text; version=1.0.0')
        self.assertEqual((status, kind.split(';')[0]), (200, 'application/openmetrics-text'))
        self.assertTrue(text.startswith('# TYPE clips_total unknown\n') and text.endswith('# EOF\n'), text)
        both = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
        self.assertEqual(self.federate('clips_total', Accept=both)[2].split(';')[0], 'text/plain')

    def test_promtool_finds_nothing_in_our_own_metrics_and_reads_what_is_federated(self):
        def check(text):
            r = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True, text=True, check=False)
            return r.returncode, r.stdout + r.stderr
        self.assertEqual(check(self.server.get('/metrics')[1].decode()), (0, ''))
        self.assertEqual(check(self.federate('{job="me"}')[1])[0], 3)  # it misses help texts, as in Prometheus' own


if __name__ == '__main__':
    unittest.main()
