"""The real things that the scenarios scrape: Redis, PostgreSQL, Debian's exporters and a small service,
each on a private loopback port in a folder of its own, ended by its pid. Nothing here is a system service."""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from server import Peer, eventually, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
# Debian's own, where python3-prometheus-client lives, whatever python3 comes first on the PATH.
DEBIAN_PYTHON = '/usr/bin/python3'
NEEDED = ('redis-server', 'prometheus', 'prometheus-node-exporter', 'prometheus-redis-exporter',
          'prometheus-postgres-exporter')


def missing():
    """the Debian packages that are not here, or an empty string"""
    names = [n for n in NEEDED if not shutil.which(n)]
    if not postgres_bin():
        names.append('postgresql')
    if subprocess.run([DEBIAN_PYTHON, '-c', 'import prometheus_client'], capture_output=True, check=False).returncode:
        names.append('python3-prometheus-client')
    return ' '.join(names)


def postgres_bin():
    if os.environ.get('POSTGRES_BIN'):
        return os.environ['POSTGRES_BIN']
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin/initdb'))
    return os.path.dirname(found[-1]) if found else None


def get(url, headers=None):
    """(status, body, content type)"""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as r:
            return r.status, r.read(), r.headers.get('Content-Type', '')
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read(), e.headers.get('Content-Type', '')


class Exporter:
    """a program that answers at http://127.0.0.1:PORT/metrics"""

    def __init__(self, *command, port=None, **options):
        self.port = port or free_port()
        self.url = 'http://127.0.0.1:%d/metrics' % self.port
        self.peer = Peer(*[c.replace('{port}', str(self.port)) for c in command], **options)

    def wait(self):
        def answers():
            if self.peer.process.poll() is not None:
                raise RuntimeError('%s ended: %s' % (self.peer.process.args, self.peer.log_text()))
            return get(self.url)[0] == 200
        eventually(answers, 60)
        return self

    def stop(self):
        self.peer.stop()


