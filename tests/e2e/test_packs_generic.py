"""The packs of services that many run: model servers, brokers, databases, against scripted peers and real ones."""
import json
import os
import subprocess
import sys
import unittest

from packs import Service, sample
from server import Server, eventually
from services import Postgres, Redis

def sample_status(requests):
    return 'Active connections: 3 \nserver accepts handled requests\n 12 11 %d \nReading: 0 Writing: 1 Waiting: 2 \n' % requests


def with_login(text):
    return lambda request: text if request.headers.get('Authorization') == 'Basic bWU6cHc=' else (401, {}, 'who?')


ACCESS = '''127.0.0.1 - - [04/Mar/2025:14:06:51 +0000] "GET /api?x=1 HTTP/1.1" 200 612 "-" "curl/8" rt=0.250
10.0.0.5 - me [04/Mar/2025:14:06:52 +0000] "POST /up HTTP/2.0" 502 157 "-" "-" rt=1.500
10.0.0.5 - - [04/Mar/2025:14:06:53 +0000] "GET / HTTP/1.1" 200 9 "-" "-"
10.0.0.5 - - [04/Mar/2025:14:06:54 +0000] "\\x16\\x03\\x01\\x02 ab" 400 157 "-" "-" rt=0.000
10.0.0.5 - - [04/Mar/2025:14:06:55 +0000] "-" 408 0 "-" "-" rt=60.000
10.0.0.5 - - [04/Mar/2025:14:06:56 +0000] "M-SEARCH * HTTP/1.1" 405 157 "-" "-" rt=0.000
'''
ID = '4f6c1f8a-0b1c-4a35-8a57-%012d'
HISTORY = {ID % n: {'prompt': [n, ID % n, {}, {}, []], 'status': {'status_str': word, 'completed': word == 'success'}}
           for n, word in ((1, 'success'), (2, 'success'), (3, 'error'))}
ANSWERS = {
    'ollama': {'/api/ps': sample('ollama-ps.json'), '/api/version': '{"version": "0.6.2"}'},
    'comfyui': {'/system_stats': sample('comfyui-system_stats.json'), '/queue': sample('comfyui-queue.json'),
                '/prompt': '{"exec_info": {"queue_remaining": 3}}', '/history?max_items=64': '{}'},
    'llama-cpp': {'/health': '{"status": "ok"}', '/metrics': (501, {}, '{"error": {"code": 501}}'),
                  '/slots': '[{"id": 0, "is_processing": true}, {"id": 1, "is_processing": false}, {"id": 2, "is_processing": false}]'},
    'vllm': {'/metrics': '# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{model_name="llama3"} 31\n'
                         '# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc{model_name="llama3"} 0.97\n'},
    'triton': {'/metrics': '# TYPE nv_inference_request_success counter\nnv_inference_request_success{model="encoder",version="1"} 96\n',
               '/v2/health/ready': (200, {}, '')},
    'tgi': {'/metrics': '# TYPE tgi_queue_size gauge\ntgi_queue_size 31\n', '/health': (200, {}, '')},
    'whisper-server': {'/metrics': '# TYPE whisperx_active_transcriptions gauge\nwhisperx_active_transcriptions 2\n', '/health': (200, {}, 'OK')},
    'nginx': {'/nginx_status': (200, {'Content-Type': 'text/plain'}, sample_status(34))},
    'rabbitmq': {'/metrics/per-object': '# TYPE rabbitmq_queue_messages_ready gauge\nrabbitmq_queue_messages_ready{vhost="/",queue="mail"} 40\n'},
}


