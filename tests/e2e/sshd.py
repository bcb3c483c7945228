"""A real sshd on loopback, with a key, a host key and a known_hosts of its own."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from server import Peer, eventually, free_port

USER = pwd.getpwuid(os.getuid()).pw_name


def make_key(path):
    for old in path, path + '.pub':
        if os.path.exists(old):
            os.unlink(old)
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True)


def status(pid):
    with open('/proc/%d/status' % pid, encoding='utf-8') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def children(pid):
    out = []
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and int(status(int(name))['PPid']) == pid:
                out.append(int(name))
        except (OSError, KeyError):
            pass
    return out


def descendants(pid):
    out = []
    for child in children(pid):
        out += [child, *descendants(child)]
    return out


class Sshd:
    def __init__(self, *further, address='127.0.0.1', inside=()):
        """further: lines of sshd_config; inside: a command that runs it elsewhere (a network namespace)"""
        self.dir = tempfile.mkdtemp(prefix='earshot-sshd-')
        self.address, self.inside, self.further = address, list(inside), further
        self.port = free_port()
        self.key = self.file('id')
        self.known_hosts = self.file('known_hosts')
        make_key(self.key)
        make_key(self.file('host'))
        shutil.copy(self.key + '.pub', self.file('authorized_keys'))
        self.trust()
        self.start()

    def file(self, name):
        return os.path.join(self.dir, name)

    def trust(self):
        """the host key as it is now becomes the known one"""
        with open(self.file('host.pub'), encoding='utf-8') as f:
            kind, key = f.read().split()[:2]
        with open(self.known_hosts, 'w', encoding='utf-8') as f:
            f.write('[%s]:%d %s %s\n' % (self.address, self.port, kind, key))

    def start(self):
        if os.getuid() == 0:
            os.makedirs('/run/sshd', exist_ok=True)
        with open(self.file('config'), 'w', encoding='utf-8') as f:
            f.write('\n'.join([*self.further, 'ListenAddress ' + self.address, 'Port %d' % self.port,
                               'HostKey ' + self.file('host'), 'AuthorizedKeysFile ' + self.file('authorized_keys'),
                               'PidFile none', 'StrictModes no', 'UsePAM no', 'PermitRootLogin yes',
                               'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PrintMotd no', '']))
        self.peer = Peer(*self.inside, '/usr/sbin/sshd', '-D', '-e', '-f', self.file('config'))
        eventually(self.listens)

    def listens(self):
        if self.peer.process.poll() is not None:
            raise AssertionError('sshd ended: ' + self.peer.log_text())
        return b'listening on' in self.peer.log_bytes()

    def signal(self, sig):
        """to the daemon and the processes of its connections"""
        if self.peer.process.poll() is None:
            for pid in [self.peer.process.pid, *descendants(self.peer.process.pid)]:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass

    def kill(self):
        self.signal(signal.SIGKILL)
        self.peer.process.wait()

    def stop(self):
        self.kill()
        self.peer.log.close()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def entry(self, name='box', **further):
        """an entry of hosts, in one line of YAML"""
        keys = {'name': name, 'ssh': '%s@%s:%d' % (USER, self.address, self.port), 'identity_file': self.key,
                'known_hosts': self.known_hosts, 'keepalive': '{interval: 1s, count: 3}', **further}
        return '{%s}' % ', '.join('%s: %s' % pair for pair in keys.items())
