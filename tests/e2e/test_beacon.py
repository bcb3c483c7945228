"""What browsers tell of their sound, also from pages of other origins that are allowed to."""
import json
import re
import subprocess
import unittest

from server import Server, eventually

CONFIG = '''collect: {push: {sources: [auralis, my-radio, ollama]}}
packs: [soundbox: {url: 'http://127.0.0.1:5309', labels: {site: berlin}}, ollama: {url: 'http://127.0.0.1:5310', labels: {site: bonn}}]
beacon: {allowed_origins: ['http://app.example:8080', '%s'], sessions_max: 5}
'''
BODY = {'type': 'client_metrics', 'metrics': {'chunksReceived': 120, 'chunkErrors': 2, 'bufferUnderruns': 1, 'avgLatencyMs': 80.5, 'errorRate': .0167}}

# What a page is to the script, in node: it counts, tells once, and prints what it has and what it sent.
PAGE = '''
globalThis.document = {currentScript: {src: '%(url)s', dataset: {service: 'auralis', seconds: '600'}}}
globalThis.window = globalThis
globalThis.addEventListener = () => {}
globalThis.setInterval = () => {}
const print = value => console.log(JSON.stringify(value)), ask = fetch
globalThis.fetch = (to, how) => { print(JSON.parse(how.body)); return ask(to, how) }
eval(require('fs').readFileSync(0, 'utf8'))
print(earshotBeacon.stats())
for (let ms = 1; ms <= 150; ms++) earshotBeacon.chunk(ms)
earshotBeacon.chunk()
for (let i = 0; i < 3; i++) earshotBeacon.error()
for (let i = 0; i < 2; i++) earshotBeacon.underrun()
print(earshotBeacon.stats())
earshotBeacon.send().then(r => print(r.status))
'''


def body(**metrics):
    return json.dumps({'type': 'client_metrics', 'metrics': {**BODY['metrics'], **metrics}})


