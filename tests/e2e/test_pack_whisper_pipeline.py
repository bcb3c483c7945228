"""The pack whisper-pipeline on a machine of which only the SSH port can be reached: a real Redis, PostgreSQL, their
exporters and sshd, a scripted API and Flower, all at their usual ports of the far loopback. Where it is watched from,
others listen at the same ports: who asks them by mistake is told nothing true, and found out."""
import os
import socket
import threading
import time
import unittest

import peers
from network import Far, Network
from packs import sample
from server import Server, eventually
from services import Exporter, Postgres, Redis, get
from sshd import USER, Sshd, descendants, status

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
HTTP_PORTS = 8000, 5555, 9187, 9121
PORTS = *HTTP_PORTS, 6379, 5432
PACK = '''- whisper-pipeline:
    %(ssh)sflower_auth: admin:se:cret
    postgres: postgresql://test@127.0.0.1:5432/postgres?sslmode=disable
    queues: [celery, transcribe]
    interval: 1s
'''
EXPORTERS = '''- whisper-pipeline:
    %(ssh)sinstance: exporters
    api: off
    flower: off
    redis_exporter: http://127.0.0.1:9121/metrics
    postgres_exporter: http://127.0.0.1:9187/metrics
    interval: 1s
'''
SSH = '''ssh: %(user)s@%(address)s:%(port)d
    identity_file: %(key)s
    known_hosts: %(known_hosts)s
    '''


class Machine:
    """the far machine, made once for all classes of this file"""

    def __init__(self, cleanup):
        near = Network()
        near.enter()
        cleanup(near.leave)
        self.far = Far()
        cleanup(self.far.close)

        def part(what):
            cleanup(what.stop)
            return what
        with self.far.inside():
            self.postgres = part(Postgres(port=5432))
            self.redis = part(Redis(port=6379))
            part(peers.Target(lambda r: (200, {'Content-Type': peers.METRICS}, API), port=8000))
            part(peers.Target(flower, port=5555))
            exporters = [part(Exporter('prometheus-redis-exporter', '-web.listen-address=127.0.0.1:{port}',
                                       '-redis.addr=redis://127.0.0.1:6379', port=9121)), part(self.postgres.exporter(port=9187))]
            self.sshd = Sshd(address=Far.THERE)
            cleanup(self.sshd.close)
            self.redis.wait().send('LPUSH celery a b c', 'SET x 1', 'GET x', 'GET y', 'QUIT')
            self.postgres.wait()
            self.postgres.ask('INSERT INTO jobs(v) SELECT generate_series(1, 40); ANALYZE jobs; SELECT count(*) FROM jobs')
            for e in exporters:
                e.wait()
        self.ssh = SSH % {'user': USER, 'address': Far.THERE, 'port': self.sshd.port, 'key': self.sshd.key, 'known_hosts': self.sshd.known_hosts}

    def session(self):
        """processes of the connections there"""
        return descendants(self.sshd.peer.process.pid)


def flower(request):
    if request.headers.get('Authorization') != 'Basic YWRtaW46c2U6Y3JldA==':
        return 401, {}, 'no\n'
    return 200, {'Content-Type': peers.METRICS}, sample('flower-metrics.txt')


class Decoy:
    """takes every connection, counts them and hangs up"""

    def __init__(self, port):
        self.taken = 0
        self.listener = socket.create_server(('127.0.0.1', port))
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.taken += 1
            peer.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


machine = None


def setUpModule():
    global machine
    if os.getuid() != 0:
        raise unittest.SkipTest('only root makes network namespaces')
    machine = Machine(unittest.addModuleCleanup)


