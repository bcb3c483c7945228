import csv
import io
import json
import os
import subprocess
import tempfile
import unittest

import peers
import server as fixture
from server import Server, eventually


def earshot(*words, **options):
    """(exit status, output, errors) of a command"""
    r = subprocess.run([fixture.BINARY, *words], capture_output=True, text=True, timeout=30, check=False, **options)
    return r.returncode, r.stdout, r.stderr


class Client(unittest.TestCase):
    """the commands that ask a running earshot"""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml', '--prometheus-config', '{dir}/p.yml', files={
            'e.yml': 'collect: {host: {interval: 1s}}\n',
            'p.yml': 'scrape_configs: [{job_name: dead, scrape_interval: 1s, static_configs: [{targets: ["127.0.0.1:1", "a:1", "b:1"]}],'
                     ' relabel_configs: [{source_labels: [__address__], regex: "[ab]:1", action: drop}]}]\n',
        }).start()
        cls.url = '--url=http://127.0.0.1:%d' % cls.server.port
        eventually(lambda: cls.server.query('count_over_time(up{job="node"}[1m]) >= 3') and cls.server.query('up{job="dead"} == 0'))

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def test_an_instant_query_is_csv_where_there_is_no_terminal(self):
        status, out, _ = earshot('query', self.url, 'up{job="dead"}')
        rows = list(csv.reader(io.StringIO(out)))
        self.assertEqual((status, rows[0], rows[1][0], rows[1][2]),
                         (0, ['series', 'time', 'value'], 'up{instance="127.0.0.1:1", job="dead"}', '0'))

    def test_forms_of_output(self):
        status, out, _ = earshot('query', self.url, '--output', 'table', 'vector(1.5)')
        self.assertEqual((status, out), (0, 'value  series\n  1.5  {}\n'))
        status, out, _ = earshot('query', self.url, '1+1')
        self.assertEqual((status, out), (0, '2\n'))
        status, out, _ = earshot('query', self.url, '--json', 'vector(1)', '--at', '100')
        self.assertEqual((status, json.loads(out)['result'][0]['value']), (0, [100, '1']))
        status, out, _ = earshot('query', self.url, '--start=-1m', '--step', '10s', 'time()')
        self.assertEqual((status, len(out.split('\n'))), (0, 9))
        status, out, _ = earshot('query', self.url, '--start=-1m', '--output=graph', 'time()')
        self.assertEqual(status, 0)
        self.assertRegex(out, '[\u2801-\u28ff]')

    def test_a_typo_is_told_and_exits_1(self):
        status, out, err = earshot('query', self.url, 'sum(increse(up[5m]))')
        self.assertEqual((status, out), (1, ''))
        self.assertIn('did you mean', err)
        self.assertEqual(len(err.strip().split('\n')), 1, err)

    def test_explain_says_why_a_query_gives_nothing(self):
        status, out, _ = earshot('query', self.url, 'up{job="ded"} > 5', '--explain')
        self.assertEqual(status, 0)
        self.assertIn('job="ded" keeps none of the', out)
        self.assertIn('\n    up{job="ded"} > 5\n    ^~~~~~~~~~~~~\n    try: up{job="dead"} > 5\n', out)
        status, out, _ = earshot('query', self.url, '--json', 'nod_load1', '--explain', '--start=-1m')
        found = json.loads(out)
        self.assertEqual((status, found['findings'][0]['kind'], found['mended']), (0, 'no-such-metric', 'node_load1'))
        status, out, err = earshot('query', self.url, 'up{', '--explain')
        self.assertEqual((status, out), (1, ''))
        self.assertIn('parse error', err)

    def test_usage_exits_2(self):
        for words in (('query',), ('query', 'up', '--at', 'never'), ('quer', 'up'), ('serve', '--lisen', 'x'), ('query', 'up', '--output', 'xml')):
            status, _, err = earshot(*words)
            self.assertEqual(status, 2, words)
            self.assertEqual(len(err.strip().split('\n')), 1, err)

    def test_targets_exits_1_when_one_is_down(self):
        status, out, err = earshot('targets', self.url)
        self.assertEqual((status, err), (1, '2 dropped by relabel_configs\n'))
        self.assertRegex(out, r'down,dead,scrape,127\.0\.0\.1:1,.*refused')
        status, out, _ = earshot('targets', self.url, '--json')
        found = {t['scrapePool']: t for t in json.loads(out)}
        self.assertEqual(found['dead']['collector'], 'scrape')
        self.assertNotIn('tunnel', found['dead'])

    def test_targets_tells_what_each_costs(self):
        head, *rows = csv.reader(io.StringIO(earshot('targets', self.url)[1]))
        host = next(dict(zip(head, row)) for row in rows if row[2] == 'host')
        self.assertGreater(float(host['CPU %']), 0)
        self.assertGreater(int(host['bytes read']), 1000)
        self.assertGreater(int(host['samples']), 50)
        self.assertEqual(host['through'], '')

    def test_targets_behind_a_tunnel_stand_below_it(self):
        def target(job, **more):
            return {'labels': {'instance': 'far:1'}, 'scrapePool': job, 'scrapeUrl': 'http://far:1/', 'lastError': '', 'lastScrapeDuration': .5,
                    'health': 'up', 'lastSamples': 3, 'collector': 'scrape', **more}
        state = {'host': 'far', 'state': 'refused'}
        answer = {'status': 'success', 'data': {
            'activeTargets': [target('behind', tunnel=state, health='down', lastError='tunnel to far is down: refused'), target('direct')],
            'droppedTargets': [], 'droppedTargetCounts': {},
            'tunnels': [{'host': 'far', 'address': 'me@far:22', 'state': 'refused', 'up': False, 'words': 'nothing listens on port 22'}]}}
        peer = peers.Target(lambda r: (200, {'Content-Type': 'application/json'}, json.dumps(answer)))
        self.addCleanup(peer.stop)
        status, out, _ = earshot('targets', '--url=http://' + peer.address)
        self.assertEqual(status, 1)
        rows = [(r[0], r[1], r[2], r[8], r[9]) for r in csv.reader(io.StringIO(out))][1:]
        self.assertEqual(rows, [('up', 'direct', 'scrape', '', 'http://far:1/'), ('down', 'far', 'tunnel', '', 'nothing listens on port 22'),
                                ('down', 'behind', 'scrape', 'far', 'tunnel to far is down: refused')])
        found = json.loads(earshot('targets', '--url=http://' + peer.address, '--json')[1])
        self.assertEqual([t.get('tunnel') for t in found], [state, None])

    def test_status_is_one_line_and_a_plugins_exit_status(self):
        status, out, _ = earshot('status', self.url)
        self.assertRegex(out, r'^(OK|WARNING|CRITICAL): .+\n$')
        self.assertEqual(status, ['OK', 'WARNING', 'CRITICAL'].index(out.split(':')[0]))
        status, out, _ = earshot('status', '--url=http://127.0.0.1:1')
        self.assertEqual(status, 3)
        self.assertIn('UNKNOWN: earshot does not answer at http://127.0.0.1:1', out)


