"""A systemd for tests: a service called org.freedesktop.systemd1 on a bus of its own (Debian's dbus-daemon), which answers as systemd's
manager does: ListUnitsFiltered, ListUnitsByNames, and Type of a service. It speaks D-Bus itself, since no library for it comes with
Python."""
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>
"""
CALL, REPLY, ERROR = 1, 2, 3
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)


def align(data, n):
    return data + b'\0' * (-len(data) % n)


def put_string(data, text):
    raw = text.encode()
    return align(data, 4) + struct.pack('<I', len(raw)) + raw + b'\0'


def put_units(units):
    """a(ssssssouso)"""
    items = []  # each begins at a multiple of 8
    for name, state in units:
        data = b''
        for text in (name, 'about ' + name, 'loaded' if state != 'gone' else 'not-found', state if state != 'gone' else 'inactive', 'sub', ''):
            data = put_string(data, text)
        data = put_string(data, '/org/freedesktop/systemd1/unit/' + ''.join(c if c.isalnum() else '_%02x' % ord(c) for c in name))
        data = align(data, 4) + struct.pack('<I', 0)
        items.append(put_string(put_string(data, ''), '/'))
    data = b''.join(align(item, 8) for item in items[:-1]) + b''.join(items[-1:])
    # the length, then the first item at a multiple of 8
    return struct.pack('<I', len(data)) + b'\0\0\0\0' + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        self.at += -self.at % 4
        self.at += 4
        return struct.unpack_from('<I', self.data, self.at - 4)[0]

    def string(self):
        n = self.number()
        self.at += n + 1
        return self.data[self.at - n - 1:self.at - 1].decode()

    def strings(self):
        end = self.number()
        end += self.at
        found = []
        while self.at < end:
            found.append(self.string())
        return found


class Systemd:
    def __init__(self):
        self.units = {}  # name: state
        self.types = {}  # of services; simple otherwise
        self.calls = []
        self.silent = set()  # calls that get no answer
        self.folder = tempfile.mkdtemp(prefix='earshot-bus-')
        self.address = 'unix:path=' + self.folder + '/bus'
        with open(self.folder + '/config', 'w', encoding='utf-8') as f:
            f.write(CONFIG % (self.folder + '/bus'))
        self.daemon = subprocess.Popen(['dbus-daemon', '--config-file', self.folder + '/config', '--nofork', '--print-address'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.daemon.stdout.readline()
        self.serial, self.socket = 0, None

    def start(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.folder + '/bus')
        self.socket.sendall(b'\0AUTH EXTERNAL ' + str(os.getuid()).encode().hex().encode() + b'\r\n')
        self.file = self.socket.makefile('rb')
        self.file.readline()
        self.socket.sendall(b'BEGIN\r\n')
        for member, signature, body in (('Hello', '', b''), ('RequestName', 'su', align(put_string(b'', 'org.freedesktop.systemd1'), 4) + struct.pack('<I', 4))):
            self.send(CALL, {PATH: ('o', '/org/freedesktop/DBus'), DESTINATION: ('s', 'org.freedesktop.DBus'), INTERFACE: ('s', 'org.freedesktop.DBus'),
                             MEMBER: ('s', member), **({SIGNATURE: ('g', signature)} if signature else {})}, body)
            while self.receive()[0] != REPLY: # signals come between
                pass
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def stop(self):
        """systemd goes, the bus stays"""
        self.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.daemon.terminate()
        self.daemon.wait(5)
        self.daemon.stdout.close()
        if self.socket:
            self.file.close()
            self.socket.close()
        shutil.rmtree(self.folder)

    def send(self, kind, fields, body):
        self.serial += 1
        head = b''
        for code, (signature, value) in fields.items():
            head = align(head, 8) + struct.pack('<BB', code, 1) + signature.encode() + b'\0'
            if signature == 'u':
                head = align(head, 4) + struct.pack('<I', value)
            elif signature == 'g':
                head += struct.pack('<B', len(value)) + value.encode() + b'\0'
            else:
                head = put_string(head, value)
        message = b'l' + struct.pack('<BBBIII', kind, 0, 1, len(body), self.serial, len(head)) + head
        self.socket.sendall(align(message, 8) + body)

    def receive(self):
        start = self.file.read(16)
        if len(start) < 16:
            raise EOFError
        kind, _, _, body_n, serial, fields_n = struct.unpack('<xBBBIII', start)
        head = Reader(self.file.read(fields_n + -fields_n % 8)[:fields_n])
        fields = {}
        while head.at < fields_n:
            head.at += -head.at % 8
            code, signature = head.data[head.at], chr(head.data[head.at + 2])
            head.at += 4
            if signature == 'g':
                n = head.data[head.at]
                fields[code] = head.data[head.at + 1:head.at + 1 + n].decode()
                head.at += n + 2
            else:
                fields[code] = head.number() if signature == 'u' else head.string()
        return kind, serial, fields, self.file.read(body_n)

    def answer(self, fields, body):
        """(signature, body) of a reply; None: no such thing"""
        member = fields.get(MEMBER)
        self.calls.append(member)
        if member == 'ListUnitsFiltered':
            states = Reader(body).strings()
            return 'a(ssssssouso)', put_units([u for u in self.units.items() if not states or u[1] in states])
        if member == 'ListUnitsByNames':
            return 'a(ssssssouso)', put_units([(name, self.units.get(name, 'gone')) for name in Reader(body).strings()])
        if member == 'Get':
            name = next((n for n in self.units if ''.join(c if c.isalnum() else '_%02x' % ord(c) for c in n) == fields[PATH].rsplit('/', 1)[1]), '')
            return 'v', put_string(b'\1s\0', self.types.get(name, 'simple'))
        return None

    def serve(self):
        while True:
            try:
                kind, serial, fields, body = self.receive()
                if kind != CALL:
                    continue
                found = self.answer(fields, body)
                if fields.get(MEMBER) in self.silent:
                    continue
                to = {DESTINATION: ('s', fields[SENDER]), REPLY_SERIAL: ('u', serial)}
                if found:
                    self.send(REPLY, {**to, SIGNATURE: ('g', found[0])}, found[1])
                else:
                    self.send(ERROR, {**to, ERROR_NAME: ('s', 'org.freedesktop.DBus.Error.UnknownMethod')}, b'')
            except (EOFError, OSError, ValueError):
                return