class WhisperPipeline(unittest.TestCase):
    """through one SSH connection, from another machine; a second one takes the exporters' word in the place of its own"""

    @classmethod
    def setUpClass(cls):
        cls.decoys = {port: Decoy(port) for port in PORTS}
        for decoy in cls.decoys.values():
            cls.addClassCleanup(decoy.close)
        cls.logins = machine.sshd.peer.log_bytes().count(b'Accepted publickey')
        ssh = {'ssh': machine.ssh}
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': 'packs:\n' + PACK % ssh + EXPORTERS % ssh}).start()
        cls.addClassCleanup(cls.server.close)

    def series(self, name, job, more='', instance='127.0.0.1:.*'):
        """[(labels that are its own, value)], which all have the name of the far host"""
        found = eventually(lambda: self.server.query('%s{job="%s",host="%s",instance=~"%s"%s}' % (name, job, Far.THERE, instance, more)), 10)
        out = []
        for labels, value in found:
            for own in 'job', 'host', 'instance', '__name__':
                labels.pop(own, None)
            out.append((labels, value))
        return out

    def value(self, *of, **more):
        found = self.series(*of, **more)
        self.assertEqual(len(found), 1, found)
        return found[0][1]

    def kind(self, name):
        return self.server.api('metadata', metric=name)[name][0]['type']

    def exporter_tells_the_same(self, name, job, kind, **more):
        """the exporter's series of this name have the same labels; gives their values beside one another"""
        def both():
            own, theirs = ({tuple(sorted(labels.items())): v for labels, v in self.series(name, job, instance=instance, **more)}
                           for instance in ('127.0.0.1:.*', 'exporters'))
            assert own.keys() == theirs.keys(), (own, theirs)
            return [(own[k], theirs[k]) for k in own]
        values = eventually(both, 10)
        self.assertEqual(self.kind(name), kind)
        return values

    # ---- the tunnel

    def test_all_of_it_is_reached_through_one_connection(self):
        """S4.1, S4.3: API, Flower, broker, Redis and PostgreSQL, or their exporters, at 127.0.0.1 there, only SSH being open"""
        eventually(lambda: len(self.server.query('up{job=~"whisper-.*",host="%s"} == 1' % Far.THERE)) == 8, 10)
        self.assertEqual({(labels['job'], labels['instance'], labels.get('endpoint', '')) for labels, _ in self.server.query('up{job=~"whisper-.*"}')}, {
            ('whisper-api', '127.0.0.1:8000', '/metrics'), ('whisper-flower', '127.0.0.1:5555', '/metrics'), ('whisper-redis', '127.0.0.1:6379', ''),
            ('whisper-redis', '127.0.0.1:6379', 'broker'), ('whisper-postgres', '127.0.0.1:5432', ''), ('whisper-redis', 'exporters', '/metrics'),
            ('whisper-redis', 'exporters', 'broker'), ('whisper-postgres', 'exporters', '/metrics')})
        self.assertEqual(self.server.query('{job=~"whisper-.*",host!="%s"}' % Far.THERE), [])
        self.assertEqual(machine.sshd.peer.log_bytes().count(b'Accepted publickey') - self.logins, 1)
        eventually(lambda: self.server.query('earshot_ssh_up{host="%s"} == 1' % Far.THERE))
        for port in PORTS:
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection((Far.THERE, port), timeout=5).close()
        self.assertEqual({port: decoy.taken for port, decoy in self.decoys.items()}, dict.fromkeys(PORTS, 0))

    def test_it_costs_the_server_little(self):
        """S4.2, S4.5: under 1 % of a core and 50 MB there, at a fifteenth of the usual interval; nothing runs but sshd, and
        nothing is written"""
        eventually(lambda: len(self.server.query('up{job=~"whisper-.*",host="%s"} == 1' % Far.THERE)) == 8, 10)
        processes = machine.session()
        self.assertTrue(processes)
        self.assertEqual({os.path.basename(os.readlink('/proc/%d/exe' % p)).split('-')[0] for p in processes}, {'sshd'})
        self.assertLess(sum(int(status(p)['VmRSS'].split()[0]) for p in processes), 50 << 10)
        for fd in (fd for p in processes for fd in os.scandir('/proc/%d/fd' % p)):
            self.assertTrue(os.readlink(fd.path).startswith(('pipe:', 'socket:', '/dev/', 'anon_inode:')) or int(fd.name) == 2, os.readlink(fd.path))
        before = self.written(processes)

        def window():
            cpu, begun = self.ran(processes), time.monotonic()
            time.sleep(2)
            return (self.ran(processes) - cpu) / (time.monotonic() - begun)
        # The least of a few windows: what else this machine does is charged to whoever runs then.
        self.assertLess(min(window() for _ in range(2)), .01)
        self.assertEqual(machine.session(), processes)
        self.assertEqual(self.written(processes), before)

    @staticmethod
    def ran(processes):
        """seconds, finer than the kernel's ticks"""
        out = 0
        for p in processes:
            with open('/proc/%d/schedstat' % p, encoding='ascii') as f:
                out += int(f.read().split()[0]) / 1e9
        return out

    @staticmethod
    def written(processes):
        out = 0
        for p in processes:
            with open('/proc/%d/io' % p, encoding='ascii') as f:
                out += next(int(line.split()[1]) for line in f if line.startswith('write_bytes:'))
        return out

    def test_samples_are_kept_for_90_days(self):
        """S4.4: 90 days, without being told so"""
        self.assertEqual(self.server.api('status/runtimeinfo')['storageRetention'], '90d')

    # ---- the API and Flower

    def test_requests_of_the_api(self):
        """S4.6: http_requests_total by method, endpoint and status"""
        own = lambda code: {'method': 'POST', 'endpoint': '/transcribe', 'status': code}
        self.assertCountEqual(self.series('http_requests_total', 'whisper-api'), [(own('200'), 940), (own('503'), 12)])
        self.assertEqual(self.kind('http_requests_total'), 'counter')

    def test_durations_of_the_api(self):
        """S4.7: http_request_duration_seconds is a histogram"""
        self.assertCountEqual(self.series('http_request_duration_seconds_bucket', 'whisper-api'), [
            ({'endpoint': '/transcribe', 'le': '0.5'}, 100), ({'endpoint': '/transcribe', 'le': '+Inf'}, 952)])
        self.assertEqual((self.value('http_request_duration_seconds_sum', 'whisper-api'), self.value('http_request_duration_seconds_count', 'whisper-api')),
                         (3100, 952))
        self.assertEqual(self.kind('http_request_duration_seconds'), 'histogram')

    def test_requests_in_progress(self):
        """S4.8: http_requests_in_progress"""
        self.assertEqual(self.series('http_requests_in_progress', 'whisper-api'), [({'endpoint': '/transcribe'}, 3)])

    def test_events_of_tasks(self):
        """S4.9, S4.42: flower_events_total by type, behind Flower's password"""
        total = lambda of: sum(v for _, v in self.series('flower_events_total', 'whisper-flower', ',type="%s"' % of))
        self.assertEqual([total('task-received'), total('task-succeeded'), total('task-failed')], [1840 + 402, 1790 + 402, 31])
        self.assertEqual(self.kind('flower_events_total'), 'counter')

    def test_workers_online(self):
        """S4.10: flower_worker_online; a worker that is gone is 0 and not absent"""
        self.assertCountEqual(self.series('flower_worker_online', 'whisper-flower'), [({'worker': 'celery@gpu-1'}, 1), ({'worker': 'celery@gpu-2'}, 0)])

    # ---- PostgreSQL, by SQL and by its exporter (which, as Debian has it, tells no tables)

    TABLE = {'datname': 'postgres', 'schemaname': 'public', 'relname': 'jobs', 'server': '127.0.0.1:5432'}

    def test_connections_of_postgresql(self):
        """S4.11: pg_stat_activity_count by database and state, as the exporter names it"""
        self.exporter_tells_the_same('pg_stat_activity_count', 'whisper-postgres', 'gauge')
        self.assertGreaterEqual(sum(v for _, v in self.series('pg_stat_activity_count', 'whisper-postgres', ',datname="postgres"')), 1)

    def test_size_of_a_database(self):
        """S4.12: pg_database_size_bytes"""
        for own, theirs in self.exporter_tells_the_same('pg_database_size_bytes', 'whisper-postgres', 'gauge'):
            self.assertAlmostEqual(own, theirs, delta=1 << 20)
        with machine.far.inside():
            size = int(machine.postgres.ask("SELECT pg_database_size('postgres')"))
        self.assertAlmostEqual(self.value('pg_database_size_bytes', 'whisper-postgres', ',datname="postgres"'), size, delta=1 << 20)

    def test_live_rows(self):
        """S4.13: pg_stat_user_tables_n_live_tup"""
        self.assertEqual(self.series('pg_stat_user_tables_n_live_tup', 'whisper-postgres'), [(self.TABLE, 40)])
        self.assertEqual(self.kind('pg_stat_user_tables_n_live_tup'), 'gauge')

    def test_scans_of_whole_tables(self):
        """S4.14: pg_stat_user_tables_seq_scan rises with each"""
        (labels, before), = self.series('pg_stat_user_tables_seq_scan', 'whisper-postgres')
        self.assertEqual((labels, self.kind('pg_stat_user_tables_seq_scan')), (self.TABLE, 'counter'))
        with machine.far.inside():
            machine.postgres.ask('SELECT count(*) FROM jobs')
        eventually(lambda: self.value('pg_stat_user_tables_seq_scan', 'whisper-postgres', ',relname="jobs"') == before + 1, 10)

    # ---- Redis, by its own words and by its exporter

    def test_memory_of_redis(self):
        """S4.15: redis_memory_used_bytes"""
        (own, theirs), = self.exporter_tells_the_same('redis_memory_used_bytes', 'whisper-redis', 'gauge')
        self.assertAlmostEqual(own / theirs, 1, delta=.3)

    def test_clients_of_redis(self):
        """S4.16: redis_connected_clients"""
        self.exporter_tells_the_same('redis_connected_clients', 'whisper-redis', 'gauge')
        before = self.value('redis_connected_clients', 'whisper-redis')
        with machine.far.inside():
            clients = [socket.create_connection(('127.0.0.1', 6379), timeout=5) for _ in range(8)]
        eventually(lambda: abs(self.value('redis_connected_clients', 'whisper-redis') - before - 8) <= 2, 10)
        for c in clients:
            c.close()

    def rises(self, name, command):
        """by 100 when this was asked so often"""
        self.exporter_tells_the_same(name, 'whisper-redis', 'counter')
        before = self.value(name, 'whisper-redis')
        with machine.far.inside():
            machine.redis.send(*[command] * 100, 'QUIT')
        return lambda most: eventually(lambda: 100 <= self.value(name, 'whisper-redis') - before <= most, 10)

    def test_commands_of_redis(self):
        """S4.17: redis_commands_processed_total"""
        self.rises('redis_commands_processed_total', 'PING')(1000)

    def test_hits_of_redis(self):
        """S4.18: redis_keyspace_hits_total"""
        self.rises('redis_keyspace_hits_total', 'GET x')(150)

    def test_misses_of_redis(self):
        """S4.19: redis_keyspace_misses_total"""
        self.rises('redis_keyspace_misses_total', 'GET nothing')(150)

    def test_queues_have_a_length_also_when_they_are_gone(self):
        """S4.32's celery_queue_length by LLEN, 0 when the list is gone"""
        self.assertCountEqual(self.series('celery_queue_length', 'whisper-redis'), [({'queue_name': 'celery'}, 3), ({'queue_name': 'transcribe'}, 0)])


