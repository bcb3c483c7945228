"""What the scenarios of the packs share: a service made of tests/samples, and one earshot with the pack."""
import json
import os
import re
import subprocess
import unittest

import peers
import server as fixture
from server import Server, eventually

UP = 'up{job!~"earshot|gpu|node"} == 1'
SAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'samples')


def sample(name):
    with open(os.path.join(SAMPLES, name), encoding='utf-8') as f:
        return f.read()


class Service:
    """a scripted peer: what it answers at a path is what `answers` says at that moment"""

    def __init__(self, answers):
        """{path: text, or (status, headers, text), or a function of the request}"""
        self.answers = dict(answers)
        self.target = peers.Target(self.answer)
        self.address, self.stop = self.target.address, self.target.stop

    def answer(self, request):
        found = self.answers.get(request.path, (404, {}, 'no\n'))
        if callable(found):
            found = found(request)
        if isinstance(found, str):
            return 200, {'Content-Type': 'application/json' if found[:1] in '{[' else peers.METRICS}, found
        return found


class PackTest(unittest.TestCase):
    """one service and one earshot for a class: `answers`, and `config` with %(address)s"""
    answers, config, ups = {}, '', 0

    @classmethod
    def files(cls):
        """further ones beside the configuration"""
        return {}

    @classmethod
    def setUpClass(cls):
        cls.service = Service(cls.answers)
        cls.addClassCleanup(cls.service.stop)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': cls.config % {'address': cls.service.address}, **cls.files()}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(cls.all_up)

    @classmethod
    def all_up(cls):
        if len(cls.server.query(UP)) >= cls.ups:
            return True
        raise AssertionError({t['labels'].get('endpoint'): t['lastError'] for t in cls.server.api('targets')['activeTargets'] if t['health'] != 'up'})

    def setUp(self):
        eventually(self.all_up)  # after what the test before had changed

    def change(self, path, answer):
        """until the end of this test"""
        self.addCleanup(self.service.answers.__setitem__, path, self.service.answers[path])
        self.service.answers[path] = answer if not isinstance(answer, (dict, list)) else json.dumps(answer)

    def series(self, expr, *names):
        """{values of these labels: value}"""
        return {tuple(labels.get(n, '') for n in names) if len(names) > 1 else labels.get(names[0], ''): value
                for labels, value in self.server.query(expr)}

    def types(self, names):
        """{name: its type, as the service says it}, of the names that this regex matches"""
        return {name: said[0]['type'] for name, said in self.server.api('metadata').items() if re.fullmatch(names, name)}

    def logs(self, *words):
        """the lines that `earshot logs` prints"""
        r = subprocess.run([fixture.BINARY, 'logs', '--url=http://127.0.0.1:%d' % self.server.port, '--json', *words],
                           capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((r.returncode, r.stderr), (0, ''))
        return [json.loads(line) for line in r.stdout.splitlines()]

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def becomes(self, expr, value):
        eventually(lambda: [v for _, v in self.server.query(expr)] == [value])

    def error(self, **labels):
        return next(t['lastError'] for t in self.server.api('targets')['activeTargets'] if labels.items() <= t['labels'].items())

    def assert_down(self, job, endpoint, answer, words):
        """with this answer `up` of the endpoint is 0, and it is said why"""
        self.change(endpoint, answer)
        own = '{job="%s",endpoint="%s"}' % (job, endpoint)
        eventually(lambda: self.value('up' + own) == 0)
        eventually(lambda: words in self.error(job=job, endpoint=endpoint))