class ModelServers(unittest.TestCase):
    """one peer a pack, one earshot with all of them"""

    @classmethod
    def setUpClass(cls):
        cls.services = {}
        config = 'packs:\n'
        for name, answers in ANSWERS.items():
            service = cls.services[name] = Service({path: with_login(text) for path, text in answers.items()} if name == 'rabbitmq' else answers)
            cls.addClassCleanup(service.stop)
            more = ', api: "http://%s"' % service.address if name == 'triton' else ', log: %s.log' % name if name in ('ollama', 'nginx') else \
                ', basic_auth: {username: me, password: pw}' if name == 'rabbitmq' else ''
            config += '- %s: {url: "http://%s", interval: 500ms%s}\n' % (name, service.address, more)
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': config, 'ollama.log': '', 'nginx.log': ''}).start()
        cls.addClassCleanup(cls.server.close)
        eventually(lambda: len(cls.server.query('up{job!~"earshot|gpu"} == 1')) == 21)

    def value(self, expr):
        found = self.server.query(expr)
        self.assertEqual(len(found), 1, (expr, found))
        return found[0][1]

    def becomes(self, expr, value):
        eventually(lambda: [v for _, v in self.server.query(expr)] == [value])

    def series(self, expr, name):
        return {labels.get(name, ''): value for labels, value in self.server.query(expr)}

    def answer(self, pack, path, text):
        answers = self.services[pack].answers
        self.addCleanup(answers.__setitem__, path, answers[path])
        answers[path] = text

    def test_all_have_job_and_instance_of_their_pack(self):
        for name, service in self.services.items():
            self.assertEqual({labels['instance'] for labels, _ in self.server.query('up{job="%s"}' % name)}, {service.address})

    def test_ollama_tells_which_models_are_loaded(self):
        """models in memory, their size there and on the GPU, when they go; none is 0"""
        own = '{job="ollama",endpoint="/api/ps"}'
        self.assertEqual(self.value('ollama_models_loaded' + own), 2)
        self.assertEqual(self.series('ollama_model_size_bytes' + own, 'model'), {'qwen2.5:7b': 6654289920, 'nomic-embed-text:latest': 370000000})
        self.assertEqual(self.series('ollama_model_vram_bytes' + own, 'model'), {'qwen2.5:7b': 6654289920, 'nomic-embed-text:latest': 0})
        self.assertAlmostEqual(self.series('ollama_model_expires_timestamp_seconds' + own, 'model')['qwen2.5:7b'], 1741093912.372, 2)
        self.assertEqual(self.value('ollama_info{version="0.6.2"}'), 1)
        self.answer('ollama', '/api/ps', '{"models": []}')
        self.becomes('ollama_models_loaded' + own, 0)
        self.assertEqual(self.server.query('ollama_model_size_bytes'), [])

    def test_ollama_tells_requests_from_its_log(self):
        with open(os.path.join(self.server.dir, 'ollama.log'), 'a', encoding='utf-8') as f:
            f.write(sample('ollama-access.log'))
        self.becomes('ollama_http_requests_total{job="ollama",path="/api/chat",status="500"}', 1)
        self.assertEqual(self.value('sum(ollama_http_requests_total)'), 5)
        self.becomes('ollama_http_request_duration_seconds_count{job="ollama",path="/api/chat",status="500"}', 1)
        self.assertEqual(self.value('ollama_http_request_duration_seconds_sum{path="/api/chat",status="200"}'), 72)

    def test_nginx_tells_its_connections_and_its_answers(self):
        """stub_status under nginx-prometheus-exporter's names, the access log under nginxlog-exporter's"""
        own = '{job="nginx",instance="%s"}' % self.services['nginx'].address
        self.assertEqual([self.value('nginx_' + name + own) for name in (
            'up', 'connections_active', 'connections_accepted', 'connections_handled', 'connections_reading', 'connections_writing',
            'connections_waiting', 'http_requests_total')], [1, 3, 12, 11, 0, 1, 2, 34])
        self.assertEqual(self.value('up{job="nginx",endpoint="/nginx_status"}'), 1)
        with open(os.path.join(self.server.dir, 'nginx.log'), 'a', encoding='utf-8') as f:
            f.write(ACCESS)
        self.becomes('nginx_http_response_count_total{job="nginx",method="GET",status="200"}', 2)
        self.assertEqual(self.value('nginx_http_response_count_total{method="POST",status="502"}'), 1)
        self.assertEqual(self.value('nginx_http_response_time_seconds_hist_sum{method="POST",status="502"}'), 1.5)
        self.assertEqual(self.value('nginx_http_response_time_seconds_hist_count{method="GET",status="200"}'), 1)
        # What is no request is answered, too.
        self.becomes('nginx_http_response_count_total{method="M-SEARCH"}', 1)
        self.assertEqual(self.series('nginx_http_response_count_total{status=~"4.."}', 'status'), {'400': 1, '405': 1, '408': 1})
        self.assertEqual(self.value('nginx_http_response_time_seconds_hist_sum{method="",status="408"}'), 60)
        self.answer('nginx', '/nginx_status', (200, {}, '<html>'))
        self.becomes('up{job="nginx",endpoint="/nginx_status"}', 0)
        self.assertEqual(self.value('nginx_up'), 0)

    def test_comfyui_tells_its_queue_and_counts_prompts(self):
        self.assertEqual(self.value('comfyui_queue_running{job="comfyui"}'), 1)
        self.assertEqual(self.value('comfyui_queue_pending'), 2)
        self.assertEqual(self.value('comfyui_queue_remaining'), 3)
        self.assertEqual(self.value('comfyui_vram_total'), 25386352640)
        self.assertEqual(self.value('comfyui_vram_free'), 16106127360)
        eventually(lambda: self.value('comfyui_queue_age_seconds') > .4)
        self.assertEqual(self.value('comfyui_prompts_completed_total'), 0)
        self.answer('comfyui', '/history?max_items=64', json.dumps(HISTORY))
        self.becomes('comfyui_prompts_completed_total', 2)
        self.becomes('comfyui_prompts_errored_total', 1)

    def test_llama_cpp_without_exposition_tells_health_and_slots(self):
        self.assertEqual(self.value('llamacpp_healthy{job="llama-cpp"}'), 1)
        self.assertEqual(self.series('llamacpp_slots', 'state'), {'processing': 1, 'idle': 2})
        self.assertEqual(self.value('up{job="llama-cpp",endpoint="/metrics"}'), 1)
        self.answer('llama-cpp', '/health', (503, {}, '{"error": {"message": "Loading model"}}'))
        self.becomes('llamacpp_healthy', 0)
        self.becomes('up{job="llama-cpp",endpoint="/health"}', 0)

    def test_expositions_come_under_their_own_names(self):
        self.assertEqual(self.value('vllm:num_requests_waiting{job="vllm",model_name="llama3"}'), 31)
        # older versions call it otherwise: both names answer, also once its lines came before
        self.assertEqual(self.value('vllm:gpu_cache_usage_perc{job="vllm",model_name="llama3"}'), 0.97)
        eventually(lambda: self.value('count_over_time(vllm:gpu_cache_usage_perc{job="vllm"}[1m])') >= 3)
        self.assertEqual(self.value('vllm:gpu_cache_usage_perc{job="vllm"} == ignoring(__name__) vllm:kv_cache_usage_perc'), 0.97)
        self.assertEqual(self.value('nv_inference_request_success{job="triton",model="encoder",version="1"}'), 96)
        self.assertEqual(self.value('triton_ready{job="triton",endpoint="/v2/health/ready"}'), 1)
        self.assertEqual(self.value('tgi_queue_size{job="tgi"}'), 31)
        self.assertEqual(self.value('whisperx_active_transcriptions{job="whisper-server"}'), 2)
        self.assertEqual(self.value('whisper_server_healthy'), 1)
        self.assertEqual(self.value('rabbitmq_queue_messages_ready{job="rabbitmq",queue="mail",vhost="/"}'), 40)