class Alone(unittest.TestCase):
    """the commands that need no server"""

    def test_version_help_and_completion(self):
        self.assertRegex(earshot('version')[1], r'^earshot \d+\.\d+\.\d+\n$')
        self.assertIn('usage: earshot query EXPR', earshot('query', '--help')[1])
        self.assertEqual(earshot()[0], 2)
        script = earshot('completion', 'bash')[1]
        for words, offered in (('serve --li', '--listen'), ("tsdb ''", 'stat verify dump --help'), ('tsdb stat --', '--json --help')):
            r = subprocess.run(['bash', '-c', script + '\nCOMP_WORDS=(earshot %s); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _earshot; '
                                'echo "${COMPREPLY[@]}"' % words], capture_output=True, text=True, check=False)
            self.assertEqual((r.stdout, r.stderr), (offered + '\n', ''), words)

    def test_what_is_no_data_directory_is_said_to_be_none(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("nothing of earshot's", earshot('tsdb', 'stat', folder)[1])

    def test_a_dump_with_a_damaged_block_fails_and_does_not_end_as_a_whole_one(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'b-1-2-1.ear'), 'wb') as f:
                f.write(b'cut')
            status, out, err = earshot('tsdb', 'dump', folder)
        self.assertEqual(status, 1)
        self.assertNotIn('# EOF', out)
        self.assertIn('b-1-2-1.ear: damaged at offset', err)

    def test_a_data_directory_can_be_looked_into(self):
        with Server('--config', '{dir}/e.yml', '--enable-admin-api', files={'e.yml': 'collect: {host: {interval: 1s}}\n'}) as server:
            eventually(lambda: server.query('count_over_time(up{job="node"}[1m]) >= 2'))
            server.request('POST', '/api/v1/admin/tsdb/compact')
            status, out, err = earshot('tsdb', 'stat', server.data, '--json')
            self.assertEqual(status, 0, err)
            self.assertGreater(json.loads(out)['samples'], 100)
            self.assertRegex(earshot('tsdb', 'stat', server.data)[1], r'bytes/sample: [\d.]+ timestamps, [\d.]+ values, ')
            self.assertEqual(earshot('tsdb', 'verify', server.data)[0], 0)
            status, out, err = earshot('tsdb', 'dump', server.data, '--match', '{__name__="node_load1"}')
            self.assertEqual(status, 0, err)
            self.assertRegex(out, r'node_load1\{instance=".*",job="node"\} [\d.]+ \d+')
        self.assertEqual(earshot('tsdb', 'stat', '/nowhere')[0], 3)


if __name__ == '__main__':
    unittest.main()
