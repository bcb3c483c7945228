"""The pack music-separator against a scripted API that serves tests/samples."""
import json
import os

from packs import PackTest, sample
from server import eventually

EXPOSITION = '''# TYPE http_requests_total counter
http_requests_total{method="POST",path="/separate",status="200"} 812
http_requests_total{method="POST",path="/separate",status="500"} 9
http_requests_total{method="GET",path="/health",status="200"} 4000
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{path="/separate",le="1"} 100
http_request_duration_seconds_bucket{path="/separate",le="10"} 700
http_request_duration_seconds_bucket{path="/separate",le="+Inf"} 821
http_request_duration_seconds_sum{path="/separate"} 5210.5
http_request_duration_seconds_count{path="/separate"} 821
# TYPE separations_total counter
separations_total{status="success",model="htdemucs"} 790
separations_total{status="failure",model="htdemucs"} 22
# TYPE separation_duration_seconds histogram
separation_duration_seconds_bucket{model="htdemucs",le="30"} 500
separation_duration_seconds_bucket{model="htdemucs",le="+Inf"} 812
separation_duration_seconds_sum{model="htdemucs"} 21000
separation_duration_seconds_count{model="htdemucs"} 812
# TYPE cpu_usage_percent gauge
cpu_usage_percent 23.1
# TYPE memory_percent gauge
memory_percent 61.8
# TYPE errors_total counter
errors_total{kind="timeout",endpoint="/separate"} 9
# TYPE stems_written_total counter
stems_written_total 3248
'''
OWN = '{job="music-separator",instance="api",endpoint="%s"}'
HEALTH = OWN % '/health'


class MusicSeparator(PackTest):
    answers = {'/metrics': EXPOSITION, '/health': sample('music-separator-health.json')}
    config = '''packs:
- music-separator: {url: 'http://%(address)s', instance: api, interval: 500ms, log: api.log}
'''
    ups = 4

    @classmethod
    def files(cls):
        return {'api.log': ''}

    def test_the_exposition_comes_unchanged(self):
        """S1.13-S1.20: requests, their duration, separations, their duration, CPU, memory, errors, and whatever else there is"""
        own = '{job="music-separator",instance="api"%s}'
        self.assertEqual(self.value('http_requests_total' + own % ',path="/separate",status="500"'), 9)
        self.assertEqual(self.value('http_request_duration_seconds_bucket' + own % ',le="10.0"'), 700)
        self.assertEqual(self.series('separations_total' + own % '', 'status'), {'success': 790, 'failure': 22})
        self.assertEqual(self.value('separation_duration_seconds_count' + own % ''), 812)
        self.assertEqual(self.value('cpu_usage_percent' + own % ''), 23.1)
        self.assertEqual(self.value('memory_percent' + own % ''), 61.8)
        self.assertEqual(self.value('stems_written_total' + own % ''), 3248)
        # Samples have the endpoint that the service gave them, and none of ours; `up` has ours.
        self.assertEqual(self.value('errors_total' + own % ',endpoint="/separate"'), 9)
        self.assertEqual(self.value('cpu_usage_percent' + own % ',endpoint=""'), 23.1)
        self.assertEqual(self.value('up' + OWN % '/metrics'), 1)

    def test_health_tells_breaker_models_and_sessions(self):
        """S1.27: circuit_breaker_state as a state set; S1.44: models_loaded_count; active_sessions"""
        self.assertEqual(self.value('music_separator_healthy' + HEALTH), 1)
        self.assertEqual(self.series('music_separator_circuit_breaker_state' + HEALTH + ' == 1', 'state'), {'CLOSED': 1})
        self.assertEqual(self.value('music_separator_models_loaded' + HEALTH), 2)
        self.assertEqual(self.value('music_separator_active_sessions' + HEALTH), 3)
        health = {**json.loads(self.answers['/health']), 'circuit_breaker_state': 'OPEN', 'models_loaded_count': 0}
        del health['active_sessions']
        self.change('/health', health)
        eventually(lambda: self.series('music_separator_circuit_breaker_state' + HEALTH + ' == 1', 'state') == {'OPEN': 1})
        self.assertEqual(self.value('music_separator_models_loaded' + HEALTH), 0)
        self.assertEqual(self.server.query('music_separator_active_sessions'), [])  # a field that is not there is no sample

    def test_healthy_is_what_the_status_says(self):
        """music_separator_healthy is 0 for any status but 2xx, and what a sound body says stays"""
        health = json.dumps({**json.loads(self.answers['/health']), 'circuit_breaker_state': 'HALF_OPEN'})
        self.assert_down('music-separator', '/health', (503, {}, health), 'HTTP status 503')
        self.becomes('music_separator_healthy' + HEALTH, 0)
        self.becomes('music_separator_circuit_breaker_state{state="HALF_OPEN"}', 1)
        self.service.answers['/health'] = (502, {}, '')
        eventually(lambda: not self.server.query('music_separator_circuit_breaker_state'))
        self.assertEqual(self.value('music_separator_healthy' + HEALTH), 0)
        self.service.answers['/health'] = '{"status": '
        eventually(lambda: 'JSON' in self.error(job='music-separator', endpoint='/health'))
        self.assertEqual(self.value('music_separator_healthy' + HEALTH), 1)
        self.assertEqual(self.value('up' + HEALTH), 0)

    def test_the_exposition_that_fails_is_down(self):
        """S1.4: up of /metrics is what tells that the API is up"""
        self.assert_down('music-separator', '/metrics', (500, {}, 'no\n'), 'HTTP status 500')
        self.assertEqual(self.value('up' + HEALTH), 1)

    def test_json_lines_become_events_and_a_histogram(self):
        """S1.24: JSON lines as they are written; separations by model and status, errors"""
        with open(os.path.join(self.server.dir, 'api.log'), 'a', encoding='utf-8') as f:
            f.write(sample('music-separator-events.jsonl'))
        own = '{job="music-separator",instance="api",source="music-separator"%s}'
        eventually(lambda: self.series('sum by (event) (earshot_log_events_total%s)' % own % '', 'event') ==
                   {'separation_completed': 3, 'separation_failed': 1, 'error': 4})
        self.assertEqual(self.value('music_separator_log_separation_seconds_sum' + own % ',model="htdemucs_6s",status="success"'), 45.2)

    def test_the_host_collector_is_on(self):
        """the pack judges the host, and switches it on"""
        eventually(lambda: self.server.query('node_memory_MemTotal_bytes{job="node"}'))
