"""The pack auralis against a scripted service that serves tests/samples."""
import json
import os
import re
import subprocess
import sys

from packs import PackTest, sample
from server import eventually

PATH = '/api/v1/metrics/prometheus'
SUMMARY = dict(uptime_seconds=86.5, total_phrases_generated=12, total_synthesis_errors=1, synthesis_error_rate=.0833, total_chunks_sent=1304,
               total_chunks_dropped=19, chunk_drop_rate=.0146, avg_synthesis_latency_ms=512.25, avg_rtf=21.5, avg_buffer_depth_ms=251.5,
               avg_cpu_percent=21.4, avg_memory_mb=611.0, current_active_clients=2)
HEALTH = {'status': 'healthy', 'synthesis_error_rate': .01, 'rtf': 21.5, 'cpu_percent': 21.4}
OWN = '{job="auralis",instance="stage",endpoint="%s"}'


class Auralis(PackTest):
    answers = {PATH: sample('auralis-exposition.txt'), '/api/v1/metrics': (307, {'Location': '/api/v1/metrics/'}, ''),
               '/api/v1/metrics/': json.dumps(SUMMARY), '/api/v1/metrics/health': json.dumps(HEALTH)}
    config = '''packs:
- auralis: {url: 'http://%(address)s', instance: stage, interval: 500ms, log: auralis.log, process: 'python.*auralis_of_this_test',
    net_device: lo}
'''
    ups = 5

    @classmethod
    def files(cls):
        return {'auralis.log': ''}

    def test_the_exposition_comes_although_its_last_line_has_no_end(self):
        """S2.24, D5: four counters and six gauges without labels, and no newline at the end"""
        counters = ('auralis_phrases_total', 'auralis_synthesis_errors_total', 'auralis_chunks_sent_total', 'auralis_chunks_dropped_total')
        gauges = ('auralis_synthesis_latency_ms', 'auralis_real_time_factor', 'auralis_buffer_depth_ms', 'auralis_active_clients',
                  'auralis_cpu_percent', 'auralis_memory_mb')

        def found():
            return {labels.pop('__name__'): (value, labels) for labels, value in
                    self.server.query('{__name__=~"auralis_.*",job="auralis",endpoint="",source=""}')}
        own = {'job': 'auralis', 'instance': 'stage'}
        self.assertEqual(found(), {name: (0, own) for name in counters + gauges})
        self.assertEqual(self.types('|'.join(counters + gauges)), {**dict.fromkeys(counters, 'counter'), **dict.fromkeys(gauges, 'gauge')})
        values = {name: 11.5 + i for i, name in enumerate(gauges + counters)}
        text = re.sub(r'^(auralis_\w+) .*', lambda m: '%s %s' % (m[1], values[m[1]]), self.answers[PATH], flags=re.M)
        self.assertTrue(text.endswith('\nauralis_chunks_dropped_total 20.5'))
        self.change(PATH, text)
        eventually(lambda: found() == {name: (value, own) for name, value in values.items()})
        self.assertEqual(self.value('up' + OWN % PATH), 1)

    def test_the_summary_behind_its_redirect_has_all_thirteen_keys(self):
        """S2.23, D8: the path without its slash is redirected on the same host"""
        own = OWN % '/api/v1/metrics'
        self.assertEqual({labels['__name__']: value for labels, value in self.server.query('{__name__=~"auralis_summary_.*",%s' % own[1:])},
                         {'auralis_summary_' + k: v for k, v in SUMMARY.items()})
        self.change('/api/v1/metrics/', {})
        eventually(lambda: not self.server.query('{__name__=~"auralis_summary_.*"}'))  # `{}` when empty: no samples, no zeros

    def test_health_is_what_the_body_says_whatever_the_status(self):
        """S2.27, D8: the service answers 200 also when it is unhealthy; a 503 with the same body says the same"""
        own = OWN % '/api/v1/metrics/health'
        self.assertEqual(self.value('auralis_healthy' + own), 1)
        self.assertEqual(self.value('auralis_health_real_time_factor' + own), 21.5)
        sick = json.dumps({**HEALTH, 'status': 'unhealthy', 'rtf': 0.0})
        self.change('/api/v1/metrics/health', sick)
        self.becomes('auralis_healthy' + own, 0)
        self.assertEqual(self.value('up' + own), 1)
        self.service.answers['/api/v1/metrics/health'] = (503, {}, sick)
        self.becomes('up' + own, 0)
        self.assertEqual(self.value('auralis_healthy' + own), 0)
        self.assertEqual(self.value('auralis_health_real_time_factor' + own), 0)
        self.service.answers['/api/v1/metrics/health'] = (503, {}, json.dumps(HEALTH))
        self.becomes('auralis_healthy' + own, 1)

    def test_lines_of_its_log_are_events(self):
        """S2.28, S2.29: reports and warnings, with their numbers as values"""
        with open(os.path.join(self.server.dir, 'auralis.log'), 'a', encoding='utf-8') as f:
            f.write(sample('auralis.log'))
        own = '{job="auralis",instance="stage",source="auralis"}'
        eventually(lambda: self.series('sum by (event) (earshot_log_events_total%s > 0)' % own, 'event').get('high_memory') == 1)
        self.assertEqual(self.value('earshot_log_value{event="high_cpu",field="value"}'), 93)

    def test_its_process_is_a_group(self):
        """S2.16: the resident memory of its process, found by its command line; S2.15: its CPU"""
        own = '{job="auralis",instance="stage",groupname="auralis"%s}'
        self.assertEqual(self.value('namedprocess_namegroup_num_procs' + own % ''), 0)
        child = subprocess.Popen([sys.executable, '-c', 'import time\nkept = b"x" * (50 << 20)\ntime.sleep(60)', 'auralis_of_this_test'])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.becomes('namedprocess_namegroup_num_procs' + own % '', 1)

        def resident():
            with open('/proc/%d/status' % child.pid, encoding='ascii') as f:
                return int(re.search(r'^VmRSS:\s+(\d+) kB', f.read(), re.M)[1]) << 10
        told = [name + own % more for name, more in (('namedprocess_namegroup_memory_bytes', ',memtype="resident"'), ('earshot_process_max_resident_bytes', ''))]
        # The kernel's counts of a page table differ by some pages, depending on where it is asked.
        eventually(lambda: resident() > 50 << 20 and all(abs(self.value(t) - resident()) < 1 << 20 for t in told))
        self.assertGreater(self.value('sum without (mode) (namedprocess_namegroup_cpu_seconds_total%s)' % own % ''), 0)

    def test_the_device_it_streams_over_switches_the_host_on(self):
        """S2.18: what goes over the device is the host collector's, which leaves out `lo` as node_exporter does"""
        eventually(lambda: self.server.query('node_memory_MemTotal_bytes{job="node"}'))

    def test_the_gpu_collector_is_on(self):
        """its GPU memory is judged: there is a target also where there is no GPU"""
        eventually(lambda: self.server.query('up{job="gpu"}'))

    def test_each_path_is_down_by_itself(self):
        """up 0 with words: bad JSON, empty body"""
        self.assert_down('auralis', '/api/v1/metrics/health', '{"status"', 'JSON')
        self.assert_down('auralis', PATH, (200, {'Content-Type': 'text/plain'}, '<html>'), 'line 1')
        self.assertEqual(self.value('up' + OWN % '/api/v1/metrics'), 1)
