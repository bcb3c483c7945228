"""What happened, found without set-up: restarts, model loads, jobs, kills, reloads; and that it stays."""
import datetime
import glob
import json
import os
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

import peers
import server
from server import Server, eventually

CONFIG = '''
retention: {events: {time: 30d, size: 10MB}}
collect:
  host: {interval: 1s}
  scrape:
  - {job_name: api, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["%(address)s"]}]}
  json:
  - {name: soundbox, url: "http://%(address)s/status", interval: 1s, timeout: 1s, metrics: {
      soundbox_model_state: {path: models.*, labels: {model: $1}, states: [ready, loading, unloaded, error]},
      ollama_model_size_bytes: {path: loaded.*.size, labels: {model: .name}}}}
  - {name: queue, url: "http://%(address)s/queue-status", job: soundbox, interval: 1s, timeout: 1s, labels: {endpoint: /queue-status}, metrics: {
      soundbox_jobs: {path: jobs.*, count_by: [model, status]}}}
  process:
  - {name: worker, match: 'python.*events_worker', interval: 500ms, timeout: 500ms}
  - {name: limited, match: 'python.*events_limited', interval: 500ms, timeout: 500ms}
'''
MEMORY_CGROUPS = '/sys/fs/cgroup/memory'


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.started_at = time.time() - 5000
        cls.status = {'models': {'music': 'ready', 'magnet': 'ready'}, 'loaded': []}
        cls.jobs = []
        cls.peer = peers.Target(cls.answer)
        cls.addClassCleanup(cls.peer.stop)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % {'address': cls.peer.address}}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: len([t for t in cls.server.api('targets')['activeTargets'] if t['health'] == 'up']) >= 6)

    @classmethod
    def answer(cls, request):
        if request.path == '/metrics':
            return 200, {'Content-Type': peers.METRICS}, 'process_start_time_seconds %.3f\n' % cls.started_at
        body = cls.status if request.path == '/status' else {'queue_length': len(cls.jobs), 'jobs': cls.jobs}
        return 200, {'Content-Type': 'application/json'}, json.dumps(body)

    def setUp(self):
        self.programs = []

    def tearDown(self):
        for p in self.programs:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()

    def run_program(self, name, program, before=None):
        p = subprocess.Popen([sys.executable, '-c', program, name], start_new_session=True, preexec_fn=before)
        self.programs.append(p)
        return p

    @classmethod
    def events(cls, **params):
        params = {'start': time.time() - 90 * 86400, 'limit': 0, **params}
        status, body, _ = cls.server.get('/api/earshot/v1/events?' + urllib.parse.urlencode(params, doseq=True))
        answer = json.loads(body)
        if status != 200:
            raise KeyError('HTTP %d %s' % (status, answer))
        return answer['data']

    @classmethod
    def found(cls, n=1, **params):
        """the events, once there are n of them"""
        return eventually(lambda: (lambda e: e if len(e) >= n else None)(cls.events(**params)))

    def test_a_scraped_service_that_starts_again_is_a_restart(self):
        which = {'kind': 'restart', 'match[]': '{job="api"}'}
        first = self.found(**which)
        self.assertEqual((first[0]['text'], first[0]['labels']), ('api started', {'job': 'api', 'instance': self.peer.address}))
        type(self).started_at = time.time()
        again = self.found(2, **which)[-1]
        self.assertEqual(again['text'], 'api restarted')
        self.assertAlmostEqual(stamp(again['start']), self.started_at, delta=1)
        self.assertEqual(again['end'], again['start'])

    def test_a_group_of_processes_that_starts_again_is_a_restart(self):
        idle, which = 'import time\nwhile True: time.sleep(.1)\n', {'kind': 'restart', 'match[]': '{groupname="worker"}'}
        p = self.run_program('events_worker', idle)
        self.found(1, **which)
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        eventually(lambda: self.server.query('namedprocess_namegroup_num_procs{groupname="worker"} == 0'))
        time.sleep(1)  # starts are told apart by the second
        began = time.time()
        self.run_program('events_worker', idle)
        again = self.found(2, **which)[-1]
        self.assertEqual(again['text'], 'worker restarted')
        self.assertAlmostEqual(stamp(again['start']), began, delta=2)

    def test_a_model_that_changes_its_state_is_told_with_both(self):
        which = {'kind': 'model', 'match[]': '{model="magnet"}'}
        self.assertEqual(self.events(**which), [])  # what was found at the start did not happen
        self.status['models']['magnet'] = 'unloaded'
        event = self.found(**which)[0]
        self.assertEqual((event['text'], event['labels']['state'], event['labels']['job']), ('magnet: unloaded, was ready', 'unloaded', 'soundbox'))
        self.assertEqual(self.events(kind='model', **{'match[]': '{model="music"}'}), [])

    def test_a_model_that_comes_and_goes_is_told(self):
        which = {'kind': 'model', 'match[]': '{model="qwen2.5:7b"}'}
        self.status['loaded'] = [{'name': 'qwen2.5:7b', 'size': 6 << 30}]
        self.assertEqual(self.found(**which)[0]['text'], 'qwen2.5:7b was loaded')
        self.status['loaded'] = []
        self.assertEqual(self.found(2, **which)[1]['text'], 'qwen2.5:7b was unloaded')

    def test_jobs_are_clips_from_their_beginning_to_their_end(self):
        job = {'id': 'abc123', 'status': 'queued', 'model': 'music'}
        which = {'kind': 'job', 'match[]': '{id="abc123"}'}
        polls = [len(self.peer.asked)]

        def polled():
            """the queue was asked twice since"""
            at, polls[0] = polls[0], len(self.peer.asked)
            eventually(lambda: len([p for p, _ in self.peer.asked[at:] if p == '/queue-status']) >= 2)
        self.jobs.append(job)
        polled()
        self.assertEqual(self.events(**which), [])  # one that waits is no clip yet
        job['status'], began = 'processing', time.time()
        event = self.found(**which)[0]
        self.assertIsNone(event['end'])
        self.assertAlmostEqual(stamp(event['start']), began, delta=2)
        self.assertEqual({k: event['labels'][k] for k in ('job', 'model', 'status')}, {'job': 'soundbox', 'model': 'music', 'status': 'processing'})
        self.jobs.append({'id': 'def456', 'status': 'processing', 'model': 'audio'})
        self.found(kind='job', **{'match[]': '{id="def456"}'})
        job['status'] = 'failed'
        eventually(lambda: self.events(**which)[0]['labels']['status'] == 'failed')
        event = self.events(**which)[0]
        self.assertGreater(stamp(event['end']), began)
        self.assertAlmostEqual(stamp(event['start']), began, delta=2)
        self.jobs.clear()  # def456 is gone without a word
        gone = eventually(lambda: [e for e in self.events(kind='job', **{'match[]': '{id="def456"}'}) if e['end']])
        self.assertEqual(gone[0]['text'], 'audio job def456: processing')
        self.assertEqual(len(self.events(kind='job')), 2)

    def test_a_kill_for_lack_of_memory_is_told(self):
        if not os.path.isdir(MEMORY_CGROUPS) or os.geteuid() != 0:
            self.skipTest('needs root and the memory controller of version 1 in ' + MEMORY_CGROUPS)
        folder = os.path.join(MEMORY_CGROUPS, 'earshot-events-%d' % os.getpid())
        os.mkdir(folder)
        try:
            with open(os.path.join(folder, 'memory.limit_in_bytes'), 'w', encoding='ascii') as f:
                f.write('40M')

            def enter():
                with open(os.path.join(folder, 'cgroup.procs'), 'w', encoding='ascii') as f:
                    f.write(str(os.getpid()))
            p = self.run_program('events_limited', 'import time\ntime.sleep(2)\nx = []\nwhile True: x.append(b"x" * (1 << 20))\n', enter)
            eventually(lambda: self.server.query('namedprocess_namegroup_num_procs{groupname="limited"} == 1'))
            p.wait()
            self.assertEqual(p.returncode, -signal.SIGKILL)
            event = self.found(kind='oom', **{'match[]': '{groupname="limited"}'})[0]
            self.assertEqual(event['text'], 'limited: killed for lack of memory')
        finally:
            eventually(lambda: os.rmdir(folder) is None)

    def test_reloads_are_told_and_refused_ones_with_their_reason(self):
        path = os.path.join(self.server.dir, 'e.yml')
        with open(path, encoding='utf-8') as f:
            text = f.read()
        self.server.process.send_signal(signal.SIGHUP)
        self.assertIn('loaded its configuration again', self.found(kind='config')[0]['text'])
        try:
            with open(path, 'w', encoding='utf-8') as f:
                f.write('colect: {}\n')
            self.server.process.send_signal(signal.SIGHUP)
            self.assertIn('did you mean "collect"', self.found(2, kind='config')[-1]['text'])
        finally:
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            self.server.process.send_signal(signal.SIGHUP)
            self.found(3, kind='config')

    def test_this_host_and_earshot_itself_have_their_starts(self):
        boot = self.found(kind='reboot')[0]
        with open('/proc/stat', encoding='ascii') as f:
            self.assertEqual(stamp(boot['start']), next(int(line.split()[1]) for line in f if line.startswith('btime')))
        self.assertTrue(self.found(kind='restart', **{'match[]': '{job="earshot"}'}))
        if os.path.exists('/var/lib/dpkg/status'):
            changed = os.stat('/var/lib/dpkg/status').st_mtime
            event = self.found(kind='packages')[0]
            self.assertAlmostEqual(stamp(event['start']), changed, delta=60)
            # The lines of dpkg's last run, in local time.
            since = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(changed - 600))
            with open('/var/log/dpkg.log', encoding='utf-8') as f:
                named = [line.split()[3].split(':')[0] for line in f if line[:19] >= since and line.split()[2] in ('install', 'upgrade', 'remove')]
            self.assertIn(named[0] if named else 'packages were', event['text'])

    def test_a_deploy_is_told_by_a_form_in_json_and_by_the_command(self):
        path, form = '/api/earshot/v1/events', {'Content-Type': 'application/x-www-form-urlencoded'}
        told = [('text=api+1.4&label=job%3Dapi&label=by%3Dci', form),
                ('{"text": "api 1.5", "kind": "incident", "labels": {"job": "api", "build": 42, "version": 1.5}, "start": %.3f}' % (time.time() - 60), {})]
        for body, headers in told:
            self.assertEqual(self.server.request('POST', path, body, headers)[0], 204)
        command = [server.BINARY, 'event', 'api 1.6', '--label', 'job=api', '--url', 'http://127.0.0.1:%d' % self.server.port]
        self.assertEqual(subprocess.run(command, timeout=20).returncode, 0)
        found = self.found(2, kind='deploy')
        self.assertEqual([(e['text'], e['labels']) for e in found], [('api 1.4', {'job': 'api', 'by': 'ci'}), ('api 1.6', {'job': 'api'})])
        incident = self.found(kind='incident')[0]
        self.assertEqual(incident['labels'], {'job': 'api', 'build': '42', 'version': '1.5'})
        self.assertAlmostEqual(stamp(incident['start']), time.time() - 60, delta=10)
        self.assertEqual(self.server.request('POST', path, 'text=x', {**form, 'Origin': 'http://elsewhere.example'})[0], 403)
        for body, words in (('text=', 'in words'), ('text=x&kind=job', 'other than job'), ('text=x&label=a', 'NAME=VALUE'), ('text=x&label=__a%3D1', 'no name of a label'),
                            ('text=x&start=5', 'longer ago than events are kept'), ('text=x&label=a%3D%ff', 'label a: expected a text'), ('text=x&label=a%3D' + 5000 * 'x', 'more than 4096 bytes'),
                            ('text=x&end=1', 'before start'), ('{"text": "x", "labels": {"a": 1}, "more": 2}', 'nothing else'), ('{"text": ["x"]}', 'expected a text'), ('{', 'JSON')):
            status, answer, _ = self.server.request('POST', path, body, form)
            self.assertEqual(status, 400, (body, answer))
            self.assertIn(words, json.loads(answer)['error'])
        for _ in range(70):
            status = self.server.request('POST', path, 'text=x&kind=flood', form)[0]
            if status == 429:
                break
        self.assertEqual(status, 429)

    def test_bad_parameters_are_refused(self):
        for query, words in (('start=x', 'start'), ('match[]={', 'parse error'), ('start=5&end=4', 'end must not be before start')):
            status, body, _ = self.server.get('/api/earshot/v1/events?' + query)
            self.assertEqual(status, 400, body)
            self.assertIn(words, json.loads(body)['error'])
        status, body, _ = self.server.get('/api/earshot/v1/events?start=0&limit=1')
        self.assertEqual((status, len(json.loads(body)['data'])), (200, 1))
        self.assertIn('truncated', json.loads(body)['warnings'][0])
        kinds = {e['kind'] for e in self.events()}
        self.assertEqual({e['kind'] for e in self.events(**{'except': 'restart'})}, kinds - {'restart'})
        self.assertGreater(len(kinds), 1)

    def test_z_they_survive_a_kill_and_are_not_told_twice(self):
        """last: it starts the server anew"""
        self.jobs.append({'id': 'open1', 'status': 'processing', 'model': 'tts'})
        self.found(kind='job', **{'match[]': '{id="open1"}'})
        self.found(kind='restart', **{'match[]': '{job="api"}'})
        before = self.events()
        self.server.stop(signal.SIGKILL)
        self.server.start()
        own = {'kind': 'restart', 'match[]': '{job="earshot"}'}
        eventually(lambda: [e for e in self.events(**own) if e not in before], 40)
        eventually(lambda: self.events(kind='job', **{'match[]': '{id="open1"}'})[0]['end'] is None)
        after = [e for e in self.events() if e['labels'].get('job') != 'earshot' and e['labels'].get('id') != 'open1']
        self.assertEqual(after, [e for e in before if e['labels'].get('job') != 'earshot' and e['labels'].get('id') != 'open1'])
        self.assertEqual(len(self.events(kind='job', **{'match[]': '{id="open1"}'})), 1)
        self.jobs.clear()
        eventually(lambda: self.events(kind='job', **{'match[]': '{id="open1"}'})[0]['end'])
        self.assertIn('earshot_events_stored_total ', self.server.get('/metrics')[1].decode())

    def test_zz_a_damaged_database_is_moved_aside_and_the_start_is_not_refused(self):
        self.server.stop()
        for path in glob.glob(os.path.join(self.server.data, 'state.db-*')):
            os.remove(path)
        with open(os.path.join(self.server.data, 'state.db'), 'r+b') as f:
            f.write(b'no database' * 2000)
        self.server.start()
        self.found(kind='reboot')
        self.assertTrue(glob.glob(os.path.join(self.server.data, 'state.db.damaged-*')))
        self.assertIn('earshot_state_moved_aside_total 1\n', self.server.get('/metrics')[1].decode())
        self.assertIn('moved aside', self.server.log_text())


def stamp(text):
    """Unix seconds of RFC 3339"""
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()
