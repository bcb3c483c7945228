import base64
import unittest
import urllib.parse

import peers
from peers import Certificates, Target
from server import Server, eventually


def jobs(**bodies):
    """a prometheus.yml of one job each: {name: (address, lines of the job)}"""
    text = 'global: {scrape_interval: 1s, scrape_timeout: 900ms}\nscrape_configs:\n'
    for name, (address, lines) in bodies.items():
        text += '- job_name: %s\n  static_configs: [{targets: ["%s"]}]\n' % (name, address)
        text += ''.join('  %s\n' % line for line in lines)
    return text


def asked(server):
    """{job: target} once each was asked"""
    def all_asked():
        targets = server.api('targets')['activeTargets']
        return all(t['health'] != 'unknown' for t in targets) and targets
    return {t['labels']['job']: t for t in eventually(all_asked)}


class Asking(unittest.TestCase):
    def target(self, *arguments, **options):
        t = Target(*arguments, **options)
        self.addCleanup(t.stop)
        return t

    def serve(self, files=None, **bodies):
        server = Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': jobs(**bodies), **(files or {})})
        self.addCleanup(server.close)
        return server.start()

    def assert_up(self, target):
        self.assertEqual((target['health'], target['lastError']), ('up', ''))

    def assert_down(self, target, *words):
        self.assertEqual(target['health'], 'down', target)
        for word in words:
            self.assertIn(word, target['lastError'])


class Tls(Asking):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.folder.cleanup)
        cls.certificates.make('address', 'IP:127.0.0.1')
        cls.certificates.make('name', 'DNS:good.test')
        cls.certificates.make('client', 'DNS:client.test')

    def text(self, name):
        with open(self.certificates.path(name), encoding='ascii') as f:
            return f.read()

    def test_who_is_trusted(self):
        address = self.target(tls=self.certificates.context('address'))
        name = self.target(tls=self.certificates.context('name'))
        plain = self.target()
        https = 'scheme: https'
        server = self.serve(
            {'ca.pem': self.text('ca.pem')},
            known=(address.address, [https, 'tls_config: {ca_file: ca.pem}']),
            text=(address.address, [https, 'tls_config:', '  ca: |'] +
                  ['    ' + line for line in self.text('ca.pem').split('\n')]),
            stranger=(address.address, [https]),
            unchecked=(address.address, [https, 'tls_config: {insecure_skip_verify: true}']),
            mismatch=(name.address, [https, 'tls_config: {ca_file: ca.pem}']),
            named=(name.address, [https, 'tls_config: {ca_file: ca.pem, server_name: good.test}']),
            absent=(address.address, [https, 'tls_config: {ca_file: none.pem}']),
            plain=(plain.address, [https, 'tls_config: {ca_file: ca.pem}']))
        found = asked(server)
        for job in ('known', 'text', 'unchecked', 'named'):
            self.assert_up(found[job])
        self.assert_down(found['stranger'], 'the certificate of 127.0.0.1 is not trusted', 'tls_config.ca_file')
        self.assert_down(found['mismatch'], 'it is for another name', 'tls_config.server_name')
        self.assert_down(found['absent'], 'tls_config.ca', 'none.pem')
        self.assert_down(found['plain'], 'speaks no TLS', 'write http://, or scheme: http')
        self.assertEqual(server.query('up{job="stranger"}')[0][1], 0)

    def test_a_target_that_wants_a_certificate(self):
        target = self.target(tls=self.certificates.context('address', client=True))
        files = {n: self.text(n) for n in ('ca.pem', 'client.pem', 'client.key', 'name.pem')}
        tls = ['scheme: https', 'tls_config:', '  ca_file: ca.pem']
        found = asked(self.serve(
            files,
            given=(target.address, tls + ['  cert_file: client.pem', '  key_file: client.key']),
            lacking=(target.address, tls),
            unfit=(target.address, tls + ['  cert_file: name.pem', '  key_file: client.key'])))
        self.assert_up(found['given'])
        self.assert_down(found['lacking'], 'tls_config.cert_file')
        self.assert_down(found['unfit'], 'tls_config.cert and key')

    def test_a_connection_is_not_lent_to_another_key(self):
        target = self.target(tls=self.certificates.context('address', client=True))
        files = {n: self.text(n) for n in ('ca.pem', 'client.pem', 'client.key', 'name.key')}
        tls = ['scheme: https', 'tls_config:', '  ca_file: ca.pem', '  cert_file: client.pem']
        server = self.serve(files, fit=(target.address, tls + ['  key_file: client.key']),
                            unfit=(target.address, tls + ['  key_file: name.key']))
        eventually(lambda: len(server.query('count_over_time(up{job=~".*fit"}[1m]) >= 4')) == 2)
        self.assertEqual([server.query('%s_over_time(up{job="%s"}[1m])' % w)[0][1] for w in (('min', 'fit'), ('max', 'unfit'))],
                         [1, 0])

    def test_a_tunnel_is_not_lent_to_who_shows_the_proxy_less(self):
        target = self.target(tls=self.certificates.context('address'))
        proxy = self.target(tunnel_to=target.address, tunnel_for='Basic ' + base64.b64encode(b'anna:geheim').decode())
        tls = ['scheme: https', 'tls_config: {ca_file: ca.pem}']
        basic = base64.b64encode(b'anna:geheim').decode()
        server = self.serve({'ca.pem': self.text('ca.pem')},
                            known=(target.address, tls + ['proxy_url: http://anna:geheim@' + proxy.address]),
                            named=(target.address, tls + ['proxy_url: http://' + proxy.address,
                                                          'proxy_connect_header: {Proxy-Authorization: ["Basic %s"]}' % basic]),
                            stranger=(target.address, tls + ['proxy_url: http://' + proxy.address]))
        eventually(lambda: len(server.query('count_over_time(up{job!="earshot"}[1m]) >= 4')) == 3)
        self.assertEqual([server.query('%s_over_time(up{job="%s"}[1m])' % w)[0][1]
                          for w in (('min', 'known'), ('min', 'named'), ('max', 'stranger'))], [1, 1, 0])


