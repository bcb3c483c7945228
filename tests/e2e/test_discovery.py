import base64
import getpass
import os
import re
import shutil
import time
import unittest

import peers
from peers import Target
from server import Peer, Server, eventually

HEAD = 'global: {scrape_interval: 1s, scrape_timeout: 900ms}\nscrape_configs:\n'
QUIET_SECONDS = 5  # after which a change is acted upon at once


def groups(*addresses, **labels):
    text = '[{"targets": [%s]' % ', '.join('"%s"' % a for a in addresses)
    if labels:
        text += ', "labels": {%s}' % ', '.join('"%s": "%s"' % pair for pair in labels.items())
    return text + '}]\n'


class Discovery(unittest.TestCase):
    def target(self, *arguments, **options):
        t = Target(*arguments, **options)
        self.addCleanup(t.stop)
        return t

    def serve(self, config, files=None, env=None):
        server = Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': HEAD + config, **(files or {})}, env=env)
        self.addCleanup(server.close)
        return server.start()

    @staticmethod
    def write(server, name, text):
        """as a program should: the whole file at once"""
        with open(os.path.join(server.dir, name + '.new'), 'w', encoding='utf-8') as f:
            f.write(text)
        os.rename(os.path.join(server.dir, name + '.new'), os.path.join(server.dir, name))

    @staticmethod
    def found(server):
        """the targets but earshot itself"""
        return [t for t in server.api('targets')['activeTargets'] if t['labels']['job'] != 'earshot']

    def addresses(self, server, health=None):
        return sorted(t['discoveredLabels']['__address__'] for t in self.found(server) if health in (None, t['health']))

    @staticmethod
    def failing(server, kind):
        """how many discoveries of this kind fail"""
        return int(re.search(r'^earshot_discovery_failing\{kind="%s"\} (\d+)' % kind, server.get('/metrics')[1].decode(),
                             re.M)[1])

    def eventually_up(self, server, *addresses, seconds=20):
        eventually(lambda: self.addresses(server, 'up') == sorted(addresses), seconds, .05)


class Files(Discovery):
    def test_a_change_is_seen_at_once_and_what_goes_ends_at_once(self):
        a, b = self.target(), self.target()
        server = self.serve('- job_name: f\n  file_sd_configs: [{files: ["t-*.yml"]}]\n',
                            {'t-1.yml': groups(a.address, b.address, rack='r1')})
        self.eventually_up(server, a.address, b.address)
        self.assertEqual({(m['instance'], m['rack']) for m, _ in server.query('peer_value')}, {(a.address, 'r1'),
                                                                                               (b.address, 'r1')})
        time.sleep(QUIET_SECONDS + .2)
        self.write(server, 't-1.yml', groups(a.address, rack='r1'))
        gone = 'instance="%s"' % b.address
        eventually(lambda: not server.query('peer_value{%s}' % gone) and not server.query('up{%s}' % gone), 2, .05)
        self.assertEqual(self.addresses(server), [a.address])
        self.assertTrue(server.query('up{instance="%s"}' % a.address))
        self.assertTrue(server.query('count_over_time(up{%s}[1m])' % gone))  # what was, stays
        time.sleep(QUIET_SECONDS + .2)
        self.write(server, 't-2.yml', groups(b.address))
        eventually(lambda: self.addresses(server) == sorted([a.address, b.address]), 2, .05)

    def test_a_broken_file_keeps_the_targets_and_is_told(self):
        a = self.target()
        server = self.serve('- job_name: f\n  file_sd_configs: [{files: [t.json]}]\n', {'t.json': groups(a.address)})
        self.eventually_up(server, a.address)
        self.write(server, 't.json', '[{"targets": ["x:1"]\n')
        eventually(lambda: self.failing(server, 'file') == 1, 10)
        self.assertRegex(server.log_text(), r'file_sd_configs of job f: .*t\.json:2:\d+: .*; what was found before stays')
        time.sleep(1)
        self.assertEqual(self.addresses(server, 'up'), [a.address])
        os.remove(os.path.join(server.dir, 't.json'))
        eventually(lambda: not self.addresses(server))

    def test_a_relative_path_and_further_files_of_jobs(self):
        a = self.target()
        server = Server('--prometheus-config', '{dir}/p.yml', files={
            'p.yml': 'global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_config_files: ["jobs-*.yml"]\n',
            'jobs-1.yml': 'scrape_configs: [{job_name: more, file_sd_configs: [{files: [t.json]}]}]\n',
            't.json': groups(a.address)})
        self.addCleanup(server.close)
        server.start()
        self.eventually_up(server, a.address)
        found = self.found(server)[0]
        self.assertEqual(found['labels']['job'], 'more')
        self.assertEqual(found['discoveredLabels']['__meta_filepath'], server.dir + '/t.json')


