"""collect.redis against real Redis servers on loopback."""
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from server import Peer, Server, eventually, free_port


class Redis:
    """one server on a private port, with further flags"""

    def __init__(self, *flags):
        self.dir = tempfile.mkdtemp(prefix='earshot-redis-')
        self.port = free_port()
        self.flags = [f.replace('{dir}', self.dir) for f in flags]
        self.start()

    def start(self):
        self.peer = Peer('redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--dir', self.dir,
                         '--save', '', '--appendonly', 'no', *self.flags)
        eventually(lambda: self.answers(), 30)

    def answers(self):
        with socket.create_connection(('127.0.0.1', self.port), timeout=5) as s:
            s.sendall(b'PING\r\n')
            return s.recv(100)

    def send(self, *lines):
        """inline commands, all answered before this returns"""
        with socket.create_connection(('127.0.0.1', self.port), timeout=10) as s:
            s.sendall(''.join(line + '\r\n' for line in (*lines, 'QUIT')).encode())
            answer = b''
            while True:
                part = s.recv(1 << 16)
                if not part:
                    return answer.decode()
                answer += part

    def pause(self, seconds):
        """no command is answered meanwhile"""
        with socket.create_connection(('127.0.0.1', self.port), timeout=5) as s:
            s.sendall(b'CLIENT PAUSE %d ALL\r\n' % (seconds * 1000))
            s.recv(100)

    def stop(self):
        self.peer.stop()

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def serve(text):
    return Server('--config', '{dir}/e.yml', files={'e.yml': text}).start()


def target(server, job='redis'):
    return next(t for t in server.api('targets')['activeTargets'] if t['labels']['job'] == job)


