"""JSON endpoints of the five set-ups, served by a scripted peer from tests/samples, as series (collect.json)."""
import json
import os
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


if __name__ == '__main__':
    unittest.main()
