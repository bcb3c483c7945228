"""Real log files, rotated both ways while they are read, counted by patterns through restarts and kills (collect.logs)."""
import os
import random
import shutil
import signal
import time
import unittest

from server import Server, eventually

CONFIG = r'''collect:
  logs:
  - {name: turned, interval: 500ms, path: 'turned.log', patterns: [{event: line, match: 'line \d+$', severity: info}, {event: other, match: 'other'}]}
'''


class Logs(unittest.TestCase):
    def setUp(self):
        self.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG, 'turned.log': 'line 0\n'})
        self.addCleanup(self.server.close)
        self.server.start()
        eventually(lambda: len(self.server.query('earshot_log_lines_total{level="info"} == 0')) == 1)

    def path(self, name):
        return os.path.join(self.server.dir, name)

    def append(self, name, text):
        with open(self.path(name), 'a', encoding='utf-8') as f:
            f.write(text)

    def events(self, source):
        return {labels['event']: value for labels, value in self.server.query('earshot_log_events_total{job="logs",source="%s"}' % source)}

    def lines(self):
        return self.events('turned').get('line')

    def test_events_are_there_with_0_before_the_first_line(self):
        self.assertEqual(self.server.query('count(earshot_log_events_total{source="turned"} == 0)')[0][1], 5)

    def test_positions_are_written_only_when_they_changed(self):
        folder = os.path.join(self.server.data, 'logs')

        def written():
            return [(e.name, e.stat().st_ino, e.stat().st_mtime_ns) for e in os.scandir(folder) if e.is_file()]
        self.append('turned.log', 'line 1\n')
        eventually(lambda: self.lines() == 1)
        before, reads = written(), self.server.query('count_over_time(up{job="logs"}[1m])')[0][1]
        eventually(lambda: self.server.query('count_over_time(up{job="logs"}[1m])')[0][1] >= reads + 3)
        self.assertEqual(written(), before)
        self.append('turned.log', 'line 2\n')
        eventually(lambda: self.lines() == 2)
        self.assertNotEqual(written(), before)

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


MIXED = r'''collect:
  logs:
  - {name: renamed, interval: 200ms, path: 'renamed.log*', patterns: [{event: line, match: 'line \d+$', severity: info}]}
  - {name: copied, interval: 200ms, path: 'copied.log*', patterns: [{event: line, match: 'line \d+$', severity: info}]}
  - {name: dated, interval: 200ms, path: 'dated.log', patterns: [{event: line, match: 'line \d+$', severity: info}]}
'''


class Mixed(unittest.TestCase):
    def test_each_line_counts_once_whatever_the_order_of_writes_rotations_and_kills(self):
        dice, written = random.Random(4), dict.fromkeys(('renamed', 'copied', 'dated'), 0)
        s = Server('--config', '{dir}/e.yml', files={'e.yml': MIXED, **{name + '.log': '' for name in written}})
        self.addCleanup(s.close)

        def counts():
            return {labels['source']: value for labels, value in s.query('earshot_log_events_total{event="line"}')}

        def path(name, end):
            return os.path.join(s.dir, name + '.log' + end)

        def rotate(name, turn):
            if name == 'dated':
                to = os.path.join(s.dir, 'dated.2025-03-04_%06d.log' % turn)
            else:
                for k in range(turn, 0, -1):
                    if os.path.exists(path(name, '.%d' % k)):
                        os.rename(path(name, '.%d' % k), path(name, '.%d' % (k + 1)))
                to = path(name, '.1')
            if name == 'renamed':
                os.rename(path(name, ''), to)
            else:
                shutil.copyfile(path(name, ''), to)
                time.sleep(dice.choice((0, .3)))
                os.truncate(path(name, ''), 0)
        s.start()
        eventually(lambda: counts() == written)
        time.sleep(.5)
        for turn in range(1, 61):
            name = dice.choice(list(written))
            with open(path(name, ''), 'a', encoding='utf-8') as f:
                for _ in range(dice.choice((1, 2, 30))):
                    written[name] += 1
                    f.write('%s line %d\n' % (name, written[name]))
            time.sleep(dice.choice((.01, .05, .1)))
            if dice.random() < .3:
                rotate(name, turn)
            if turn % 20 == 0:
                s.stop(signal.SIGKILL)
                s.start()
        eventually(lambda: counts() == written)
        time.sleep(1.5)
        self.assertEqual(counts(), written)


if __name__ == '__main__':
    unittest.main()
