"""Lines of systemd's journal (written by systemd-journal-remote) and of containers, as Docker and Podman keep them; messages of syslog."""
import calendar
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import server as fixture
from server import Server, eventually

REMOTE = '/lib/systemd/systemd-journal-remote'
BOOT = '0123456789abcdef0123456789abcdef'
CONFIG = r'''collect:
  logs:
  - {name: box, unit: soundbox, path: journal, interval: 500ms, patterns: [
      {event: line, match: '^line \d+$', severity: info}, {event: traceback, match: 'KeyError', all: true, severity: error}]}
  - {name: kernel, unit: kernel, path: journal, interval: 500ms, patterns: [{event: oom, match: 'Killed process', severity: critical}]}
  - {name: api, container: music-separator-api, path: docker, interval: 500ms, patterns: [
      {event: line, match: '^line \d+ x*$', severity: info}, {event: done, match: {status: success}, severity: info}]}
  - {name: dot, unit: my.app, path: journal, interval: 500ms}
  - {name: drv, container: driver, path: journal, interval: 500ms, patterns: [{event: line, match: '^line \d+ x*$', severity: info}]}
  - {name: pod, container: 'pod-*', path: podman, interval: 500ms, patterns: [{event: line, match: '^line \d+ x*$', severity: info}]}
'''

SYSLOG = r'''collect:
  logs:
  - {name: net, syslog: '127.0.0.1:%d', interval: 500ms, max_line: 1KB, patterns: [{event: took, match: 'took (?P<s>\d+) s'}]}
'''


class Journal:
    """a folder of journal files"""

    def __init__(self, folder):
        self.folder, self.n, self.start = folder, 0, int(time.time() * 1e6) - 10 ** 9
        os.makedirs(folder)

    def write(self, *messages, file='system.journal', **fields):
        text = b''
        for message in messages:
            self.n += 1
            text += b'__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n' % (
                self.start + 1000 * self.n, 1000 * self.n, BOOT.encode())
            for name, value in {'MESSAGE': message, 'PRIORITY': '6', '_TRANSPORT': 'stdout', **fields}.items():
                data = value.encode()
                text += (name.encode() + b'\n' + len(data).to_bytes(8, 'little') + data if b'\n' in data else name.encode() + b'=' + data) + b'\n'
            text += b'\n'
        subprocess.run([REMOTE, '-o', os.path.join(self.folder, file), '-'], input=text, check=True, capture_output=True)


