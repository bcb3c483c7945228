"""How long a light query takes while heavy ones run and samples come in.

One process each: the writer (20,000 samples/s by remote write), eight that ask a heavy query as soon
as the one before is answered, and this one, which asks the light query over one connection. A load
on the same machine wants its share of the cores too, as a proxy or a browser there would.
"""
import http.client
import json
import multiprocessing
import struct
import time
import urllib.parse

import kill9

SERIES = 10000
HISTORY_S, STEP_S = 3600, 15
LIVE_S = .5  # SERIES every half second: 20,000 samples/s
A_REQUEST = 2000
HEAVY = ['sum by (instance) (rate(bench_latency[5m]))',
         'quantile(0.9, rate(bench_latency[5m]))',
         'bench_latency{instance=~"i1.*"}',
         'sum(max_over_time(rate(bench_latency[1m])[10m:1m]))']
HEAVY_CLIENTS = 8
LIGHT = 'sum(rate(bench_latency{instance="i7"}[5m]))'
LIGHT_RUNS = 1500
LIGHT_SECONDS = 60  # a server that is slow under the load is asked less often, not for ever
SPAWN = multiprocessing.get_context('fork')


def write_requests(t_ms, value):
    """the bodies that write one sample of each series"""
    sample = kill9.field(2, b'\x09' + struct.pack('<d', value) + b'\x10' + kill9.varint(t_ms))
    for at in range(0, SERIES, A_REQUEST):
        yield kill9.snappy_literal(b''.join(
            kill9.field(1, b''.join(kill9.field(1, kill9.field(1, k) + kill9.field(2, v)) for k, v in (
                (b'__name__', b'bench_latency'), (b'instance', b'i%d' % (i % 100)), (b's', b'%05d' % i))) + sample)
            for i in range(at, at + A_REQUEST)))


class Writer:
    """encodes once and changes value and time in place, so that its own cost stays small"""

    def __init__(self, port, path):
        self.connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        self.path = path
        self.mark = 0x7ff8123456789abc  # a value and a time that are easy to find again
        t = 0x1ffffffffff
        self.old = b'\x09' + struct.pack('<Q', self.mark) + b'\x10' + kill9.varint(t)
        self.bodies = list(write_requests(t, struct.unpack('<d', struct.pack('<Q', self.mark))[0]))

    def write(self, t_ms, value):
        t = kill9.varint(t_ms)
        new = b'\x09' + struct.pack('<d', value) + b'\x10' + t
        assert len(new) == len(self.old)
        for body in self.bodies:
            self.connection.request('POST', self.path, body.replace(self.old, new),
                                    {'Content-Encoding': 'snappy', 'Content-Type': 'application/x-protobuf'})
            r = self.connection.getresponse()
            text = r.read()
            if r.status // 100 != 2:
                raise SystemExit('remote write answered %d: %s' % (r.status, text[:200]))


def write_live(port, path, step, stop):
    writer = Writer(port, path)
    due = time.monotonic()
    while not stop.is_set():
        step += 1
        writer.write(int(time.time() * 1000), step)
        due += LIVE_S
        time.sleep(max(0, due - time.monotonic()))


def ask(connection, prefix, query, start, end, step):
    connection.request('GET', prefix + '/query_range?' + urllib.parse.urlencode(
        {'query': query, 'start': start, 'end': end, 'step': step}))
    r = connection.getresponse()
    return r.status, r.read()


def ask_heavy(port, prefix, query, start, stop, asked):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    while not stop.is_set():
        status, text = ask(connection, prefix, query, start, start + HISTORY_S, STEP_S)
        if status != 200:
            raise SystemExit('%s: %d %s' % (query, status, text[:200]))
        with asked.get_lock():
            asked.value += 1


def ask_light(port, prefix, start, runs):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    times, end = [], time.monotonic() + LIGHT_SECONDS
    while len(times) < runs and time.monotonic() < end:
        began = time.perf_counter()
        status, text = ask(connection, prefix, LIGHT, start, start + HISTORY_S, 60)
        times.append((time.perf_counter() - began) * 1e3)
        if status != 200 or not json.loads(text)['data']['result']:
            raise SystemExit('%s: %d %s' % (LIGHT, status, text[:200]))
        time.sleep(.01)
    return sorted(times)


def measure(program, prefix='/api/v1', write_path='/api/v1/write'):
    """{idle_p50, p50, p99, max, runs, heavy_per_s} of one program, in ms"""
    program.start()
    writer = Writer(program.port, write_path)
    start = int(time.time()) - HISTORY_S - 5
    for step in range(HISTORY_S // STEP_S):
        writer.write((start + step * STEP_S) * 1000, step * STEP_S)
    idle = ask_light(program.port, prefix, start, 200)
    stop, asked = SPAWN.Event(), SPAWN.Value('L')
    load = [SPAWN.Process(target=write_live, args=(program.port, write_path, HISTORY_S, stop))]
    load += [SPAWN.Process(target=ask_heavy, args=(program.port, prefix, HEAVY[i % len(HEAVY)], start, stop, asked))
             for i in range(HEAVY_CLIENTS)]
    for p in load:
        p.start()
    time.sleep(2)
    began, before = time.monotonic(), asked.value
    times = ask_light(program.port, prefix, start, LIGHT_RUNS)
    heavy = (asked.value - before) / (time.monotonic() - began)
    stop.set()
    for p in load:
        p.join()
    program.stop()
    if any(p.exitcode for p in load):
        raise SystemExit('a part of the load failed')
    return {'idle_p50': idle[len(idle) // 2], 'p50': times[len(times) // 2], 'p99': times[len(times) * 99 // 100],
            'max': times[-1], 'runs': len(times), 'heavy_per_s': heavy}
