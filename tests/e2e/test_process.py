import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from server import Server, eventually

CONFIG = '''
collect:
  process:
  - {name: llm_worker, match: 'python.*llm_worker', expect: 2, interval: 500ms}
  - {name: extraction_worker, match: 'python.*extraction_worker', children: false, interval: 500ms}
  - {name: limited, match: 'python.*limited_worker', interval: 500ms}
  - {name: none, pid_file: '{dir}/daemon.pid', interval: 500ms}
  - {name: linked, exe: '{dir}/linked', interval: 500ms}
  - {name: elsewhere, match: 'python.*pack_worker', job: document-hub, interval: 500ms, labels: {pack: hub}}
'''

BUSY = 'import time\nwhile True: sum(range(1000))\n'
IDLE = 'import time\nwhile True: time.sleep(.05)\n'
HOLDS = 'import time\nkept = b"x" * (%d << 20)\nwhile True: time.sleep(1)\n'
PARENT = 'import subprocess, sys, time\nsubprocess.Popen(["sleep", "1000"])\nwhile True: time.sleep(1)\n'
MEMORY_CGROUPS = '/sys/fs/cgroup/memory'


def told_by_the_kernel():
    """whether this kernel tells an exit status to whoever holds a descriptor (Linux 6.15)"""
    major, minor = os.uname().release.split('.')[:2]
    return (int(major), int(minor.split('-')[0])) >= (6, 15)


