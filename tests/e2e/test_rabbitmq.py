"""collect.rabbitmq, and a collect.celery whose broker is one, beside a peer that answers as RabbitMQ 3.10 did. (The real one takes
17 s to start.)"""
import base64
import http.server
import json
import threading
import unittest

from server import Server, eventually

QUEUES = [{'consumers': 0, 'messages_ready': 40, 'messages_unacknowledged': 1, 'name': 'mail', 'vhost': '/'},
          {'consumers': 2, 'messages_ready': 7, 'messages_unacknowledged': 3, 'name': 'celery', 'vhost': '/'}]
ANSWERS = {'/api/queues?columns=name,vhost,messages_ready,messages_unacknowledged,consumers': json.dumps(QUEUES),
           '/api/nodes?columns=name,mem_alarm,disk_free_alarm': '[{"mem_alarm":true,"disk_free_alarm":false,"name":"rabbit@a"}]',
           '/api/overview?columns=object_totals': '{"object_totals":{"channels":0,"connections":5,"consumers":2,"exchanges":7,"queues":2}}',
           '/metrics/per-object': '''# TYPE rabbitmq_queue_messages_ready gauge
# HELP rabbitmq_queue_messages_ready Messages ready to be delivered to consumers
rabbitmq_queue_messages_ready{vhost="/",queue="mail"} 40
rabbitmq_queue_messages_ready{vhost="/",queue="celery"} 7
# TYPE rabbitmq_identity_info untyped
rabbitmq_identity_info{rabbitmq_node="rabbit@a"} 1
'''}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): # noqa: N802
        let_in = self.path == '/metrics/per-object' or self.headers['Authorization'] == 'Basic ' + base64.b64encode(b'watcher:pw').decode()
        body = ANSWERS.get(self.path) if let_in else '{"error":"not_authorised"}'
        self.send_response(401 if not let_in else 200 if body else 404)
        self.end_headers()
        self.wfile.write((body or '').encode())

    def log_message(self, *args):
        pass


class Rabbitmq(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.peer = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=cls.peer.serve_forever, daemon=True).start()
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': '''collect:
  rabbitmq:
  - {name: management, url: 'http://watcher:pw@127.0.0.1:%d/api', interval: 500ms, instance: management}
  - {name: plug-in, url: 'http://127.0.0.1:%d', interval: 500ms, queues: 'm.*', instance: plug-in}
  - {name: stranger, url: 'http://stranger:pw@127.0.0.1:%d/api', interval: 500ms, instance: stranger}
  celery: [{broker: 'http://watcher:pw@127.0.0.1:%d/', queues: [celery, gone], interval: 500ms, instance: broker}]
''' % ((cls.peer.server_port,) * 4)}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.peer.shutdown()
        cls.peer.server_close()

    def eventually(self, expr):
        return eventually(lambda: self.server.query(expr))

    def test_the_management_has_the_names_of_the_plug_in(self):
        self.eventually('rabbitmq_queue_messages_ready{job="rabbitmq",instance="management",queue="mail",vhost="/"} == 40')
        self.eventually('rabbitmq_queue_messages_unacked{instance="management",queue="celery"} == 3')
        self.eventually('rabbitmq_queue_consumers{instance="management",queue="mail"} == 0')
        self.eventually('rabbitmq_alarms_memory_used_watermark{instance="management"} == 1')
        self.eventually('rabbitmq_alarms_free_disk_space_watermark{instance="management"} == 0')
        self.eventually('rabbitmq_connections{instance="management"} == 5')
        self.eventually('count(up{job="rabbitmq",instance="management"} == 1) == 3')

    def test_of_the_plug_in_queues_that_nobody_asked_for_are_left_out(self):
        self.eventually('rabbitmq_queue_messages_ready{instance="plug-in",queue="mail"} == 40')
        self.eventually('rabbitmq_identity_info{instance="plug-in",rabbitmq_node="rabbit@a"} == 1')
        self.assertEqual(self.server.query('rabbitmq_queue_messages_ready{instance="plug-in",queue="celery"}'), [])

    def test_whoever_is_not_let_in_is_down_and_no_password_is_shown(self):
        self.eventually('count(up{job="rabbitmq",instance="stranger"} == 0) == 3')
        targets = self.server.api('targets')
        self.assertTrue(any('401' in t['lastError'] for t in targets['activeTargets'] if t['labels']['instance'] == 'stranger'))
        for shown in (json.dumps(targets), json.dumps(self.server.api('status/config')), self.server.log_text()):
            self.assertNotIn(':pw', shown)

    def test_queues_of_a_celery_are_told_with_a_0_for_one_that_is_gone(self):
        self.eventually('celery_queue_length{job="celery",instance="broker",queue_name="celery"} == 7')
        self.eventually('celery_queue_length{instance="broker",queue_name="gone"} == 0')
        self.eventually('celery_queue_unacked{instance="broker"} == 3')


if __name__ == '__main__':
    unittest.main()
