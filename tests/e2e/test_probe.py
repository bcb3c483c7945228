"""Services asked from outside (collect.probe), beside Debian's blackbox_exporter on the same targets."""
import json
import os
import shutil
import socket
import ssl
import threading
import time
import unittest
import urllib.parse

import peers
from server import Peer, Server, eventually, free_port

HEALTHY = {'status': 'unhealthy', 'synthesis_error_rate': .4}

BLACKBOX = '''modules:
  web: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4, enable_http2: false, tls_config: {ca_file: %(ca)s}}}
  stay: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4, enable_http2: false, follow_redirects: false, valid_status_codes: [302]}}
  word: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: ['pe[e]r']}}
  noword: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: [nothing]}}
  open: {prober: tcp, timeout: 4s, tcp: {preferred_ip_protocol: ip4}}
  name: {prober: dns, timeout: 4s, dns: {preferred_ip_protocol: ip4, query_name: hub.test, query_type: A}}
  noname: {prober: dns, timeout: 4s, dns: {preferred_ip_protocol: ip4, query_name: nobody.test, query_type: A}}
  echo: {prober: icmp, timeout: 4s, icmp: {preferred_ip_protocol: ip4}}
'''

# name: (module, blackbox's target, our keys)
PAIRS = {
    'plain': ('web', 'http://%(web)s/', "url: 'http://%(web)s/'"),
    'moved': ('web', 'http://%(web)s/moved', "url: 'http://%(web)s/moved'"),
    'stays': ('stay', 'http://%(web)s/moved', "url: 'http://%(web)s/moved', follow_redirects: false, status: ['302']"),
    'lost': ('web', 'http://%(web)s/nowhere', "url: 'http://%(web)s/nowhere'"),
    'word': ('word', 'http://%(web)s/', "url: 'http://%(web)s/', match: 'pe[e]r'"),
    'noword': ('noword', 'http://%(web)s/', "url: 'http://%(web)s/', labels: {w: nothing}, match: nothing"),
    'closed': ('web', 'http://127.0.0.1:%(closed)d/', "url: 'http://127.0.0.1:%(closed)d/'"),
    'tls': ('web', 'https://%(tls)s/', "url: 'https://%(tls)s/', tls_config: {ca_file: '%(ca)s'}"),
    'stranger': ('word', 'https://%(tls)s/', "url: 'https://%(tls)s/', labels: {w: stranger}"),
    'open': ('open', '%(web)s', "tcp: '%(web)s'"),
    'shut': ('open', '127.0.0.1:%(closed)d', "tcp: '127.0.0.1:%(closed)d'"),
    'name': ('name', '127.0.0.1:%(dns)d', "dns: {name: hub.test, server: '127.0.0.1:%(dns)d'}"),
    'noname': ('noname', '127.0.0.1:%(dns)d', "dns: {name: nobody.test, server: '127.0.0.1:%(dns)d'}"),
    'echo': ('echo', '127.0.0.1', 'icmp: 127.0.0.1'),
}
# What only time decides, and what newer versions than Debian's have.
TIMES = {'probe_duration_seconds', 'probe_dns_lookup_time_seconds', 'probe_http_duration_seconds', 'probe_dns_duration_seconds',
         'probe_icmp_duration_seconds'}
NEWER = {'probe_tls_cipher_info'}
OURS_ALONE = {'earshot_probe_tls_expiry_limit_seconds'}
CONFIG = '''collect:
  push: {pushgateway: false}
  probe:
%(pairs)s
  - {name: json, interval: 1s, url: 'http://%(web)s/api/v1/metrics/health', json: [{path: status, equals: healthy}]}
  - {name: jsongood, interval: 1s, url: 'http://%(web)s/api/v1/metrics/health?', json: [{path: status, equals: unhealthy}]}
  - {name: hangs, interval: 1s, timeout: 700ms, url: 'http://127.0.0.1:%(hangs)d/'}
  - {name: banner, interval: 1s, timeout: 900ms, tcp: '127.0.0.1:%(banner)d', match: '^SSH-2'}
  - {name: nobanner, interval: 1s, timeout: 300ms, tcp: '127.0.0.1:%(banner)d', labels: {w: no}, match: '^HTTP'}
  - {name: steps, interval: 1s, url: 'http://%(web)s/login', method: POST, body: '{"user": "u"}', steps: [
      {path: /private, match: 'welcome u'}, {path: /private, not_match: welcome}, {path: /never}]}
  - {name: upload, interval: 1s, url: 'http://%(web)s/transcribe', upload: take.wav, json: [{path: bytes, equals: 9}]}
'''


