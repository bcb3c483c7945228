"""JSON endpoints of the five set-ups, served by a scripted peer from tests/samples, as series (collect.json)."""
import datetime
import json
import os
import time
import unittest

import peers
from server import Server, eventually

SAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'samples')
CONFIG = '''collect:
  json:
  - {name: soundbox, interval: 1s, url: 'http://%(address)s/status', metrics: {
      soundbox_queue_length: queue_length,
      soundbox_queue_length_by_model: {path: queue_by_model.*, labels: {model: $1}},
      soundbox_estimated_wait_seconds: {path: estimated_wait.*, labels: {model: $1}},
      soundbox_gpu_available: gpu.available,
      soundbox_gpu_busy: gpu.busy,
      soundbox_gpu_memory_used_bytes: {path: gpu.memory_used_gb, unit: GB},
      soundbox_gpu_memory_total_bytes: {path: gpu.memory_total_gb, unit: GB},
      soundbox_gpu_memory_percent: {path: gpu.memory_percent, unit: percent},
      soundbox_gpu_info: {path: gpu.name, label: name},
      soundbox_model_state: {path: models.*, labels: {model: $1}, states: [ready, loading, unloaded, error], help: What each model does}}}
  - {name: soundbox-queue, job: soundbox, labels: {endpoint: /queue-status}, interval: 1s, url: 'http://%(address)s/queue-status', metrics: {
      soundbox_jobs: {path: jobs.*, count_by: [model, status]},
      soundbox_job_active: {path: current_job, present: true},
      soundbox_current_job_age_seconds: {path: current_job, first_seen: .current_job},
      soundbox_oldest_job_age_seconds: {path: jobs.*, first_seen: .id, where: {status: 'queued|processing'}},
      soundbox_job_failures_total: {path: jobs.*, once: .id, where: {status: 'failed|error'}, labels: {model: .model}}}}
  - {name: soundbox-backup, timezone: UTC, interval: 1s, url: 'http://%(address)s/api/backup/status', metrics: {
      soundbox_backup_enabled: enabled,
      soundbox_backup_count: backup_count,
      soundbox_backup_last_success: {path: last_backup.status, where: {last_backup.status: success}, count_by: []},
      soundbox_backup_last_timestamp_seconds: {path: last_backup.time, time: iso},
      soundbox_backup_latest_date_seconds: {path: latest_backup_date, time: iso}}}
  - {name: music-separator, interval: 1s, url: 'http://%(address)s/health', metrics: {
      music_separator_circuit_breaker_state: {path: circuit_breaker_state, states: [CLOSED, OPEN, HALF_OPEN]},
      music_separator_models_loaded: models_loaded_count,
      music_separator_active_sessions: active_sessions}}
'''