class Process(unittest.TestCase):
    """collect.process: groups of real processes, what they use, how they come and why they end"""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml')
        with open(os.path.join(cls.server.dir, 'e.yml'), 'w', encoding='utf-8') as f:
            f.write(CONFIG.replace('{dir}', cls.server.dir))
        cls.server.start()
        eventually(lambda: len(cls.server.query('namedprocess_namegroup_num_procs')) == 6)  # of both targets

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.started = []

    def tearDown(self):
        for p in self.started:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()

    def run_worker(self, name, program, before=None):
        p = subprocess.Popen([sys.executable, '-c', program, name], start_new_session=True, preexec_fn=before)
        self.started.append(p)
        return p

    def value(self, expr):
        found = self.server.query(expr)
        return found[0][1] if found else None

    def rises(self, expr, by=1):
        """waits until it is `by` more than it was at the call that this returns"""
        before = self.value(expr) or 0
        return lambda: eventually(lambda: (self.value(expr) or 0) >= before + by)

    def counts(self, group, n):
        eventually(lambda: self.value('namedprocess_namegroup_num_procs{groupname="%s"}' % group) == n)

    def test_memory_of_a_group_and_of_its_largest_process(self):
        """S3.4, S3.5, S2.16: resident memory of the largest worker and of all"""
        self.run_worker('llm_worker', HOLDS % 30)
        self.run_worker('llm_worker', HOLDS % 90)
        self.counts('llm_worker', 2)
        largest = eventually(lambda: (self.value('earshot_process_max_resident_bytes{groupname="llm_worker"}') or 0) > 90 << 20
                             and self.value('earshot_process_max_resident_bytes{groupname="llm_worker"}'))
        whole = self.value('namedprocess_namegroup_memory_bytes{groupname="llm_worker",memtype="resident"}')
        self.assertLess(largest, 150 << 20)
        self.assertGreater(whole, largest + (30 << 20))
        self.assertEqual(self.value('earshot_process_expected'), 2)

    def test_cpu_of_the_busiest_is_that_of_the_last_interval(self):
        """S3.6, D10: CPU of one worker over the last interval, not over its life"""
        busy = self.run_worker('llm_worker', BUSY)
        self.run_worker('llm_worker', IDLE)
        eventually(lambda: (self.value('earshot_process_max_cpu_ratio{groupname="llm_worker"}') or 0) > .2)
        self.assertLess(self.value('earshot_process_max_cpu_ratio{groupname="llm_worker"}'), 1.3)
        busy.send_signal(signal.SIGSTOP)  # its average over its life stays high
        eventually(lambda: self.value('earshot_process_max_cpu_ratio{groupname="llm_worker"}') < .1)

    def test_a_restart_is_a_start_and_a_youngest_process(self):
        """S3.9: uptime of the youngest, and how often one started"""
        started = self.rises('earshot_process_starts_total{groupname="llm_worker"}', 2)
        first = self.run_worker('llm_worker', IDLE)
        self.counts('llm_worker', 1)
        first.kill()
        first.wait()
        time.sleep(1.1)
        at = time.time()
        self.run_worker('llm_worker', IDLE)
        started()
        youngest = eventually(lambda: self.value('earshot_process_youngest_start_time_seconds{groupname="llm_worker"}'))
        self.assertAlmostEqual(youngest, at, delta=3)

    @unittest.skipUnless(told_by_the_kernel(), 'this kernel tells nobody but the parent why a process ended')
    def test_why_it_ended_is_told_of_children_of_others(self):
        """S3.10: crashes are told from ends by themselves and by a signal"""
        def ends(reason, program, sig=None):
            p = self.run_worker('llm_worker', program)
            self.counts('llm_worker', 1)
            told = self.rises('earshot_process_exits_total{groupname="llm_worker",reason="%s"}' % reason)
            if sig:
                p.send_signal(sig)
            p.wait()
            told()
            self.counts('llm_worker', 0)
        ends('signal', IDLE, signal.SIGTERM)
        ends('signal', IDLE, signal.SIGKILL)
        ends('crash', IDLE, signal.SIGSEGV)
        ends('crash', 'import time\ntime.sleep(2)\nraise SystemExit(3)\n')
        ends('exit', 'import time\ntime.sleep(2)\n')

    def test_a_zombie_tells_why_it_ended_before_its_parent_asks(self):
        p = self.run_worker('llm_worker', IDLE)
        self.counts('llm_worker', 1)
        told = self.rises('earshot_process_exits_total{groupname="llm_worker",reason="crash"}')
        p.send_signal(signal.SIGABRT)  # nobody waits for it
        told()
        self.assertEqual(self.value('namedprocess_namegroup_states{groupname="llm_worker",state="Zombie"}'), 1)
        p.wait()
        self.counts('llm_worker', 0)

    def test_children_are_in_the_group_unless_it_says_otherwise(self):
        self.run_worker('llm_worker', PARENT)
        self.run_worker('extraction_worker', PARENT)
        self.counts('llm_worker', 2)
        self.counts('extraction_worker', 1)

    def test_a_script_that_execs_the_worker_becomes_it(self):
        p = subprocess.Popen(['sh', '-c', 'sleep 1.5; exec "$0" -c "$1" extraction_""worker', sys.executable, IDLE],
                             start_new_session=True)
        self.started.append(p)
        self.counts('extraction_worker', 1)

    def test_a_group_without_a_process_is_zero(self):
        self.assertEqual(self.value('namedprocess_namegroup_num_procs{groupname="none"}'), 0)
        self.assertIsNone(self.value('namedprocess_namegroup_oldest_start_time_seconds{groupname="none"}'))

    def test_a_pid_file_names_the_process(self):
        p = self.run_worker('some_daemon', IDLE)
        with open(os.path.join(self.server.dir, 'daemon.pid'), 'w', encoding='ascii') as f:
            f.write('%d\n' % p.pid)
        self.counts('none', 1)
        os.unlink(f.name)
        self.counts('none', 0)

    def test_a_program_is_known_by_a_link_to_it(self):
        """as /usr/bin/redis-server of Debian is one, which the kernel does not tell"""
        shutil.copy(shutil.which('sleep'), self.server.dir + '/real')
        os.symlink('real', self.server.dir + '/linked')
        self.started.append(subprocess.Popen([self.server.dir + '/linked', '1000'], start_new_session=True))
        self.counts('linked', 1)

    def test_groups_of_one_job_are_one_target_and_other_jobs_have_their_own(self):
        self.run_worker('pack_worker', IDLE)
        self.counts('elsewhere', 1)
        self.assertEqual(self.server.query('namedprocess_namegroup_num_procs{groupname="elsewhere"}')[0][0]['pack'], 'hub')
        self.assertEqual(sorted(m['job'] for m, _ in self.server.query('up{job!="earshot"}')), ['document-hub', 'process'])
        self.assertEqual(self.server.query('count by (job) (namedprocess_namegroup_num_procs)'),
                         [({'job': 'document-hub'}, 1), ({'job': 'process'}, 5)])

    # A limit of memory is set in a group of cgroup v1, which only root may make; elsewhere nothing is killed for it.
    @unittest.skipUnless(os.geteuid() == 0 and os.access(MEMORY_CGROUPS, os.W_OK), 'needs root and cgroup v1 at ' + MEMORY_CGROUPS)
    def test_a_kill_for_lack_of_memory_is_told_as_such(self):
        """S3.18: an OOM kill of a worker"""
        folder = os.path.join(MEMORY_CGROUPS, 'earshot-e2e-%d' % os.getpid())
        os.mkdir(folder)
        try:
            with open(os.path.join(folder, 'memory.limit_in_bytes'), 'w', encoding='ascii') as f:
                f.write(str(40 << 20))

            def enter():
                with open(os.path.join(folder, 'cgroup.procs'), 'w', encoding='ascii') as f:
                    f.write(str(os.getpid()))
            told = self.rises('earshot_process_exits_total{groupname="limited",reason="oom"}')
            p = self.run_worker('limited_worker',
                                'import time\ntime.sleep(2)\nx = []\nwhile True: x.append(b"x" * (1 << 20))\n', enter)
            self.counts('limited', 1)
            p.wait()
            self.assertEqual(p.returncode, -signal.SIGKILL)
            told()
            self.assertIn('group limited', self.server.log_text())
        finally:
            eventually(lambda: os.rmdir(folder) is None)


class ProcessConfig(unittest.TestCase):
    """mistakes in collect.process, each with its place and how to mend it"""

    def refused(self, text):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {process: [%s]}\n' % text})
        try:
            status, output = server.refused()
            self.assertEqual(status, 2, output)
            return output
        finally:
            server.close()

    def test_mistakes_are_told(self):
        self.assertIn('name is missing', self.refused('{match: x}'))
        self.assertIn('which processes? Give match,', self.refused('{name: a}'))
        self.assertIn('two groups are called "a"', self.refused('{name: a, exe: x}, {name: a, exe: y}'))
        self.assertIn('give both the same interval', self.refused('{name: a, exe: x}, {name: b, exe: y, interval: 5s}'))
        self.assertIn('did you mean "match"', self.refused('{name: a, mach: x}'))


if __name__ == '__main__':
    unittest.main()
