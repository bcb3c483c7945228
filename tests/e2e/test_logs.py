"""Real log files, rotated both ways while they are read, counted by patterns through restarts and kills (collect.logs)."""
import os
import shutil
import signal
import unittest

from server import Server, eventually

SAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'samples')
CONFIG = r'''collect:
  logs:
  - {name: soundbox, interval: 500ms, path: soundbox.log, patterns: [
      {event: server_starting, match: 'Starting server', severity: info},
      {event: model_preload, match: '(?P<free_vram_gb>[\d.]+)GB free VRAM - preloading (?P<model>\S+)', severity: info, value: [free_vram_gb, model]},
      {event: backup_scheduled, match: 'Backup scheduler started - daily at (?P<at>\S+)', severity: info},
      {event: job_starving, match: 'Job (?P<job>\S+) waiting (?P<wait_seconds>\d+)s', severity: warning, value: [wait_seconds]},
      {event: gpu_memory_pressure, match: 'Memory pressure: (?P<percent>[\d.]+)%', severity: warning, value: [percent]},
      {event: backup_failed, match: 'Previous backup failed', severity: warning},
      {event: cuda_oom, match: 'CUDA out of memory', severity: critical},
      {event: worker_crashed, match: 'Worker thread crashed', severity: critical},
      {event: database_locked, match: 'Database locked', severity: critical}]}
  - {name: extraction_worker, interval: 500ms, path: extraction.log, patterns: [
      {event: job_completed, match: 'completed in (?P<took>[\d:.]+ ?(?:ms|s|sec|seconds|m|min|minutes)?(?: ?\d+ ?s)?)\b', severity: info,
       histogram: {metric: document_hub_job_duration_seconds, field: took, unit: duration, buckets: [1, 5, 15, 30, 60, 120, 300, 600, 1200, 3600]}},
      {event: job_timeout, match: 'timed out|time limit', severity: error},
      {event: resource_rejected, match: 'limit reached|^\S+ rejecting', severity: warning},
      {event: memory_warning, match: '(?i)Resource (usage|memory)', severity: warning}]}
  - {name: llm_worker, interval: 500ms, path: llm.log, patterns: [
      {event: timeout, match: '(?i)timed out|timeout', severity: error},
      {event: llm_error, match: '(?i)llm (call failed|error)|error from model', severity: error},
      {event: task_processed, match: '(?i)task (\S+ processed|processed|processing finished)', severity: info}]}
  - {name: worker, interval: 500ms, path: worker.log, patterns: [{event: crash, match: {level: error|critical}, severity: error}]}
  - {name: kernel, interval: 500ms, path: kernel.log, patterns: [
      {event: oom, match: 'Killed process (?P<pid>\d+) \((?P<name>\S+)\)', severity: critical}, {event: crash, match: 'segfault at', severity: error}]}
  - {name: separator, interval: 500ms, path: separator.log, patterns: [
      {event: separation_completed, match: {event_type: audio_separation, status: success}, severity: info,
       histogram: {metric: music_separator_log_separation_seconds, field: processing_duration_seconds, labels: [model, status]}}]}
  - {name: turned, interval: 500ms, path: 'turned.log', patterns: [{event: line, match: 'line \d+$', severity: info}]}
'''
FILES = {'soundbox.log': 'soundbox.log', 'extraction.log': 'document-hub-extraction_worker.log', 'worker.log': 'document-hub-worker.log',
         'llm.log': 'document-hub-llm_worker.log', 'kernel.log': 'document-hub-kernel.log', 'separator.log': 'music-separator-log.jsonl'}


class Logs(unittest.TestCase):
    def setUp(self):
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG, 'turned.log': 'line 0\n', **{f: 'before\n' for f in FILES}})
        self.addCleanup(self.server.close)
        self.server.start()
        eventually(lambda: len(self.server.query('earshot_log_lines_total{level="info"} == 0')) == 7)

    def path(self, name):
        return os.path.join(self.server.dir, name)

    def append(self, name, text):
        with open(self.path(name), 'a', encoding='utf-8') as f:
            f.write(text)

    def events(self, source):
        return {labels['event']: value for labels, value in self.server.query('earshot_log_events_total{job="logs",source="%s"}' % source)}

    def lines(self):
        return self.events('turned').get('line')

    def test_each_line_of_the_set_ups_is_counted_by_its_meaning(self):
        for name in ('cuda_oom', 'worker_crashed', 'model_preload'):
            self.assertEqual(self.events('soundbox')[name], 0)
        for name, source in FILES.items():
            with open(os.path.join(SAMPLES, source), encoding='utf-8') as f:
                self.append(name, f.read())
        eventually(lambda: self.events('soundbox') == dict.fromkeys((  # S0.23-25
            'server_starting', 'model_preload', 'backup_scheduled', 'job_starving', 'gpu_memory_pressure', 'backup_failed', 'cuda_oom',
            'worker_crashed', 'database_locked'), 1))
        values = {(labels['event'], labels['field']): v for labels, v in self.server.query('earshot_log_value{source="soundbox"}')}
        self.assertEqual(values, {('model_preload', 'free_vram_gb'): 12.5, ('job_starving', 'wait_seconds'): 120,
                                  ('gpu_memory_pressure', 'percent'): 95})
        eventually(lambda: self.server.query('document_hub_job_duration_seconds_count')[0][1] == 8)  # S3.8
        self.assertAlmostEqual(self.server.query('document_hub_job_duration_seconds_sum')[0][1],
                               42.47 + .93 + 192 + 120 + 672 + 12 + 39.8 + 18.04)
        self.assertEqual(self.events('extraction_worker'), {'job_completed': 8, 'job_timeout': 2, 'resource_rejected': 2, 'memory_warning': 3})  # S3.16-17
        eventually(lambda: self.events('llm_worker') == {'task_processed': 4, 'llm_error': 3, 'timeout': 3})  # S3.15
        eventually(lambda: self.events('worker') == {'crash': 4})
        eventually(lambda: self.events('kernel') == {'oom': 3, 'crash': 1})  # S3.18
        eventually(lambda: self.events('separator') == {'separation_completed': 1})  # S1.24
        self.assertEqual(self.server.query('music_separator_log_separation_seconds_sum{model="htdemucs_6s",status="success"}')[0][1], 45.2)

    def test_no_line_is_lost_or_counted_twice_through_rotation_restart_and_kill(self):
        n = 0

        def write(count):
            nonlocal n
            for _ in range(count):
                n += 1
                self.append('turned.log', 'line %d\n' % n)
        write(100)
        os.rename(self.path('turned.log'), self.path('turned.log.1'))
        write(50)
        eventually(lambda: self.lines() == n)
        write(20)  # not read yet when it is emptied
        shutil.copyfile(self.path('turned.log'), self.path('turned.log.2'))
        os.truncate(self.path('turned.log'), 0)
        write(5)
        eventually(lambda: self.lines() == n)
        for sig in (signal.SIGTERM, signal.SIGKILL):
            write(30)
            if sig == signal.SIGKILL:
                self.server.process.kill()
                self.server.process.wait()
            else:
                self.server.stop(sig)
            write(7)
            os.rename(self.path('turned.log'), self.path('turned.log.%d' % (10 + sig)))
            write(9)
            self.server.start()
            eventually(lambda: self.lines() == n)
        self.assertEqual(self.server.query('resets(earshot_log_events_total{source="turned"}[10m])')[0][1], 0)


if __name__ == '__main__':
    unittest.main()