class Names(unittest.TestCase):
    """queues of workers on a Redis, as its keys are"""

    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()
        cls.redis.send(*['ZADD llm_tasks %d task%d' % (i, i) for i in range(17)],
                       'SADD llm_tasks:processing a b',
                       *['SET llm_results:%d done' % i for i in range(2500)],
                       'SET other 1', 'GET other', 'GET nothing', 'SELECT 1', 'LPUSH celery a b c')
        cls.server = serve('''collect:
  host: {interval: 1s}
  redis:
    - url: redis://127.0.0.1:%d/0
      interval: 1s
      keys: [llm_tasks, 'llm_tasks:processing', gone, db1=celery]
      key_patterns: ['llm_results:*', 'no_results:*']
      first: {llm_tasks: 3, db1=celery: 2}
''' % cls.redis.port)
        eventually(lambda: cls.server.query('up{job="redis"} == 1'))

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.redis.close()

    def value(self, expr):
        return eventually(lambda: self.server.query(expr))[0][1]

    def test_pending_tasks_are_the_size_of_their_sorted_set(self):
        self.assertEqual(self.value('redis_key_size{job="redis",db="db0",key="llm_tasks"}'), 17)

    def test_tasks_in_work_are_the_size_of_their_set(self):
        self.assertEqual(self.value('redis_key_size{db="db0",key="llm_tasks:processing"}'), 2)

    def test_results_are_counted_by_their_pattern(self):
        self.assertEqual(self.value('redis_keys_count{db="db0",key="llm_results:*"}'), 2500)

    def test_what_is_not_there_is_zero_and_not_absent(self):
        self.assertEqual(self.value('redis_key_size{db="db0",key="gone"}'), 0)
        self.assertEqual(self.value('redis_keys_count{db="db0",key="no_results:*"}'), 0)

    def test_a_queue_in_another_database_is_measured_there(self):
        self.assertEqual(self.value('redis_key_size{db="db1",key="celery"}'), 3)

    def queues(self, **narrowed):
        return json.loads(self.server.get('/api/earshot/v1/queues?' + urllib.parse.urlencode(narrowed))[1])['data']

    def test_the_first_entries_of_a_queue_are_told_with_scores_and_ages(self):
        """what the runbook of a backlog asks for: the first tasks, with their scores"""
        def queue(**narrowed):
            return eventually(lambda: [q for q in self.queues(**narrowed) if q['time']])
        tasks, = queue(key='llm_tasks')
        self.assertEqual((tasks['db'], tasks['type'], tasks['size']), ('db0', 'zset', 17))
        self.assertEqual([(e['value'], e['score']) for e in tasks['entries']], [('task0', 0), ('task1', 1), ('task2', 2)])
        self.assertEqual({q['key'] for q in queue(instance='127.0.0.1:%d' % self.redis.port)}, {'llm_tasks', 'celery'})
        jobs, = queue(key='celery')
        self.assertEqual([e['value'] for e in jobs['entries']], ['c', 'b'])

    def test_an_emptied_queue_falls_to_zero(self):
        self.redis.send('LPUSH short a')
        server = serve("collect: {redis: [{url: 'redis://127.0.0.1:%d', interval: 500ms, keys: [short]}]}\n"
                       % self.redis.port)
        try:
            eventually(lambda: server.query('redis_key_size{key="short"} == 1'))
            self.redis.send('LPOP short')
            eventually(lambda: server.query('redis_key_size{key="short"} == 0'))
        finally:
            server.close()

    def test_memory_clients_commands_hits_and_misses_have_the_exporters_names(self):
        info = dict(line.split(':', 1) for line in self.redis.send('INFO').split('\r\n') if ':' in line)
        memory = self.value('redis_memory_used_bytes')
        self.assertLess(abs(memory - float(info['used_memory'])), .5 * memory)
        self.assertGreaterEqual(self.value('redis_connected_clients'), 1)
        self.assertGreater(self.value('redis_commands_processed_total'), 2500)
        self.assertGreaterEqual(self.value('redis_keyspace_hits_total'), 1)
        self.assertGreaterEqual(self.value('redis_keyspace_misses_total'), 1)
        self.assertEqual(self.value('redis_up'), 1)
        self.assertEqual(self.value('redis_commands_total{cmd="zadd"}'), 17)

    def test_keys_are_never_listed_with_keys(self):
        self.assertNotIn('cmdstat_keys', self.redis.send('INFO commandstats'))
        self.assertIn('cmdstat_scan', self.redis.send('INFO commandstats'))

    def test_the_target_has_job_and_instance_and_nothing_is_refused(self):
        labels = target(self.server)['labels']
        self.assertEqual(labels['job'], 'redis')
        self.assertEqual(labels['instance'], '127.0.0.1:%d' % self.redis.port)
        self.assertEqual(self.value('earshot_redis_commands_refused'), 0)

    def test_types_are_known(self):
        metadata = self.server.api('metadata')
        self.assertEqual(metadata['redis_memory_used_bytes'][0]['type'], 'gauge')
        self.assertEqual(metadata['redis_commands_processed_total'][0]['type'], 'counter')


