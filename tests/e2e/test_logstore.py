"""Lines of logs are kept and found again: /api/earshot/v1/logs and `earshot logs` (collect.logs, retention.logs)."""
import json
import os
import subprocess
import threading
import time
import unittest
import urllib.parse

import server as fixture
from server import Server, eventually
from test_log_patterns import SAMPLES, entry, sources

EVENTS = ['server_starting', 'model_preload', 'backup_scheduled', 'job_starving', 'gpu_memory_pressure', 'backup_failed', 'cuda_oom',
          'worker_crashed', 'database_locked']


def sample(name):
    with open(os.path.join(SAMPLES, name), encoding='utf-8') as f:
        return f.read()


class Logstore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        patterns = sources()
        config = 'collect:\n  logs:\n' + entry('soundbox', 'soundbox.log', patterns['soundbox']) + \
            entry('separator', 'separator.log', patterns['music-separator']) + entry('hub/worker', 'worker.log', patterns['worker']) + \
            '  - {name: unkept, path: unkept.log, start: beginning, interval: 500ms, store: false}\n' \
            '  - {name: tailed, path: tailed.log, interval: 300ms}\n'
        cls.server = Server('--config', '{dir}/e.yml', files={
            'e.yml': config, 'soundbox.log': sample('soundbox.log'), 'separator.log': sample('music-separator-events.jsonl'),
            'worker.log': sample('document-hub-worker.log'), 'unkept.log': 'a line\n'})
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.url = '--url=http://127.0.0.1:%d' % cls.server.port
        # The last entry of a file waits for a second, since more might belong to it.
        eventually(lambda: {s['source']: s['lines'] for s in cls.get('/sources') if s['source'] != 'tailed'} == {'soundbox': 9, 'separator': 21, 'hub/worker': 13})

    @classmethod
    def get(cls, path='', **params):
        status, body, _ = cls.server.get('/api/earshot/v1/logs' + path + '?' + urllib.parse.urlencode(params, doseq=True))
        answer = json.loads(body)
        if status != 200:
            raise KeyError('HTTP %d %s' % (status, answer))
        return answer['data']

    def run_logs(self, *words, env=None):
        r = subprocess.run([fixture.BINARY, 'logs', self.url, *words], capture_output=True, text=True, timeout=30, check=False, env=env)
        return r.returncode, r.stdout, r.stderr

    def logs(self, *words):
        """the lines as JSON"""
        status, out, err = self.run_logs('--json', *words)
        self.assertEqual((status, err), (0, ''))
        return [json.loads(line) for line in out.splitlines()]

    def test_lines_of_a_source_of_the_last_hour_and_errors_only(self):
        """S0.22: those of the last hour, also as `--since "1 hour ago"`, and those of priority err"""
        lines = self.logs('soundbox')
        self.assertEqual([line['event'] for line in lines], EVENTS)
        self.assertEqual(set(lines[0]), {'time', 'source', 'level', 'event', 'message', 'fields'})
        for hour in ('1h', '-1h', '1 hour ago'):
            self.assertEqual([line['event'] for line in self.logs('soundbox', '--since', hour)], EVENTS)
        self.assertEqual(self.logs('soundbox', '--since=-2h', '--until=-1h'), [])
        self.assertEqual([line['level'] for line in self.logs('soundbox', '--level', 'err')], ['critical'] * 3)
        self.assertEqual([line['level'] for line in self.logs('soundbox', '--level', 'warning')], ['warning'] * 3 + ['critical'] * 3)

    def test_what_a_pattern_took_from_a_line_are_its_fields(self):
        line, = self.logs('soundbox', '--event', 'job_starving')
        self.assertEqual((line['message'], line['fields']),
                         ('[Queue] Job abc123 waiting 120s - starvation risk', {'job': 'abc123', 'wait_seconds': '120'}))
        self.assertEqual(self.logs('--where', 'job=abc123'), [line])

    def test_json_lines_by_level_and_event_type(self):
        """S1.21, S1.22, S1.23: all of them, level=="ERROR", event_type=="audio_separation", and by several fields"""
        lines = self.logs('separator')
        self.assertEqual(len(lines), 21)
        self.assertEqual({line['level'] for line in self.logs('separator', '--level', 'error')}, {'error', 'critical'})
        self.assertEqual(len(self.logs('separator', '--where', 'level=ERROR')), sample('music-separator-events.jsonl').count('"ERROR"'))
        separations = self.logs('separator', '--where', 'event_type=audio_separation')
        self.assertEqual(len(separations), sample('music-separator-events.jsonl').count('"audio_separation"'))
        done = self.logs('separator', '--where', 'event_type=audio_separation', '--where', 'model=htdemucs_6s', '--where', 'status=success')
        self.assertEqual([line['fields']['processing_duration_seconds'] for line in done], [45.2])
        self.assertEqual(done[0]['event'], 'separation_completed')

    def test_a_line_has_the_time_that_it_says_it_is_from(self):
        line = self.logs('separator', '--search', '"Separation completed"', '--where', 'processing_duration_seconds=45.2')[0]
        self.assertEqual(line['time'], line['fields']['timestamp'])

    def test_words_phrases_and_beginnings(self):
        def messages(search):
            return [line['message'] for line in self.logs('soundbox', '--search', search)]
        self.assertEqual(messages('cuda memory'), ['CUDA out of memory'])
        self.assertEqual(messages('"out of memory"'), ['CUDA out of memory'])
        self.assertEqual(messages('"memory out"'), [])
        self.assertEqual(messages('preload*'), ['[GPU] 12.5GB free VRAM - preloading AudioGen'])

    def test_a_traceback_is_one_line_and_a_source_stands_for_those_below_it(self):
        lines = self.logs('hub')
        self.assertEqual(len(lines), 13)
        self.assertTrue(any('Traceback' in line['message'] and '\n' in line['message'] for line in lines))

    def test_pages_are_put_together_in_both_directions(self):
        for direction in ('forward', 'backward'):
            found, cursor = [], None
            while True:
                page = self.get(source='soundbox', limit=4, direction=direction, **({'cursor': cursor} if cursor else {}))
                found += [line['event'] for line in page['lines']]
                cursor = page['next']
                if not cursor:
                    break
            self.assertEqual(found, EVENTS if direction == 'forward' else EVENTS[::-1])

    def test_the_newest_lines_are_printed_oldest_first(self):
        self.assertEqual([line['event'] for line in self.logs('soundbox', '--limit', '2')], EVENTS[-2:])

    def test_text_for_people_has_no_colours_outside_a_terminal(self):
        status, out, err = self.run_logs('soundbox', '--event', 'cuda_oom')
        self.assertEqual((status, err), (0, ''))
        self.assertRegex(out, r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} CRITICAL CUDA out of memory  event=cuda_oom\n$')

    def test_mistakes_are_told_in_one_line(self):
        for words, expected, code in (
                (['nothing'], 'no lines of "nothing" are stored; there are: hub/worker, separator, soundbox', 1),
                (['--level', 'loud'], 'invalid parameter "level": "loud"; there are debug, info, warning, error (or err) and critical', 1),
                (['--where', 'x'], 'invalid parameter "where": expected NAME=VALUE, not "x"', 1),
                (['--search', '-'], 'invalid parameter "search": there is no letter or digit in it', 1),
                (['--limit', '0'], '--limit: "0" is no number of lines', 2),
                (['--since', 'x'], '--since: "x" is no time (write seconds, 2026-11-21T22:59:00Z, or -1h)', 2)):
            status, out, err = self.run_logs(*words)
            self.assertEqual((status, out, err.replace(', tailed', '')), (code, '', 'earshot: %s\n' % expected))

    def follow(self, *words):
        p = subprocess.Popen([fixture.BINARY, 'logs', self.url, '--follow', '--json', *words], stdout=subprocess.PIPE, text=True)

        def end():
            p.kill()
            p.wait()
            p.stdout.close()
        self.addCleanup(end)
        return p.stdout

    def test_follow_goes_on_with_lines_as_they_come_and_fit(self):
        """S0.22: follow, all of them or errors only"""
        def append(text):
            with open(os.path.join(self.server.dir, 'tailed.log'), 'a', encoding='utf-8') as f:
                f.write(text)
        append('ERROR before\n')
        eventually(lambda: 'tailed' in [s['source'] for s in self.get('/sources')])
        every, errors = self.follow('tailed'), self.follow('tailed', '--level', 'err', '--search', 'disk')
        self.assertEqual(json.loads(every.readline())['message'], 'before')
        append('INFO no disk is full\n2020-01-02 03:04:05 ERROR the disk of old\nERROR the disk\n')
        # Each as it came, the late one too.
        self.assertEqual([json.loads(every.readline())['message'] for _ in range(3)], ['the disk of old', 'no disk is full', 'the disk'])
        self.assertEqual([json.loads(errors.readline())['message'] for _ in range(2)], ['the disk of old', 'the disk'])
        append('ERROR disk again\n')
        self.assertEqual(json.loads(errors.readline())['message'], 'disk again')
        append('{"level": "error", "message": "disk \\u0000 nul", "a\\u0000b": 1}\n')  # one line with a NUL does not hide the others
        self.assertEqual(json.loads(errors.readline())['message'], 'disk \0 nul')
        self.assertEqual(self.logs('tailed', '--level', 'err')[-1]['fields'], {'level': 'error', 'a': 1})

    def test_own_metrics_count_what_is_stored(self):
        eventually(lambda: self.server.query('earshot_logstore_entries >= 43 and earshot_logstore_stored_total >= 43 '
                                             'and earshot_logstore_bytes > 1000 and earshot_logstore_files == 1'), seconds=30)