class Redis:
    def __init__(self, port=None):
        self.dir = tempfile.mkdtemp(prefix='earshot-redis-')
        self.port = port or free_port()
        self.peer = Peer('redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--dir', self.dir,
                         '--save', '', '--appendonly', 'no')

    def wait(self):
        eventually(lambda: self.send('PING').startswith(b'+PONG'), 30)
        return self

    def send(self, *lines):
        """inline commands; what comes back of the first read"""
        with socket.create_connection(('127.0.0.1', self.port), timeout=5) as s:
            s.sendall(''.join(line + '\r\n' for line in lines).encode())
            return s.recv(1 << 16)

    def work(self, n):
        self.send(*['SET k%d %d' % (n % 50, n), 'GET k%d' % (n % 50), 'GET nothing%d' % n, 'LPUSH jobs %d' % n,
                    'SETEX gone%d 2 x' % n, 'INCR n'])

    def stop(self):
        self.peer.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Postgres:
    """It will not run as root: then it runs as the user that its package made. POSTGRES_BIN names the
    folder of another version's programs. With `standby_of` it follows that other one, by a slot "standby"."""

    def __init__(self, hba=None, options=(), standby_of=None, port=None):
        self.dir = tempfile.mkdtemp(prefix='earshot-postgres-')
        self.port = port or free_port()
        self.bin = postgres_bin()
        self.data = os.path.join(self.dir, 'data')
        self.who = {}
        os.mkdir(self.data, 0o700)
        if os.getuid() == 0:
            user = pwd.getpwnam('postgres')
            self.who = {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            os.chown(self.data, user.pw_uid, user.pw_gid)
        make = [self.bin + '/initdb', '-D', self.data, '-U', 'test', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C']
        if standby_of:
            make = [self.bin + '/pg_basebackup', '-D', self.data, '-h', '127.0.0.1', '-p', str(standby_of.port), '-U', 'test',
                    '--no-sync', '-c', 'fast', '-R', '-C', '-S', 'standby']
        subprocess.run(make, cwd=self.dir, check=True, capture_output=True, **self.who)
        if hba:
            with open(os.path.join(self.data, 'pg_hba.conf'), 'w', encoding='ascii') as f:
                f.write(hba)
        self.options = [part for o in options for part in ('-c', o)]
        self.start()

    def start(self):
        self.peer = Peer(self.bin + '/postgres', '-D', self.data, '-p', str(self.port), '-c', 'listen_addresses=127.0.0.1',
                         '-c', 'unix_socket_directories=' + self.dir, '-c', 'fsync=off', '-c', 'shared_buffers=16MB',
                         *self.options, cwd=self.dir, **self.who)

    def wait(self):
        eventually(lambda: self.sql('select 1') == 0, 60)
        self.sql('create table jobs(id serial, v int)')
        return self

    def sql(self, text):
        return self._psql(text, 'postgres').returncode

    def ask(self, text, database='postgres'):
        """what it answers, '|' between columns"""
        r = self._psql(text, database)
        if r.returncode:
            raise AssertionError(r.stderr)
        return r.stdout.strip()

    def _psql(self, text, database):
        return subprocess.run(['psql', '-h', '127.0.0.1', '-p', str(self.port), '-U', 'test', '-XqAtc', text, database],
                              capture_output=True, text=True, check=False, cwd=self.dir)

    def work(self, n):
        self.sql('insert into jobs(v) select generate_series(1, %d); select count(*) from jobs; '
                 'update jobs set v = v + 1 where id < 20; delete from jobs where id < %d' % (n % 7 + 1, n))

    def exporter(self, port=None):
        return Exporter('prometheus-postgres-exporter', '--web.listen-address=127.0.0.1:{port}', port=port, env={
            **os.environ, 'DATA_SOURCE_NAME': 'postgresql://test@127.0.0.1:%d/postgres?sslmode=disable' % self.port})

    def end(self):
        """until start()"""
        if self.peer.process.poll() is None:
            self.peer.process.send_signal(signal.SIGINT)  # ends its sessions; SIGTERM waits for them
            self.peer.process.wait(20)
        self.peer.stop()

    def stop(self):
        self.end()
        shutil.rmtree(self.dir, ignore_errors=True)


class World:
    """all of them, with a small load until stop()"""

    def __init__(self):
        self.parts, self.exporters = [], {}
        self.ending = threading.Event()
        self.load = threading.Thread(target=self._load, daemon=True)
        try:
            self.redis = self._add(Redis())
            self.postgres = self._add(Postgres())
            self.redis.wait()
            self.postgres.wait()
            self.exporters['node'] = self._add(Exporter('prometheus-node-exporter', '--web.listen-address=127.0.0.1:{port}'))
            self.exporters['redis'] = self._add(Exporter('prometheus-redis-exporter', '-web.listen-address=127.0.0.1:{port}',
                                                         '-redis.addr=redis://127.0.0.1:%d' % self.redis.port))
            self.exporters['postgres'] = self._add(self.postgres.exporter())
            self.exporters['service'] = self._add(Exporter(DEBIAN_PYTHON, HERE + '/service.py', '{port}'))
            for e in self.exporters.values():
                e.wait()
            self.load.start()
        except BaseException:
            self.stop()
            raise

    def _add(self, part):
        self.parts.append(part)
        return part

    def _load(self):
        service, n = self.exporters['service'].url, 0
        while not self.ending.wait(.05):
            n += 1
            try:
                get(service.replace('/metrics', '/fail' if n % 9 == 4 else '/separate?n=%d' % n if n % 3 else '/health'))
                if n % 4 == 0:
                    self.redis.work(n)
                if n % 20 == 0:
                    self.postgres.work(n)
            except OSError:
                time.sleep(.1)  # one of them was stopped by its test

    def stop(self):
        self.ending.set()
        if self.load.is_alive():
            self.load.join(30)
        for part in reversed(self.parts):
            part.stop()


if __name__ == '__main__':
    sys.exit('a module of the scenarios; see run.py')
