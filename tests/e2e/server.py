"""One earshot on a private loopback port, for the scenarios: started, asked, ended by its pid."""
import datetime
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

BINARY = None  # set by run.py


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def eventually(what, seconds=20, every=.1):
    """the first true value of what(); what fails may be right the next time: not there yet, no JSON yet. Fails with
    the last value or error after `seconds`"""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            last = what()
            if last:
                return last
        except (OSError, http.client.HTTPException, KeyError, IndexError, ValueError, AssertionError) as e:
            last = e
        time.sleep(every)
    raise AssertionError('not within %d s: %r' % (seconds, last))


class Peer:
    """another program on loopback"""

    def __init__(self, *command, **options):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, **options)

    def log_bytes(self):
        self.log.seek(0)
        return self.log.read()

    def log_text(self):
        return self.log_bytes().decode('utf-8', 'replace')[-2000:]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Server:
    def __init__(self, *flags, files=None, data=None, listen=None, env=None):
        """files: {name: text} written beside the data directory; {dir} in flags is that folder; env: beside our own"""
        self.dir = tempfile.mkdtemp(prefix='earshot-e2e-')
        self.data = data or os.path.join(self.dir, 'data')
        self.port = free_port()
        self.listen = listen or '127.0.0.1:%d' % self.port
        self.flags = [f.replace('{dir}', self.dir) for f in flags]
        self.env = {**os.environ, **(env or {})}
        self.process = None
        for name, text in (files or {}).items():
            os.makedirs(os.path.dirname(os.path.join(self.dir, name)), exist_ok=True)
            with open(os.path.join(self.dir, name), 'wb') as f:
                f.write(text if isinstance(text, bytes) else text.encode())

    def command(self):
        return [BINARY, 'serve', '--listen', self.listen, '--data', self.data, *self.flags]

    def start(self):
        self.log = open(os.path.join(self.dir, 'log'), 'ab')
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, env=self.env)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError('ended with %s: %s' % (self.process.returncode, self.log_text()))
            return self.get('/-/ready')[0] == 200
        eventually(ready, every=.01)
        return self

    def refused(self, seconds=10):
        """(exit status, output) of a start that must end by itself"""
        r = subprocess.run(self.command(), capture_output=True, text=True, timeout=seconds, check=False)
        return r.returncode, r.stdout + r.stderr

    def log_text(self):
        with open(os.path.join(self.dir, 'log'), encoding='utf-8', errors='replace') as f:
            return f.read()

    def request(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read(), r.headers
        finally:
            c.close()

    def get(self, path, **headers):
        return self.request('GET', path, headers=headers)

    def api(self, path, **params):
        status, body, _ = self.get('/api/v1/' + path + ('?' + urllib.parse.urlencode(params, doseq=True) if params else ''))
        answer = json.loads(body)
        if status != 200:
            raise KeyError('%s: HTTP %d %s' % (path, status, answer))
        return answer['data']

    def query(self, expr, **params):
        """[(labels, value)] of an instant query"""
        return [(r['metric'], float(r['value'][1])) for r in self.api('query', query=expr, **params)['result']]

    def jobs(self, selector):
        """events of jobs whose labels match, of all times: [(text, seconds, labels)]"""
        params = urllib.parse.urlencode({'kind': 'job', 'start': 0, 'limit': 0, 'match[]': selector})
        at = datetime.datetime.fromisoformat
        return [(e['text'], e['end'] and (at(e['end'].replace('Z', '+00:00')) - at(e['start'].replace('Z', '+00:00'))).total_seconds(), e['labels'])
                for e in json.loads(self.get('/api/earshot/v1/events?' + params)[1])['data']]

    def raw(self, data, seconds=5):
        """what comes back for these very bytes, until the server closes or falls silent"""
        out = b''
        with socket.create_connection(('127.0.0.1', self.port), timeout=seconds) as s:
            s.sendall(data)
            try:
                while True:
                    part = s.recv(65536)
                    if not part:
                        break
                    out += part
            except socket.timeout:
                pass
            except ConnectionResetError:
                pass
        return out

    def stop(self, sig=signal.SIGTERM):
        """(exit status, seconds)"""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError('did not end within 20 s of signal %d' % sig) from None
        self.log.close()
        return self.process.returncode, time.monotonic() - started

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
