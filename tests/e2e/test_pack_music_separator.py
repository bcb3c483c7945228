"""The pack music-separator against a scripted API that serves tests/samples."""
import json
import os
import re
import time

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
FIELDS = ('timestamp', 'level', 'message', 'event_type', 'model', 'processing_duration_seconds', 'status')
ONLY_WORDS = '{"level": "INFO", "message": "an ERROR of an audio_separation", "event_type": "note"}\n'
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
        """S1.13, S1.14, S1.15, S1.16, S1.17, S1.18, S1.19, S1.20: requests with their status, their duration, separations by status,
        their duration, CPU, memory, errors, and whatever else there is, each as its type"""
        wanted = {}
        for line in EXPOSITION.splitlines():
            if line[0] != '#':
                text, value = line.rsplit(' ', 1)
                name, labels = re.fullmatch(r'(\w+)(?:\{(.*)\})?', text).groups()
                pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels or ''), job='music-separator', instance='api')
                if name.endswith('_bucket') and pairs['le'].isdigit():
                    pairs['le'] += '.0'  # as Prometheus 3 has them
                wanted[name, frozenset(pairs.items())] = float(value)
        self.assertEqual(len(wanted), 18)
        # Samples have the endpoint that the service gave them, and none of ours; `up` has ours.
        names = '|'.join({name for name, _ in wanted})
        self.assertEqual({(labels.pop('__name__'), frozenset(labels.items())): v for labels, v in
                          self.server.query('{__name__=~"%s",job="music-separator"}' % names)}, wanted)
        self.assertEqual(self.value('up' + OWN % '/metrics'), 1)
        self.assertEqual(self.types('(http|separation|cpu|memory|errors|stems)(s?_).*'), {
            'http_requests_total': 'counter', 'http_request_duration_seconds': 'histogram', 'separations_total': 'counter',
            'separation_duration_seconds': 'histogram', 'cpu_usage_percent': 'gauge', 'memory_percent': 'gauge', 'errors_total': 'counter',
            'stems_written_total': 'counter'})

    def test_health_tells_breaker_models_and_sessions(self):
        """S1.27: circuit_breaker_state as a state set; S1.44: models_loaded_count; active_sessions"""
        def states():
            return self.series('music_separator_circuit_breaker_state' + HEALTH, 'state')
        self.assertEqual(self.value('music_separator_healthy' + HEALTH), 1)
        self.assertEqual(states(), {'CLOSED': 1, 'OPEN': 0, 'HALF_OPEN': 0})
        self.assertEqual(self.value('music_separator_models_loaded' + HEALTH), 2)
        self.assertEqual(self.value('music_separator_active_sessions' + HEALTH), 3)
        health = {**json.loads(self.answers['/health']), 'circuit_breaker_state': 'OPEN', 'models_loaded_count': 0}
        del health['active_sessions']
        self.change('/health', health)
        eventually(lambda: states() == {'CLOSED': 0, 'OPEN': 1, 'HALF_OPEN': 0})
        self.assertEqual(self.value('music_separator_models_loaded' + HEALTH), 0)
        self.assertEqual(self.server.query('music_separator_active_sessions'), [])  # a field that is not there is no sample
        self.change('/health', {**health, 'circuit_breaker_state': 'HALF_OPEN'})
        eventually(lambda: states() == {'CLOSED': 0, 'OPEN': 0, 'HALF_OPEN': 1})
        self.change('/health', {**health, 'circuit_breaker_state': 'melted'})
        eventually(lambda: states() == {'CLOSED': 0, 'OPEN': 0, 'HALF_OPEN': 0, 'unknown': 1})
        self.change('/health', {**health, 'circuit_breaker_state': None})
        eventually(lambda: states() == {})

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
        """S1.21, S1.22, S1.23, S1.24: `earshot logs` shows the lines, those of level ERROR, those of event_type audio_separation, with the
        fields timestamp, level, message, event_type, model, processing_duration_seconds and status as they are written"""
        with open(os.path.join(self.server.dir, 'api.log'), 'a', encoding='utf-8') as f:
            f.write(ONLY_WORDS + sample('music-separator-events.jsonl'))
        own = '{job="music-separator",instance="api",source="music-separator"%s}'
        eventually(lambda: self.series('sum by (event) (earshot_log_events_total%s)' % own % '', 'event') ==
                   {'separation_completed': 3, 'separation_failed': 1, 'error': 4})
        self.assertEqual(self.value('music_separator_log_separation_seconds_sum' + own % ',model="htdemucs_6s",status="success"'), 45.2)
        self.assertEqual(self.value('music_separator_log_separation_seconds_bucket' + own % ',model="htdemucs_6s",status="success",le="45"'), 0)
        self.assertEqual(self.value('music_separator_log_separation_seconds_bucket' + own % ',model="htdemucs_6s",status="success",le="60"'), 1)
        self.assertEqual(self.series('music_separator_log_separation_seconds_count' + own % '', 'model', 'status'), {
            ('htdemucs_6s', 'success'): 1, ('mdx_q', 'success'): 1, ('htdemucs', 'success'): 1, ('htdemucs_6s', 'failed'): 1})
        written = []
        for text in (ONLY_WORDS + sample('music-separator-events.jsonl')).splitlines():
            try:
                written.append(json.loads(text))
            except ValueError:
                written.append({'message': re.sub('^INFO: +', '', text)})  # torn, or the server's own: a line as any other
        lines = self.logs('music-separator', '--since', '2024-01-01T00:00:00Z')
        self.assertEqual(sorted(line['message'] for line in lines), sorted(w['message'] for w in written))
        by_message = {(w['message'], w.get('timestamp')): w for w in written}
        for line in lines:
            wrote = by_message[line['message'], line['fields'].get('timestamp')]
            got = {'message': line['message'], **line['fields']}
            self.assertEqual({f: got.get(f) for f in FIELDS}, {f: wrote.get(f) for f in FIELDS})
            if wrote.get('timestamp', '').endswith('Z'):
                self.assertEqual(line['time'], wrote['timestamp'])
        said = self.logs('music-separator', '--where', 'level=ERROR')
        self.assertEqual(len(said), 3)
        self.assertEqual({line['level'] for line in said}, {'error'})
        self.assertEqual([line['fields']['status'] for line in self.logs('music-separator', '--where', 'event_type=audio_separation')],
                         ['success', 'success', 'failed', 'success', 'cancelled'])
        self.assertEqual(self.logs('--where', 'model=htdemucs_6s', '--where', 'status=success'), [
            {'time': '2024-11-18T10:30:45.123Z', 'source': 'music-separator', 'level': 'info', 'event': 'separation_completed',
             'message': 'Separation completed', 'fields': {
                 'timestamp': '2024-11-18T10:30:45.123Z', 'level': 'INFO', 'event_type': 'audio_separation', 'model': 'htdemucs_6s',
                 'processing_duration_seconds': 45.2, 'status': 'success'}}])
        with open(os.path.join(self.server.dir, 'api.log'), 'a', encoding='utf-8') as f:  # one of today is drawn
            f.write(re.sub('"2024[^"]*"', time.strftime('"%Y-%m-%dT%H:%M:%SZ"', time.gmtime()), sample('music-separator-log.jsonl').splitlines()[0]) + '\n')
        jobs = eventually(lambda: self.server.jobs('{job="music-separator"}'))
        self.assertEqual([(text, seconds) for text, seconds, _ in jobs], [('htdemucs_6s job: completed', 45.2)])

    def test_the_host_collector_is_on(self):
        """the pack judges the host, and switches it on"""
        eventually(lambda: self.server.query('node_memory_MemTotal_bytes{job="node"}'))
