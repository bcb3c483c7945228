"""Targets that misbehave on purpose, and a good one beside them: each bad one must be told in plain words,
and harm nobody. The peers run in a process of their own, so that they take no time from who measures."""
import concurrent.futures
import itertools
import multiprocessing
import socket
import struct
import sys
import threading
import time
import zlib

import remote
from server import Server, eventually

TEXT = 'text/plain; version=0.0.4'
GROWTH_BYTES = 256 << 20
QUERIES_BYTES = 512 << 20  # of all under way; in fact large ones get three quarters
WRITES_BYTES = 128 << 20  # two bodies of 32 MiB that are unpacked, and what goes with them
HEALTHY_SECONDS = .1
MARGIN = 5  # on deadlines: the machine is shared
SECONDS = 12


def answer(connection, body, kind=TEXT, more=''):
    connection.sendall(head(kind, 'Content-Length: %d\r\n%s' % (len(body), more)) + body)


def head(kind=TEXT, more=''):
    return ('HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n' % (kind, more)).encode()


def page(c, _):
    answer(c, b'<!DOCTYPE html>\n<html><body>Sign in</body></html>\n', 'text/html; charset=utf-8')


def page_as_text(c, _):
    answer(c, b'<!DOCTYPE html>\n<html><body>Sign in</body></html>\n')


def json(c, _):
    answer(c, b'{"status": "ok"}', 'application/json')


def json_as_text(c, _):
    answer(c, b'{"status": "ok"}\n')


def half_line(c, _):
    answer(c, b'a 1\nb{state="rea')


def nul(c, _):
    answer(c, b'a 1\na\0b 2\nc 3\n')


def ten_gigabytes(c, _):
    c.sendall(head(more='Content-Length: 10000000000\r\n'))
    endless_lines(c, 10000000000)


def never_ending(c, _):
    c.sendall(head())
    endless_lines(c, 1 << 60)


def endless_lines(c, size):
    part = b''.join(b'm{i="%06d"} 1\n' % i for i in range(60000))
    while size > 0:
        c.sendall(part)
        size -= len(part)


def byte_a_second(c, _):
    c.sendall(head(more='Content-Length: 1000\r\n'))
    for b in itertools.cycle(b'slow 1\n'):
        c.sendall(bytes([b]))
        time.sleep(1)


def endless_headers(c, _):
    c.sendall(b'HTTP/1.1 200 OK\r\n')
    for i in itertools.count():
        c.sendall(b'X-%d: %s\r\n' % (i, b'x' * 1000))


def changed_type(c, scrape):
    answer(c, b'# TYPE changing %s\nchanging 1\n' % (b'counter', b'gauge')[scrape % 2])


def far_future(c, _):
    answer(c, b'far 1 %d\nnear 1\n' % ((time.time() + 86400 * 365) * 1000))


def bomb(c, _):
    c.sendall(head(more='Content-Encoding: gzip\r\n'))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = packer.compress(b'm 1\n' * (1 << 18)) + packer.flush(zlib.Z_FULL_FLUSH)
    c.sendall(b'\x1f\x8b\x08' + bytes(6) + b'\x03')
    for _ in range(10000):
        c.sendall(mebibyte)


def reset(c, _):
    c.sendall(head(more='Content-Length: 1000\r\n') + b'a 1\nb 2\n')
    time.sleep(.05)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def too_short(c, _):
    c.sendall(head(more='Content-Length: 1000\r\n') + b'a 1\nb 2\n')


def too_long(c, _):
    c.sendall(head(more='Content-Length: 10\r\n') + b'abc 1\nabcdefg 2\n')


