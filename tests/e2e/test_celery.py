"""collect.celery beside a real Celery (Debian's) on a real Redis."""
import base64
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
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
app.conf.task_send_sent_event = True
app.conf.broker_transport_options = {'queue_order_strategy': 'priority', 'priority_steps': [0, 3, 6, 9]}

@app.task(name='pipeline.transcribe')
def transcribe(seconds):
    time.sleep(seconds)

@app.task(name='pipeline.broken')
def broken():
    raise ValueError('a file that is none')
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

    def test_results_are_counted_where_they_are_kept(self):
        self.redis.send('SELECT 2', *('SET celery-task-meta-%d x' % i for i in range(7)), 'SET other x')
        server = Server('--config', '{dir}/e.yml', files={'e.yml': '''collect:
  celery: [{broker: 'redis://127.0.0.1:%d/1', results: 'redis://127.0.0.1:%d/2', interval: 500ms}]
''' % (self.redis.port, self.redis.port)}).start()
        self.addCleanup(server.close)
        eventually(lambda: server.query('redis_keys_count{job="celery",db="db2",key="celery-task-meta-*"} == 7'))
        eventually(lambda: server.query('up{job="celery",endpoint="results"} == 1'))

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


class Events(unittest.TestCase):
    """a real worker with its events on, heard by earshot, which sends nothing"""

    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()
        cls.dir = tempfile.mkdtemp(prefix='earshot-celery-')
        with open(cls.dir + '/app.py', 'w', encoding='ascii') as f:
            f.write(APP % cls.redis.port)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': '''collect:
  celery: [{broker: 'redis://127.0.0.1:%d/1', queues: [celery, later], events: true, interval: 500ms, stuck_after: 3s}]
