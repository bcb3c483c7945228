"""The pack document-hub: a real Redis, real processes, and the files of tests/samples."""
import datetime
import os
import subprocess
import sys
import time
import unittest

from packs import sample
from server import Server, eventually
from services import Redis

CONFIG = '''packs:
- document-hub:
    redis: redis://127.0.0.1:%(port)d/0
    log_dir: logs
    kernel_log: kernel.log
    metrics_jsonl: metrics.jsonl
    processes: [{name: llm_worker, match: 'python.*llm_worker_%(port)d'}, {name: extraction_worker, match: 'python.*extraction_worker_%(port)d'}]
    interval: 500ms
'''
LOGS = ('llm_worker', 'extraction_worker', 'worker')


class DocumentHub(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis().wait()
        cls.addClassCleanup(cls.redis.stop)
        cls.redis.send('ZADD llm_tasks 1 a 2 b 3 c', 'SADD llm_tasks:processing d e', 'SET llm_results:1 x', 'SET llm_results:2 x', 'QUIT')
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % {'port': cls.redis.port}, 'metrics.jsonl': '', 'kernel.log': ''})
        cls.addClassCleanup(cls.server.close)
        cls.logs = os.path.join(cls.server.dir, 'logs')
        os.mkdir(cls.logs)
        for name in LOGS:
            open(os.path.join(cls.logs, name + '.log'), 'w', encoding='utf-8').close()
        cls.server.start()
        cls.instance = '127.0.0.1:%d' % cls.redis.port
        eventually(lambda: len(cls.server.query('up{job="document-hub"} == 1')) == 7)

    def own(self, more=''):
        return '{job="document-hub",instance="%s"%s}' % (self.instance, more)

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def becomes(self, expr, value):
        eventually(lambda: [v for _, v in self.server.query(expr)] == [value])

    def write(self, name, text):
        with open(os.path.join(self.server.dir, name), 'a', encoding='utf-8') as f:
            f.write(text)

    def events(self, source):
        return {labels['event']: v for labels, v in
                self.server.query('sum by (event) (earshot_log_events_total%s)' % self.own(',source="document-hub/%s"' % source))}

    def test_queue_lengths_come_from_redis_also_when_the_key_is_gone(self):
        """S3.1, S3.2: what waits and what is worked on; 0 when the key is gone"""
        size = 'redis_key_size' + self.own(',db="db0",key="%s"')
        self.assertEqual(self.value(size % 'llm_tasks'), 3)
        self.assertEqual(self.value(size % 'llm_tasks:processing'), 2)
        self.redis.send('DEL llm_tasks:processing', 'ZADD llm_tasks 4 d')
        self.becomes(size % 'llm_tasks', 4)
        self.becomes(size % 'llm_tasks:processing', 0)

    def test_results_are_counted_by_their_pattern(self):
        """S3.3: how many keys llm_results:* there are, without KEYS"""
        self.assertEqual(self.value('redis_keys_count' + self.own(',db="db0",key="llm_results:*"')), 2)
        self.assertIn(b'+PONG', self.redis.send('PING'))
        self.assertNotIn('cmdstat_keys:', self.redis.send('INFO commandstats').decode())

    def test_workers_are_groups_of_processes(self):
        """S3.4-S3.7, S3.9: memory, CPU, number and start of each group; none is 0, not absent"""
        count = 'namedprocess_namegroup_num_procs' + self.own(',groupname="%s"')
        self.assertEqual(self.value(count % 'llm_worker'), 0)
        child = subprocess.Popen([sys.executable, '-c', 'import time\nkept = b"x" * (20 << 20)\ntime.sleep(60)', 'llm_worker_%d' % self.redis.port])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.becomes(count % 'llm_worker', 1)
        self.assertEqual(self.value(count % 'extraction_worker'), 0)
        group = self.own(',groupname="llm_worker"')
        eventually(lambda: self.value('earshot_process_max_resident_bytes' + group) > 20 << 20)
        self.assertGreaterEqual(self.value('earshot_process_max_cpu_ratio' + group), 0)
        self.assertGreater(self.value('earshot_process_youngest_start_time_seconds' + group), 1.7e9)
        self.assertEqual(self.value('earshot_process_starts_total' + group), 1)

    def test_durations_and_crashes_come_from_the_logs(self):
        """S3.8, S3.10, S3.15-S3.18: job durations as a histogram, crashes, LLM errors, kills"""
        for name in LOGS:
            self.write('logs/%s.log' % name, sample('document-hub-%s.log' % name))
        self.write('kernel.log', sample('document-hub-kernel.log'))
        eventually(lambda: self.events('worker').get('crash') == 4)
        eventually(lambda: self.events('extraction_worker').get('job_completed') == 8)
        self.assertEqual(self.value('document_hub_job_duration_seconds_count' + self.own()), 8)
        self.assertAlmostEqual(self.value('document_hub_job_duration_seconds_sum' + self.own()), 42.47 + .93 + 192 + 120 + 672 + 12 + 39.8 + 18.04)
        eventually(lambda: self.events('llm_worker') == {'task_processed': 4, 'llm_error': 3, 'timeout': 3})
        eventually(lambda: self.events('kernel') == {'oom': 3, 'crash': 1})
        # A job of today is drawn, from its beginning on.
        self.write('logs/extraction_worker.log', time.strftime('%Y-%m-%d %H:%M:%S,000 INFO     extraction[2215] job d41-0099 completed in 42.47 s\n'))
        jobs = eventually(lambda: self.server.jobs('{job="document-hub",source="document-hub/extraction_worker"}'))
        self.assertEqual([(text, seconds) for text, seconds, _ in jobs], [('job d41-0099: completed', 42.47)])

    def test_lines_of_its_own_collector_come_at_their_times(self):
        """S3.12: numeric leaves of metrics.jsonl, nested keys joined, at the time in the line (UTC); a torn line is counted"""
        lines = sample('document-hub-metrics.jsonl').splitlines(keepends=True)
        self.assertTrue(lines[0].startswith('{"timestamp": "2025-03-04T08:00:01.199126"'))
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        stamps = [(now - datetime.timedelta(seconds=s)) for s in (50, 20)]
        fresh = [line.replace(line[15:line.index('", "resources"')], t.strftime('%Y-%m-%dT%H:%M:%S')) for line, t in zip(lines, stamps)]
        self.write('metrics.jsonl', fresh[0] + '{"timestamp": "2025-\n' + fresh[1])
        own = self.own(',endpoint="metrics.jsonl"')
        self.becomes('document_hub_resources_memory_mb' + own, 1906.35)
        self.assertEqual(self.value('document_hub_resources_active_jobs' + own), 5)
        self.assertEqual(self.value('document_hub_queues_llm_tasks_pending' + own), 10)
        self.assertEqual(self.value('document_hub_queues_completed' + own), 315)
        found = self.server.api('query', query='document_hub_resources_cpu_percent%s[5m]' % own)['result'][0]['values']
        self.assertEqual(found, [[int(stamps[0].timestamp()), '19.5'], [int(stamps[1].timestamp()), '49.3']])
        self.becomes('earshot_json_lines_invalid_total', 1)

    def test_each_source_is_a_target(self):
        """Redis without endpoint, files by their names, groups of processes as one"""
        self.assertEqual({labels.get('endpoint', '') for labels, _ in self.server.query('up' + self.own())},
                         {'', 'processes', 'llm_worker.log', 'extraction_worker.log', 'worker.log', 'kernel.log', 'metrics.jsonl'})

    def test_without_its_redis_the_workers_are_still_seen(self):
        """S3.1: up of Redis is 0 and says why; groups and files stay"""
        other = Server('--config', '{dir}/e.yml', files={'e.yml': 'packs: [{document-hub: {redis: "redis://127.0.0.1:1", interval: 500ms}}]\n'}).start()
        self.addCleanup(other.close)
        eventually(lambda: [v for _, v in other.query('up{job="document-hub",endpoint="",source=""}')] == [0])
        eventually(lambda: len(other.query('namedprocess_namegroup_num_procs{job="document-hub"}')) == 2)