def many_series(c, scrape, n):
    """n series of 100 bytes that were never there before"""
    c.sendall(head(more='Content-Length: %d\r\n' % (100 * n)))
    block = b''.join(b'new_series_total{scrape="%08d",block="BBBBBB",one="%03d",text="%s"} 1\n' % (scrape, i, b'x' * 29) for i in range(1000))
    for b in range(n // 1000):
        c.sendall(block.replace(b'BBBBBB', b'%06d' % b))


def million(c, scrape):
    many_series(c, scrape, 1000000)


def million_at_times(c, scrape):
    if scrape % 2:
        many_series(c, scrape, 1000000)
    else:
        answer(c, b'between 1\n')


def churn(c, scrape):
    many_series(c, scrape, 1000)


# of each peer: what its `up` is, and what the reason says
PEERS = {
    page: (0, ['html']),
    page_as_text: (0, ['line 1', '<!DOCTYPE html>']),
    json: (0, ['json']),
    json_as_text: (0, ['line 1', '{"status": "ok"}']),
    half_line: (0, ['line 2', 'b{state="rea']),
    nul: (0, ['line 2']),
    ten_gigabytes: (0, ['MB']),
    never_ending: (0, ['MB']),
    byte_a_second: (0, ['timeout']),
    endless_headers: (0, ['header']),
    changed_type: (1, []),
    far_future: (1, []),
    bomb: (0, ['MB']),
    reset: (0, ['reset']),
    too_short: (0, ['broke off after 8 bytes']),
    too_long: (0, ['line 2']),
    million: (0, ['sample_limit 10000']),
    churn: (1, []),
}
GAVE_WAY = 'it was the largest of those that together took all memory for answers'
LARGE = (million,)  # whose body would have been read to its end, had it been alone
LIMITS = {million: ', sample_limit: 10000'}


def listener():
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen(256)
    return s


def serve(s):
    scrapes = dict.fromkeys([*PEERS, million_at_times], 0)
    by_name = {p.__name__: p for p in scrapes}

    def talk(c):
        with c:
            try:
                request = b''
                while b'\r\n\r\n' not in request:
                    part = c.recv(65536)
                    if not part:
                        return
                    request += part
                peer = by_name[request.split()[1].decode().lstrip('/')]
                scrapes[peer] += 1
                peer(c, scrapes[peer])
            except OSError:
                pass  # hung up on
    while True:
        c, _ = s.accept()
        threading.Thread(target=talk, args=(c,), daemon=True).start()


def serve_good(s):
    while True:
        c, _ = s.accept()
        with c:
            try:
                c.recv(65536)
                answer(c, b'good 1\n', more='Connection: close\r\n')
            except OSError:
                pass


class Beside:
    """processes of ours that serve a listening socket"""

    def __init__(self, *serves):
        self.ports, self.processes = [], []
        for what in serves:
            with listener() as s:
                self.ports.append(s.getsockname()[1])
                self.processes.append(multiprocessing.get_context('fork').Process(target=what, args=(s,), daemon=True))
                self.processes[-1].start()

    def stop(self):
        for p in self.processes:
            p.kill()
            p.join()


def status_bytes(server, key):
    with open('/proc/%d/status' % server.process.pid, encoding='ascii') as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith(key))


def ask_healthy(server, times, every=.05):
    """the longest of so many answers, in seconds"""
    longest = 0
    for _ in range(times):
        started = time.monotonic()
        assert server.get('/-/healthy')[0] == 200
        longest = max(longest, time.monotonic() - started)
        time.sleep(every)
    return longest


def check_reasons(tally, server):
    """what each scrape of some seconds said: the peer's own reason, and beside it nothing but that the
    largest answer of all gave way, which any of the large ones may be now and then"""
    said = {p.__name__: set() for p in PEERS}

    def all_said():
        for t in server.api('targets')['activeTargets']:
            said.get(t['labels']['job'], set()).add(t['lastError'])
        return all(own(p) for p in PEERS)

    def own(peer):
        return {text for text in said[peer.__name__] if all(w in text for w in PEERS[peer][1])}
    try:
        eventually(all_said, 20, .5)
    except AssertionError:
        pass  # told below, peer by peer
    for peer, (up, words) in PEERS.items():
        name = peer.__name__
        values = {v for what in ('min', 'max') for _, v in server.query('%s_over_time(up{job="%s"}[10m])' % (what, name))}
        others = {text for text in said[name] - own(peer) if peer not in LARGE or GAVE_WAY not in text}
        tally.check(values == {up} and own(peer) and not others and all(bool(text) != bool(up) for text in said[name]),
                    'bad target: ' + name, 'up %s: %s' % (values, said[name]))


