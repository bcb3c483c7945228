"""The pack soundbox against a scripted Sound Box that serves tests/samples."""
import json
import os
import subprocess
import time
import unittest

from packs import PackTest, sample
from server import Server, eventually

EXPOSITION = '''# TYPE soundbox_generations_total counter
soundbox_generations_total{model="music"} 41
soundbox_generations_total{model="tts"} 7
# TYPE soundbox_queue_size gauge
soundbox_queue_size 3
# TYPE soundbox_gpu_memory_percent gauge
soundbox_gpu_memory_percent 18.25
'''
OWN = '{job="soundbox",instance="studio",endpoint="%s"}'
STATUS, QUEUE, BACKUP = OWN % '/status', OWN % '/queue-status', OWN % '/api/backup/status'


class SoundBox(PackTest):
    answers = {'/status': sample('soundbox-status.json'), '/queue-status': sample('soundbox-queue-status.json'),
               '/api/backup/status': sample('soundbox-backup-status.json'), '/metrics': EXPOSITION}
    config = '''packs:
- soundbox: {url: 'http://%(address)s/', instance: studio, interval: 500ms, timezone: UTC, labels: {room: attic}, log: soundbox.log, output_dir: .}
'''
    ups = 6

    @classmethod
    def files(cls):
        return {'soundbox.log': ''}

    def test_each_model_is_in_one_of_its_states_and_any_other_word_is_unknown(self):
        """S0.2, S0.7, S0.8: states of music, audio, magnet and tts, as ready, loading, unloaded, error or unknown"""
        found = self.series('soundbox_model_state' + STATUS, 'model', 'state')
        self.assertEqual({k for k, v in found.items() if v == 1},
                         {('music', 'ready'), ('audio', 'ready'), ('magnet', 'unloaded'), ('tts', 'ready')})
        self.assertLessEqual({(m, s) for m in ('music', 'audio', 'magnet', 'tts') for s in ('ready', 'loading', 'unloaded', 'error')},
                             set(found))
        status = json.loads(self.answers['/status'])
        status['models'].update(music='error', tts='melting')
        self.change('/status', status)
        eventually(lambda: self.series('soundbox_model_state{model="music"} == 1', 'state') == {'error': 1})
        self.assertEqual(self.series('soundbox_model_state{model="tts"} == 1', 'state'), {'unknown': 1})

    def test_the_gpu_is_told_in_base_units(self):
        """S0.3: gpu.available, name, memory_used_gb, memory_total_gb, memory_percent, busy; GB are 2^30 bytes"""
        self.assertEqual(self.value('soundbox_gpu_available' + STATUS), 1)
        self.assertEqual(self.value('soundbox_gpu_busy' + STATUS), 0)
        self.assertEqual(self.value('soundbox_gpu_memory_used_bytes' + STATUS), 4.2 * 2 ** 30)
        self.assertEqual(self.value('soundbox_gpu_memory_total_bytes' + STATUS), 24 * 2 ** 30)
        self.assertEqual(self.value('soundbox_gpu_memory_percent' + STATUS), 17.5)
        self.assertEqual(self.value('soundbox_gpu_info{name="NVIDIA GeForce RTX 4090"}'), 1)

    def test_queue_and_waits_are_told_by_model(self):
        """S0.4, S0.7: queue_length, queue_by_model, estimated_wait"""
        self.assertEqual(self.value('soundbox_queue_length' + STATUS), 0)
        for name in ('soundbox_queue_length_by_model', 'soundbox_estimated_wait_seconds'):
            self.assertEqual(self.series(name + STATUS, 'model'), {'music': 0, 'audio': 0})

    def test_jobs_are_counted_aged_and_their_failures_counted_once(self):
        """S0.5: current_job, jobs by model and status, the oldest job's age, each failed job once"""
        self.assertEqual(self.series('soundbox_jobs' + QUEUE, 'model', 'status').get(('music', 'processing')), 1)
        self.assertEqual(self.value('soundbox_job_active' + QUEUE), 1)
        eventually(lambda: self.value('soundbox_oldest_job_age_seconds' + QUEUE) > .4)
        self.assertGreater(self.value('soundbox_current_job_age_seconds' + QUEUE), 0)
        self.change('/queue-status', {'queue_length': 1, 'current_job': None, 'jobs': [
            {'id': 'abc123', 'status': 'failed', 'model': 'music'}, {'id': 'def', 'status': 'error', 'model': 'audio'},
            {'id': 'ghi', 'status': 'done', 'model': 'audio'}]})
        self.becomes('soundbox_job_active' + QUEUE, 0)
        self.assertEqual(self.series('soundbox_jobs%s > 0' % QUEUE, 'model', 'status'),
                         {('music', 'failed'): 1, ('audio', 'error'): 1, ('audio', 'done'): 1})
        self.assertEqual(self.value('soundbox_oldest_job_age_seconds' + QUEUE), 0)
        self.assertEqual(self.value('soundbox_current_job_age_seconds' + QUEUE), 0)
        failures = self.series('soundbox_job_failures_total' + QUEUE, 'model')
        self.assertEqual(failures, {'music': 1, 'audio': 1})
        asked = len(self.service.target.asked)
        eventually(lambda: len(self.service.target.asked) > asked + 8)
        self.assertEqual(self.series('soundbox_job_failures_total' + QUEUE, 'model'), failures)

    def test_the_backup_tells_when_and_how_it_ended(self):
        """S0.6, S0.7: enabled, backup_count, latest_backup_date, last_backup with a time without zone"""
        self.assertEqual(self.value('soundbox_backup_enabled' + BACKUP), 1)
        self.assertEqual(self.value('soundbox_backup_count' + BACKUP), 18)
        self.assertEqual(self.value('soundbox_backup_last_success' + BACKUP), 1)
        self.assertEqual(self.value('soundbox_backup_last_timestamp_seconds' + BACKUP), 1705374015)
        self.assertEqual(self.value('soundbox_backup_latest_date_seconds' + BACKUP), 1705363200)
        backup = json.loads(self.answers['/api/backup/status'])
        self.change('/api/backup/status', {**backup, 'last_backup': {'status': 'failed', 'time': None}})
        self.becomes('soundbox_backup_last_success' + BACKUP, 0)
        self.assertEqual(self.server.query('soundbox_backup_last_timestamp_seconds' + BACKUP), [])  # null is no sample

    def test_its_own_exposition_comes_unchanged_and_without_endpoint(self):
        """S0.28, S0.29, S0.30: soundbox_generations_total by model, soundbox_queue_size, soundbox_gpu_memory_percent"""
        self.assertEqual(self.series('soundbox_generations_total{job="soundbox",instance="studio",endpoint=""}', 'model'),
                         {'music': 41, 'tts': 7})
        self.assertEqual(self.value('soundbox_queue_size{endpoint=""}'), 3)
        self.assertEqual(self.value('soundbox_gpu_memory_percent{endpoint=""}'), 18.25)
        self.assertEqual(self.value('max by (instance) (soundbox_gpu_memory_percent{job="soundbox"})'), 18.25)

    def test_a_service_without_exposition_is_no_error(self):
        """the parameter metrics_path: 404 is fine, and what came from there ends"""
        self.change('/metrics', (404, {}, '{"detail": "Not Found"}'))
        eventually(lambda: not self.server.query('soundbox_queue_size'))
        self.assertEqual(self.value('up' + OWN % '/metrics'), 1)
        self.assertEqual(self.value('scrape_samples_scraped' + OWN % '/metrics'), 0)

    def test_each_endpoint_is_a_target_with_the_labels_of_the_pack(self):
        """S0.1: one service on its port; job, instance, endpoint and the labels of the parameter on all of it"""
        self.assertEqual(set(self.series('up{job="soundbox",instance="studio",room="attic"}', 'endpoint')),
                         {'/status', '/queue-status', '/api/backup/status', '/metrics', 'soundbox.log', '.'})
        self.assertEqual(self.server.query('{__name__=~"soundbox_.*",room!="attic"}'), [])

    def test_an_answer_that_is_no_answer_is_up_0_with_words(self):
        """up 0 with lastError: an empty body, bad JSON, HTTP 500; the other endpoints stay up"""
        self.assert_down('soundbox', '/status', (200, {}, ''), 'the answer is empty')
        self.assert_down('soundbox', '/status', (200, {}, '{"models": '), 'JSON')
        self.assert_down('soundbox', '/status', (500, {}, '{"detail": "Internal Server Error"}'), 'HTTP status 500')
        self.assertEqual(self.value('up' + QUEUE), 1)
        self.assertEqual(self.server.query('soundbox_queue_length'), [])

    def test_an_answer_that_does_not_come_in_time_is_up_0(self):
        """a timeout is up 0, and says so"""
        def late(_):
            time.sleep(1.5)
            return 200, {}, '{}'
        self.assert_down('soundbox', '/queue-status', late, 'timeout after 0.5 s')

    def test_lines_of_its_log_are_events_with_values(self):
        """S0.23, S0.24, S0.25: nine events by severity, from 0 on; numbers in the lines are values"""
        own = '{job="soundbox",instance="studio",source="soundbox"%s}'
        self.assertEqual(self.series('earshot_log_events_total' + own % ',severity="critical"', 'event'),
                         {'cuda_oom': 0, 'worker_crashed': 0, 'database_locked': 0})
        with open(os.path.join(self.server.dir, 'soundbox.log'), 'a', encoding='utf-8') as f:
            f.write(sample('soundbox.log') + '\n')
        eventually(lambda: set(self.series('earshot_log_events_total' + own % '', 'event').values()) == {1})
        self.assertEqual(len(self.series('earshot_log_events_total' + own % '', 'event')), 9)
        self.assertEqual(self.value('earshot_log_value' + own % ',event="job_starving",field="wait_seconds"'), 120)
        self.assertEqual(self.value('earshot_log_value' + own % ',event="model_preload",field="free_vram_gb"'), 12.5)

    def test_the_disk_of_its_output_is_told_as_df_tells_it(self):
        """S0.1, S0.21: how full the disk of output_dir is, in df's percent, and the files below it"""
        folder = self.server.dir + '/.'
        own = '{job="soundbox",instance="studio",path="%s"}' % folder
        percent = subprocess.run(['df', '--output=pcent', folder], capture_output=True, text=True, check=True).stdout.split()[-1]
        self.assertAlmostEqual(self.value('earshot_path_used_percent' + own), int(percent.rstrip('%')), delta=1)
        self.assertGreater(self.value('earshot_path_size_bytes' + own), self.value('earshot_path_avail_bytes' + own))
        self.assertGreater(self.value('earshot_path_files' + own), 2)
        self.assertGreater(self.value('earshot_path_file_bytes' + own), 100)

    def test_the_gpu_collector_is_on(self):
        """S0.3: the pack switches collect.gpu on"""
        self.assertEqual(len(self.server.query('up{job="gpu"}')), 1)


class Refused(unittest.TestCase):
    def refuse(self, text):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': text})
        self.addCleanup(server.close)
        return server.refused()

    def test_mistakes_in_packs_are_told_with_place_and_suggestion(self):
        """an unknown pack, an unknown parameter, a source that collect asks too: file:line:column, all of them"""
        status, said = self.refuse('packs:\n- soundbx\n- soundbox: {uri: x}\n')
        self.assertEqual(status, 2)
        self.assertIn('e.yml:2:3: no pack is called "soundbx" (did you mean "soundbox"?)', said)
        self.assertIn('e.yml:3:14: unknown key "uri" in the pack soundbox (did you mean "url"?)', said)
        status, said = self.refuse("packs: [soundbox]\ncollect:\n  json:\n  - {url: 'http://127.0.0.1:5309/status', metrics: {a: a}}\n")
        self.assertEqual(status, 2)
        self.assertRegex(said, r'e.yml:1:9: the pack soundbox asks http://127.0.0.1:5309/status, which collect.json \(.*e.yml:4\) asks too')