class Http(Discovery):
    def test_a_server_says_what_there_is_and_its_password_stays_hidden(self):
        a, b = self.target(), self.target()
        said = [peers.json(groups(a.address, rack='r1'))]
        sd = self.target(lambda r: said[0])
        server = self.serve('- job_name: h\n  http_sd_configs: [{url: "http://anna:geheim@%s/sd", refresh_interval: 1s}]\n'
                            % sd.address)
        self.eventually_up(server, a.address)
        sent = sd.asked[0][1]
        self.assertEqual(sent['Authorization'], 'Basic ' + base64.b64encode(b'anna:geheim').decode())
        self.assertEqual(sent['X-Prometheus-Refresh-Interval-Seconds'], '1')
        found = self.found(server)[0]
        self.assertEqual(found['discoveredLabels']['__meta_url'], 'http://anna:<secret>@%s/sd' % sd.address)
        self.assertEqual(found['labels']['rack'], 'r1')
        said[0] = (500, {}, 'no')
        eventually(lambda: self.failing(server, 'http') == 1)
        self.assertEqual(self.addresses(server, 'up'), [a.address])
        said[0] = peers.json(groups(b.address))
        self.eventually_up(server, b.address)
        self.assertFalse(server.query('up{instance="%s"}' % a.address))
        for text in (server.log_text(), server.get('/api/v1/targets')[1].decode(),
                     server.get('/api/v1/status/config')[1].decode(), server.get('/metrics')[1].decode()):
            self.assertNotIn('geheim', text)

    def test_a_server_that_is_asked_as_its_keys_say(self):
        a = self.target()
        sd = self.target(lambda r: peers.json(groups(a.address)) if r.headers['Authorization'] == 'Bearer t0ken'
                         else (401, {}, ''))
        server = self.serve('- job_name: h\n  http_sd_configs: [{url: "http://%s/", bearer_token_file: token}]\n' % sd.address,
                            {'token': 't0ken\n'})
        self.eventually_up(server, a.address)
        self.assertIsNone(a.asked[0][1]['Authorization'])


class Dns(Discovery):
    def test_records_become_targets(self):
        a = self.target()
        port = a.address.split(':')[1]
        dns = peers.free_udp_port()
        peer = Peer(shutil.which('dnsmasq', path=os.environ['PATH'] + ':/usr/sbin'), '--keep-in-foreground', '--conf-file=/dev/null',
                    '--pid-file=', '--user=' + getpass.getuser(), '--port=%d' % dns, '--listen-address=127.0.0.1',
                    '--bind-interfaces', '--no-resolv', '--no-hosts', '--local=/test/',
                    '--srv-host=_metrics._tcp.test,localhost,' + port, '--host-record=host.test,127.0.0.1')
        self.addCleanup(peer.stop)
        server = self.serve(
            '- job_name: srv\n  dns_sd_configs: [{names: [_metrics._tcp.test], refresh_interval: 1s}]\n'
            '- job_name: a\n  dns_sd_configs: [{names: [host.test], type: A, port: %s, refresh_interval: 1s}]\n'
            '- job_name: none\n  dns_sd_configs: [{names: [none.test], refresh_interval: 1s}]\n' % port,
            env={'EARSHOT_DNS_SERVERS': '127.0.0.1:%d' % dns})
        self.eventually_up(server, a.address, 'localhost:' + port)
        found = {t['labels']['job']: t['discoveredLabels'] for t in self.found(server)}
        self.assertEqual(found['srv']['__meta_dns_name'], '_metrics._tcp.test')
        self.assertEqual(found['srv']['__meta_dns_srv_record_target'], 'localhost.')
        self.assertEqual(found['srv']['__meta_dns_srv_record_port'], port)
        self.assertEqual(found['a']['__meta_dns_name'], 'host.test')
        self.assertEqual(self.failing(server, 'dns'), 0)
        peer.process.kill()
        eventually(lambda: self.failing(server, 'dns') > 0, 40)
        self.assertEqual(self.addresses(server, 'up'), sorted([a.address, 'localhost:' + port]))


if __name__ == '__main__':
    unittest.main()