def judge(tally):
    peers = Beside(serve, serve_good)
    job = '- {job_name: %s, metrics_path: /%s, static_configs: [{targets: ["127.0.0.1:%d"]}]%s}\n'
    text = 'global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n' + ''.join(
        job % (p.__name__, p.__name__, peers.ports[0], LIMITS.get(p, '')) for p in PEERS)
    text += job % ('good', 'good', peers.ports[1], ', scrape_interval: 1s, scrape_timeout: 1s')
    server = Server('--prometheus-config', '{dir}/p.yml', files={'p.yml': text})
    try:
        server.start()
        before = status_bytes(server, 'VmHWM')
        longest = ask_healthy(server, int(SECONDS / .05))
        eventually(lambda: len(server.query('count_over_time(up[1m]) >= 2')) > len(PEERS))
        check_reasons(tally, server)
        times = [float(v[0]) for v in server.api('query', query='good[1m]')['result'][0]['values']]
        gaps = [b - a for a, b in zip(times, times[1:])]
        tally.check(len(times) >= SECONDS - 1 and max(gaps) < 1.5, 'bad targets: the good one beside them has no gap',
                    '%d samples, the longest gap %.3f s' % (len(times), max(gaps)))
        tally.check(longest < HEALTHY_SECONDS * MARGIN, 'bad targets: /-/healthy', 'at most %.0f ms' % (longest * 1000))
        grown = status_bytes(server, 'VmHWM') - before
        tally.check(grown < GROWTH_BYTES, 'bad targets: memory', 'grown by %d MiB' % (grown >> 20))
        changes = [line for line in server.get('/metrics')[1].decode().splitlines()
                   if line.startswith('earshot_collect_type_changes_total')]
        words = 'changing was a gauge and now says that it is a counter'
        tally.check(len(changes) == 1 and float(changes[0].split()[-1]) > 1 and server.log_text().count(words) == 1,
                    'bad targets: changed types are counted, and told once', changes)
        # From /metrics: what is stored of earshot's own metrics may be 15 s old.
        refused = [line for line in server.get('/metrics')[1].decode().splitlines()
                   if line.startswith('earshot_tsdb_samples_refused_total{reason="future"}')]
        tally.check(len(refused) == 1 and float(refused[0].split()[-1]) > 0, 'bad targets: far-future samples are counted',
                    refused)
        status, _ = server.stop()
        tally.check(status == 0, 'bad targets: a clean end', 'status %s %s' % (status, server.log_text()[-1500:]))
    finally:
        server.close()
        peers.stop()


def judge_without_limits(tally):
    """a job without any limit gets a million new series, each second time"""
    peers = Beside(serve, serve_good)
    job = '- {job_name: %s, metrics_path: /%s, static_configs: [{targets: ["127.0.0.1:%d"]}], scrape_interval: %ds, scrape_timeout: %ds}\n'
    server = Server('--prometheus-config', '{dir}/p.yml', files={
        'p.yml': 'scrape_configs:\n' + job % ('million_at_times', 'million_at_times', peers.ports[0], 3, 3) + job % ('good', 'good', peers.ports[1], 1, 1)})
    said, healths = set(), set()

    def both_twice():
        for t in server.api('targets')['activeTargets']:
            if t['labels']['job'] == 'million_at_times' and t['health'] != 'unknown':
                said.add(t['lastError'])
                healths.add(t['health'])
        return len(server.query('count_over_time(up{job="million_at_times"}[1m]) >= 5'))
    try:
        server.start()
        before = status_bytes(server, 'VmHWM')
        eventually(both_twice, 40, .2)
        grown = status_bytes(server, 'VmHWM') - before
        tally.check(healths == {'up', 'down'} and said - {''} and all('sample_limit or body_size_limit' in text for text in said - {''}),
                    'a million new series without limits: is told, and the next scrape works', '%s %s' % (healths, said))
        tally.check(server.query('count_over_time(between[1m])') and not server.query('new_series_total'),
                    'a million new series without limits: nothing of them is stored', '')
        times = [float(v[0]) for v in server.api('query', query='good[1m]')['result'][0]['values']]
        gaps = [b - a for a, b in zip(times, times[1:])]
        tally.check(max(gaps) < 1.5, 'a million new series without limits: the good one beside it has no gap',
                    '%d samples, the longest gap %.3f s' % (len(times), max(gaps)))
        tally.check(grown < GROWTH_BYTES, 'a million new series without limits: memory', 'grown by %d MiB' % (grown >> 20))
    finally:
        server.close()
        peers.stop()


