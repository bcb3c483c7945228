import json
import math
import os
import re
import tempfile
import threading
import time
import unittest

import services
from replay import Replay
from server import Peer, Server, eventually, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
STEP_MS, STEPS = 15000, 44
JOBS = ('node', 'redis', 'postgres', 'service', 'prometheus')
IN_FILES = ('redis', 'service')  # found through file_sd_configs, the others are static
RELABELLING = {
    'relabel_configs': [
        {'action': 'labelmap', 'regex': '__meta_place_(.+)', 'replacement': 'at_$1'},
        {'source_labels': ['__address__', '__metrics_path__'], 'regex': r'([\d.]+):\d+;/(\w+)/.*', 'target_label': 'asked',
         'replacement': '${1}/$2'},
        {'source_labels': ['__metrics_path__'], 'modulus': 7, 'target_label': 'shard', 'action': 'hashmod'},
        {'source_labels': ['at_shelf'], 'action': 'uppercase', 'target_label': 'at_shelf'},
        {'action': 'labeldrop', 'regex': 'at_room'},
        {'source_labels': ['rack'], 'action': 'keep', 'regex': 'r[0-9]+'}],
    'metric_relabel_configs': [
        {'source_labels': ['__name__'], 'regex': 'go_memstats_(heap|mspan|mcache)_.*', 'action': 'drop'},
        {'source_labels': ['__name__', 'device'], 'regex': 'node_network_[^;]*;(lo|eth.*)', 'target_label': 'link', 'replacement': 'is-$1'},
        {'source_labels': ['code', 'status'], 'regex': '(.*);', 'target_label': 'answer', 'replacement': 'c$1'}]}


def queries():
    with open(HERE + '/same_answers.promql', encoding='utf-8') as f:
        return [line.strip() for line in f if line.strip() and not line.startswith('#')]


def key(labels):
    """a series in words. Of bounds in the classic format 3.x writes "1.0" where the exporter and 2.42 have "1"."""
    for bound in ('le', 'quantile'):
        if re.fullmatch(r'\d+', labels.get(bound, '')):
            labels[bound] += '.0'
    return json.dumps(labels, sort_keys=True)


def same(a, b):
    return a == b or math.isnan(a) and math.isnan(b) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


