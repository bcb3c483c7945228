"""JSON endpoints and files as series (collect.json); what those of the five set-ups give stands with their packs."""
import base64
import datetime
import json
import os
import signal
import time
import unittest

import peers
from packs import sample
from server import Server, eventually


class Answers(unittest.TestCase):
    """what comes of answers that are otherwise than the mapping would like"""

    def collect(self, answer, entries, files=None):
        self.target = peers.Target(answer)
        self.addCleanup(self.target.stop)
        config = 'collect:\n  json:\n' + ''.join('  - {interval: 500ms, %s}\n' % e for e in entries)
        self.server = Server('--config', '{dir}/e.yml', files={
            name: text.replace('ADDRESS', self.target.address) for name, text in {'e.yml': config, **(files or {})}.items()}).start()
        self.addCleanup(self.server.close)
        return self.server

    def up(self, job):
        return self.server.query('up{job="%s"}' % job)[0][1]

    def error(self, job):
        return next(t['lastError'] for t in self.server.api('targets')['activeTargets'] if t['labels']['job'] == job)

    def test_a_summary_behind_a_redirect_to_its_slash_is_found(self):
        """S2.23, D8: also where the redirect names the host"""
        summary = {'uptime_seconds': 12.5, 'total_phrases_generated': 3, 'avg_rtf': 21.0, 'current_active_clients': 2}

        def answer(request):
            if request.path == '/api/v1/metrics':
                return 307, {'Location': 'http://%s/api/v1/metrics/' % self.target.address}, ''
            return peers.json(json.dumps(summary))
        server = self.collect(answer, ['name: auralis, url: "http://ADDRESS/api/v1/metrics", metrics: {%s}' % ', '.join(
            'auralis_summary_%s: %s' % (k, k) for k in (*summary, 'avg_cpu_percent'))])
        eventually(lambda: self.up('auralis') == 1)
        self.assertEqual({labels['__name__']: value for labels, value in server.query('{__name__=~"auralis_summary_.*"}')},
                         {'auralis_summary_' + k: v for k, v in summary.items()})

    def test_a_redirect_to_another_place_is_not_followed(self):
        elsewhere = peers.Target(lambda r: peers.json('{"a": 1}'))
        self.addCleanup(elsewhere.stop)
        self.collect(lambda r: (302, {'Location': 'http://%s/' % elsewhere.address}, ''),
                     ['name: away, url: "http://ADDRESS/", metrics: {a: a}'])
        eventually(lambda: self.up('away') == 0)
        self.assertIn('another host or port', self.error('away'))
        self.assertEqual(elsewhere.asked, [])

    def test_health_is_what_the_body_says_whatever_the_status(self):
        """S2.27, D8: by its own metric, and by `expect`"""
        health = {'status': 'unhealthy', 'synthesis_error_rate': .2, 'rtf': 1.5, 'cpu_percent': 95.0}
        state = {'status': 200}
        mapping = ('metrics: {auralis_healthy: {path: status, where: {status: healthy}, count_by: []}, '
                   'auralis_health_real_time_factor: rtf}')
        server = self.collect(lambda r: (state['status'], {'Content-Type': 'application/json'}, json.dumps(health)),
                              ['name: plain, url: "http://ADDRESS/health", ' + mapping,
                               'name: judged, url: "http://ADDRESS/health", expect: [{path: status, equals: healthy}], ' + mapping])
        eventually(lambda: (self.up('plain'), self.up('judged')) == (1, 0))
        self.assertEqual(self.error('judged'), 'status is "unhealthy"; expected "healthy"')
        for job in ('plain', 'judged'):
            self.assertEqual(server.query('auralis_healthy{job="%s"}' % job)[0][1], 0)
            self.assertEqual(server.query('auralis_health_real_time_factor{job="%s"}' % job)[0][1], 1.5)
        state['status'] = 503
        eventually(lambda: self.up('plain') == 0)
        self.assertEqual(self.error('plain'), 'the target answered with HTTP status 503')
        self.assertEqual(server.query('auralis_healthy{job="plain"}')[0][1], 0)
        health.update(status='healthy')
        state['status'] = 200
        eventually(lambda: (self.up('plain'), self.up('judged')) == (1, 1))
        eventually(lambda: server.query('auralis_healthy{job="plain"}')[0][1] == 1)

    def test_an_answer_that_cannot_be_used_is_up_0_and_says_why(self):
        answers = {'/empty': (200, ''), '/page': (200, '<html>hello</html>'), '/list': (200, '[1]'), '/gone': (404, '{"detail": "Not Found"}')}
        self.collect(lambda r: (answers[r.path][0], {}, answers[r.path][1]),
                     ['name: %s, url: "http://ADDRESS%s", metrics: {a: a, there: {path: a, present: true}}' % (p[1:], p) for p in answers])
        for job, words in (('empty', 'the answer is empty'), ('page', 'not JSON'), ('list', 'the answer is a JSON list'),
                           ('gone', 'HTTP status 404')):
            eventually(lambda job=job: self.up(job) == 0)
            self.assertIn(words, self.error(job))
        self.assertEqual(self.server.query('{__name__=~"a|there"}'), [])

    def test_a_text_where_a_number_belongs_is_told_once_and_counted(self):
        server = self.collect(lambda r: peers.json('{"a": "17.5%", "b": "12"}'), ['name: odd, url: "http://ADDRESS/", metrics: {a: a, b: b}'])
        eventually(lambda: server.query('count_over_time(b[1m]) > 2'))
        self.assertEqual(server.query('a'), [])
        self.assertEqual(server.log_text().count('at a stands'), 1)
        self.assertIn('which is no number', server.log_text())
        metrics = server.get('/metrics')[1].decode()
        counted = next(line for line in metrics.splitlines() if line.startswith('earshot_json_values_invalid_total '))
        self.assertGreater(float(counted.split()[1]), 2)

    def test_requests_have_the_method_body_and_headers_of_the_entry(self):
        seen = []

        def answer(request):
            if request.path == '/kept':
                return peers.json(json.dumps({'b': len(base64.b64decode(request.headers['Authorization'].split()[1]))}))
            seen.append((request.command, request.body, request.headers.get('X-Key'), request.headers.get('Accept')))
            return 201, {'Content-Type': 'application/json'}, '{"a": 1}'
        server = self.collect(answer, ['name: rpc, url: "http://ADDRESS/rpc", method: POST, body: \'{"op": "stats"}\', '
                                       'headers: {X-Key: geheim}, metrics: {a: a}', 'name: kept, url_file: url, metrics: {b: b}'],
                              {'url': 'http://me:verborgen@ADDRESS/kept\n'})
        eventually(lambda: server.query('a{job="rpc"}'))
        self.assertEqual(self.up('rpc'), 1)  # 201 is no error
        self.assertEqual(seen[0][:3], ('POST', '{"op": "stats"}', 'geheim'))
        self.assertIn('application/json', seen[0][3])
        # An address in a file is told without its password, and read again with the configuration.
        eventually(lambda: [(labels['instance'], value) for labels, value in server.query('b')] == [(self.target.address, len('me:verborgen'))])
        self.assertNotIn('verborgen', json.dumps([server.api('targets'), server.api('status/config')]))
        with open(os.path.join(server.dir, 'url'), 'w', encoding='utf-8') as f:
            f.write('http://me:neu@%s/kept' % self.target.address)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: [value for _, value in server.query('b')] == [len('me:neu')])

    def test_a_mistake_in_the_mapping_is_named_with_its_place(self):
        server = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect:\n  json:\n  - url: http://127.0.0.1:1/\n    metrics:\n      a: {path: b.c, unit: Gb}\n      b: x..y\n'})
        self.addCleanup(server.close)
        status, said = server.refused()
        self.assertNotEqual(status, 0)
        self.assertIn('e.yml:5:28: unit: expected KB, MB, GB', said)
        self.assertIn('e.yml:6:12: path "x..y", column 3: expected a name', said)

    def test_a_changed_mapping_counts_after_a_reload(self):
        server = self.collect(lambda r: peers.json('{"a": 1, "b": 2}'), ['name: x, url: "http://ADDRESS/", metrics: {a: a}'])
        eventually(lambda: server.query('a'))
        path = os.path.join(server.dir, 'e.yml')
        with open(path, encoding='utf-8') as f:
            text = f.read()
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace('{a: a}', '{b: b}'))
        server.process.send_signal(1)
        eventually(lambda: server.query('b') and not server.query('a'))