class Forwarded(unittest.TestCase):
    def test_ports_there_are_opened_here_for_other_programs(self):
        """S4.3: 8000, 5555, 9187 and 9121 as `tunnel.sh` opened them, on the loopback alone"""
        entry = machine.sshd.entry(forward='[%s]' % ', '.join(map(str, HTTP_PORTS)))
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'hosts: [%s]\n' % entry}):
            bodies = {port: eventually(lambda: get('http://127.0.0.1:%d/metrics' % port, {'Authorization': 'Basic YWRtaW46c2U6Y3JldA=='})[1].decode(), 10)
                      for port in HTTP_PORTS}
            self.assertEqual(bodies[8000], API)
            self.assertEqual(bodies[5555], sample('flower-metrics.txt'))
            self.assertIn('pg_up 1', bodies[9187])
            self.assertIn('redis_up 1', bodies[9121])
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection((Far.HERE, 8000), timeout=5).close()


class Direct(unittest.TestCase):
    """on the machine itself, without `ssh`"""

    def test_without_ssh_all_is_asked_directly(self):
        with machine.far.inside():
            with Server('--config', '{dir}/e.yml', files={'e.yml': 'packs:\n' + PACK % {'ssh': ''}}) as server:
                eventually(lambda: len(server.query('up{job=~"whisper-.*",host=""} == 1')) == 5, 10)
                self.assertEqual(server.query('earshot_ssh_up'), [])

    def test_a_mistake_in_the_address_is_told_at_the_pack(self):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'packs:\n- whisper-pipeline: {ssh: "me@", redis: off, postgres: off}\n'})
        self.addCleanup(server.close)
        code, said = server.refused()
        self.assertEqual(code, 2)
        self.assertIn('e.yml:2:27: ssh: expected user@host', said)