class Doors(unittest.TestCase):
    """how one gets in, and what is said when one does not"""

    @classmethod
    def setUpClass(cls):
        cls.redis = Redis('--requirepass', 'right', '--unixsocket', '{dir}/redis.sock')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                        '-nodes', '-days', '2', '-subj', '/CN=box', '-addext', 'subjectAltName=IP:127.0.0.1',
                        '-keyout', cls.redis.dir + '/key.pem', '-out', cls.redis.dir + '/cert.pem'],
                       check=True, capture_output=True)
        cls.tls_port = free_port()
        cls.redis.send('AUTH right', 'CONFIG SET tls-cert-file %s/cert.pem tls-key-file %s/key.pem '
                       'tls-auth-clients no tls-port %d' % (cls.redis.dir, cls.redis.dir, cls.tls_port),
                       'ACL SETUSER watcher on >w ~* +@all -config')

    @classmethod
    def tearDownClass(cls):
        cls.redis.close()

    def up(self, entry, files=None):
        """serves one entry that must get in; returns the server, which the caller closes"""
        server = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect: {redis: [{interval: 1s, %s}]}\n' % entry, **(files or {})}).start()
        self.addCleanup(server.close)
        eventually(lambda: server.query('redis_connected_clients >= 1'))
        return server

    def down(self, entry):
        """what an entry that cannot get in says"""
        server = serve('collect: {host: {interval: 1s}, redis: [{interval: 1s, %s}]}\n' % entry)
        self.addCleanup(server.close)
        eventually(lambda: server.query('up{job="redis"} == 0'))
        self.assertTrue(eventually(lambda: server.query('up{job="node"} == 1')))
        self.assertEqual([v for _, v in server.query('redis_up')], [0])
        return target(server)['lastError']

    def test_a_password_in_the_url(self):
        self.up("url: 'redis://:right@127.0.0.1:%d'" % self.redis.port)

    def test_a_password_in_a_file(self):
        self.up("url: 'redis://127.0.0.1:%d', password_file: secret" % self.redis.port, {'secret': 'right\n'})

    def test_a_url_in_a_file(self):
        server = self.up('url_file: where', {'where': 'redis://:right@127.0.0.1:%d\n' % self.redis.port})
        self.assertEqual(target(server)['labels']['instance'], '127.0.0.1:%d' % self.redis.port)

    def test_a_unix_socket(self):
        self.up("url: 'unix://%s/redis.sock', password: right" % self.redis.dir)

    def test_tls_with_a_ca(self):
        self.up("url: 'rediss://:right@127.0.0.1:%d', tls_config: {ca_file: %s/cert.pem}"
                % (self.tls_port, self.redis.dir))

    def test_tls_without_the_ca_is_not_trusted(self):
        self.assertIn('its certificate is not trusted', self.down("url: 'rediss://:right@127.0.0.1:%d'" % self.tls_port))

    def test_tls_with_a_certificate_of_our_own(self):
        port = free_port()
        redis = Redis('--tls-port', str(port), '--tls-cert-file', self.redis.dir + '/cert.pem', '--tls-key-file',
                      self.redis.dir + '/key.pem', '--tls-ca-cert-file', self.redis.dir + '/cert.pem')
        self.addCleanup(redis.close)
        ca = "url: 'rediss://127.0.0.1:%d', tls_config: {ca_file: %s/cert.pem" % (port, self.redis.dir)
        self.up(ca + ', cert_file: %s/cert.pem, key_file: %s/key.pem}' % (self.redis.dir, self.redis.dir))
        self.assertIn('TLS', self.down(ca + '}'))

    def test_a_user_who_may_not_read_the_settings_brings_the_rest(self):
        server = self.up("url: 'redis://watcher:w@127.0.0.1:%d'" % self.redis.port)
        eventually(lambda: server.query('earshot_redis_commands_refused == 5'))
        self.assertFalse(server.query('redis_config_maxclients'))
        self.assertIn('CONFIG GET: NOPERM', server.log_text())

    def test_a_wrong_password(self):
        error = self.down("url: 'redis://127.0.0.1:%d', password: wrong" % self.redis.port)
        self.assertIn('Redis refuses the password (WRONGPASS', error)
        self.assertIn('password_file', error)
        self.assertNotIn('wrong;', error)

    def test_no_password(self):
        self.assertIn('Redis wants a password; set it in the URL',
                      self.down("url: 'redis://127.0.0.1:%d'" % self.redis.port))

    def test_too_many_clients(self):
        redis = Redis('--maxclients', '1')
        self.addCleanup(redis.close)
        with socket.create_connection(('127.0.0.1', redis.port), timeout=5) as s:
            s.sendall(b'PING\r\n')
            s.recv(10)
            for who in ('', ':secret@'):
                self.assertIn('Redis refuses the connection: ERR max number of clients reached',
                              self.down("url: 'redis://%s127.0.0.1:%d'" % (who, redis.port)))

    def test_nothing_listens(self):
        port = free_port()
        self.assertIn('127.0.0.1:%d: the connection is refused: nothing listens there' % port,
                      self.down("url: 'redis://127.0.0.1:%d'" % port))


