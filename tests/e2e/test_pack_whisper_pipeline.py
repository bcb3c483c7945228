"""The pack whisper-pipeline, reached directly: a real Redis and PostgreSQL, a scripted API and Flower."""
import unittest

import peers
from packs import sample
from server import Server, eventually
from services import Postgres, Redis
from sshd import USER, Sshd

API = '''# TYPE http_requests_total counter
http_requests_total{method="POST",endpoint="/transcribe",status="200"} 940
http_requests_total{method="POST",endpoint="/transcribe",status="503"} 12
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{endpoint="/transcribe",le="0.5"} 100
http_request_duration_seconds_bucket{endpoint="/transcribe",le="+Inf"} 952
http_request_duration_seconds_sum{endpoint="/transcribe"} 3100
http_request_duration_seconds_count{endpoint="/transcribe"} 952
# TYPE http_requests_in_progress gauge
http_requests_in_progress{endpoint="/transcribe"} 3
'''
CONFIG = '''packs:
- whisper-pipeline:
    api: http://%(peer)s/metrics
    flower: http://%(peer)s/flower/metrics
    flower_auth: admin:se:cret
    redis: redis://127.0.0.1:%(redis)d
    postgres: postgresql://test@127.0.0.1:%(postgres)d/postgres?sslmode=disable
    queues: [celery, transcribe]
    interval: 1s
'''

FAR = '''packs:
- whisper-pipeline:
    ssh: %(user)s@127.0.0.1:%(port)d
    identity_file: %(key)s
    known_hosts: %(known_hosts)s
    api: http://%(peer)s/metrics
    flower: http://%(peer)s/flower/metrics
    flower_auth_file: flower-password
    redis: off
    postgres_exporter: http://%(exporter)s/metrics
    interval: 1s
'''


def answer(request):
    if request.path == '/metrics':
        return 200, {'Content-Type': peers.METRICS}, API
    if request.headers.get('Authorization') != 'Basic YWRtaW46c2U6Y3JldA==':
        return 401, {}, 'no\n'
    return 200, {'Content-Type': peers.METRICS}, sample('flower-metrics.txt')


