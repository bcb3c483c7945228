"""The pack soundbox against a scripted Sound Box that serves tests/samples."""
import datetime
import json
import os
import re
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
JOBS = json.loads(sample('soundbox-queue-status.json'))
FAILED_BEFORE = {'id': 'old', 'status': 'failed', 'model': 'music'}
OWN = '{job="soundbox",instance="studio",endpoint="%s"}'
STATUS, QUEUE, BACKUP = OWN % '/status', OWN % '/queue-status', OWN % '/api/backup/status'


class SoundBox(PackTest):
    answers = {'/status': sample('soundbox-status.json'), '/queue-status': json.dumps({**JOBS, 'jobs': JOBS['jobs'] + [FAILED_BEFORE]}),
               '/api/backup/status': sample('soundbox-backup-status.json'), '/metrics': EXPOSITION}
    config = '''packs:
- soundbox: {url: 'http://%(address)s/', instance: studio, interval: 500ms, timezone: Europe/Berlin, labels: {room: attic}, log: soundbox.log, output_dir: .}
'''
    ups = 6

    @classmethod
    def files(cls):
        return {'soundbox.log': ''}

    def test_each_model_is_in_one_of_its_states_and_any_other_word_is_unknown(self):
        """S0.2, S0.8: models.music, audio, magnet and tts as ready, loading, unloaded or error, else unknown; what to do in each state"""
        models, states = ('music', 'audio', 'magnet', 'tts'), ('ready', 'loading', 'unloaded', 'error')

        def found():
            return {k: v for k, v in self.series('soundbox_model_state' + STATUS, 'model', 'state').items() if k[1] != 'unknown' or v}

        def expect(**now):
            return {(m, s): float(now[m] == s) for m in models for s in states}
        self.assertEqual(found(), expect(music='ready', audio='ready', magnet='unloaded', tts='ready'))
        help_text = self.server.api('metadata', metric='soundbox_model_state')['soundbox_model_state'][0]['help']
        for state, action in (('ready', 'nothing to do'), ('loading', 'wait'), ('unloaded', 'loads on demand'), ('error', 'check its logs')):
            self.assertIn('%s: %s' % (state, action), help_text)
        status = json.loads(self.answers['/status'])
        self.change('/status', {**status, 'models': {'music': 'error', 'audio': 'loading', 'magnet': None, 'tts': 'melting'}})
        eventually(lambda: found() == {**{k: v for k, v in expect(music='error', audio='loading', magnet='', tts='').items()
                                          if k[0] != 'magnet'}, ('tts', 'unknown'): 1})

    def test_the_gpu_is_told_in_base_units(self):
        """S0.3: gpu.available, name, memory_used_gb, memory_total_gb, memory_percent, busy; GB are 2^30 bytes"""
        def found():
            return {labels['__name__']: v for labels, v in self.server.query('{__name__=~"soundbox_gpu_.*",%s' % STATUS[1:])}
        there = {'soundbox_gpu_available': 1, 'soundbox_gpu_busy': 0, 'soundbox_gpu_memory_used_bytes': 4.2 * 2 ** 30,
                 'soundbox_gpu_memory_total_bytes': 24 * 2 ** 30, 'soundbox_gpu_memory_percent': 17.5, 'soundbox_gpu_info': 1}
        self.assertEqual(found(), there)
        self.assertEqual(self.series('soundbox_gpu_info' + STATUS, 'name'), {'NVIDIA GeForce RTX 4090': 1})
        status = json.loads(self.answers['/status'])
        self.change('/status', {**status, 'gpu': {'available': False, 'name': None, 'memory_used_gb': None, 'memory_percent': '17.5%', 'busy': True}})
        eventually(lambda: found() == {'soundbox_gpu_available': 0, 'soundbox_gpu_busy': 1})  # null and what is no number are no samples

    def test_queue_and_waits_are_told_by_model(self):
        """S0.4: queue_length, queue_by_model.music and audio, estimated_wait.music and audio"""
        self.assertEqual(self.value('soundbox_queue_length' + STATUS), 0)
        for name in ('soundbox_queue_length_by_model', 'soundbox_estimated_wait_seconds'):
            self.assertEqual(self.series(name + STATUS, 'model'), {'music': 0, 'audio': 0})
        status = json.loads(self.answers['/status'])
        self.change('/status', {**status, 'queue_length': 7, 'queue_by_model': {'music': 5, 'audio': 2}, 'estimated_wait': {'music': 75, 'audio': None}})
        self.becomes('soundbox_queue_length' + STATUS, 7)
        self.assertEqual(self.series('soundbox_queue_length_by_model' + STATUS, 'model'), {'music': 5, 'audio': 2})
        self.assertEqual(self.series('soundbox_estimated_wait_seconds' + STATUS, 'model'), {'music': 75})

    def test_each_endpoint_tells_what_it_is_asked_for(self):
        """S0.7: /status the models, GPU and queue, /api/backup/status the backup, and nothing besides"""
        def names(where):
            return {labels['__name__'].replace('soundbox_', '') for labels, _ in self.server.query('{__name__=~"soundbox_.*",%s' % where[1:])}
        self.assertEqual(names(STATUS), {'model_state', 'gpu_available', 'gpu_busy', 'gpu_info', 'gpu_memory_used_bytes', 'gpu_memory_total_bytes',
                                         'gpu_memory_percent', 'queue_length', 'queue_length_by_model', 'estimated_wait_seconds'})
        self.assertEqual(names(BACKUP), {'backup_enabled', 'backup_count', 'backup_last_success', 'backup_last_timestamp_seconds',
                                         'backup_latest_date_seconds'})
        self.assertLessEqual(names(QUEUE), {'jobs', 'job_active', 'current_job_age_seconds', 'oldest_job_age_seconds', 'job_failures_total'})

    def test_jobs_are_counted_aged_and_their_failures_counted_once(self):
        """S0.5: current_job and its age, jobs by model and status, the oldest job's age, each failed job once"""
        self.assertEqual(self.series('soundbox_jobs' + QUEUE, 'model', 'status'), {('music', 'processing'): 1, ('music', 'failed'): 1})
        self.assertEqual(self.series('soundbox_job_failures_total' + QUEUE, 'model'), {'music': 0})  # what failed before is no news
        self.assertEqual(self.value('soundbox_job_active' + QUEUE), 1)
        current, oldest = 'soundbox_current_job_age_seconds' + QUEUE, 'soundbox_oldest_job_age_seconds' + QUEUE
        eventually(lambda: 1.5 < self.value(current) < 60 and 1.5 < self.value(oldest) < 60)
        self.change('/queue-status', {'queue_length': 1, 'current_job': 'def', 'jobs': [
            {'id': 'abc123', 'status': 'loading', 'model': 'music'}, {'id': 'def', 'status': 'processing', 'model': 'audio'}]})
        eventually(lambda: self.value(current) < 1)  # another one is current
        self.assertGreater(self.value(oldest), 1.5)
        self.change('/queue-status', {'queue_length': 1, 'current_job': 'abc123', 'jobs': [{'id': 'abc123', 'status': 'processing', 'model': 'music'}]})
        self.becomes('soundbox_jobs%s > 0' % QUEUE, 1)
        self.assertLess(self.value(current), 1.5)  # the first one, anew
        self.change('/queue-status', {'queue_length': 1, 'current_job': None, 'jobs': [
            {'id': 'abc123', 'status': 'failed', 'model': 'music'}, {'id': 'def', 'status': 'error', 'model': 'audio'},
            {'id': 'ghi', 'status': 'done', 'model': 'audio'}]})
        self.becomes('soundbox_job_active' + QUEUE, 0)
        self.assertEqual(self.series('soundbox_jobs' + QUEUE, 'model', 'status'), {
            ('music', 'failed'): 1, ('audio', 'error'): 1, ('audio', 'done'): 1, ('music', 'processing'): 0, ('music', 'loading'): 0,
            ('audio', 'processing'): 0})
        self.assertEqual((self.value(oldest), self.value(current)), (0, 0))
        failures = self.series('soundbox_job_failures_total' + QUEUE, 'model')
        self.assertEqual(failures, {'music': 1, 'audio': 1})
        asked = len(self.service.target.asked)
        eventually(lambda: len(self.service.target.asked) > asked + 8)
        self.assertEqual(self.series('soundbox_job_failures_total' + QUEUE, 'model'), failures)

    def test_the_backup_tells_when_and_how_it_ended(self):
        """S0.6: enabled, backup_count, latest_backup_date, last_backup.status and time, which have no zone: that of the parameter"""
        def found():
            return {labels['__name__'].replace('soundbox_backup_', ''): v for labels, v in
                    self.server.query('{__name__=~"soundbox_backup_.*",%s' % BACKUP[1:])}
        day = datetime.datetime(2024, 1, 16, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
        backup, time_of = json.loads(self.answers['/api/backup/status']), {'latest_date_seconds': day.timestamp()}
        self.assertEqual(found(), {'enabled': 1, 'count': 18, 'last_success': 1, **time_of,
                                   'last_timestamp_seconds': day.replace(hour=3, second=15).timestamp()})
        self.change('/api/backup/status', {**backup, 'enabled': False, 'last_backup': {'status': 'failed', 'time': None}})
        eventually(lambda: found() == {'enabled': 0, 'count': 18, 'last_success': 0, **time_of})
        # Where none was made yet there is none that failed.
        self.change('/api/backup/status', {'enabled': True, 'backup_count': 0, 'latest_backup_date': None, 'last_backup': None})
        eventually(lambda: found() == {'enabled': 1, 'count': 0})

    def test_its_own_exposition_comes_unchanged_and_without_endpoint(self):
        """S0.28, S0.29, S0.30: soundbox_generations_total by model, soundbox_queue_size, soundbox_gpu_memory_percent"""
        self.assertEqual(self.series('soundbox_generations_total{job="soundbox",instance="studio",endpoint=""}', 'model'),
                         {'music': 41, 'tts': 7})
        self.assertEqual(self.value('soundbox_queue_size{endpoint=""}'), 3)
        self.assertEqual(self.value('soundbox_gpu_memory_percent{endpoint=""}'), 18.25)
        self.assertEqual(self.value('max by (instance) (soundbox_gpu_memory_percent{job="soundbox"})'), 18.25)
        self.assertEqual(self.types('soundbox_generations_total|soundbox_queue_size'),
                         {'soundbox_generations_total': 'counter', 'soundbox_queue_size': 'gauge'})
        self.assertIn('gauge', [said['type'] for said in self.server.api('metadata')['soundbox_gpu_memory_percent']])

    def test_a_service_without_exposition_is_no_error(self):
        """the parameter metrics_path: 404 is fine, and what came from there ends"""
        self.change('/metrics', (404, {}, '{"detail": "Not Found"}'))
        eventually(lambda: not self.server.query('soundbox_queue_size'))
        self.assertEqual(self.value('up' + OWN % '/metrics'), 1)
        self.assertEqual(self.value('scrape_samples_scraped' + OWN % '/metrics'), 0)

    def test_each_endpoint_is_a_target_with_the_labels_of_the_pack(self):
        """job, instance, endpoint and the labels of the parameter on all of it"""
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
        """S0.23, S0.24, S0.25: nine events by severity, from 0 on; numbers in the lines are values, ids their fields"""
        own = '{job="soundbox",instance="studio",source="soundbox"%s}'
        events = {'server_starting': 'info', 'model_preload': 'info', 'backup_scheduled': 'info',
                  'job_starving': 'warning', 'gpu_memory_pressure': 'warning', 'backup_failed': 'warning',
                  'cuda_oom': 'critical', 'worker_crashed': 'critical', 'database_locked': 'critical'}

        def counted(n):
            return self.series('earshot_log_events_total' + own % '', 'event', 'severity') == {k: n for k in events.items()}
        self.assertTrue(counted(0))
        with open(os.path.join(self.server.dir, 'soundbox.log'), 'a', encoding='utf-8') as f:
            f.write(sample('soundbox.log') + '\n')
        eventually(lambda: counted(1))
        self.assertEqual(self.series('earshot_log_value' + own % '', 'event', 'field'), {
            ('model_preload', 'free_vram_gb'): 12.5, ('job_starving', 'wait_seconds'): 120, ('gpu_memory_pressure', 'percent'): 95})
        lines = self.logs('soundbox')
        self.assertEqual([(line['event'], line['level'], line['message']) for line in lines],
                         [(event, severity, text) for (event, severity), text in zip(events.items(), sample('soundbox.log').splitlines())])
        self.assertEqual({line['event']: line['fields'] for line in lines if line['fields']}, {
            'model_preload': {'free_vram_gb': '12.5', 'model': 'AudioGen'}, 'backup_scheduled': {'at': '03:00'},
            'job_starving': {'job': 'abc123', 'wait_seconds': '120'}, 'gpu_memory_pressure': {'percent': '95'}})

    def test_the_disk_of_its_output_is_told_as_df_tells_it(self):
        """S0.21: how full the disk of output_dir is, in df's percent, and the files below it"""
        folder = self.server.dir + '/.'
        own = '{job="soundbox",instance="studio",path="%s"}' % folder
        percent = subprocess.run(['df', '--output=pcent', folder], capture_output=True, text=True, check=True).stdout.split()[-1]
        self.assertAlmostEqual(self.value('earshot_path_used_percent' + own), int(percent.rstrip('%')), delta=1)
        self.assertGreater(self.value('earshot_path_size_bytes' + own), self.value('earshot_path_avail_bytes' + own))
        self.assertGreater(self.value('earshot_path_files' + own), 2)
        self.assertGreater(self.value('earshot_path_file_bytes' + own), 100)


class Defaults(unittest.TestCase):
    def test_what_is_asked_where_nothing_else_is_said(self):
        """S0.1: port 5309, the unit soundbox, /opt/soundbox/generated, and the GPU, which others may share"""
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'packs: [soundbox: {interval: 500ms}]\n'}) as server:
            targets = server.api('targets')['activeTargets']
            own = {t['labels']['endpoint']: t for t in targets if t['labels']['job'] == 'soundbox'}
            self.assertEqual({t['labels']['instance'] for t in own.values()}, {'127.0.0.1:5309'})
            self.assertEqual({e: t['scrapeUrl'] for e, t in own.items()}, {
                **{e: 'http://127.0.0.1:5309' + e for e in ('/status', '/queue-status', '/api/backup/status', '/metrics')},
                'soundbox': '', '/opt/soundbox/generated': ''})
            self.assertEqual(own['soundbox']['labels']['source'], 'soundbox')
            self.assertIn('gpu', {t['labels']['job'] for t in targets})
            # It is a unit of the journal, where there is one.
            eventually(lambda: re.search('^there is no journal|unit soundbox', next(
                t['lastError'] for t in server.api('targets')['activeTargets'] if t['labels'].get('source') == 'soundbox')))


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