class Ill(unittest.TestCase):
    """a Redis that goes away, comes back, or does not answer; nothing else suffers"""

    def setUp(self):
        self.redis = Redis()
        self.addCleanup(self.redis.close)

    def serve(self, interval='1s', timeout='500ms'):
        server = serve("collect: {host: {interval: 1s}, redis: [{url: 'redis://127.0.0.1:%d', interval: %s, timeout: %s}]}\n"
                       % (self.redis.port, interval, timeout))
        self.addCleanup(server.close)
        eventually(lambda: server.query('up{job="redis"} == 1'))
        return server

    def test_one_that_is_gone_is_down_and_one_that_is_back_is_up(self):
        server = self.serve()
        self.redis.stop()
        eventually(lambda: server.query('up{job="redis"} == 0'))
        self.assertFalse(server.query('redis_memory_used_bytes'))
        self.assertTrue(server.query('redis_up == 0'))  # for rules of redis_exporter
        self.redis.start()
        eventually(lambda: server.query('up{job="redis"} == 1'))
        self.assertTrue(server.query('redis_up == 1'))
        eventually(lambda: server.query('redis_uptime_in_seconds < 60'))

    def test_one_that_does_not_answer_is_down_at_its_timeout(self):
        server = self.serve()
        self.redis.pause(6)
        eventually(lambda: server.query('up{job="redis"} == 0'))
        self.assertIn('no answer in time (waited 0.5 s)', target(server)['lastError'])
        self.assertTrue(server.query('up{job="node"} == 1'))
        self.assertTrue(server.query('time() - timestamp(node_load1) < 3'))
        eventually(lambda: server.query('up{job="redis"} == 1'))

    def test_a_timeout_as_long_as_the_interval_still_says_what_it_waited_for(self):
        server = self.serve('1s', '1s')
        self.redis.pause(6)
        eventually(lambda: target(server)['health'] == 'down')
        for _ in range(30):
            self.assertIn('no answer in time', target(server)['lastError'])
            time.sleep(.1)

    def test_many_that_never_answer_hold_up_nobody(self):
        silent = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.addCleanup(silent.close)
        server = serve('collect:\n  host: {interval: 1s}\n  redis:\n' + ''.join(
            "  - {url: 'redis://127.0.0.1:%d', name: r%d, instance: r%d, interval: 2s, timeout: 2s}\n"
            % (silent.getsockname()[1], i, i) for i in range(90))  # more than have threads
            + "  - {url: 'redis://127.0.0.1:%d', interval: 1s}\n" % self.redis.port)
        self.addCleanup(server.close)
        eventually(lambda: server.query('count(up{job="redis"} == 0) == 90'))
        self.assertIn('redis r17 is down: ', server.log_text())
        for _ in range(10):
            self.assertTrue(server.query('time() - timestamp(up{job="redis"} == 1) < 3'))
            self.assertTrue(server.query('count(time() - timestamp(node_filesystem_size_bytes) < 3)'))
            time.sleep(.3)

    def test_one_that_sends_without_end_is_cut_off(self):
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)

        def pour():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                try:
                    peer.sendall(b'$2000000000\r\n')
                    while True:
                        peer.sendall(b'x' * 65536)
                except OSError:
                    peer.close()
        threading.Thread(target=pour, daemon=True).start()
        server = serve("collect: {redis: [{url: 'redis://127.0.0.1:%d', interval: 1s}]}\n" % listener.getsockname()[1])
        self.addCleanup(server.close)
        eventually(lambda: server.query('up{job="redis"} == 0'))
        self.assertIn('an answer of more than 16 MiB', target(server)['lastError'])
        time.sleep(2)
        with open('/proc/%d/status' % server.process.pid, encoding='ascii') as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith('VmHWM:'))
        self.assertLess(peak, 128 << 10)


if __name__ == '__main__':
    unittest.main()
