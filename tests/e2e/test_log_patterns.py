"""What the lines of the five set-ups mean: the patterns of the packs over their samples and other spellings of them, counted exactly."""
import collections
import glob
import os
import re
import unittest

from server import Server, eventually

HERE = os.path.dirname(os.path.abspath(__file__))
PACKS = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'packs')
SAMPLES = os.path.join(os.path.dirname(HERE), 'samples')
FILES = {'soundbox': 'soundbox.log', 'music-separator': 'music-separator-events.jsonl', 'auralis': 'auralis.log', 'ollama': 'ollama-access.log',
         'llm_worker': 'document-hub-llm_worker.log', 'extraction_worker': 'document-hub-extraction_worker.log',
         'worker': 'document-hub-worker.log', 'kernel': 'document-hub-kernel.log'}
ENTRIES = {'soundbox': 9, 'music-separator': 21, 'auralis': 20, 'ollama': 7, 'llm_worker': 17, 'extraction_worker': 20, 'worker': 13, 'kernel': 21}

# Other ways to say the same, and what only looks like it (None).
SPELLINGS = {
    'soundbox': [
        ('[GPU] 7 GB free VRAM - preloading MusicGen', 'model_preload'), ('[Queue] Job 9 waiting 3.5s', 'job_starving'),
        ('RuntimeError: CUDA error: out of memory', 'cuda_oom'), ('Database is locked', 'database_locked'), ('Server started', None)],
    'music-separator': [
        ('{"level": "info", "message": "x", "event_type": "audio_separation", "status": "SUCCESS", "model": "m", "processing_duration_seconds": 1}',
         'separation_completed'),
        ('{"level": "info", "message": "x", "event_type": "audio_separation", "status": "error"}', 'separation_failed'),
        ('{"level": "info", "message": "an error", "event_type": "note", "status": "success"}', None),
        ('{"severity": "critical", "msg": "x"}', 'error')],
    'auralis': [
        ('2025-05-17 21:03:11.900 | INFO | a:b:1 - ALERT: Load - HIGH CPU: 99%', 'alert'), ('21:04:00 | ERROR | a - ALERT: no second part', 'alert'),
        ('21:04:00 | WARNING | a - HIGH MEMORY: 4310.5 MB', 'high_memory'), ('21:04:00 | INFO | a - CPU: 93%', None)],
    'ollama': [
        ('[GIN] 2025/03/04 - 14:06:51 | 200 |      1h2m3.5s |  127.0.0.1 | GET      "/api/tags?x=1"', 'request'),
        ('time=2025-03-04T14:06:48.204+01:00 level=INFO source=server.go:601 msg="waiting for llama runner"', None)],
    'llm_worker': [
        ('2025-03-04 08:00:09,007 INFO w[1]: processing task 17', 'task_processed'), ('Processed task 17', 'task_processed'),
        ('task id=5f0c9a was processed', 'task_processed'), ('[INFO] Task 17 has been successfully processed in 3 s', 'task_processed'),
        ('INFO Processing LLM task: 17', 'task_processed'), ('INFO task 17 failed after it was processed', None),
        ('ERROR timeout: 17 s are over', 'timeout'), ('ERROR timeouts: 0', None), ('2025-03-04 08:00:09,007 INFO w[1]: 12 tasks processed', None),
        ('ERROR task 17 timed out', 'timeout'), ('ERROR timeout', 'timeout'), ('WARNING read time-out after 5 s', 'timeout'),
        ('the request timed out', 'timeout'), ('INFO ready; timeout=120 s', None), ('INFO 2 timed out, 3 done', None), ('WARNING slow, 0 timeouts', None),
        ('WARNING errors=0 timeouts=0', None), ('CRITICAL the model is gone', 'llm_error'), ('WARNING the model is slow', None),
        ('LLM call failed', 'llm_error'), ('failed to reach the backend', 'llm_error'), ('llm: 0 errors', None), ('model a, errors=0', None),
        ('model a, errors: 0', None), ('ERROR disk full', None)],
    'extraction_worker': [
        ('job 1 Completed in 1 min 30 s', 'job_completed'), ('INFO completed in 1h', 'job_completed'), ('INFO completed in 3 attempts', None),
        ('INFO completed in part', None), ('ERROR job 17 timeout', 'job_timeout'), ('ERROR job 17 exceeded its time limit: 600 s', 'job_timeout'), ('WARNING 3 timeouts within a minute', 'job_timeout'),
        ('INFO job 17 timed out, again', 'job_timeout'), ('INFO limits timeout=600 s', None), ('INFO timed out: 0', None),
        ('INFO job 17 rejected: memory', 'resource_rejected'), ('WARNING memory limit, refusing job 4', 'resource_rejected'),
        ('too many jobs: rejected', 'resource_rejected'), ('INFO jobs: 12 done, rejected: 2', None), ('INFO 5 jobs, 2 rejected', None),
        ('INFO connection refused', None), ('WARNING memory is short: resource monitor at 91 %', 'memory_warning'), ('INFO resource memory at 10 %', None),
        ('{"level":"error","msg":"failed","job_id":"d41"}', 'job_failed'), ('{"level":"error","msg":"upload failed"}', None),
        ('CRITICAL job 9 has failed', 'job_failed'), ('INFO job 9 failed, again', None)],
    'worker': [
        ('Traceback (most recent call last):\n  File "a"\nKeyError: 1', 'crash'), ('ERROR x', 'crash'), ('WARNING worker 3 crashed', 'crash'), ('WARNING 2 crashes within the hour', 'crash'), ('WARNING crashes: 0', None),
        ('WARNING no exceptions', None), ('WARNING crashes=0', None), ('INFO worker crashed', None), ('DEBUG exception handler', None),
        ('an exception was raised', 'crash'), ('error while reading', 'crash'), ('done, error_rate=0, 0 errors', None), ('errors=2', 'crash'),
        ('all is well', None)],
    'kernel': [
        ('[   12.000001] Memory cgroup out of memory: Killed process 7 (tmux: server) total-vm:1kB', 'oom'),
        ('Out of memory: Killed process 7 (python3) total-vm:1kB, anon-rss:1kB', 'oom'), ('Killed process 7, UID 1, (python3) total-vm:1kB', 'oom'),
        ('Out of memory: Kill process 7 (python3) score 900 or sacrifice child', None), ('Mar  4 09:55:00 hub app[1]: Killed process 7 (x)', None),
        ('[   12.000001] traps: x[7] general protection fault ip:1 sp:2', 'crash'), ('Mar  4 09:55:00 hub app[1]: crash', None)],
}