class Credentials(Asking):
    def test_basic_auth_and_tokens(self):
        basic = self.target(peers.wants('Authorization', 'Basic ' + base64.b64encode(b'anna:geheim').decode()))
        bearer = self.target(peers.wants('Authorization', 'Bearer t0ken'))
        header = self.target(peers.wants('X-Key', 'k1'))
        server = self.serve(
            {'pw': 'geheim\n', 'token': 't0ken\n', 'key': 'k1\n'},
            basic=(basic.address, ['basic_auth: {username: anna, password_file: pw}']),
            wrong=(basic.address, ['basic_auth: {username: anna, password: falsch}']),
            none=(basic.address, []),
            bearer=(bearer.address, ['authorization: {credentials_file: token}']),
            old=(bearer.address, ['bearer_token: t0ken']),
            false_token=(bearer.address, ['authorization: {credentials: x}']),
            absent=(bearer.address, ['authorization: {credentials_file: none}']),
            header=(header.address, ['http_headers: {X-Key: {files: [key]}}']))
        found = asked(server)
        for job in ('basic', 'bearer', 'old', 'header'):
            self.assert_up(found[job])
        self.assert_down(found['wrong'], '401', 'basic_auth')
        self.assert_down(found['none'], '401')
        self.assert_down(found['false_token'], '401', 'authorization')
        self.assert_down(found['absent'], 'authorization.credentials', 'none')
        for text in (server.log_text(), server.get('/api/v1/targets')[1].decode(),
                     server.get('/api/v1/status/config')[1].decode()):
            for secret in ('geheim', 'falsch', 't0ken'):
                self.assertNotIn(secret, text)

    def test_a_new_secret_in_a_file_counts_without_a_reload(self):
        words = ['Bearer one']
        target = self.target(lambda r: peers.wants('Authorization', words[0])(r))
        server = self.serve({'token': 'one'}, a=(target.address, ['bearer_token_file: token']))
        self.assert_up(asked(server)['a'])
        words[0] = 'Bearer two'
        eventually(lambda: asked(server)['a']['health'] == 'down')
        with open(server.dir + '/token', 'w', encoding='ascii') as f:
            f.write('two\n')
        eventually(lambda: asked(server)['a']['health'] == 'up')

    def test_oauth2(self):
        def token(request):
            form = urllib.parse.parse_qs(request.body)
            good = request.headers.get('Authorization') == 'Basic ' + base64.b64encode(b'me:geheim').decode()
            if not good or form['grant_type'] != ['client_credentials'] or form.get('scope') != ['a b']:
                return 401, {}, ''
            return peers.json('{"access_token": "fresh", "token_type": "bearer", "expires_in": 3600}')
        giver = self.target(token)
        target = self.target(peers.wants('Authorization', 'Bearer fresh'))
        lines = ['oauth2:', '  client_id: me', '  token_url: http://%s/token' % giver.address, '  scopes: [a, b]']
        found = asked(self.serve({'secret': 'geheim\n'},
                                 good=(target.address, lines + ['  client_secret_file: secret']),
                                 bad=(target.address, lines + ['  client_secret: falsch'])))
        self.assert_up(found['good'])
        self.assert_down(found['bad'], 'oauth2', '401')

    def test_credentials_stay_at_home(self):
        elsewhere = self.target(host='127.0.0.2')
        inside = lambda r: peers.metrics(r) if r.path == '/there' else (302, {'Location': '/there'}, '')
        home = self.target(inside)
        away = self.target(lambda r: (307, {'Location': 'http://%s/there' % elsewhere.address}, ''))
        lines = ['basic_auth: {username: anna, password: geheim}', 'http_headers: {X-Key: {secrets: [k1]}}']
        found = asked(self.serve(home=(home.address, lines), away=(away.address, lines),
                                 stays=(away.address, lines + ['follow_redirects: false'])))
        self.assert_up(found['home'])
        self.assert_up(found['away'])
        self.assert_down(found['stays'], '307')
        there = [h for path, h in home.asked if path == '/there']
        self.assertTrue(there and all(h['Authorization'] and h['X-Key'] == 'k1' for h in there))
        self.assertTrue(away.asked[0][1]['Authorization'])
        self.assertTrue(elsewhere.asked)
        for _, headers in elsewhere.asked:
            self.assertIsNone(headers['Authorization'])
            self.assertIsNone(headers['X-Key'])

    def test_a_proxy(self):
        proxy = self.target()
        near = self.target()
        found = asked(self.serve(
            through=('nowhere.test:1', ['proxy_url: http://anna:geheim@%s' % proxy.address]),
            excepted=(near.address, ['proxy_url: http://%s' % proxy.address, 'no_proxy: 127.0.0.0/8'])))
        self.assert_up(found['through'])
        self.assert_up(found['excepted'])
        self.assertEqual({path for path, _ in proxy.asked}, {'http://nowhere.test:1/metrics'})
        self.assertTrue(proxy.asked[0][1]['Proxy-Authorization'])
        self.assertEqual({path for path, _ in near.asked}, {'/metrics'})


if __name__ == '__main__':
    unittest.main()
