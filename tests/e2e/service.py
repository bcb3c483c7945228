"""A small web service with the usual metrics of Debian's python3-prometheus-client: service.py PORT."""
import http.server
import random
import sys
import time

import prometheus_client as p

REQUESTS = p.Counter('http_requests_total', 'Requests by outcome', ['method', 'path', 'status'])
LATENCY = p.Histogram('http_request_duration_seconds', 'How long requests took', ['path'])
SEPARATIONS = p.Counter('separations_total', 'Separations by outcome', ['status', 'model'])
SEPARATION_TIME = p.Histogram('separation_duration_seconds', 'How long a separation took', ['model'],
                              buckets=(.5, 1, 2.5, 5, 10, 30, 60))
ERRORS = p.Counter('errors_total', 'Errors by kind', ['kind'])
CPU = p.Gauge('cpu_usage_percent', 'CPU use of the machine')
MEMORY = p.Gauge('memory_percent', 'Memory use of the machine')
SIZE = p.Summary('upload_bytes', 'Size of what was uploaded')
BUILD = p.Info('service_build', 'What runs here')
STATE = p.Enum('service_state', 'What it does', states=['starting', 'running', 'stopping'])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/metrics':
            CPU.set(round(random.uniform(5, 95), 1))
            MEMORY.set(random.gauss(60, 5))
            encode, kind = p.exposition.choose_encoder(self.headers.get('Accept', ''))
            return self.answer(200, encode(p.REGISTRY), kind)
        path = self.path.split('?')[0]
        status = {'/health': 200, '/separate': 200, '/fail': 500}.get(path, 404)
        if path == '/separate':
            model = random.choice(['htdemucs', 'mdx', 'a "quoted"\\name\nof two lines'])
            SEPARATIONS.labels('success' if random.random() < .9 else 'failure', model).inc()
            SEPARATION_TIME.labels(model).observe(random.expovariate(1 / 6))
            SIZE.observe(random.randrange(1 << 20, 1 << 26))
        if status == 500:
            ERRORS.labels(random.choice(['timeout', 'out_of_memory'])).inc()
        REQUESTS.labels('GET', path, str(status)).inc()
        LATENCY.labels(path).observe(random.expovariate(20))
        return self.answer(status, b'%d\n' % status, 'text/plain')

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    BUILD.info({'version': '1.2.3', 'started': time.strftime('%Y')})
    STATE.state('running')
    http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()


if __name__ == '__main__':
    main()