def sources():
    """{source: the YAML of its patterns}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(PACKS, '*', 'patterns.yml'))):
        with open(path, encoding='utf-8') as f:
            for source, patterns in re.findall(r'^([\w-]+):\n((?:[- ].*\n)+)', f.read(), re.M):
                found[source] = patterns
    return found


def entry(name, file, patterns):
    return '  - name: %s\n    path: %s\n    start: beginning\n    interval: 500ms\n    patterns:\n%s' % (
        name, file, ''.join('    %s\n' % line for line in patterns.splitlines()))


class LogPatterns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        patterns = sources()
        files, config, cls.entries = {}, 'collect:\n  logs:\n', dict(ENTRIES)
        for source, sample in FILES.items():
            with open(os.path.join(SAMPLES, sample), encoding='utf-8') as f:
                files[source + '.log'] = f.read()
            config += entry(source, source + '.log', patterns[source])
            files[source + '-other.log'] = ''.join(line + '\n' for line, _ in SPELLINGS[source])
            config += entry(source + '-other', source + '-other.log', patterns[source])
            cls.entries[source + '-other'] = len(SPELLINGS[source])
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': config, **files})
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        # The last entry of a file waits for a second, since more might belong to it.
        eventually(lambda: {labels['source']: v for labels, v in cls.server.query('sum by (source) (earshot_log_lines_total)')} == cls.entries)

    def events(self, source, by='event'):
        return {labels[by]: int(v) for labels, v in
                self.server.query('sum by (%s) (earshot_log_events_total{job="logs",source="%s"})' % (by, source))}

    def expect(self, source, **events):
        """all its events, each exactly as often"""
        self.assertEqual(self.events(source), events)

    def values(self, source):
        return {(labels['event'], labels['field']): v for labels, v in self.server.query('earshot_log_value{source="%s"}' % source)}

    def histogram(self, name, source):
        """{labels: (count, sum)}"""
        def of(end):
            return {tuple(sorted((k, v) for k, v in labels.items() if k not in ('__name__', 'job', 'instance', 'source'))): v
                    for labels, v in self.server.query('%s_%s{source="%s"}' % (name, end, source))}
        counts, sums = of('count'), of('sum')
        return {k: (counts[k], round(sums[k], 9)) for k in counts}

    def lines(self, source):
        return {labels['level']: int(v) for labels, v in self.server.query('earshot_log_lines_total{source="%s"}' % source)}

    def test_lines_of_sound_box(self):
        """S0.23, S0.24, S0.25: each line counted once as its event, with its severity and the numbers in it"""
        self.expect('soundbox', **dict.fromkeys((
            'server_starting', 'model_preload', 'backup_scheduled', 'job_starving', 'gpu_memory_pressure', 'backup_failed', 'cuda_oom',
            'worker_crashed', 'database_locked'), 1))
        self.assertEqual(self.events('soundbox', 'severity'), {'info': 3, 'warning': 3, 'critical': 3})
        self.assertEqual(self.values('soundbox'), {('model_preload', 'free_vram_gb'): 12.5, ('job_starving', 'wait_seconds'): 120,
                                                   ('gpu_memory_pressure', 'percent'): 95})

    def test_json_lines_of_the_music_separator(self):
        """S1.24: each kind of line counted, its durations by model and status, its levels"""
        self.expect('music-separator', separation_completed=3, separation_failed=1, error=4)
        self.assertEqual(self.histogram('music_separator_log_separation_seconds', 'music-separator'), {
            (('model', 'htdemucs_6s'), ('status', 'success')): (1, 45.2), (('model', 'mdx_q'), ('status', 'success')): (1, 19.75),
            (('model', 'htdemucs'), ('status', 'success')): (1, 31), (('model', 'htdemucs_6s'), ('status', 'failed')): (1, 3.02)})
        self.assertEqual(self.lines('music-separator'), {'debug': 1, 'info': 11, 'warning': 4, 'error': 3, 'critical': 2})

    def test_s2_28_29_and_36_lines_of_auralis(self):
        self.expect('auralis', metrics=5, metrics_error=1, high_cpu=1, low_buffer=1, high_buffer=1, low_rtf=2, high_memory=1, alert=4)
        self.assertEqual({labels['severity']: v for labels, v in self.server.query('earshot_log_events_total{source="auralis",event="alert"}')},
                         {'info': 1, 'warning': 1, 'error': 1, 'critical': 1})
        self.assertEqual(self.values('auralis'), {
            ('metrics', 'clients'): 2, ('metrics', 'buffer'): 251.5, ('metrics', 'cpu'): 21.4, ('metrics', 'mem'): 611,
            ('metrics', 'chunks_sent'): 1304, ('metrics', 'dropped'): 19, ('high_cpu', 'value'): 93, ('low_buffer', 'value'): 44,
            ('high_buffer', 'value'): 1204, ('low_rtf', 'value'): 0, ('high_memory', 'value'): 4310})

    def test_s3_8_and_16_lines_of_the_extraction_worker(self):
        """S3.8, S3.16, S3.17: durations, timeouts, rejections and warnings of memory of extraction_worker.log"""
        self.expect('extraction_worker', job_completed=8, job_failed=1, job_timeout=2, resource_rejected=2, memory_warning=3)
        count, total = self.histogram('document_hub_job_duration_seconds', 'extraction_worker')[()]
        self.assertEqual(count, 8)
        self.assertAlmostEqual(total, 42.47 + .93 + 192 + 120 + 672 + 12 + 39.8 + 18.04)

    def test_s3_15_lines_of_the_llm_worker(self):
        """S3.15: tasks, errors and timeouts of llm_worker.log"""
        self.expect('llm_worker', task_processed=4, llm_error=3, timeout=3)

    def test_s3_10_a_crash_is_one_event_with_its_chained_traceback(self):
        """S3.10: crashes of worker.log"""
        self.expect('worker', crash=4)

    def test_s3_18_kills_of_the_kernel_are_counted_once_each(self):
        """S3.18: kills and crashes of the kernel's log"""
        self.expect('kernel', oom=3, crash=1)

    def test_requests_of_ollama_with_their_durations(self):
        self.expect('ollama', request=5, model_loaded=1, out_of_memory=1)
        self.assertEqual(self.histogram('ollama_http_request_duration_seconds', 'ollama'), {
            (('path', '/api/generate'), ('status', '200')): (1, 3.412907112), (('path', '/api/ps'), ('status', '200')): (1, .000041125),
            (('path', '/api/chat'), ('status', '200')): (1, 72), (('path', '/api/chat'), ('status', '500')): (1, .901120844),
            (('path', '/api/show'), ('status', '404')): (1, .00030051)})

    def test_other_spellings_mean_the_same_and_counts_are_no_events(self):
        """S3.8, S3.10, S3.15, S3.16, S3.17, S3.18: lines as others write them, with a level and without"""
        for source, lines in SPELLINGS.items():
            with self.subTest(source):
                wanted = collections.Counter(event for _, event in lines if event)
                self.expect(source + '-other', **{event: wanted.get(event, 0) for event in self.events(source)})


if __name__ == '__main__':
    unittest.main()
