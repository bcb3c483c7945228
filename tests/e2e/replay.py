"""A proxy in front of exporters that shows every server the same history.

Two servers never scrape at the same moment, so that their samples of a busy exporter differ. Recording, the
proxy fetches each exporter once a step, stamps every sample with an explicit timestamp (steps are `step_ms`
apart on paper, however fast they are taken) and gives each server, known by its User-Agent, all bodies in
their order. Live, it passes requests through as they are.
"""
import collections
import http.server
import re
import threading
import time

from services import get

# name, labels with quoted strings in them, value; what has a timestamp already is left alone
SAMPLE = re.compile(rb'^([A-Za-z_:][A-Za-z0-9_:]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[ \t]+[^ \t\n]+)[ \t]*$', re.M)
CLASSIC = {'Accept': 'text/plain;version=0.0.4'}


def stamped(body, ts):
    return SAMPLE.sub(lambda m: m[1] + b' %d' % ts, body)


def series_of(body):
    return {m[1].rsplit(None, 1)[0] for m in SAMPLE.finditer(body)}


def without(body, new):
    """the body without samples of these series"""
    return SAMPLE.sub(lambda m: b'' if m[1].rsplit(None, 1)[0] in new else m[0], body)


class Replay:
    def __init__(self, exporters, step_ms, steps, first_ms, scripted=()):
        """exporters: {name: url}; a target's metrics_path is /NAME/metrics.

        What an exporter that is not scripted did not tell at the first step is left out: network devices come where
        others work on the machine, and a counter that begins within a window is extended to the left another way in
        2.42 than in 3.x (prometheus/prometheus#13725; src/promql/cases/rate.test has that)."""
        self.exporters, self.steps, self.scripted = exporters, steps, scripted
        self.at_ms = [first_ms + i * step_ms for i in range(steps)]
        self.bodies = {name: [] for name in exporters}
        self.seen = collections.defaultdict(int)  # (name, agent) -> answers given so far
        self.down, self.live = set(), False
        self.lock = threading.Lock()  # guards bodies and seen
        replay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                status, body, kind = replay.answer(self.path.split('/')[1], self.headers)
                self.send_response(status)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def record(self, every):
        """takes all steps, one each `every` seconds; returns when the last is taken"""
        first = {}
        for i in range(self.steps):
            began = time.monotonic()
            for name, url in self.exporters.items():
                status, body, _ = get(url, CLASSIC)
                assert status == 200, (name, status, body[:200])
                if i == 0:
                    first[name] = series_of(body)
                if name not in self.scripted:
                    body = without(body, series_of(body) - first[name])
                with self.lock:
                    self.bodies[name].append(stamped(body, self.at_ms[i]))
            time.sleep(max(0, began + every - time.monotonic()))

    def given(self, agent):
        """how many bodies of every exporter this server has"""
        with self.lock:
            return min(max([n // 2 for (of, who), n in self.seen.items() if of == name and agent in who.lower()],
                           default=0) for name in self.exporters)

    def answer(self, name, headers):
        agent = headers.get('User-Agent', '')
        if name in self.down or name not in self.exporters:
            return 503, b'down', 'text/plain'
        if self.live:
            try:
                return get(self.exporters[name], {'Accept': headers.get('Accept', '')})
            except OSError as e:
                return 502, str(e).encode(), 'text/plain'
        with self.lock:
            # Each body twice, so that one scrape may fail on a busy machine: the same samples at the same times
            # are taken once. So is the last, again and again, where nothing new is here yet.
            at = self.seen[name, agent] // 2
            if at >= len(self.bodies[name]):
                at = len(self.bodies[name]) - 1
            else:
                self.seen[name, agent] += 1
            body = self.bodies[name][at] if at >= 0 else b''
        return 200, body, 'text/plain; version=0.0.4; charset=utf-8'

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
