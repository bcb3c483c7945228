"""collect.celery beside a real Celery (Debian's) on a real Redis."""
import os
import subprocess
import tempfile
import shutil
import time
import unittest

from server import Peer, Server, eventually
from services import DEBIAN_PYTHON
from test_redis import Redis

APP = '''
import time
import celery
app = celery.Celery('app', broker='redis://127.0.0.1:%d/1')
app.conf.worker_prefetch_multiplier = 1
app.conf.task_acks_late = True
app.conf.broker_transport_options = {'queue_order_strategy': 'priority', 'priority_steps': [0, 3, 6, 9]}

@app.task(name='pipeline.transcribe')
def transcribe(seconds):
    time.sleep(seconds)
'''


class Queues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()
        cls.dir = tempfile.mkdtemp(prefix='earshot-celery-')
        with open(cls.dir + '/app.py', 'w', encoding='ascii') as f:
            f.write(APP % cls.redis.port)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': '''collect:
  host: {interval: 1s}
  celery: [{broker: 'redis://127.0.0.1:%d/1', queues: [celery, transcribe, nothing], interval: 500ms}]
''' % cls.redis.port}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.redis.close()
        shutil.rmtree(cls.dir, ignore_errors=True)

    def send(self, code):
        subprocess.run([DEBIAN_PYTHON, '-c', 'from app import transcribe\n' + code], cwd=self.dir, check=True, timeout=60,
                       capture_output=True)

    def worker(self):
        peer = Peer(DEBIAN_PYTHON, '-m', 'celery', '-A', 'app', 'worker', '--concurrency', '1', '--pool', 'solo',
                    '-Q', 'celery,transcribe', '-l', 'info', cwd=self.dir, env={**os.environ, 'C_FORCE_ROOT': '1'})
        self.addCleanup(peer.stop)
        return peer

    def eventually(self, expr, seconds=30):
        return eventually(lambda: self.server.query(expr), seconds)[0][1]

    def test_tasks_wait_age_are_taken_and_are_gone(self):
        self.eventually('celery_queue_length{job="celery",queue_name="celery"} == 0')
        self.eventually('celery_queue_length{queue_name="nothing"} == 0')
        self.eventually('celery_queue_unacked == 0')
        self.send("for i in range(3): transcribe.apply_async((0,), queue='celery')\n"
                  "for i in range(5): transcribe.apply_async((2.5,), queue='transcribe', priority=3 * (i % 2))")
        self.eventually('celery_queue_length{queue_name="celery"} == 3')
        self.eventually('celery_queue_length{queue_name="transcribe"} == 5')
        started = time.monotonic()
        age = self.eventually('celery_queue_oldest_age_seconds{queue_name="transcribe"} > 2')
        self.assertLess(age, time.monotonic() - started + 3)
        self.worker()
        self.eventually('celery_queue_unacked >= 1', 60)
        self.eventually('celery_queue_oldest_unacked_seconds > 0')
        self.eventually('celery_queue_length{queue_name="transcribe"} == 0', 60)
        self.eventually('celery_queue_length{queue_name="celery"} == 0', 60)
        self.eventually('celery_queue_oldest_age_seconds{queue_name="transcribe"} == 0')
        self.eventually('celery_queue_unacked == 0', 60)
        self.eventually('celery_queue_oldest_unacked_seconds == 0')

    def test_the_target_is_the_broker(self):
        target = eventually(lambda: [t for t in self.server.api('targets')['activeTargets']
                                     if t['labels']['job'] == 'celery' and t['health'] == 'up'])[0]
        self.assertEqual(target['labels']['instance'], '127.0.0.1:%d' % self.redis.port)

    def test_a_broker_that_is_gone_is_down_and_says_why(self):
        redis = Redis()
        self.addCleanup(redis.close)
        server = Server('--config', '{dir}/e.yml', files={
            'e.yml': "collect: {celery: [{broker: 'redis://127.0.0.1:%d', interval: 500ms}]}\n" % redis.port}).start()
        self.addCleanup(server.close)
        eventually(lambda: server.query('up{job="celery"} == 1'))
        redis.stop()
        eventually(lambda: server.query('up{job="celery"} == 0'))
        self.assertIn('nothing listens there', next(t for t in server.api('targets')['activeTargets']
                                                    if t['labels']['job'] == 'celery')['lastError'])


if __name__ == '__main__':
    unittest.main()