class Beacon(unittest.TestCase):
    def setUp(self):
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % 'https://other.example'}).start()
        self.addCleanup(self.server.close)

    def send(self, text, session='s1', service='auralis', method='POST', **headers):
        return self.server.request(method, '/api/earshot/v1/beacon?service=%s&session=%s' % (service, session), text, headers)

    def value(self, name, instance='.+'):
        found = self.server.query('%s{instance=~"%s"}' % (name, instance))
        return found[0][1] if found else None

    def test_a_body_becomes_counters_summed_over_sessions_by_their_increase(self):
        """S2.31: the body {"type": "client_metrics", "metrics": {...}} is pushed as it is, and becomes series of its service"""
        eventually(lambda: self.value('auralis_client_chunks_received_total') == 0)  # a source's counters are there from the start
        self.assertEqual(self.send(json.dumps(BODY))[0], 204)
        self.assertEqual(self.send(body(chunksReceived=150, bufferUnderruns=4))[0], 204)
        self.assertEqual(self.send(body(chunksReceived=10, chunkErrors=0, bufferUnderruns=0, avgLatencyMs=100), 's2')[0], 204)
        self.assertEqual(self.send(body(chunksReceived=5, chunkErrors=0, bufferUnderruns=0, avgLatencyMs=110), 's2')[0], 204)  # began anew
        self.assertEqual(self.send(body(chunksReceived=0, chunkErrors=0, bufferUnderruns=0, avgLatencyMs=None), 's3')[0], 204)  # heard nothing yet
        self.assertEqual(self.server.query('soundbox_client_sessions'), [])  # a pack in use may too, and shows once it did
        self.assertEqual(self.send(json.dumps(BODY), service='soundbox')[0], 204)
        self.assertEqual(self.send(body(avgLatencyMs=None), service='my-radio')[0], 204)
        eventually(lambda: self.value('my_radio_client_chunks_received_total') == 120)
        self.assertIsNone(self.value('my_radio_client_latency_ms'))
        self.assertEqual(self.value('soundbox_client_sessions', '127.0.0.1:5309'), 1)
        self.assertEqual(self.server.query('soundbox_client_sessions')[0][0]['site'], 'berlin')  # labels of the pack
        self.assertEqual([(labels['instance'], labels['site']) for labels, _ in self.server.query('ollama_client_sessions')],
                         [('127.0.0.1:5310', 'bonn')])  # and where it is among the sources, too
        self.assertEqual(self.value('auralis_client_chunks_received_total'), 165)
        self.assertEqual(self.value('auralis_client_chunk_errors_total'), 2)
        self.assertEqual(self.value('auralis_client_buffer_underruns_total'), 4)
        self.assertEqual(self.value('auralis_client_sessions'), 3)
        self.assertAlmostEqual(self.value('auralis_client_latency_ms'), (80.5 + 110) / 2)
        self.assertEqual(self.server.query('auralis_client_sessions')[0][0]['job'], 'auralis')
        self.server.stop()
        self.server.start()  # sessions are known again: nothing is counted twice
        self.assertEqual(self.send(body(chunksReceived=151))[0], 204)
        eventually(lambda: self.value('auralis_client_chunks_received_total') == 166)

    def test_what_is_refused_says_why(self):
        for text in ('', '{', '[]', '{"type": "x", "metrics": {}}', '{"type": "client_metrics"}', body(chunkErrors=-1), body(chunkErrors='2'),
                     body(chunksReceived=1.5), body(avgLatencyMs='fast')):
            self.assertEqual(self.send(text)[0], 400, text)
        self.assertEqual(self.send(json.dumps(BODY), service='strange')[0], 400)
        self.assertEqual(self.send(json.dumps(BODY), session='')[0], 400)
        self.assertEqual(self.send(json.dumps(BODY), session='a%20b')[0], 400)
        self.assertEqual(self.send(body(filler='x' * 4096))[0], 413)
        self.assertEqual(self.send('', method='GET')[0], 405)
        for i in range(5):
            self.assertEqual(self.send(json.dumps(BODY), 'n%d' % i)[0], 204)
        status, text, _ = self.send(json.dumps(BODY), 'n5')
        self.assertEqual(status, 429)
        self.assertIn(b'sessions_max', text)
        self.assertEqual(self.send(json.dumps(BODY), 'n0')[0], 204)  # one that is known goes on
        statuses = [self.send(json.dumps(BODY), 'n1')[0] for _ in range(400)]
        self.assertEqual(set(statuses), {204, 429})  # more than 20 a second, after a burst of 100
        own = self.server.get('/metrics')[1].decode()
        self.assertGreater(float(re.search('^earshot_push_beacons_refused_total (.*)', own, re.M)[1]), 13)

    def test_only_pages_of_allowed_origins_may_send(self):
        preflight = {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type'}
        for origin, allowed in (('http://app.example:8080', True), ('https://other.example', True), ('http://app.example', False),
                                ('http://evil.example', False), ('null', False)):
            for method, text, status in (('POST', json.dumps(BODY), 204), ('OPTIONS', None, 204)):
                got, _, headers = self.send(text, method=method, Origin=origin, **(preflight if method == 'OPTIONS' else {}))
                self.assertEqual(got, status if allowed else 403, (origin, method))
                self.assertEqual(headers.get('Access-Control-Allow-Origin'), origin if allowed else None)
                self.assertIsNone(headers.get('Access-Control-Allow-Credentials'))
                self.assertIn('Origin', headers.get_all('Vary')[0])
        ours = 'http://127.0.0.1:%d' % self.server.port
        self.assertEqual(self.send(json.dumps(BODY), Origin=ours)[0], 204)
        self.assertEqual(self.send(json.dumps(BODY), **{'Sec-Fetch-Site': 'cross-site'})[0], 403)
        # for this path alone
        for path in ('/api/v1/query?query=1', '/metrics'):
            self.assertIsNone(self.server.get(path, Origin='http://app.example:8080')[2].get('Access-Control-Allow-Origin'))
        self.assertEqual(self.server.request('POST', '/api/v1/query?query=1', '', {'Origin': 'http://app.example:8080'})[0], 403)

    def test_without_origins_only_our_own_page_may_and_with_a_star_all(self):
        for origins, expected in (('', (403, None)), ('beacon: {allowed_origins: ["*"]}\n', (204, '*'))):
            with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {push: {sources: [auralis]}}\n' + origins}) as self.server:
                status, _, headers = self.send(json.dumps(BODY), Origin='http://any.example')
                self.assertEqual((status, headers.get('Access-Control-Allow-Origin')), expected)
                self.assertEqual(self.send(json.dumps(BODY), Origin='http://127.0.0.1:%d' % self.server.port)[0], 204)

    def test_the_script_counts_and_tells_what_a_browser_hears(self):
        """S2.30: chunksReceived, chunkErrors, bufferUnderruns, the mean of the last 100 latencies, errorRate; sent as S2.31 has it"""
        status, script, headers = self.server.get('/earshot-beacon.js')
        self.assertEqual(status, 200)
        self.assertLessEqual(len(script), 2048)
        self.assertEqual(headers['Cross-Origin-Resource-Policy'], 'cross-origin')
        self.assertIn('javascript', headers['Content-Type'])
        r = subprocess.run(['node', '-e', PAGE % {'url': 'http://127.0.0.1:%d/earshot-beacon.js' % self.server.port}], input=script,
                           capture_output=True, timeout=30, check=False)
        self.assertEqual(r.returncode, 0, r.stderr)
        none, stats, sent, answered = map(json.loads, r.stdout.splitlines())
        self.assertEqual(none, {'chunksReceived': 0, 'chunkErrors': 0, 'bufferUnderruns': 0, 'avgLatencyMs': None, 'errorRate': 0})
        # Latencies 1 to 150, of which the last hundred are 51 to 150; one chunk more has none.
        self.assertEqual(stats, {'chunksReceived': 151, 'chunkErrors': 3, 'bufferUnderruns': 2, 'avgLatencyMs': 100.5, 'errorRate': 3 / 151})
        self.assertEqual(sent, {'type': 'client_metrics', 'metrics': stats})
        self.assertEqual(answered, 204)  # what becomes of it is told by the test of the body

    def test_what_makes_no_sense_is_told_before_the_start(self):
        for text, words in (('beacon: {allowed_origins: [app.example]}', 'expected * or an origin'), ('beacon: {sessions_max: 0}', 'sessions_max'),
                            ('beacon: {allowed_origins: ["http://a/b"]}', 'expected * or an origin'),
                            ('collect: {push: {sources: ["1 2"]}}', 'begins with a letter'),
                            ('collect: {push: {statsd: "127.0.0.1:8125"}}', 'statsd is not served by this version'),
                            ('collect: {push: {otlp: true}}', 'otlp is not served by this version')):
            server = Server('--config', '{dir}/e.yml', files={'e.yml': text + '\n'})
            self.addCleanup(server.close)
            status, out = server.refused()
            self.assertEqual(status, 2, out)
            self.assertIn(words, out)


if __name__ == '__main__':
    unittest.main()
