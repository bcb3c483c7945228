"""The pack document-hub: a real Redis, real processes, and the files of tests/samples. Each test waits for the target
that it is about alone, so that what is off is missed where it belongs. The host's zone is not UTC."""
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

from packs import sample
from server import Server, eventually
from services import Redis
from sshd import status
from test_pack_rules import PACKS, expression, read, rules

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
ZONE = 'Asia/Kolkata'
ZONE_HOURS = 5.5
HOLDS = 'import time\nkept = b"x" * (%d << 20)\ntime.sleep(60)'
BUSY = 'while True: sum(range(1000))'
TOOK = [42.47, .93, 192, 120, 672, 12, 39.8, 18.04]
BUCKETS = {'1': 1, '5': 1, '15': 2, '30': 3, '60': 5, '120': 6, '300': 7, '600': 7, '1200': 8, '3600': 8, '+Inf': 8}


class DocumentHub(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis().wait()
        cls.addClassCleanup(cls.redis.stop)
        cls.redis.send('ZADD llm_tasks 1 a 2 b 3 c', 'SADD llm_tasks:processing d e', 'SET llm_results:1 x', 'SET llm_results:2 x',
                       'SELECT 1', 'ZADD llm_tasks 1 a', 'QUIT')
        cls.server = Server('--config', '{dir}/e.yml', env={'TZ': ZONE}, files={
            'e.yml': CONFIG % {'port': cls.redis.port}, 'metrics.jsonl': '', 'kernel.log': ''})
        cls.addClassCleanup(cls.server.close)
        cls.logs = os.path.join(cls.server.dir, 'logs')
        os.mkdir(cls.logs)
        for name in LOGS:
            open(os.path.join(cls.logs, name + '.log'), 'w', encoding='utf-8').close()
        cls.server.start()
        cls.instance = '127.0.0.1:%d' % cls.redis.port
        cls.written = set()

    def own(self, more=''):
        return '{job="document-hub",instance="%s"%s}' % (self.instance, more)

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def becomes(self, expr, value):
        eventually(lambda: [v for _, v in self.server.query(expr)] == [value], 10)

    def is_up(self, endpoint):
        self.becomes('up' + self.own(',endpoint="%s"' % endpoint), 1)

    def write(self, name, text):
        with open(os.path.join(self.server.dir, name), 'a', encoding='utf-8') as f:
            f.write(text)

    def lines_of(self, source, file):
        """its sample is in the log, once, after the end was found; and read, but for the last entry, which waits for more"""
        self.is_up(os.path.basename(file))
        if source not in self.written:
            self.written.add(source)
            self.write(file, sample('document-hub-%s.log' % source) + '2025-03-04 12:00:00,000 INFO nothing more\n')
        eventually(lambda: self.stored(source, search='"nothing more"'), 10)

    def events(self, source):
        """{(event, severity): number}"""
        return {(labels['event'], labels['severity']): v for labels, v in
                self.server.query('earshot_log_events_total' + self.own(',source="document-hub/%s"' % source))}

    def stored(self, source, **params):
        """lines that were kept"""
        status_code, body, _ = self.server.get('/api/earshot/v1/logs?' + urllib.parse.urlencode(
            {'source': 'document-hub/' + source, 'direction': 'forward', **params}))
        self.assertEqual(status_code, 200, body)
        return json.loads(body)['data']['lines']

    def worker(self, group, program):
        child = subprocess.Popen([sys.executable, '-c', program, '%s_%d' % (group, self.redis.port)])
        self.workers.append(child)
        return child

    def setUp(self):
        self.workers = []

    def tearDown(self):
        for child in self.workers:
            child.kill()
            child.wait()
        if self.workers:
            eventually(lambda: self.server.query('sum(namedprocess_namegroup_num_procs%s) == 0' % self.own()) or
                       not self.server.query('namedprocess_namegroup_num_procs' + self.own()))

    def commands(self):
        """how often each command of the kind was asked of the real Redis: KEYS, SCAN, ZCARD"""
        said = self.redis.send('INFO commandstats').decode()
        return {name: int(n) for name, n in re.findall(r'cmdstat_(keys|scan|zcard):calls=(\d+)', said)}

    # ---- what is in the Redis

    def length_of(self, key, first, change, then):
        size = 'redis_key_size' + self.own(',db="db0",key="%s"' % key)
        self.becomes(size, first)
        self.redis.send(change)
        self.becomes(size, then)
        self.redis.send('DEL ' + key)
        self.becomes(size, 0)  # and not absent

    def test_what_waits_is_the_size_of_its_sorted_set(self):
        """S3.1: pending = ZCARD llm_tasks of database 0; 0 when the key is gone"""
        self.length_of('llm_tasks', 3, 'ZADD llm_tasks 4 d', 4)

    def test_what_is_worked_on_is_the_size_of_its_set(self):
        """S3.2: processing = SCARD llm_tasks:processing; 0 when the key is gone"""
        self.length_of('llm_tasks:processing', 2, 'SADD llm_tasks:processing f', 3)

    def test_results_are_counted_by_their_pattern(self):
        """S3.3, D10: completed = keys llm_results:*, counted by SCAN once a minute and never by KEYS, which blocks the Redis"""
        self.becomes('redis_keys_count' + self.own(',db="db0",key="llm_results:*"'), 2)
        before = eventually(lambda: self.commands().get('zcard') and self.commands(), 10)
        eventually(lambda: self.commands()['zcard'] >= before['zcard'] + 4, 10)
        now = self.commands()
        self.assertNotIn('keys', now)
        self.assertLessEqual(now['scan'], before['scan'] + 1)  # a minute may end meanwhile

    def test_the_ratio_of_completion_is_that_of_the_logs(self):
        """S3.3: document_hub_completion_ratio, as the pack's rule file records it"""
        self.lines_of('extraction_worker', 'logs/extraction_worker.log')
        record, = [rule for rule in rules(read(PACKS + '/document-hub/rules.yml')) if rule.startswith('record: document_hub_completion_ratio\n')]

        def is_right():
            events = self.events('extraction_worker')
            done, failed = events['job_completed', 'info'], events['job_failed', 'error']
            return done >= 8 and failed == 1 and abs(self.value(expression(record)) - done / (done + failed)) < .001
        eventually(is_right, 10)

    def test_without_its_redis_the_workers_are_still_seen(self):
        """S3.1, S3.9: up of Redis is 0 and says why; groups and files stay"""
        other = Server('--config', '{dir}/e.yml', files={'e.yml': 'packs: [{document-hub: {redis: "redis://127.0.0.1:1", interval: 500ms}}]\n'}).start()
        self.addCleanup(other.close)
        eventually(lambda: [v for _, v in other.query('up{job="document-hub",endpoint="",source=""}')] == [0])
        eventually(lambda: len(other.query('namedprocess_namegroup_num_procs{job="document-hub"}')) == 2)
        errors = [t['lastError'] for t in other.api('targets')['activeTargets'] if t['labels'].get('endpoint', '') == '' and t['health'] == 'down']
        self.assertIn('127.0.0.1:1: the connection is refused', errors[0])

    # ---- its workers

    def resident(self, child):
        return int(status(child.pid)['VmRSS'].split()[0]) << 10

    def test_memory_of_a_worker_and_of_all(self):
        """S3.4, S3.5: the largest worker's, and the sum over all groups, as the kernel tells them; a group without one is 0"""
        count = 'namedprocess_namegroup_num_procs' + self.own(',groupname="%s"')
        self.becomes(count % 'llm_worker', 0)
        children = [self.worker('llm_worker', HOLDS % 20), self.worker('llm_worker', HOLDS % 60), self.worker('extraction_worker', HOLDS % 40)]
        self.becomes(count % 'llm_worker', 2)
        self.becomes(count % 'extraction_worker', 1)
        near = lambda expr, wanted: eventually(lambda: abs(self.value(expr) / wanted() - 1) < .02, 10)
        near('earshot_process_max_resident_bytes' + self.own(',groupname="llm_worker"'), lambda: self.resident(children[1]))
        near('earshot_process_max_resident_bytes' + self.own(',groupname="extraction_worker"'), lambda: self.resident(children[2]))
        near('sum(namedprocess_namegroup_memory_bytes%s)' % self.own(',memtype="resident"'), lambda: sum(self.resident(c) for c in children))

    def test_cpu_of_the_busiest_worker_is_that_of_the_last_interval(self):
        """S3.6, D10: CPU of one worker, not the sum over them, and not the average over its life, which stays high"""
        ratio = 'earshot_process_max_cpu_ratio' + self.own(',groupname="llm_worker"')
        children = [self.worker('llm_worker', BUSY) for _ in range(6)]
        for child in children:  # of one core each has a sixth, whatever else runs
            os.sched_setaffinity(child.pid, {min(os.sched_getaffinity(0))})
        eventually(lambda: self.value('namedprocess_namegroup_num_procs' + self.own(',groupname="llm_worker"')) == 6)
        eventually(lambda: self.value('sum(namedprocess_namegroup_cpu_seconds_total%s)' % self.own(',groupname="llm_worker"')) > 2)
        # Of what all take that are always busy, the busiest has a part, interval by interval.
        whole = 'sum(rate(namedprocess_namegroup_cpu_seconds_total%s[4s]))' % self.own(',groupname="llm_worker"')
        busiest = 'avg_over_time(%s[4s])' % ratio
        self.assertGreater(self.value(busiest), .02)
        self.assertLess(self.value(busiest), .7 * self.value(whole))
        for child in children:
            child.send_signal(signal.SIGSTOP)
        eventually(lambda: self.value(ratio) < .02, 3)

    def test_jobs_that_are_active_are_those_it_tells(self):
        """S3.7: document_hub_resources_active_jobs of its own collector, and the set of what is worked on"""
        self.is_up('metrics.jsonl')
        at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=100)
        self.write('metrics.jsonl', '{"timestamp": "%s", "resources": {"active_jobs": 11}}\n' % at.strftime('%Y-%m-%dT%H:%M:%S'))
        eventually(lambda: [v for _, v in self.server.api('query', query='document_hub_resources_active_jobs%s[5m]' % self.own(
            ',endpoint="metrics.jsonl"'))['result'][0]['values'] if v == '11'], 10)

    def test_a_worker_that_starts_anew_is_a_start_and_the_youngest(self):
        """S3.9: uptime from the start of the group's youngest process, restarts from the processes that came"""
        group = self.own(',groupname="extraction_worker"')
        eventually(lambda: self.server.query('earshot_process_starts_total' + group), 10)
        before = self.value('earshot_process_starts_total' + group)
        first = self.worker('extraction_worker', HOLDS % 1)
        self.becomes('earshot_process_starts_total' + group, before + 1)
        time.sleep(1.1)  # starts are told in whole seconds
        at = time.time()
        second = self.worker('extraction_worker', HOLDS % 1)
        self.becomes('earshot_process_starts_total' + group, before + 2)
        eventually(lambda: abs(self.value('earshot_process_youngest_start_time_seconds' + group) - at) < 3, 10)
        self.assertLess(self.value('namedprocess_namegroup_oldest_start_time_seconds' + group),
                        self.value('earshot_process_youngest_start_time_seconds' + group))
        for child in (first, second):
            child.kill()
            child.wait()
        self.becomes('namedprocess_namegroup_num_procs' + group, 0)
        self.assertEqual(self.server.query('earshot_process_youngest_start_time_seconds' + group), [])

    # ---- its logs

    def test_durations_of_jobs_are_a_histogram(self):
        """S3.8: how long a job took, of the lines `completed in`, however the time is written"""
        self.lines_of('extraction_worker', 'logs/extraction_worker.log')
        own = self.own(',source="document-hub/extraction_worker"')
        self.becomes('document_hub_job_duration_seconds_count' + own, 8)
        self.assertAlmostEqual(self.value('document_hub_job_duration_seconds_sum' + own), sum(TOOK))
        self.assertEqual({labels['le']: v for labels, v in self.server.query('document_hub_job_duration_seconds_bucket' + own)}, BUCKETS)
        self.assertEqual(self.events('extraction_worker')['job_completed', 'info'], 8)
        # A job of today is drawn, from its beginning on.
        there = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=ZONE_HOURS)))
        self.write('logs/extraction_worker.log', there.strftime('%Y-%m-%d %H:%M:%S,000 INFO     extraction[2215] job d41-0099 completed in 42.47 s\n'))
        jobs = eventually(lambda: self.server.jobs('{job="document-hub",source="document-hub/extraction_worker"}'))
        self.assertEqual([(text, seconds) for text, seconds, _ in jobs], [('job d41-0099: completed', 42.47)])

    def test_crashes_are_counted_once_each(self):
        """S3.10: error, crash and exception in worker.log; a chained traceback is one with its line, `errors=0` none"""
        self.lines_of('worker', 'logs/worker.log')
        self.assertEqual(self.events('worker'), {('crash', 'error'): 4})
        found = [line['message'] for line in self.stored('worker', event='crash')]
        self.assertEqual([m.split('\n')[0] for m in found], [
            'supervisor: extraction_worker (pid 2215) crashed with signal 11', 'llm_worker: unhandled exception, leaving the loop',
            'supervisor: worker exited with code 137 (killed)', 'MemoryError while decoding page 31'])  # the last has no date: today's
        self.assertEqual(found[1].count('Traceback'), 2)

    def test_tasks_errors_and_timeouts_of_the_llm_worker(self):
        """S3.15: llm_worker.log tells tasks that are processed, LLM errors and timeouts; the first that fits decides"""
        self.lines_of('llm_worker', 'logs/llm_worker.log')
        self.assertEqual(self.events('llm_worker'), {('task_processed', 'info'): 4, ('llm_error', 'error'): 3, ('timeout', 'error'): 3})
        eventually(lambda: {labels['level']: v for labels, v in self.server.query(
            'earshot_log_lines_total' + self.own(',source="document-hub/llm_worker"'))} ==
            {'debug': 1, 'info': 10, 'warning': 2, 'error': 5, 'critical': 0}, 10)
        self.assertEqual([line['message'].split('(')[0] for line in self.stored('llm_worker', event='timeout')], [
            'llm_worker[2214]: request timed out after 120s ', 'llm_worker[2214]: task 5f0c9e dropped: LlmTimeoutError',
            'Timeout waiting for lock llm_tasks:processing '])
        # Times without a zone are the host's, unlike those of metrics.jsonl.
        first = self.stored('llm_worker', search='ready')[0]
        self.assertEqual(first['time'], '2025-03-04T02:30:01.204Z')

    def test_timeouts_and_rejections_of_the_extraction_worker(self):
        """S3.16: extraction_worker.log tells jobs that ran out of time and those refused for a limit"""
        self.lines_of('extraction_worker', 'logs/extraction_worker.log')
        events = self.events('extraction_worker')
        self.assertEqual((events['job_timeout', 'error'], events['resource_rejected', 'warning'], events['job_failed', 'error']), (2, 2, 1))
        self.assertEqual([re.search(r'd41-\d+', line['message']).group() for line in self.stored('extraction_worker', event='job_timeout')],
                         ['d41-0008', 'd41-0009'])
        self.assertEqual([re.search(r'd41-\d+', line['message']).group() for line in self.stored('extraction_worker', event='resource_rejected')],
                         ['d41-0006', 'd41-0007'])

    def test_lines_that_speak_of_resources(self):
        """S3.17: lines with `Resource`: warnings of memory, and jobs that ran out of time; not what an INFO line tells"""
        self.lines_of('extraction_worker', 'logs/extraction_worker.log')
        self.assertEqual(self.events('extraction_worker')['memory_warning', 'warning'], 3)
        found = self.stored('extraction_worker', search='resource')
        self.assertEqual([(line['event'], line['level']) for line in found], [
            ('memory_warning', 'warning'), ('memory_warning', 'warning'), ('resource_rejected', 'warning'), ('job_timeout', 'error'),
            ('memory_warning', 'warning')])
        self.assertEqual(found[4]['fields']['memory_mb'], 4020.5)
        self.assertEqual([line['event'] for line in self.stored('extraction_worker', search='ResourceMonitor')], [''])

    def test_kills_of_the_kernel(self):
        """S3.18: the kernel's log tells crashes and kills for lack of memory, each once, with who it was"""
        self.lines_of('kernel', 'kernel.log')
        self.assertEqual(self.events('kernel'), {('oom', 'critical'): 3, ('crash', 'error'): 1})
        self.assertEqual(sorted((line['fields']['pid'], line['fields']['process']) for line in self.stored('kernel', event='oom')),
                         [('2391', 'python3'), ('2402', 'python3'), ('2600', 'llm_worker')])
        self.assertIn('segfault', self.stored('kernel', event='crash')[0]['message'])
        self.assertEqual(self.server.query('earshot_log_value' + self.own(',source="document-hub/kernel"')), [])  # a pid is no value

    # ---- what its own collector writes

    def test_lines_of_its_own_collector_come_at_their_times(self):
        """S3.12: numeric leaves of metrics.jsonl, nested keys joined, at the time in the line (UTC); a torn line is counted;
        the same lines are exported"""
        self.is_up('metrics.jsonl')
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
        self.assertEqual(self.value('document_hub_queues_llm_tasks_processing' + own), 5)
        self.assertEqual(self.value('document_hub_queues_completed' + own), 315)
        self.assertEqual(self.value('document_hub_queues_failed' + own), 4)
        found = self.server.api('query', query='document_hub_resources_cpu_percent%s[5m]' % own)['result'][0]['values']
        self.assertEqual(found, [[int(stamps[0].timestamp()), '19.5'], [int(stamps[1].timestamp()), '49.3']])
        self.assertIn('\nearshot_json_lines_invalid_total 1\n', self.server.get('/metrics')[1].decode())
        code, body, headers = self.server.get('/api/earshot/v1/metrics.jsonl?pack=document-hub&start=%d' % stamps[0].timestamp())
        self.assertEqual((code, headers['Content-Type']), (200, 'application/x-ndjson'))
        self.assertEqual([json.loads(line) for line in body.splitlines()], [json.loads(line) for line in fresh])

    def test_each_source_is_a_target(self):
        """Redis without endpoint, files by their names, groups of processes as one"""
        eventually(lambda: {labels.get('endpoint', '') for labels, _ in self.server.query('up' + self.own())} ==
                   {'', 'processes', 'llm_worker.log', 'extraction_worker.log', 'worker.log', 'kernel.log', 'metrics.jsonl'})