class Lines(unittest.TestCase):
    def test_s3_12_lines_of_a_file_are_stored_at_their_own_times(self):
        def line(at, memory):
            stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%f')
            return json.dumps({'timestamp': stamp, 'resources': {'memory_mb': memory, 'cpu_percent': None, 'active_jobs': 4},
                               'queues': {'llm_tasks': {'pending': 12, 'processing': 5}}}) + '\n'

        def invalid():
            return next(x for x in server.get('/metrics')[1].decode().splitlines() if x.startswith('earshot_json_lines_invalid_total '))
        now = int(time.time())
        old = [(now - 600 + 60 * i, 1800 + i) for i in range(10)]
        server = Server('--config', '{dir}/e.yml', files={
            'm.jsonl': ''.join(line(*x) for x in old[:5]) + '{"timestamp": "2025-03\n' + ''.join(line(*x) for x in old[5:]) + '{"torn',
            'e.yml': ('collect:\n  json:\n  - {name: document-hub, interval: 1s, file: m.jsonl, time: timestamp, timezone: UTC, metrics: {'
                      'document_hub_resources_memory_mb: resources.memory_mb, document_hub_resources_cpu_percent: resources.cpu_percent, '
                      'document_hub_resources_active_jobs: resources.active_jobs, '
                      'document_hub_queues_llm_tasks_pending: queues.llm_tasks.pending}}\n')}).start()
        self.addCleanup(server.close)

        def stored():
            found = server.api('query', query='document_hub_resources_memory_mb{job="document-hub"}[20m]')['result']
            return [(t, float(v)) for t, v in found[0]['values']] if found else []
        eventually(lambda: len(stored()) == 10)
        self.assertEqual(stored(), old)
        self.assertEqual(server.query('up{job="document-hub"}')[0][1], 1)
        self.assertEqual(server.query('document_hub_queues_llm_tasks_pending')[0][1], 12)
        self.assertEqual(server.query('document_hub_resources_cpu_percent'), [])
        self.assertEqual(invalid(), 'earshot_json_lines_invalid_total 1')
        with open(os.path.join(server.dir, 'm.jsonl'), 'a', encoding='utf-8') as f:
            f.write('\n' + line(now, 1900))
        eventually(lambda: stored() == old + [(now, 1900)])
        server.stop()
        server.start()
        eventually(lambda: invalid() == 'earshot_json_lines_invalid_total 2')
        self.assertEqual(stored(), old + [(now, 1900)])  # nothing twice

    def test_s3_12_lines_from_long_before_are_taken_beside_targets_of_today_and_those_ahead_of_time_are_told(self):
        server = Server('--config', '{dir}/e.yml', files={
            'e.yml': ('collect:\n  json:\n' + ''.join(
                '  - {name: %s, interval: 200ms, file: %s.jsonl, time: timestamp, timezone: UTC, metrics: {%s: resources.memory_mb}}\n'
                % (n, n, n) for n in ('old', 'ahead')) + '  - {name: now, interval: 200ms, url: "http://127.0.0.1:9/", metrics: {a: a}}\n')}).start()
        self.addCleanup(server.close)
        eventually(lambda: server.query('up{job="now"}'))  # the store has samples of today
        with open(os.path.join(server.dir, 'old.jsonl'), 'w', encoding='utf-8') as f:
            f.write(sample('document-hub-metrics.jsonl'))
        with open(os.path.join(server.dir, 'ahead.jsonl'), 'w', encoding='utf-8') as f:
            f.write('{"timestamp": %d, "resources": {"memory_mb": 1}}\n' % (time.time() + 3600))
        counted = eventually(lambda: server.api('query', query='count_over_time(old[2h])', time='2025-03-04T09:00:00Z')['result'])
        self.assertEqual(counted[0]['value'][1], '30')
        eventually(lambda: 'ahead ' in server.log_text() and
                   '1 samples are left out, since their time is more than 10 minutes ahead' in server.log_text())


class AtMetrics(unittest.TestCase):
    def test_json_where_an_exposition_is_expected_is_told_with_a_mapping(self):
        target = peers.Target(lambda r: peers.json(sample('soundbox-status.json')))
        self.addCleanup(target.stop)
        server = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect: {scrape: [{job_name: j, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["%s"]}]}]}\n' % target.address}).start()
        self.addCleanup(server.close)
        eventually(lambda: server.query('up{job="j"}')[0][1] == 0)
        error = next(t['lastError'] for t in server.api('targets')['activeTargets'] if t['labels']['job'] == 'j')
        self.assertIn('the answer is JSON, no exposition', error)
        self.assertIn('metrics: {gpu_available: gpu.available, gpu_memory_used_gb: gpu.memory_used_gb', error)


if __name__ == '__main__':
    unittest.main()