class WhisperPipeline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.stop)
        cls.redis = Redis()
        cls.addClassCleanup(cls.redis.stop)
        cls.target = peers.Target(answer)
        cls.addClassCleanup(cls.target.stop)
        cls.postgres.wait()
        cls.postgres.ask('INSERT INTO jobs(v) SELECT generate_series(1, 40); ANALYZE jobs; SELECT count(*) FROM jobs')
        cls.redis.wait().send('LPUSH celery a b c', 'SET x 1', 'GET x', 'GET y', 'QUIT')
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % {
            'peer': cls.target.address, 'redis': cls.redis.port, 'postgres': cls.postgres.port}}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: len(cls.server.query('up{job=~"whisper-.*"} == 1')) == 5)

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def test_the_api_comes_unchanged(self):
        """S4.6, S4.7, S4.8: requests by method, endpoint and status, their duration, those in progress"""
        own = '{job="whisper-api",instance="%s",endpoint="/transcribe"%%s}' % self.target.address
        self.assertEqual(self.value('http_requests_total' + own % ',method="POST",status="503"'), 12)
        self.assertEqual(self.value('http_request_duration_seconds_bucket' + own % ',le="0.5"'), 100)
        self.assertEqual(self.value('http_requests_in_progress' + own % ''), 3)
        self.assertEqual(self.value('up{job="whisper-api",endpoint="/metrics"}'), 1)

    def test_flower_is_asked_with_its_password(self):
        """S4.9, S4.10, S4.42: events by type, workers online, behind basic auth"""
        own = '{job="whisper-flower"%s}'
        self.assertEqual(self.value('flower_events_total' + own % ',type="task-received",worker="celery@gpu-1"'), 1840)
        self.assertEqual(self.value('sum(flower_events_total' + own % ',type="task-succeeded"' + ')'), 2192)
        self.assertEqual(self.value('flower_events_total' + own % ',type="task-failed"'), 31)
        self.assertGreaterEqual(len(self.server.query('flower_worker_online' + own % '')), 1)

    def test_postgresql_is_asked_by_sql(self):
        """S4.11-S4.14: pg_stat_activity_count, pg_database_size_bytes, pg_stat_user_tables_n_live_tup, _seq_scan"""
        own = '{job="whisper-postgres",instance="127.0.0.1:%d"%%s}' % self.postgres.port
        self.assertGreaterEqual(len(self.server.query('pg_stat_activity_count' + own % ',datname="postgres"')), 1)
        self.assertGreater(self.value('pg_database_size_bytes' + own % ',datname="postgres"'), 1 << 20)
        self.assertEqual(self.value('pg_stat_user_tables_n_live_tup' + own % ',relname="jobs"'), 40)
        self.assertGreaterEqual(self.value('pg_stat_user_tables_seq_scan' + own % ',relname="jobs"'), 1)

    def test_redis_is_asked_itself(self):
        """S4.15-S4.19: memory, clients, commands, hits and misses"""
        own = '{job="whisper-redis",instance="127.0.0.1:%d"}' % self.redis.port
        self.assertGreater(self.value('redis_memory_used_bytes' + own), 1 << 19)
        self.assertGreaterEqual(self.value('redis_connected_clients' + own), 1)
        self.assertGreater(self.value('redis_commands_processed_total' + own), 4)
        self.assertGreaterEqual(self.value('redis_keyspace_hits_total' + own), 1)
        self.assertGreaterEqual(self.value('redis_keyspace_misses_total' + own), 1)

    def test_queues_have_a_length_also_when_they_are_gone(self):
        """S4.32's celery_queue_length by LLEN, 0 when the list is gone"""
        own = 'celery_queue_length{job="whisper-redis",queue_name="%s"}'
        self.assertEqual(self.value(own % 'celery'), 3)
        self.assertEqual(self.value(own % 'transcribe'), 0)


class BehindSsh(unittest.TestCase):
    """the same services, of which only the SSH port can be reached: each answers at the far loopback"""

    @classmethod
    def setUpClass(cls):
        cls.sshd = Sshd()
        cls.addClassCleanup(cls.sshd.close)
        cls.target = peers.Target(answer)
        cls.addClassCleanup(cls.target.stop)
        cls.exporter = peers.Target(lambda r: (200, {'Content-Type': peers.METRICS}, 'pg_stat_activity_count{datname="app"} 5\n'))
        cls.addClassCleanup(cls.exporter.stop)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': FAR % {
            'peer': cls.target.address, 'exporter': cls.exporter.address, 'user': USER, 'port': cls.sshd.port, 'key': cls.sshd.key,
            'known_hosts': cls.sshd.known_hosts}, 'flower-password': 'admin:se:cret\n'}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: len(cls.server.query('up{job=~"whisper-.*",host="127.0.0.1"} == 1')) == 3)

    def test_all_comes_through_the_tunnel_with_the_name_of_the_host(self):
        """S4.1-S4.3: job, instance as seen there, and host on everything"""
        own = '{job="whisper-api",instance="%s",host="127.0.0.1"}' % self.target.address
        self.assertEqual([v for _, v in self.server.query('http_requests_in_progress' + own)], [3])
        self.assertEqual([v for _, v in self.server.query('pg_stat_activity_count{job="whisper-postgres",host="127.0.0.1"}')], [5])
        eventually(lambda: self.server.query('flower_events_total{job="whisper-flower",host="127.0.0.1",type="task-failed"}'))
        eventually(lambda: self.server.query('earshot_ssh_up{host="127.0.0.1"} == 1'))

    def test_a_mistake_in_the_address_is_told_at_the_pack(self):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'packs:\n- whisper-pipeline: {ssh: "me@", redis: off, postgres: off}\n'})
        self.addCleanup(server.close)
        status, said = server.refused()
        self.assertEqual(status, 2)
        self.assertIn('e.yml:2:27: ssh: expected user@host', said)
