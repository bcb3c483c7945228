"""A network of one's own for the calling thread and the programs that it starts: its loopback has nobody on it but
them, whatever else runs on the machine."""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
OWN = '/proc/thread-self/ns/net'


class Network:
    """enter() makes it; leave() is back in the one before. Needs the rights of root. It has a device beside its loopback, as
    machines have."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.before = None

    def enter(self):
        self.before = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        if self.libc.unshare(CLONE_NEWNET) != 0:
            os.close(self.before)
            raise PermissionError(ctypes.get_errno(), 'a network of its own needs the rights of root')
        with socket.socket() as s:
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack('16sH14x', b'lo', IFF_UP))
        self.ip('link', 'add', 'out', 'type', 'veth', 'peer', 'name', 'wall')

    def ip(self, *words):
        subprocess.run(['ip', *words], check=True, capture_output=True)

    def go(self, to):
        if self.libc.setns(to, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'the network is gone')

    def leave(self):
        self.go(self.before)
        os.close(self.before)


class Far(Network):
    """another machine, beside the network that the calling thread is in: a cable joins HERE and THERE"""
    HERE, THERE = '10.77.0.1', '10.77.0.2'

    def __init__(self):
        super().__init__()
        self.enter()
        self.own = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.ip('link', 'add', 'far', 'type', 'veth', 'peer', 'name', 'near', 'netns', '/proc/%d/fd/%d' % (os.getpid(), self.before))
            self.plug(self.THERE, 'far')
        finally:
            self.go(self.before)
        self.plug(self.HERE, 'near')

    def plug(self, address, link):
        self.ip('address', 'add', address + '/30', 'dev', link)
        self.ip('link', 'set', link, 'up')

    @contextlib.contextmanager
    def inside(self):
        """the calling thread, and what it starts, is there meanwhile"""
        self.go(self.own)
        try:
            yield
        finally:
            self.go(self.before)

    def close(self):
        os.close(self.own)
        os.close(self.before)