def answer(r):
    path = r.path.rstrip('?')
    if path == '/moved':
        return 302, {'Location': '/'}, ''
    if path == '/api/v1/metrics/health':
        return peers.json(json.dumps(HEALTHY))  # always 200, whatever it says
    if path == '/login':
        return 200, {'Set-Cookie': 'session=%s' % json.loads(r.body)['user']}, 'in'
    if path == '/private':
        return 200, {}, 'welcome ' + (r.headers.get('Cookie') or '-')[len('session='):]
    if path == '/transcribe':
        form = r.body.split('\r\n')
        good = 'form-data; name="file"; filename="take.wav"' in form[1]
        return peers.json(json.dumps({'bytes': len(form[4]) if good else -1}))
    if path == '/':
        return 200, {'Last-Modified': 'Wed, 01 Jan 2025 00:00:00 GMT', 'Content-Type': 'text/plain'}, 'a peer\n'
    return 404, {}, 'no\n'


class Line:
    """a TCP server that says this and then nothing; None: it takes connections and says nothing at all"""

    def __init__(self, text):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.text, self.taken = text, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c = self.socket.accept()[0]
            except OSError:
                return
            self.taken = self.taken[-20:] + [c]
            try:
                if self.text:
                    c.sendall(self.text)
            except OSError:
                pass

    def stop(self):
        self.socket.close()


def samples(text):
    """{(name, labels as text): value} of an exposition"""
    out = {}
    for line in text.splitlines():
        if line and line[0] != '#':
            series, value = line.rsplit(' ', 1)
            name, _, labels = series.partition('{')
            out[name, labels.rstrip('}')] = float(value)
    return out