class LogSources(unittest.TestCase):
    def setUp(self):
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG})
        self.addCleanup(self.server.close)
        self.n = dict.fromkeys(('box', 'api', 'pod'), 0)
        self.journal = Journal(os.path.join(self.server.dir, 'journal'))
        self.journal.write('before', _SYSTEMD_UNIT='soundbox.service')
        self.journal.write('before', CONTAINER_NAME='driver')
        self.journal.write('before', _SYSTEMD_USER_UNIT='my.app.service')
        self.journal.write('Linux version 6.1', _TRANSPORT='kernel', PRIORITY='5')
        self.api = self.docker('ab12', 'music-separator-api')
        self.docker('cd34', 'other')
        self.pod = self.podman('ef56', 'pod-1')
        self.server.start()
        eventually(lambda: len(self.server.query('sum by (source) (earshot_log_lines_total) == 0')) == 6)

    # what the engines write

    def docker(self, container, name):
        folder = os.path.join(self.server.dir, 'docker/containers', container)
        os.makedirs(folder)
        log = os.path.join(folder, container + '-json.log')
        open(log, 'w', encoding='utf-8').close()
        with open(os.path.join(folder, 'config.v2.json'), 'w', encoding='utf-8') as f:
            json.dump({'ID': container, 'Name': '/' + name, 'LogPath': log}, f)
        return log

    def podman(self, container, name):
        folder = os.path.join(self.server.dir, 'podman/overlay-containers')
        os.makedirs(os.path.join(folder, container, 'userdata'))
        with open(os.path.join(folder, 'containers.json'), 'w', encoding='utf-8') as f:
            json.dump([{'id': container, 'names': [name]}, {'id': 'aa', 'names': ['other']}], f)
        log = os.path.join(folder, container, 'userdata/ctr.log')
        open(log, 'w', encoding='utf-8').close()
        return log

    def json_parts(self, *parts, stream='stdout'):
        with open(self.api, 'a', encoding='utf-8') as f:
            for part in parts:
                f.write(json.dumps({'log': part, 'stream': stream, 'time': '2025-03-04T08:00:01.204887Z'}) + '\n')

    # a line of each source, numbered

    def write(self, source, count):
        first = self.n[source] + 1
        self.n[source] += count
        lines = ['line %d' % n for n in range(first, first + count)]
        if source == 'box':
            self.journal.write(*lines, _SYSTEMD_UNIT='soundbox.service')
        elif source == 'api':
            for line in lines:
                self.json_parts(line + ' ' + 'x' * 16000, 'x' * 4000 + '\n')
        else:
            with open(self.pod, 'a', encoding='utf-8') as f:
                for line in lines:
                    f.write('2025-03-04T08:00:01.204+01:00 stdout P %s \n2025-03-04T08:00:01.204+01:00 stdout F xxx\n' % line)

    def events(self, source):
        return {labels['event']: int(v) for labels, v in
                self.server.query('sum by (event) (earshot_log_events_total{job="logs",source="%s"})' % source)}

    def levels(self, source):
        return {labels['level']: int(v) for labels, v in self.server.query('earshot_log_lines_total{source="%s"} > 0' % source)}

    def lines_kept(self, source):
        _, body, _ = self.server.get('/api/earshot/v1/logs?limit=5000&source=' + source)
        return json.loads(body)['data']['lines']

    def kept(self, source):
        """numbers of the lines that can be searched"""
        return [int(line['message'].split()[1]) for line in self.lines_kept(source) if line['event'] == 'line']

    def all_counted(self):
        eventually(lambda: {s: self.events(s)['line'] for s in self.n} == self.n)

    def test_the_journal_of_a_unit_with_its_levels_and_tracebacks(self):
        """S0.22: of the unit, whatever the file; `earshot logs --level err --since "1 hour ago"` as journalctl's -p err --since"""
        unit = {'_SYSTEMD_UNIT': 'soundbox.service'}
        self.journal.write('line 1', 'ERROR cannot do it', 'Traceback (most recent call last):', '  File "a.py"', "KeyError: 'x'", **unit)
        self.journal.write('two\nlines', _TRANSPORT='journal', PRIORITY='4', **unit)
        self.journal.write('of another unit', 'line 3', _SYSTEMD_UNIT='other.service')
        self.journal.write('Started soundbox.', UNIT='soundbox.service', _PID='1', _TRANSPORT='journal')
        self.journal.write('line 4', UNIT='soundbox.service', _PID='77')  # claims to be of the unit
        self.journal.write('gone wrong', _TRANSPORT='syslog', PRIORITY='2', **unit)
        eventually(lambda: self.events('box') == {'line': 1, 'traceback': 1} and self.levels('box') ==
                   {'info': 2, 'warning': 1, 'error': 1, 'critical': 1})
        said = subprocess.run([fixture.BINARY, 'logs', 'box', '--level', 'err', '--since', '1 hour ago', '--json',
                               '--url=http://127.0.0.1:%d' % self.server.port], capture_output=True, text=True, timeout=30, check=True)
        self.assertEqual([(line['level'], line['message'].split('\n')[0]) for line in map(json.loads, said.stdout.splitlines())],
                         [('error', 'cannot do it'), ('critical', 'gone wrong')])
        first = next(line for line in self.lines_kept('box') if line['message'] == 'line 1')
        self.assertTrue(first['time'].startswith(time.strftime('%Y-%m-%dT%H:%M:%S.', time.gmtime((self.journal.start + 3000) // 10 ** 6))), first)

    def test_the_kernel_s_lines_of_the_journal(self):
        self.journal.write('Out of memory: Killed process 2600 (llm_worker) total-vm:2912004kB', _TRANSPORT='kernel', PRIORITY='3')
        self.journal.write('Killed process 1 (x)', _SYSTEMD_UNIT='soundbox.service')
        eventually(lambda: self.events('kernel') == {'oom': 1} and self.levels('kernel') == {'error': 1})

    def test_a_user_s_unit_is_one_too_and_an_ending_is_known_from_a_dot(self):
        self.journal.write('of the user', _SYSTEMD_USER_UNIT='my.app.service')
        self.journal.write('not this', _SYSTEMD_UNIT='my.app')
        eventually(lambda: self.levels('dot') == {'info': 1})

    def test_json_lines_of_a_container_are_read_as_those_of_a_file(self):
        self.json_parts('{"level": "error", "status": "success"}\n')
        self.json_parts('Traceback (most recent call last):\n', '  File\n', 'KeyError: 1\n', stream='stderr')
        eventually(lambda: self.events('api')['done'] == 1 and self.levels('api') == {'error': 1})  # one entry with its traceback
        self.assertEqual(self.lines_kept('api')[0]['time'], '2025-03-04T08:00:01.204Z')  # the engine's, since the line has none

    def test_parts_of_a_line_are_joined_also_when_the_other_stream_writes_between_them(self):
        self.json_parts('line 1 xx')
        self.json_parts('line 2 x\n', stream='stderr')
        time.sleep(1.5)  # what is open is not told, nor what stands behind it twice
        self.json_parts('xx\n')
        self.n['api'] = 2
        self.json_parts('line 3 x\n', 'line 4 x\n', 'other\n')
        self.n['api'] = 4
        eventually(lambda: self.events('api')['line'] == 4 and self.levels('api') == {'info': 5})

    def test_no_line_is_lost_or_counted_twice_through_restart_kill_and_rotation(self):
        for source in self.n:
            self.write(source, 20)
        self.all_counted()
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for source in self.n:
                self.write(source, 10)
            if sig == signal.SIGKILL:
                self.server.process.kill()
                self.server.process.wait()
            else:
                self.server.stop(sig)
            for source in self.n:
                self.write(source, 7)
            shutil.move(self.api, self.api + '.%d' % sig)  # Docker's rotation
            shutil.move(os.path.join(self.journal.folder, 'system.journal'), os.path.join(self.journal.folder, 'system@%d.journal' % sig))
            for source in self.n:
                self.write(source, 5)
            self.server.start()
            self.all_counted()
        self.assertEqual(self.server.query('max(resets(earshot_log_events_total[10m]))')[0][1], 0)
        for source, n in self.n.items():
            self.assertEqual(sorted(self.kept(source)), list(range(1, n + 1)), source)

    def test_a_container_that_writes_to_the_journal_is_read_there(self):
        self.journal.write('line 1 xx', CONTAINER_NAME='driver', CONTAINER_PARTIAL_MESSAGE='true', PRIORITY='3', _TRANSPORT='journal')
        time.sleep(1.2)  # the part waits
        self.journal.write('xx', 'ERROR by its own words', CONTAINER_NAME='driver', PRIORITY='3', _TRANSPORT='journal')
        self.journal.write('line 2 x', CONTAINER_NAME='other')
        eventually(lambda: self.events('drv') == {'line': 1} and self.levels('drv') == {'info': 1, 'error': 1})

    def test_a_container_that_is_made_anew_goes_on_the_same_log(self):
        self.write('api', 3)
        self.all_counted()
        self.write('api', 2)
        shutil.rmtree(os.path.dirname(self.api))
        self.api = self.docker('ab99', 'music-separator-api')
        self.write('api', 4)
        self.all_counted()

    def test_a_log_that_is_not_there_says_so(self):
        with open(os.path.join(self.server.dir, 'e.yml'), 'w', encoding='utf-8') as f:
            f.write('collect: {logs: [{unit: nothere, path: journal, interval: 500ms}, {name: c, container: nothere, path: docker, interval: 500ms}]}\n')
        self.server.process.send_signal(signal.SIGHUP)

        def words():
            return {t['lastError'] for t in self.server.api('targets')['activeTargets'] if t['labels']['job'] == 'logs'}
        folder = os.path.join(self.server.dir, 'journal')
        eventually(lambda: words() == {'%s has no line of unit nothere yet' % folder,
                                       'there is no container nothere that Docker or Podman keeps a file of, nor a line of it in the journal'})
        self.journal.write('first', _SYSTEMD_UNIT='nothere.service')
        eventually(lambda: self.server.query('earshot_log_lines_total{source="nothere",level="info"}')[0][1] == 1)


class Syslog(unittest.TestCase):
    """messages that logger of util-linux sends"""

    def setUp(self):
        self.port = fixture.free_port()
        self.config = SYSLOG % self.port
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': self.config})
        self.addCleanup(self.server.close)
        self.server.start()

    def send(self, text, *how):
        subprocess.run(['logger', '--server', '127.0.0.1', '--port', str(self.port), '--size', '8192', *how, '--', text], check=True, timeout=10)

    def lines(self, *how):
        said = subprocess.run([fixture.BINARY, 'logs', 'net', '--json', *how, '--url=http://127.0.0.1:%d' % self.server.port],
                              capture_output=True, text=True, timeout=30, check=False)  # 1: nothing has come yet
        return {line['message']: line for line in map(json.loads, said.stdout.splitlines())}

    def test_messages_by_udp_and_tcp_are_stored_with_level_time_and_fields(self):
        self.send('took 7 s', '--udp', '--rfc5424', '-t', 'app', '--id=77', '-p', 'local3.err', '--msgid', 'M1',
                  '--sd-id', 'ex@1', '--sd-param', 'a="b c"')
        self.send('old form', '--udp', '--rfc3164', '-t', 'cron', '-p', 'daemon.warning')
        self.send('counted\nof two lines', '--tcp', '--octet-count', '--rfc5424', '-p', 'kern.emerg')
        self.send('took 8 s', '--tcp', '--rfc3164', '-t', 'app', '-p', 'user.debug')
        self.send('long ' + 'x' * 3000, '--udp', '--rfc3164', '-t', 'app')
        eventually(lambda: len(self.lines()) == 5)
        lines = self.lines()
        first = lines['took 7 s']
        self.assertEqual(first['level'], 'error')
        self.assertEqual(first['event'], 'took')
        fields = {k: str(v) for k, v in first['fields'].items()}
        self.assertEqual({k: fields.get(k) for k in ('facility', 'app', 'pid', 'msgid', 'ex@1.a', 's')},
                         {'facility': 'local3', 'app': 'app', 'pid': '77', 'msgid': 'M1', 'ex@1.a': 'b c', 's': '7'})
        self.assertEqual(lines['old form']['level'], 'warning')
        self.assertEqual({k: lines['old form']['fields'].get(k) for k in ('facility', 'app')}, {'facility': 'daemon', 'app': 'cron'})
        self.assertEqual(lines['counted\nof two lines']['level'], 'critical')
        self.assertEqual(lines['took 8 s']['level'], 'debug')
        for line in lines.values():
            self.assertLess(abs(calendar.timegm(time.strptime(line['time'][:19], '%Y-%m-%dT%H:%M:%S')) - time.time()), 60, line)
        cut = next(m for m in lines if m.startswith('long '))
        self.assertTrue(900 < len(cut) < 1024, len(cut))
        eventually(lambda: self.server.query('sum(earshot_log_events_total{source="net",event="took"})')[0][1] == 2)
        eventually(lambda: self.server.query('earshot_logs_entries_cut_total')[0][1] == 1)
        self.assertEqual(self.server.query('earshot_logs_syslog_dropped_total')[0][1], 0)

    def test_what_was_received_at_the_end_is_stored_and_a_reload_misses_nothing(self):
        self.send('before', '--udp')
        eventually(lambda: 'before' in self.lines())
        with open(os.path.join(self.server.dir, 'e.yml'), 'w', encoding='utf-8') as f:
            f.write(self.config.replace('interval: 500ms', 'interval: 1h'))
        self.server.process.send_signal(signal.SIGHUP)
        for n in range(20):
            self.send('line %d' % n, '--udp' if n % 2 else '--tcp')
        self.server.stop(signal.SIGTERM)
        self.server.start()
        self.assertEqual(set(self.lines()), {'before', *('line %d' % n for n in range(20))})


if __name__ == '__main__':
    unittest.main()