class Kill(unittest.TestCase):
    def test_no_line_is_stored_twice_or_lost_through_kills_while_they_come(self):
        config = 'collect: {logs: [{name: killed, path: killed.log, start: beginning, interval: 100ms, timeout: 100ms}]}\n'
        server = Server('--config', '{dir}/e.yml', files={'e.yml': config, 'killed.log': ''})
        self.addCleanup(server.close)
        server.start()
        written, ends = [0], threading.Event()

        def write():
            with open(os.path.join(server.dir, 'killed.log'), 'a', encoding='utf-8', buffering=1) as f:
                while not ends.wait(.002):
                    for _ in range(20):
                        f.write('line %d of what is written while it is killed\n' % written[0])
                        written[0] += 1

        def numbers(**params):
            found, cursor = [], None
            while True:
                q = dict(source='killed', direction='forward', limit=100000, **params, **({'cursor': cursor} if cursor else {}))
                status, body, _ = server.get('/api/earshot/v1/logs?' + urllib.parse.urlencode(q))
                if status != 200:
                    return found
                data = json.loads(body)['data']
                found += [int(line['message'].split()[1]) for line in data['lines']]
                cursor = data['next']
                if not cursor:
                    return found
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for i in range(6):
                eventually(lambda: server.query('earshot_logstore_stored_total > 0') or server.get('/metrics')[1].find(
                    b'earshot_logstore_stored_total 0') < 0, every=.02)
                time.sleep(.05 + i * .03)
                server.process.kill()
                server.process.wait()
                server.start()
        finally:
            ends.set()
            writer.join()
        eventually(lambda: len(numbers()) >= written[0], seconds=30, every=.5)
        found = numbers()
        self.assertEqual(len(found), written[0])
        self.assertEqual(sorted(found), list(range(written[0])))


