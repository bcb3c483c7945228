"""Containers of the real Podman, told by its API and control groups; and what `up` makes of the socket of an engine."""
import json
import os
import shutil
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler

import server
from network import Network
from podman import Podman, Unavailable
from server import Server, eventually

CONFIG = 'packs:\n- docker: {socket: "%s", interval: 500ms, timeout: 500ms}\n'
HOG = 'sleep 1; sh -c "dd if=/dev/zero of=/dev/null bs=64M count=1"; sleep 1000'
STATES = {'created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'}


class Containers(unittest.TestCase):
    """one Podman and one earshot for all"""

    @classmethod
    def setUpClass(cls):
        try:
            cls.podman = Podman()
        except Unavailable as e:
            raise unittest.SkipTest(str(e))
        cls.addClassCleanup(cls.podman.stop)
        cls.began = time.time()
        cls.podman.run('web', 'sleep', '1000', options=['-m', '64m'])
        cls.podman.run('ended', 'sh', '-c', 'exit 3')
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % cls.podman.socket}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: cls.server.query('up{job="docker"} == 1'))

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def becomes(self, expr, value):
        eventually(lambda: self.value(expr) == value)

    def states(self, series, name):
        return {labels['state']: value for labels, value in self.server.query('%s{job="docker",name="%s"}' % (series, name))}

    def events(self, kind):
        found = json.loads(self.server.get('/api/earshot/v1/events?kind=' + kind)[1])['data']
        return [e['text'] for e in found if e['labels']['job'] == 'docker']

    def test_a_container_is_told_with_what_it_uses_and_its_limit(self):
        own = '{job="docker",name="web",image="localhost/box:latest"}'
        eventually(lambda: self.value('container_cpu_usage_seconds_total' + own) > 0)
        self.assertEqual(self.value('container_spec_memory_limit_bytes' + own), 64 << 20)
        self.assertTrue(0 < self.value('container_memory_working_set_bytes' + own) < 64 << 20)
        self.assertAlmostEqual(self.value('container_start_time_seconds' + own), self.began, delta=20)
        self.assertEqual(self.value('container_oom_events_total' + own), 0)
        self.assertEqual(self.value('earshot_container_restarts_total{name="web"}'), 0)
        self.assertEqual(self.value('earshot_docker_containers_unread'), 0)

    def test_exactly_one_state_is_1_and_what_has_ended_says_how(self):
        for name, state in (('web', 'running'), ('ended', 'exited')):
            eventually(lambda n=name, s=state: self.states('earshot_container_state', n) == {x: float(x == s) for x in STATES})
        self.becomes('earshot_container_exit_code{name="ended"}', 3)
        self.assertEqual(self.server.query('earshot_container_exit_code{name="web"}'), [])
        self.assertEqual(self.server.query('container_cpu_usage_seconds_total{name="ended"}'), [])

    def test_a_check_that_fails_is_told_and_is_an_event(self):
        self.podman.run('api', 'sleep', '1000', options=['--health-cmd', 'false', '--health-interval', 'disable', '--health-retries', '1'])
        self.addCleanup(self.podman.remove, 'api')
        eventually(lambda: self.states('earshot_container_health', 'api')['starting'] == 1)
        self.podman.check('api')
        eventually(lambda: self.states('earshot_container_health', 'api') == {'starting': 0, 'healthy': 0, 'unhealthy': 1})
        eventually(lambda: 'api: unhealthy, was starting' in self.events('health'))
        self.assertEqual(self.states('earshot_container_health', 'web'), {})  # it has none

    def test_a_kill_for_lack_of_memory_is_counted_and_is_an_event(self):
        self.podman.run('hog', 'sh', '-c', HOG, options=['-m', '16m'])
        self.addCleanup(self.podman.remove, 'hog')
        self.becomes('container_oom_events_total{name="hog"}', 1)
        eventually(lambda: 'hog: the kernel killed a process for lack of memory' in self.events('oom'))
        self.assertEqual(self.value('container_oom_events_total{name="web"}'), 0)

    def test_a_container_that_ends_again_and_again_is_counted(self):
        self.podman.run('loop', 'sh', '-c', 'sleep 2; exit 1', options=['--restart', 'always'])  # a start that moves by less than 1.5 s is the same
        eventually(lambda: self.value('earshot_container_restarts_total{name="loop"}') >= 2)
        eventually(lambda: 'loop restarted' in self.events('restart'))
        self.podman.ask('DELETE', '/containers/loop?force=true')
        eventually(lambda: self.server.query('{job="docker",name="loop"}') == [])
        self.becomes('up{job="docker"}', 1)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '3')
        self.end_headers()
        self.wfile.write(b'[]\n')

    def address_string(self):
        return 'unix'

    def log_message(self, *_):
        pass


class Up(unittest.TestCase):
    """a socket as Docker has it, in a network of its own"""

    def setUp(self):
        network = Network()
        network.enter()
        self.addCleanup(network.leave)
        self.folder = tempfile.mkdtemp(prefix='earshot-docker-', dir='/run')
        self.addCleanup(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        self.socket = self.folder + '/docker.sock'
        listener = socketserver.ThreadingUnixStreamServer(self.socket, Answer)
        listener.daemon_threads = True
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        self.addCleanup(listener.server_close)
        self.addCleanup(listener.shutdown)
        self.file = self.folder + '/earshot.yml'

    def up(self, *words, **options):
        return subprocess.run([server.BINARY, 'up', '--config', self.file, *words], capture_output=True, text=True, timeout=60, check=False,
                              **options)

    def found(self, **options):
        r = self.up('--json', **options)
        return next(f for f in json.loads(r.stdout)['found'] if f['pack'] == 'docker')

    def test_an_engine_is_found_by_its_socket_and_watched(self):
        found = self.found()
        self.assertEqual((found['title'], found['state']), ('Docker', 'new'))
        self.assertIn('listens on ' + self.socket, found['evidence'])
        self.assertIn('ContainerUnhealthy', found['rules'])
        r = self.up('--yes')
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        with open(self.file, encoding='utf-8') as f:
            self.assertIn("- docker: {socket: '%s'}" % self.socket, f.read())
        with Server('--config', self.file) as s:
            eventually(lambda: s.query('up{job="docker"} == 1'))
        self.assertEqual(self.found()['state'], 'watched')
        self.assertIn('nothing to write', self.up('--yes').stdout)

    def test_who_may_not_open_it_is_told_which_group_it_takes(self):
        os.chown(self.socket, 0, 8)
        os.chmod(self.socket, 0o660)
        found = self.found(user=65534, group=65534, extra_groups=[])
        self.assertEqual(found['state'], 'needs')
        self.assertIn('usermod -aG mail nobody', found['needs'])
        self.assertIn('can become root', found['needs'])