''' % cls.redis.port}).start()
        eventually(lambda: cls.server.query('earshot_celery_listening == 1'))
        cls.worker = Peer(DEBIAN_PYTHON, '-m', 'celery', '-A', 'app', 'worker', '--concurrency', '1', '-E', '-n', 'gpu-1@box', '-l', 'info',
                          cwd=cls.dir, env={**os.environ, 'C_FORCE_ROOT': '1'})
        eventually(lambda: cls.server.query('celery_worker_up{job="celery",hostname="gpu-1@box"} == 1'), 60)

    @classmethod
    def tearDownClass(cls):
        cls.worker.stop()
        cls.server.close()
        cls.redis.close()
        shutil.rmtree(cls.dir, ignore_errors=True)

    def eventually(self, expr, seconds=30):
        return eventually(lambda: self.server.query(expr), seconds)

    def send(self, code):
        subprocess.run([DEBIAN_PYTHON, '-c', 'from app import *\n' + code], cwd=self.dir, check=True, timeout=60, capture_output=True)

    def test_1_tasks_are_counted_by_name_with_both_exporters_names(self):
        self.send("for i in range(4): transcribe.delay(.2)\nfor i in range(2): broken.delay()")
        self.eventually('celery_task_succeeded_total{job="celery",name="pipeline.transcribe"} == 4', 60)
        self.eventually('celery_task_received_total{name="pipeline.transcribe"} == 4')
        self.eventually('celery_task_failed_total{name="pipeline.broken"} == 2')
        self.eventually('celery_task_retried_total{name="pipeline.broken"} == 0')
        self.eventually('celery_task_runtime_count{name="pipeline.transcribe"} == 4')
        self.eventually('celery_task_runtime_sum{name="pipeline.transcribe"} > 0.7')
        self.eventually('celery_task_runtime_bucket{name="pipeline.transcribe",le="5"} == 4')
        self.eventually('flower_events_total{type="task-succeeded",task="pipeline.transcribe",worker="gpu-1@box"} == 4')
        self.eventually('flower_events_total{type="task-failed",task="pipeline.broken",worker="gpu-1@box"} == 2')
        self.eventually('sum(increase(flower_events_total{type="task-received"}[1m])) > 5.5') # from 0 on
        self.eventually('flower_worker_online{worker="gpu-1@box"} == 1')
        self.assertEqual(self.server.query('earshot_celery_events_invalid_total > 0'), [])
        # Each is a job, too, with its length, its name, and who did it.
        done = eventually(lambda: (lambda j: j if len(j) == 4 else None)(self.server.jobs('{job="celery",status="succeeded"}')))
        for text, seconds, labels in done:
            self.assertRegex(text, r'^pipeline\.transcribe job [0-9a-f-]{36}: succeeded$')
            self.assertAlmostEqual(seconds, .2, delta=.15)
            self.assertEqual((labels['name'], labels['worker']), ('pipeline.transcribe', 'gpu-1@box'))
        self.assertEqual({labels['name'] for _, _, labels in self.server.jobs('{job="celery",status="failed"}')}, {'pipeline.broken'})

    def test_2_a_worker_that_works_on_one_task_for_too_long_is_stuck_until_it_ends(self):
        self.send('transcribe.delay(8)')
        self.eventually('celery_worker_tasks_active{hostname="gpu-1@box"} == 1')
        self.assertEqual(self.server.query('earshot_celery_worker_stuck == 1'), [])
        self.eventually('earshot_celery_worker_stuck{hostname="gpu-1@box"} == 1')
        self.eventually('earshot_celery_worker_stuck{hostname="gpu-1@box"} == 0')
        self.eventually('earshot_celery_worker_no_progress_seconds == 0')

    def test_3_a_lost_connection_is_opened_anew_and_counted(self):
        self.redis.send('CLIENT KILL TYPE pubsub')
        self.eventually('earshot_celery_connections_lost_total >= 1')
        self.eventually('earshot_celery_listening == 1 and on (job) up{job="celery"} == 1')
        self.send('transcribe.delay(0)')
        self.eventually('celery_task_succeeded_total{name="pipeline.transcribe"} > 5')

    def test_4_where_producers_say_when_they_sent_the_next_task_is_as_old_as_it_is(self):
        self.send("for i in range(2): transcribe.apply_async((0,), queue='later')")
        self.eventually('celery_queue_oldest_age_seconds{queue_name="later"} > 2')
        self.redis.send('SELECT 1', 'RPOP later')
        self.eventually('celery_queue_length{queue_name="later"} == 1')
        self.assertGreater(self.server.query('celery_queue_oldest_age_seconds{queue_name="later"}')[0][1], 2)

    def test_5_a_worker_that_ends_is_down_and_still_told(self):
        self.worker.stop()
        self.eventually('celery_worker_up{hostname="gpu-1@box"} == 0')
        self.eventually('flower_worker_online{worker="gpu-1@box"} == 0')


class Flower(unittest.TestCase):
    def test_a_flower_is_scraped_unchanged_beside_the_broker(self):
        with open(os.path.join(os.path.dirname(__file__), '../samples/flower-metrics.txt'), 'rb') as f:
            text = f.read()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self): # noqa: N802
                known = self.path == '/metrics' and self.headers['Authorization'] == 'Basic ' + base64.b64encode(b'me:pw').decode()
                self.send_response(200 if known else 401)
                self.end_headers()
                self.wfile.write(text if known else b'')

            def log_message(self, *args):
                pass

        peer = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=peer.serve_forever, daemon=True).start()
        self.addCleanup(peer.server_close)
        self.addCleanup(peer.shutdown)
        redis = Redis()
        self.addCleanup(redis.close)
        server = Server('--config', '{dir}/e.yml', files={'e.yml': '''collect:
  celery: [{broker: 'redis://127.0.0.1:%d', flower: 'http://me:pw@127.0.0.1:%d', interval: 500ms}]
''' % (redis.port, peer.server_port)}).start()
        self.addCleanup(server.close)
        place = '127.0.0.1:%d' % redis.port
        self.assertEqual(eventually(lambda: server.query('sum(flower_events_total{job="celery",instance="%s",type="task-received"})' % place))[0][1], 2242)
        self.assertEqual(sorted(v for _, v in server.query('flower_worker_online{job="celery"}')), [0, 1])
        eventually(lambda: server.query('celery_queue_length{job="celery",instance="%s"}' % place))
        self.assertEqual(sorted(labels.get('endpoint', '') for labels, _ in server.query('up{job="celery"} == 1')), ['', '/metrics'])
        self.assertNotIn('pw@', json.dumps(server.api('targets')))


if __name__ == '__main__':
    unittest.main()