def sample(name):
    with open(os.path.join(SAMPLES, name), encoding='utf-8') as f:
        return f.read()


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bodies = {'/status': sample('soundbox-status.json'), '/queue-status': sample('soundbox-queue-status.json'),
                      '/api/backup/status': sample('soundbox-backup-status.json'), '/health': sample('music-separator-health.json')}
        cls.target = peers.Target(lambda r: peers.json(cls.bodies[r.path]) if r.path in cls.bodies else (404, {}, 'no\n'))
        cls.addClassCleanup(cls.target.stop)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % {'address': cls.target.address}}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: cls.server.query('count(up{job=~"soundbox.*|music-separator"} == 1)')[0][1] == 4)

    def series(self, expr, *names):
        """{values of these labels: value}"""
        return {tuple(labels.get(n, '') for n in names) if len(names) > 1 else labels.get(names[0], ''): value
                for labels, value in self.server.query(expr)}

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, found)
        return found[0][1]

    def test_s0_2_and_s0_8_each_model_is_in_one_of_its_states(self):
        found = self.series('soundbox_model_state{job="soundbox",instance="%s"}' % self.target.address, 'model', 'state')
        self.assertEqual(len(found), 16)
        self.assertEqual({k for k, v in found.items() if v == 1},
                         {('music', 'ready'), ('audio', 'ready'), ('magnet', 'unloaded'), ('tts', 'ready')})
        self.assertEqual({v for v in found.values()}, {0, 1})
        self.assertEqual(self.server.api('metadata', metric='soundbox_model_state')['soundbox_model_state'][0]['help'], 'What each model does')

    def test_s0_3_the_gpu_is_told_in_base_units(self):
        self.assertEqual(self.value('soundbox_gpu_available'), 1)
        self.assertEqual(self.value('soundbox_gpu_busy'), 0)
        self.assertEqual(self.value('soundbox_gpu_memory_used_bytes'), 4.2 * 2 ** 30)
        self.assertEqual(self.value('soundbox_gpu_memory_total_bytes'), 24 * 2 ** 30)
        self.assertEqual(self.value('soundbox_gpu_memory_percent'), 17.5)
        self.assertEqual(self.value('soundbox_gpu_info{name="NVIDIA GeForce RTX 4090"}'), 1)

    def test_s0_4_queue_and_waits_are_told_by_model(self):
        self.assertEqual(self.value('soundbox_queue_length'), 0)
        for name in ('soundbox_queue_length_by_model', 'soundbox_estimated_wait_seconds'):
            self.assertEqual(self.series(name, 'model'), {'music': 0, 'audio': 0})

    def test_s0_5_jobs_are_counted_and_aged(self):
        self.addCleanup(self.bodies.__setitem__, '/queue-status', self.bodies['/queue-status'])
        own = '{job="soundbox",endpoint="/queue-status"}'
        self.assertEqual(self.series('soundbox_jobs' + own, 'model', 'status'), {('music', 'processing'): 1})
        self.assertEqual(self.value('soundbox_job_active' + own), 1)
        eventually(lambda: self.value('soundbox_oldest_job_age_seconds' + own) > 1)
        self.assertGreater(self.value('soundbox_current_job_age_seconds' + own), 0)
        self.assertEqual(self.series('soundbox_job_failures_total' + own, 'model'), {'music': 0})
        self.bodies['/queue-status'] = json.dumps({'queue_length': 2, 'current_job': None, 'jobs': [
            {'id': 'abc123', 'status': 'failed', 'model': 'music'}, {'id': 'def', 'status': 'error', 'model': 'audio'},
            {'id': 'ghi', 'status': 'done', 'model': 'audio'}]})
        eventually(lambda: self.value('soundbox_job_active' + own) == 0)
        self.assertEqual(self.series('soundbox_jobs' + own, 'model', 'status'),
                         {('music', 'processing'): 0, ('music', 'failed'): 1, ('audio', 'error'): 1, ('audio', 'done'): 1})
        self.assertEqual(self.value('soundbox_oldest_job_age_seconds' + own), 0)
        self.assertEqual(self.value('soundbox_current_job_age_seconds' + own), 0)
        self.assertEqual(self.series('soundbox_job_failures_total' + own, 'model'), {'music': 1, 'audio': 1})
        eventually(lambda: self.value('count_over_time(soundbox_job_failures_total{model="audio"}[1m])') > 2)
        self.assertEqual(self.series('soundbox_job_failures_total' + own, 'model'), {'music': 1, 'audio': 1})

    def test_s0_6_the_backup_tells_when_and_how_it_ended(self):
        self.assertEqual(self.value('soundbox_backup_enabled'), 1)
        self.assertEqual(self.value('soundbox_backup_count'), 18)
        self.assertEqual(self.value('soundbox_backup_last_success'), 1)
        self.assertEqual(self.value('soundbox_backup_last_timestamp_seconds'), 1705374015)
        self.assertEqual(self.value('soundbox_backup_latest_date_seconds'), 1705363200)

    def test_s1_27_and_s1_44_health_tells_the_circuit_breaker_and_the_models(self):
        self.assertEqual(self.series('music_separator_circuit_breaker_state', 'state'), {'CLOSED': 1, 'OPEN': 0, 'HALF_OPEN': 0})
        self.assertEqual(self.value('music_separator_models_loaded'), 2)
        self.assertEqual(self.value('music_separator_active_sessions'), 3)


class Answers(unittest.TestCase):
    """what comes of answers that are otherwise than the mapping would like"""

    def collect(self, answer, entries, seconds=1):
        self.target = peers.Target(answer)
        self.addCleanup(self.target.stop)
        config = 'collect:\n  json:\n' + ''.join('  - {interval: %ss, %s}\n' % (seconds, e) for e in entries)
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': config.replace('ADDRESS', self.target.address)}).start()
        self.addCleanup(self.server.close)
        return self.server

    def up(self, job):
        return self.server.query('up{job="%s"}' % job)[0][1]

    def error(self, job):
        return next(t['lastError'] for t in self.server.api('targets')['activeTargets'] if t['labels']['job'] == job)

    def test_s2_23_a_summary_behind_a_redirect_to_its_slash_is_found(self):
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

    def test_s2_27_and_d8_health_is_what_the_body_says_whatever_the_status(self):
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
            seen.append((request.command, request.body, request.headers.get('X-Key'), request.headers.get('Accept')))
            return peers.json('{"a": 1}')
        server = self.collect(answer, ['name: rpc, url: "http://ADDRESS/rpc", method: POST, body: \'{"op": "stats"}\', '
                                       'headers: {X-Key: geheim}, metrics: {a: a}'])
        eventually(lambda: server.query('a{job="rpc"}'))
        self.assertEqual(seen[0][:3], ('POST', '{"op": "stats"}', 'geheim'))
        self.assertIn('application/json', seen[0][3])

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