class Probes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('prometheus-blackbox-exporter'):
            raise AssertionError('needs the Debian package prometheus-blackbox-exporter')
        cls.certificates = peers.Certificates()
        cls.certificates.make('server', 'IP:127.0.0.1,DNS:hub.test')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.certificates.path('server.pem'), cls.certificates.path('server.key'))
        cls.web, cls.tls = peers.Target(answer), peers.Target(answer, tls=context)
        cls.hangs, cls.banner = Line(None), Line(b'SSH-2.0-test\r\n')
        for peer in (cls.web, cls.tls, cls.hangs, cls.banner):
            cls.addClassCleanup(peer.stop)
        cls.at = {'web': cls.web.address, 'tls': cls.tls.address, 'closed': free_port(), 'dns': peers.free_udp_port(),
                  'hangs': cls.hangs.port, 'banner': cls.banner.port, 'ca': cls.certificates.path('ca.pem')}
        cls.dns = Peer('dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root', '--pid-file=', '--listen-address=127.0.0.1',
                       '--bind-interfaces', '--port=%d' % cls.at['dns'], '--address=/hub.test/192.0.2.7', '--local=/test/')
        cls.addClassCleanup(cls.dns.stop)
        pairs = '\n'.join('  - {name: %s, interval: 1s, %s}' % (n, ours % cls.at) for n, (_, _, ours) in PAIRS.items())
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % {**cls.at, 'pairs': pairs}, 'take.wav': 'RIFF' + 'x' * 5,
                                                              'b.yml': BLACKBOX % cls.at})
        cls.addClassCleanup(cls.server.close)
        cls.port = free_port()
        cls.blackbox = Peer('prometheus-blackbox-exporter', '--config.file=' + os.path.join(cls.server.dir, 'b.yml'),
                            '--web.listen-address=127.0.0.1:%d' % cls.port)
        cls.addClassCleanup(cls.blackbox.stop)
        cls.server.start()
        eventually(lambda: len(cls.server.query('count by (name) (probe_success)')) == len(PAIRS) + 7)

    def theirs(self, name):
        module, target, _ = PAIRS[name]
        query = urllib.parse.urlencode({'module': module, 'target': target % self.at})

        def ask():
            import http.client
            c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
            try:
                c.request('GET', '/probe?' + query)
                return c.getresponse().read().decode()
            finally:
                c.close()
        return samples(eventually(ask))

    def ours(self, name):
        out = {}
        for labels, value in self.server.query('{job="probe",name="%s"}' % name):
            family = labels.pop('__name__')
            if family != 'up' and not family.startswith('scrape_'):
                for own in ('job', 'instance', 'name', 'w'):
                    labels.pop(own, None)
                out[family, ','.join('%s="%s"' % (k, v) for k, v in sorted(labels.items()))] = value
        return out

    def one(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def error(self, name):
        return next(t['lastError'] for t in self.server.api('targets')['activeTargets'] if t['labels'].get('name') == name)

    def test_names_labels_and_values_are_those_of_blackbox_exporter(self):
        same = 0
        for name in PAIRS:
            theirs, ours = self.theirs(name), self.ours(name)
            if name == 'tls':
                info = [k for k in theirs if k[0] == 'probe_ssl_last_chain_info']
                self.assertEqual(len(info), 1)
                fingerprint = info[0][1].split('"')[1]
                self.assertTrue(any(k[0] == 'probe_ssl_last_chain_info' and fingerprint in k[1] and 'CN=server' in k[1]
                                    and 'subjectalternative="hub.test"' in k[1] for k in ours), ours)
                for them in (theirs, ours):
                    for k in [k for k in them if k[0] == 'probe_ssl_last_chain_info']:
                        del them[k]  # newer versions have one label more
            ours = {k: v for k, v in ours.items() if k[0] not in NEWER | OURS_ALONE}
            self.assertEqual(set(ours), set(theirs), name)
            for key in theirs:
                if key[0] not in TIMES:
                    self.assertEqual(ours[key], theirs[key], (name, key))
                    same += 1
                else:
                    self.assertLess(abs(ours[key] - theirs[key]), 1, (name, key))
        print('%d values equal in %d probes' % (same, len(PAIRS)))

    def test_a_probe_that_fails_says_why_and_is_up(self):
        for name, words in (('lost', 'HTTP status 404, expected 200-299'), ('noword', 'nothing in the answer matches nothing'),
                            ('closed', 'nothing listens'), ('stranger', 'who signed it is not known'), ('shut', 'nothing listens there'),
                            ('noname', 'NXDOMAIN'), ('hangs', 'timeout'), ('nobanner', 'matches ^HTTP'),
                            ('json', 'status in the JSON is unhealthy, expected healthy')):
            self.assertEqual(self.one('probe_success{name="%s"}' % name), 0, name)
            self.assertEqual(self.one('up{name="%s"}' % name), 1, name)
            self.assertIn(words, self.error(name), name)
            self.assertIn('fails: ', self.server.log_text())
        for name in ('plain', 'moved', 'stays', 'word', 'tls', 'open', 'name', 'echo', 'jsongood', 'banner', 'upload'):
            self.assertEqual(self.one('probe_success{name="%s"}' % name), 1, (name, self.error(name)))
            self.assertEqual(self.error(name), '')
        self.assertEqual(self.server.log_text().count('url lost fails'), 1)  # told once

    def test_an_unhealthy_answer_with_status_200_is_found_by_its_json(self):
        """D8: the status is 200 whatever the body says, so the body is what is probed"""
        self.assertEqual(self.one('probe_http_status_code{name="json"}'), 200)
        self.assertEqual(self.one('probe_success{name="json"}'), 0)

    def test_requests_in_order_share_cookies_and_stop_where_one_fails(self):
        self.assertEqual(self.one('probe_success{name="steps"}'), 0)
        steps = {m['step']: v for m, v in self.server.query('earshot_probe_step_success{name="steps"}')}
        self.assertEqual(steps, {'1': 1, '2': 1, '3': 0, '4': 0})
        self.assertIn('request 3 (/private): something in the answer matches welcome', self.error('steps'))
        self.assertNotIn('/never', [path for path, _ in self.web.asked])

    def test_a_certificate_has_a_limit_beside_its_end(self):
        left = self.one('probe_ssl_earliest_cert_expiry{name="tls"} - time()')
        self.assertTrue(86400 < left < 3 * 86400, left)
        self.assertEqual(len(self.server.query('probe_ssl_earliest_cert_expiry - time() < on (job, instance, name) earshot_probe_tls_expiry_limit_seconds')), 1)

    def test_one_that_hangs_harms_no_other(self):
        at = time.time()
        eventually(lambda: self.one('timestamp(probe_success{name="hangs"})') > at)
        self.assertLess(self.one('probe_duration_seconds{name="hangs"}'), .95)
        eventually(lambda: self.one('count_over_time(probe_success{name="plain"}[5s])') > 3, 8)


class Refused(unittest.TestCase):
    def test_what_makes_no_sense_is_told_before_the_start(self):
        for entry, words in (('{url: http://a, tcp: "b:1"}', 'needs one of url, tcp, dns and icmp, not several'),
                             ('{name: x}', 'needs one of url, tcp, dns and icmp'),
                             ('{url: http://a, audio: true}', 'audio is not served by this version'),
                             ('{tcp: hub}', 'expected host:port'), ('{icmp: hub, follow_redirects: false}', 'follow_redirects belongs to url, not to icmp'), ('{tcp: "a:1", json: []}', 'json belongs to url, not to tcp'),
                             ('{url: http://a, status: [abc]}', 'expected 200, 2xx or 200-299'),
                             ('{url: http://a, match: "("}', 'match: '), ('{url: http://a, upload: missing}', 'upload: '),
                             ('{url: "http://u:p@a"}', 'given as basic_auth'), ('{dns: {name: "a..b"}}', 'between the dots'),
                             ('{url: http://a, steps: [{path: x}]}', 'each needs a path')):
            server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {probe: [%s]}\n' % entry})
            self.addCleanup(server.close)
            status, text = server.refused()
            self.assertEqual(status, 2, text)
            self.assertIn(words, text)


if __name__ == '__main__':
    unittest.main()
