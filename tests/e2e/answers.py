"""A small web service that answers every path alike: answers.py PORT CONTENT_TYPE FILE [STATUS]."""
import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[3], 'rb') as f:
            body = f.read()
        found = self.path == '/metrics'
        self.send_response(int((sys.argv[4:] or ['200'])[0]) if found else 404)
        self.send_header('Content-Type', sys.argv[2])
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == '__main__':
    http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