class Stores(unittest.TestCase):
    """redis, celery, postgres and process as packs"""

    def test_they_are_collected_as_under_collect(self):
        redis, postgres = Redis(), Postgres()
        self.addCleanup(redis.stop)
        self.addCleanup(postgres.stop)
        flower = Service({'/metrics': sample('flower-metrics.txt')})
        publish = 'PUBLISH /0.celeryev/task.received \'{"type": "task-received", "uuid": "%d", "name": "%s", "hostname": "celery@gpu-1"}\''
        self.addCleanup(flower.stop)
        postgres.wait()
        redis.wait().send('LPUSH celery a b', 'SET jobs 1', 'SELECT 2', 'SET celery-task-meta-1 x', 'QUIT')
        child = subprocess.Popen([sys.executable, '-c', 'import time\ntime.sleep(60)', 'of_the_pack_process'])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        database = 'postgresql://test@127.0.0.1:%d/postgres?sslmode=disable' % postgres.port
        server = Server('--config', '{dir}/e.yml', files={'redis': 'redis://127.0.0.1:%d' % redis.port, 'postgres': database, 'e.yml': '''packs:
- redis: {url: 'redis://127.0.0.1:%d', keys: [jobs, gone], first: {celery: 1}, interval: 1s}
- celery: {broker: 'redis://127.0.0.1:%d', results: 'redis://127.0.0.1:%d/2', flower: 'http://%s', events: true, interval: 1s}
- postgres: {url: '%s', interval: 1s}
- process: {name: api, match: of_the_pack_process, interval: 1s}
- process: {name: none, match: no_such_thing_here, interval: 1s}
- whisper-pipeline: {api: off, flower: off, redis_file: redis, postgres_file: postgres, interval: 1s}
''' % (redis.port, redis.port, redis.port, flower.address, database)}).start()
        self.addCleanup(server.close)
        eventually(lambda: len(server.query('up{job=~"redis|celery|postgres|process"} == 1')) == 7)
        own = '{job="redis",instance="127.0.0.1:%d"}' % redis.port
        self.assertEqual([v for _, v in server.query('redis_up' + own)], [1])
        self.assertEqual({labels['key']: v for labels, v in server.query('redis_key_size')}, {'gone': 0, 'jobs': 1})
        self.assertEqual([v for _, v in server.query('celery_queue_length{job="celery",queue_name="celery"}')], [2])
        self.assertTrue(server.query('flower_worker_online{job="celery"}'))
        # With a Flower its names are its own, and not told of events too.
        eventually(lambda: server.query('earshot_celery_listening == 1'))
        redis.send(publish % (1, 'pipeline.transcribe'), publish % (2, 'other'))
        eventually(lambda: server.query('celery_task_received_total{name="other"} == 1'))
        self.assertEqual([v for _, v in server.query('min_over_time(flower_events_total{type="task-received",task="pipeline.transcribe"}[1m])')], [1840])
        self.assertEqual(server.query('flower_events_total{task="other"}'), [])
        self.assertEqual([v for _, v in server.query('redis_keys_count{job="celery",key="celery-task-meta-*"}')], [1])
        queue, = json.loads(server.get('/api/earshot/v1/queues')[1])['data']
        self.assertEqual((queue['key'], [e['value'] for e in queue['entries']]), ('celery', ['b']))
        self.assertEqual([v for _, v in server.query('pg_up{job="postgres"}')], [1])
        self.assertEqual({labels['groupname']: v for labels, v in server.query('namedprocess_namegroup_num_procs{job="process"}')},
                         {'api': 1, 'none': 0})
        # Addresses that hold a password, taken from files.
        eventually(lambda: len(server.query('up{job=~"whisper-(redis|postgres)"} == 1')) == 3)
        self.assertEqual([v for _, v in server.query('celery_queue_length{job="whisper-redis",instance="127.0.0.1:%d"}' % redis.port)], [2])
        self.assertEqual([v for _, v in server.query('pg_up{job="whisper-postgres",instance="127.0.0.1:%d"}' % postgres.port)], [1])

