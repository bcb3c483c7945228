"""What earshot asks in the scenarios: HTTP servers of the test's own process, and their certificates."""
import http.server
import os
import select
import socket
import ssl
import subprocess
import tempfile
import threading

METRICS = 'text/plain; version=0.0.4'


class Target:
    """an HTTP server on loopback that answers by answer(request) and keeps what it was asked"""

    def __init__(self, answer=None, host='127.0.0.1', port=0, tls=None, tunnel_to=None, tunnel_for=None):
        """answer gives (status, headers, text); tls: an ssl.SSLContext; as a proxy it lets those with these
        credentials through to `tunnel_to`"""
        self.asked = []  # of (path, headers), as they came
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                length = int(self.headers.get('Content-Length') or 0)
                self.body = self.rfile.read(length).decode()
                target.asked.append((self.path, self.headers))
                status, headers, text = (answer or metrics)(self)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET

            def do_CONNECT(self):
                self.close_connection = True
                if not tunnel_to or self.headers.get('Proxy-Authorization') != tunnel_for:
                    self.send_error(407)
                    return
                host, port = tunnel_to.split(':')
                with socket.create_connection((host, int(port))) as there:
                    self.send_response(200)
                    self.end_headers()
                    pipe(self.connection, there)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # who does not trust us goes in the middle of a handshake

        self.server = Quiet((host, port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.address = '%s:%d' % (host, self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def pipe(a, b):
    while True:
        for s in select.select([a, b], [], [])[0]:
            part = s.recv(65536)
            if not part:
                return
            (b if s is a else a).sendall(part)


def metrics(_):
    return 200, {'Content-Type': METRICS}, 'peer_value 1\n'


def wants(header, *values):
    """metrics for who sends one of these, 401 for others"""
    return lambda request: metrics(request) if request.headers.get(header) in values else (401, {}, 'no\n')


def json(text):
    return 200, {'Content-Type': 'application/json'}, text


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Certificates:
    """an authority of the test's own in a folder: ca.pem, and NAME.pem with NAME.key"""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out',
                 'ca.pem', '-days', '2', '-subj', '/CN=the test authority')

    def run(self, *arguments):
        subprocess.run(['openssl', *arguments], cwd=self.folder.name, check=True, capture_output=True)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def make(self, name, names):
        """names: 'IP:127.0.0.1,DNS:a.test'"""
        with open(self.path(name + '.ext'), 'w', encoding='ascii') as f:
            f.write('subjectAltName=%s\n' % names)
        self.run('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', name + '.key',
                 '-out', name + '.csr', '-subj', '/CN=' + name)
        self.run('x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
                 '-extfile', name + '.ext', '-out', name + '.pem')

    def context(self, name, client=False):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.path(name + '.pem'), self.path(name + '.key'))
        if client:
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_verify_locations(self.path('ca.pem'))
        return c