class SameAnswers(unittest.TestCase):
    """earshot and Debian's Prometheus 2.42 on one unmodified prometheus.yml and the same real exporters"""

    @classmethod
    def setUpClass(cls):
        lacking = services.missing()
        if lacking:
            raise unittest.SkipTest('needs the Debian packages ' + lacking)
        cls.undo = []
        cls.addClassCleanup(lambda: [f() for f in reversed(cls.undo)])
        cls.world = services.World()
        cls.undo.append(cls.world.stop)
        cls.folder = tempfile.TemporaryDirectory()
        cls.undo.append(cls.folder.cleanup)
        port = free_port()
        exporters = {name: e.url for name, e in cls.world.exporters.items()}
        exporters['prometheus'] = 'http://127.0.0.1:%d/metrics' % port
        # 4 s off a multiple of the step: no sample falls on a border of a window, which 2.42 still counts in
        # and 3.x does not, at the times that are asked for below.
        last = int(time.time() * 1000) // STEP_MS * STEP_MS - 60000 + 4000
        cls.replay = Replay(exporters, STEP_MS, STEPS, last - (STEPS - 1) * STEP_MS, scripted=('service',))
        cls.undo.append(cls.replay.stop)
        cls.start, cls.end = cls.replay.at_ms[0] / 1000, last / 1000
        cls.asked_at = cls.end + 7  # between two samples
        config = 'global: {scrape_interval: 500ms, scrape_timeout: 500ms, external_labels: {site: test}}\nscrape_configs:\n'
        for job in JOBS:
            group = {'targets': ['127.0.0.1:%d' % cls.replay.port],
                     'labels': {'rack': 'r%d' % len(job), '__meta_place_room': 'cellar', '__meta_place_shelf': job[:2]}}
            found = {'static_configs': [group]}
            if job in IN_FILES:
                with open('%s/%s.json' % (cls.folder.name, job), 'w', encoding='utf-8') as f:
                    json.dump([group], f)
                found = {'file_sd_configs': [{'files': ['%s*.json' % job]}]}
            config += '- ' + json.dumps({'job_name': job, 'metrics_path': '/%s/metrics' % job, **found, **RELABELLING}) + '\n'
        path = cls.folder.name + '/prometheus.yml'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(config)
        peer = Peer('prometheus', '--config.file=' + path, '--storage.tsdb.path=' + cls.folder.name + '/data',
                    '--web.listen-address=127.0.0.1:%d' % port)
        cls.undo.append(peer.stop)
        cls.theirs = Server()
        cls.undo.append(cls.theirs.close)
        cls.theirs.port = port
        eventually(lambda: cls.theirs.get('/-/ready')[0] == 200, 60)
        cls.ours = Server('--prometheus-config', path)
        cls.undo.append(cls.ours.close)
        cls.ours.start()
        recorder = threading.Thread(target=cls.replay.record, args=(.8,))
        recorder.start()
        recorder.join()
        for agent in ('prometheus', 'earshot'):
            eventually(lambda agent=agent: cls.replay.given(agent) == STEPS, 90)
        time.sleep(2)  # what was given is stored
        for server in (cls.ours, cls.theirs):  # else what is compared is not the same
            for name in ('node_load1', 'redis_up', 'pg_up', 'cpu_usage_percent', 'process_open_fds{job="prometheus"}'):
                found = server.query('count_over_time(%s[20m])' % name, time=cls.asked_at)
                assert found, name
                for labels, n in found:
                    assert n == STEPS, '%s stored %d of %d scrapes of %s' % (server.port, n, STEPS, labels)

    def both(self, what):
        return what(self.ours), what(self.theirs)

    def asked(self, path, expr, **params):
        """{labels: [(time, value)]} of either server; in the order of the answer"""
        out = []
        for server in (self.ours, self.theirs):
            result = server.api(path, query=expr, **params)['result']
            out.append({key(r['metric']): [(float(t), float(v)) for t, v in r.get('values') or [r['value']]] for r in result})
        return out

    def differences(self, path, expr, ordered=False, **params):
        where = '%s at %s' % (expr, params)
        try:
            ours, theirs = self.asked(path, expr, **params)
        except KeyError as e:
            return ['%s: %s' % (where, e)]
        if not theirs or not ours:
            return ['%s: empty (earshot %d series, Prometheus %d)' % (where, len(ours), len(theirs))]
        if list(ours) != list(theirs) if ordered else ours.keys() != theirs.keys():
            return ['%s: series differ: %s' % (where, sorted(set(ours) ^ set(theirs))[:4])]
        for labels, points in theirs.items():
            if len(points) != len(ours[labels]):
                return ['%s: %s: %d points, Prometheus has %d' % (where, labels, len(ours[labels]), len(points))]
            for (t, v), (our_t, our_v) in zip(points, ours[labels]):
                if t != our_t or not same(v, our_v):
                    return ['%s: %s: %r at %r, Prometheus %r at %r' % (where, labels, our_v, our_t, v, t)]
        return []

    def test_1_every_query_gives_the_same_answer_at_a_moment_and_over_a_range(self):
        wrong, asked = [], queries()
        self.assertGreater(len(asked), 35)
        for expr in asked:
            for back in (0, 90):
                wrong += self.differences('query', expr, ordered=expr.startswith('sort'), time=self.asked_at - back)
            wrong += self.differences('query_range', expr, start=self.asked_at - 300, end=self.asked_at, step=20)
        self.assertFalse(wrong, '\n' + '\n'.join(wrong))
        print('%d queries, each at 2 moments and over a range' % len(asked))

    def test_2_a_fixed_moment_is_the_same_from_everywhere(self):
        wrong = []
        for expr in ('rate(http_requests_total[2m] @ %.3f)' % (self.end - 50), 'node_load1 @ %.3f' % (self.end - 100),
                     'sum(errors_total) - sum(errors_total @ %.3f)' % (self.end - 200),
                     'node_load1 @ end() - node_load1 @ start()', 'max_over_time(node_load5[4m:30s] @ %.3f offset 1m)' % self.end):
            wrong += self.differences('query_range', expr, start=self.asked_at - 100, end=self.asked_at, step=25)
        self.assertFalse(wrong, '\n' + '\n'.join(wrong))

    def test_3_series_labels_and_their_values_are_the_same(self):
        recorded, span = '{job=~"%s",__name__!~"up|scrape_.*"}' % '|'.join(JOBS), {'start': self.start, 'end': self.end}

        def series(server):
            return sorted(key(s) for s in server.api('series', **{'match[]': recorded, **span}))
        ours, theirs = self.both(series)
        self.assertGreater(len(theirs), 1000)
        self.assertFalse(set(ours) ^ set(theirs))
        self.assertEqual(len(ours), len(theirs))
        for path in ('labels', 'label/shard/values', 'label/asked/values', 'label/at_shelf/values', 'label/link/values',
                     'label/answer/values', 'label/__name__/values', 'label/mode/values', 'label/job/values', 'label/model/values'):
            ours, theirs = self.both(lambda s, path=path: s.api(path, **{'match[]': recorded, **span}))
            self.assertEqual(ours, theirs, path)

    def test_4_live_exporters_read_the_same(self):
        """passed through, in the format that each server asks for"""
        self.replay.live = True
        # No longer than the lookback ago all was recorded: what is asked for is new.
        for server in (self.ours, self.theirs):
            eventually(lambda server=server: time.time() - server.query('min(timestamp(go_info))')[0][1] < 5, 30)
        time.sleep(2)
        wrong, now = [], time.time()
        for expr in ('up{job!="earshot"}', 'count by (job, instance, rack, shard, asked, at_shelf) ({job=~"redis|service"})', 'node_uname_info', 'node_memory_MemTotal_bytes',
                     'count by (__name__) ({job=~"node|redis|postgres|service",__name__!~"scrape_.*|up"})', 'pg_static',
                     'scrape_samples_scraped{job=~"service|redis"}', 'scrape_samples_post_metric_relabeling{job="service"}',
                     'redis_instance_info', 'sum by (rack) (node_filesystem_size_bytes)', 'service_build_info', 'service_state',
                     'count by (le) (separation_duration_seconds_bucket)', 'timestamp(up{job!="earshot"}) > bool %d' % (now - 5),
                     'process_start_time_seconds{job="service"}', 'count(scrape_duration_seconds{job!="earshot"})'):
            wrong += self.differences('query', expr, time=now)
        self.assertFalse(wrong, '\n' + '\n'.join(wrong))

    def test_5_what_a_target_stops_to_show_is_gone_from_both(self):
        self.replay.live = True
        for server in (self.ours, self.theirs):
            eventually(lambda server=server: server.query('up{job="service"} == 1 and on () cpu_usage_percent'), 30)
        self.replay.down.add('redis')
        self.world.exporters['service'].stop()
        for server in (self.ours, self.theirs):
            eventually(lambda server=server: len(server.query('up == 0')) == 2, 30)
            eventually(lambda server=server: not server.query('redis_up or cpu_usage_percent'), 30)
        wrong, now = [], time.time()
        for expr in ('up{job!="earshot"}', 'absent(redis_up)', 'absent(cpu_usage_percent{job="service"})', 'count by (job) ({job=~"redis|service"})',
                     'scrape_samples_scraped{job=~"redis|service"}'):
            wrong += self.differences('query', expr, time=now)
        self.assertFalse(wrong, '\n' + '\n'.join(wrong))


if __name__ == '__main__':
    unittest.main()