def write_bomb(declared, mebibytes):
    """a snappy block of so many MiB of zeros that says it is of `declared` bytes"""
    return remote.varint(declared) + b'\0\0' + b'\xfe\x01\0' * (mebibytes << 14)


def ask_while(work, server):
    """(what each of `work` gave, the longest of 200 answers of /-/healthy while they ran, in a process of their own)"""
    def run(results):
        with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
            results.send([r.result() for r in [pool.submit(w) for w in work]])
    fork = multiprocessing.get_context('fork')
    results, their_end = fork.Pipe(False)
    p = fork.Process(target=run, args=(their_end,), daemon=True)
    p.start()
    longest = ask_healthy(server, 200, .01)
    assert results.poll(60), 'no results within 60 s'
    out = results.recv()
    p.join()
    return out, longest


def judge_ten_at_once(tally):
    """ten bombs are scraped at once; then ten heavy queries and ten bombs of remote write come at once"""
    peers = Beside(serve)
    jobs = ''.join('- {job_name: "%s-%d", metrics_path: /%s, static_configs: [{targets: ["127.0.0.1:%d"]}], sample_limit: 10000}\n' %
                   (p.__name__, i, p.__name__, peers.ports[0]) for p in (bomb, million) for i in range(5))
    server = Server('--prometheus-config', '{dir}/p.yml', files={
        'p.yml': 'global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n' + jobs})
    query = lambda i: lambda: server.get('/api/v1/query?query=sum_over_time(vector(1)%%5B100d:1s%%5D)&time=%d' % (1700000000 + i))[0]
    bombs = [write_bomb(32 << 20, 32), write_bomb((1 << 32) - 1, 32)]
    write = lambda i: lambda: server.request('POST', '/api/v1/write', bombs[i % 2], remote.HEADERS)[0]
    try:
        server.start()
        before = status_bytes(server, 'VmHWM')
        _, longest = ask_while([lambda: time.sleep(4)], server)
        tally.check(longest < HEALTHY_SECONDS * MARGIN, 'ten bombs scraped at once: /-/healthy', 'at most %.0f ms' % (longest * 1000))
        told = lambda: {t['lastError'] for t in server.api('targets')['activeTargets'] if t['labels']['job'] != 'earshot'}
        try:
            eventually(lambda: '' not in told())
        except AssertionError:
            pass  # told below
        said = told()
        tally.check('' not in said, 'ten bombs scraped at once: each is told', said)
        scraped = status_bytes(server, 'VmHWM') - before
        light = lambda: [server.get('/api/v1/query?query=count(up)')[0] for _ in range(20)]
        (*codes, lights), longest = ask_while([query(i) for i in range(10)] + [write(i) for i in range(10)] + [light], server)
        tally.check(longest < HEALTHY_SECONDS * MARGIN, 'ten heavy queries and ten bombs written at once: /-/healthy',
                    'at most %.0f ms' % (longest * 1000))
        tally.check(all(c in (422, 503) for c in codes[:10]) and all(400 <= c < 500 for c in codes[10:]) and set(lights) == {200},
                    'ten heavy queries and ten bombs written at once: answers', '%s %s' % (codes, lights))
        starved = next(int(float(line.split()[-1])) for line in server.get('/metrics')[1].decode().splitlines()
                       if line.startswith('earshot_api_starved_total'))
        tally.check(starved == codes.count(503), 'ten heavy queries at once: those without memory are counted', starved)
        grown = status_bytes(server, 'VmHWM') - before
        tally.check(scraped < GROWTH_BYTES, 'ten bombs scraped at once: memory', 'grown by %d MiB' % (scraped >> 20))
        tally.check(grown < scraped + QUERIES_BYTES + WRITES_BYTES, 'ten heavy queries and ten bombs written at once: memory',
                    'grown by %d MiB' % (grown >> 20))
        status, _ = server.stop()
        tally.check(status == 0, 'ten at once: a clean end', 'status %s %s' % (status, server.log_text()[-1500:]))
    finally:
        server.close()
        peers.stop()
