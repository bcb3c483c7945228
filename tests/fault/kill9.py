#!/usr/bin/env python3
"""kill -9 at random moments under remote write: nothing acknowledged is lost, nothing doubled.

usage: kill9.py BINARY LOOPS [SEED]

One data directory throughout. Every sample carries the number of its request as its value, so that
the truth is known; after each kill the whole recent past is read back and compared.
"""
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

SERIES = 200
STEP_MS = 1000


def varint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def snappy_literal(data):
    """the snappy block format with literals only"""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack('<H', len(piece) - 1) + piece
    return bytes(out)


LABELS = [b''.join(field(1, field(1, k) + field(2, v)) for k, v in
                   ((b'__name__', b'kill9'), (b'job', b'fault'), (b's', b'%04d' % i))) for i in range(SERIES)]


def body(n, t0):
    sample = field(2, b'\x09' + struct.pack('<d', n) + b'\x10' + varint(t0 + n * STEP_MS))
    return snappy_literal(b''.join(field(1, labels + sample) for labels in LABELS))


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, binary, data, port):
        self.port = port
        self.started = time.monotonic()
        self.process = subprocess.Popen([binary, 'serve', '--listen', '127.0.0.1:%d' % port, '--data', data, '--late-window',
                                         'unlimited', '--retention', 'unlimited', '--prometheus-config', data + '.yml'],
                                        stdout=subprocess.DEVNULL, stderr=open(data + '.log', 'ab'))
        while True:
            try:
                if self.get('/-/ready')[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - self.started > 30:
                raise SystemExit('the server did not start; its log:\n' + open(data + '.log').read()[-2000:])
            time.sleep(.005)
        self.ready_s = time.monotonic() - self.started

    def get(self, path):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            c.request('GET', path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Feeder(threading.Thread):
    def __init__(self, port, n, t0):
        super().__init__(daemon=True)
        self.port, self.n, self.t0, self.acknowledged, self.stop = port, n, t0, [], False
        self.start()

    def run(self):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        headers = {'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy',
                   'X-Prometheus-Remote-Write-Version': '0.1.0'}
        while not self.stop:
            try:
                c.request('POST', '/api/v1/write', body(self.n, self.t0), headers)
                r = c.getresponse()
                r.read()
            except (OSError, http.client.HTTPException):
                return
            if r.status // 100 == 2:
                self.acknowledged.append(self.n)
                self.n += 1


def read_back(server, t0, first, last):
    """{request number: how many series have it}, and faults"""
    have, faults = {}, []
    width = (last - first + 1) * STEP_MS
    query = urllib.parse.urlencode({'query': 'kill9[%dms]' % width, 'time': (t0 + last * STEP_MS + STEP_MS // 2) / 1000})
    status, answer = server.get('/api/v1/query?' + query)
    if status != 200:
        return have, ['query: HTTP %d %s' % (status, answer[:200])]
    for series in json.loads(answer)['data']['result']:
        seen = set()
        for t, v in series['values']:
            n = round((float(t) * 1000 - t0) / STEP_MS)
            if float(v) != n:
                faults.append('series %s at %s: %s, sent %d' % (series['metric'].get('s'), t, v, n))
            if n in seen:
                faults.append('series %s: %s twice' % (series['metric'].get('s'), t))
            seen.add(n)
            have[n] = have.get(n, 0) + 1
    return have, faults


def main():
    binary, loops = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng, port = random.Random(seed), free_port()
    folder = tempfile.mkdtemp(prefix='kill9-')
    data = os.path.join(folder, 'data')
    open(data + '.yml', 'w').write('scrape_configs: []\n')
    t0 = int(time.time() * 1000) - 24 * 3600 * 1000
    t0 -= t0 % 60000
    acknowledged, n, passed, failed, slowest = [], 0, 0, 0, 0.0
    server = None
    try:
        for loop in range(loops + 1):
            server = Server(binary, data, port)
            slowest = max(slowest, server.ready_s)
            recent = [k for k in acknowledged if k >= n - 600 or loop == loops]
            if recent:
                faults, have = [], {}
                for first in range(min(recent), max(recent) + 1, 500):
                    got, bad = read_back(server, t0, first, min(first + 499, max(recent)))
                    have.update(got)
                    faults += bad
                faults += ['request %d: %d of %d series' % (k, have.get(k, 0), SERIES)
                           for k in recent if have.get(k, 0) != SERIES]
                if faults:
                    failed += 1
                    print('loop %d (seed %d): %d faults: %s' % (loop, seed, len(faults), '; '.join(faults[:5])))
                else:
                    passed += 1
            if loop == loops:
                break
            feeder = Feeder(port, n, t0)
            time.sleep(rng.uniform(.02, .6))
            server.kill()
            feeder.stop = True
            feeder.join()
            acknowledged += feeder.acknowledged
            n = feeder.n + 1  # the one under way may or may not be there: never sent again
    finally:
        if server and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print('%d samples acknowledged, slowest start %.2f s' % (len(acknowledged) * SERIES, slowest))
    print('%d passed, %d failed, 0 skipped' % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
