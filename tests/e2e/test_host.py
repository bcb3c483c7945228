import http.client
import json
import subprocess
import unittest

from server import Server, eventually


class Host(unittest.TestCase):
    """earshot without any flag: this host is collected, stored, queryable and on a page"""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect: {host: {interval: 1s, textfile_dir: textfiles}}\n',
            'textfiles/backup.prom': '# TYPE backup_files_total counter\nbackup_files_total{set="home"} 17\n'}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def test_cpu_seconds_of_this_host_rise(self):
        first = eventually(lambda: self.server.query('sum(node_cpu_seconds_total)'))[0][1]
        eventually(lambda: self.server.query('sum(node_cpu_seconds_total)')[0][1] > first)

    def test_memory_is_what_the_kernel_says(self):
        with open('/proc/meminfo', encoding='ascii') as f:
            total = next(int(line.split()[1]) * 1024 for line in f if line.startswith('MemTotal:'))
        self.assertEqual(eventually(lambda: self.server.query('node_memory_MemTotal_bytes'))[0][1], total)

    def test_files_that_scripts_write_come_with_their_age(self):
        labels, value = eventually(lambda: self.server.query('backup_files_total'))[0]
        self.assertEqual((value, labels['job'], labels['set']), (17, 'node', 'home'))
        self.assertNotIn('collector', labels)
        eventually(lambda: self.server.query('time() - node_textfile_mtime_seconds{file=~".*/textfiles/backup.prom"} < 60'))

    def test_up_and_scrape_series_are_stored(self):
        eventually(lambda: self.server.query('up{job="node"} == 1'))
        self.assertTrue(self.server.query('scrape_samples_scraped{job="node"} > 100'))

    def test_targets_show_the_host_as_up(self):
        def healths():
            return {t['labels']['job']: t['health'] for t in self.server.api('targets')['activeTargets']}
        eventually(lambda: healths().get('node') == 'up' and healths().get('earshot') == 'up', 40)

    def test_own_metrics_satisfy_promtool(self):
        _, text, _ = self.server.get('/metrics')
        r = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True, check=False)
        self.assertEqual(r.returncode, 0, r.stderr.decode())

    def test_the_page_is_there_and_loads_nothing_from_elsewhere(self):
        status, body, headers = self.server.get('/')
        self.assertEqual(status, 200)
        self.assertIn(b'<title>', body)
        self.assertIn("default-src 'none'; script-src 'self';", headers['Content-Security-Policy'])
        self.assertNotIn(b'https://', body)

    def test_overview_has_a_verdict_and_this_host(self):
        eventually(lambda: self.server.query('node_filesystem_size_bytes'))
        status, body, _ = self.server.get('/api/earshot/v1/overview')
        self.assertEqual(status, 200, body)
        overview = json.loads(body)
        self.assertIn(overview['verdict'], ('ok', 'warning', 'critical'))
        self.assertTrue(overview['sentence'].endswith('.'))
        self.assertGreater(overview['host']['memory_total_bytes'], 0)
        self.assertTrue(overview['top'])

    def test_a_stream_brings_new_values_every_second(self):
        c = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=10)
        c.request('GET', '/api/earshot/v1/stream?query=node_time_seconds')
        r = c.getresponse()
        self.assertEqual(r.getheader('Content-Type'), 'text/event-stream')
        values = []
        while len(values) < 3:
            line = r.readline()
            if line.startswith(b'data: '):
                result = json.loads(line[6:])['data']['result']
                if result:
                    values.append(float(result[0]['value'][1]))
        c.close()
        self.assertLess(values[0], values[1])
        self.assertLess(values[1], values[2])

    def test_unknown_api_paths_are_json(self):
        status, body, headers = self.server.get('/api/v1/nothing')
        self.assertEqual(status, 404)
        self.assertEqual(headers['Content-Type'], 'application/json')
        self.assertEqual(json.loads(body)['status'], 'error')


if __name__ == '__main__':
    unittest.main()
