"""The real Podman, with an image of one static program, in a folder of its own: for the scenarios of containers."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile

from server import Peer, eventually

CONF = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n'
# A runtime refuses a machine that has control groups of both versions, so the second version's are taken out of sight.
SERVICE = '! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified; exec "$@"'


class Unavailable(Exception):
    """there is no Podman here that could start a container; the text says why"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('podman', timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Podman:
    """its API listens at `socket`"""

    def __init__(self):
        if os.geteuid() != 0 or not shutil.which('podman') or not os.path.exists('/bin/busybox'):
            raise Unavailable('needs root, and Debian\'s podman, crun and busybox-static')
        self.dir = tempfile.mkdtemp(prefix='earshot-podman-')
        self.socket = self.dir + '/podman.sock'
        self.env = {**os.environ, 'CONTAINERS_CONF': self.dir + '/containers.conf'}
        self.podman = ['podman', '--root', self.dir + '/root', '--runroot', self.dir + '/run', '--tmpdir', self.dir + '/tmp',
                       '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file']
        with open(self.dir + '/containers.conf', 'w', encoding='ascii') as f:
            f.write(CONF)
        self.service = Peer('unshare', '-m', 'sh', '-c', SERVICE, 'sh', *self.podman, 'system', 'service', '-t', '0',
                            'unix://' + self.socket, env=self.env, cwd=self.dir)  # it leaves notes where it stands
        try:
            self.image()
            eventually(lambda: self.ask('GET', '/_ping') == 'OK')
            self.run('first', 'true')
            self.ask('DELETE', '/containers/first?force=true')
        except (AssertionError, OSError, subprocess.CalledProcessError, RuntimeError) as e:
            self.stop()
            raise Unavailable('Podman starts no container here: %s' % (getattr(e, 'stderr', None) or e)) from e

    def image(self):
        box = self.dir + '/box'
        for folder in ('bin', 'dev', 'etc', 'proc', 'sys', 'tmp'):
            os.makedirs(box + '/' + folder)
        shutil.copy('/bin/busybox', box + '/bin/busybox')
        for name in ('sh', 'sleep', 'true', 'false', 'dd'):
            os.symlink('busybox', box + '/bin/' + name)
        subprocess.run(['tar', '-C', box, '-cf', self.dir + '/box.tar', '.'], check=True)
        self.call('import', self.dir + '/box.tar', 'box')

    def call(self, *words):
        return subprocess.run([*self.podman, *words], env=self.env, cwd=self.dir, capture_output=True, text=True, timeout=60, check=True).stdout

    def ask(self, method, path):
        c = UnixConnection(self.socket)
        try:
            c.request(method, path)
            r = c.getresponse()
            body = r.read().decode()
            if r.status >= 300:
                raise RuntimeError('%s %s: HTTP %d %s' % (method, path, r.status, body))
            return json.loads(body) if body.startswith(('{', '[')) else body
        finally:
            c.close()

    def run(self, name, *command, options=()):
        self.call('create', '--name', name, '--network', 'none', *options, 'box', *command)
        self.ask('POST', '/containers/%s/start' % name)

    def remove(self, name):
        self.ask('POST', '/containers/%s/kill' % name)
        self.ask('DELETE', '/containers/%s?force=true' % name)

    def check(self, name):
        self.ask('GET', '/v4.0.0/libpod/containers/%s/healthcheck' % name)

    def stop(self):
        try:
            for container in self.ask('GET', '/containers/json?all=1'):
                if container['State'] in ('running', 'restarting', 'paused'):
                    self.ask('POST', '/containers/%s/kill' % container['Id'])
                self.ask('DELETE', '/containers/%s?force=true' % container['Id'])
        except (OSError, RuntimeError):
            pass  # it never came so far, or one has just ended
        self.service.stop()
        shutil.rmtree(self.dir, True)