class Retention(unittest.TestCase):
    def test_the_oldest_lines_go_when_there_is_no_room(self):
        with Server('--config', '{dir}/e.yml', files={
                'e.yml': 'retention: {logs: {size: 16MB}}\ncollect: {logs: [{name: big, path: big.log, start: beginning, interval: 500ms}]}\n',
                'big.log': ''}) as server:
            with open(os.path.join(server.dir, 'big.log'), 'w', encoding='utf-8') as f:
                for i in range(200000):
                    f.write('line %d of many, which says nothing but takes room on the disk: %s\n' % (i, os.urandom(20).hex()))
            folder = os.path.join(server.data, 'logs', 'lines')

            def lines():
                status, body, _ = server.get('/api/earshot/v1/logs?limit=1&source=big')
                return [line['message'] for line in json.loads(body)['data']['lines']] if status == 200 else []
            eventually(lambda: any('line 199999 ' in line for line in lines()))
            eventually(lambda: sum(e.stat().st_blocks * 512 for e in os.scandir(folder)) < 18 << 20)
            status, body, _ = server.get('/api/earshot/v1/logs?limit=1&direction=forward')
            self.assertNotIn('line 0 ', json.loads(body)['data']['lines'][0]['message'])


if __name__ == '__main__':
    unittest.main()
