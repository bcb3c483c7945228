"""The configuration is loaded again while the server runs: all of it, or nothing."""
import http.server
import os
import signal
import threading
import time
import unittest

from server import Server, eventually

INTERVAL = .2


class Service:
    """a scrape target on a loopback port"""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                time.sleep(.02) # so that scrapes are under way when a reload comes
                body = b'a_total 1\nb{keep="no"} 2\n'
                self.send_response(200)
                self.send_header('Content-Type', 'text/plain; version=0.0.4')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass # a scrape that a reload ended

        self.server = Listener(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.address = '127.0.0.1:%d' % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def job(name, address, *more):
    return '\n'.join(['- job_name: ' + name, '  scrape_interval: %dms' % (INTERVAL * 1000),
                      '  scrape_timeout: %dms' % (INTERVAL * 1000),
                      "  static_configs: [{targets: ['%s']}]" % address, *more, ''])


class Reload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def start(self, config, *flags, earshot='collect: {}\n'):
        server = Server('--config', '{dir}/e.yml', '--prometheus-config', '{dir}/p.yml', '--enable-lifecycle', *flags,
                        files={'e.yml': earshot, 'p.yml': config})
        self.addCleanup(server.close)
        self.addCleanup(self.end, server)
        return server.start()

    def end(self, server):
        """a clean end, also for a sanitizer that looks for leaks"""
        if server.process and server.process.poll() is None:
            self.assertEqual(server.stop()[0], 0, server.log_text())

    def jobs(self, *jobs, head=''):
        return head + 'scrape_configs:\n' + ''.join(jobs)

    def job(self, name, *more):
        return job(name, self.service.address, *more)

    def write(self, server, text, name='p.yml'):
        path = os.path.join(server.dir, name)
        with open(path + '.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.replace(path + '.new', path)

    def reload(self, server, method='POST'):
        status, body, headers = server.request(method, '/-/reload')
        self.assertTrue(headers['Content-Type'].startswith('text/plain'), headers['Content-Type'])
        return status, body.decode()

    def accepted(self, server, text, **where):
        self.write(server, text, **where)
        self.assertEqual(self.reload(server), (200, ''))

    def log(self, server):
        return server.log_text().replace('\\"', '"')

    def targets(self, server):
        return sorted(t['labels']['job'] for t in server.api('targets')['activeTargets'] if t['labels']['job'] != 'earshot')

    def is_up(self, server, *names):
        eventually(lambda: {m['job'] for m, v in server.query('up{job!="earshot"}') if v == 1} >= set(names), every=.02)

    def metric(self, server, name):
        _, body, _ = server.get('/metrics')
        return float(next(line.split()[-1] for line in body.decode().splitlines() if line.startswith(name + ' ')))

    def no_gap(self, server, expr, start):
        """there is a value at every moment from `start` to now, and a scrape in every interval"""
        time.sleep(max(0, start + 5 * INTERVAL + .5 - time.time()))
        steps = int((time.time() - .5 - start) / .05)
        start = round(start, 3)
        r = server.api('query_range', query=expr, start=start, end='%.3f' % (start + steps * .05), step=.05)['result']
        self.assertEqual(len(r), 1, expr)
        there = [round(t - start, 2) for t, _ in r[0]['values']]
        self.assertEqual(len(there), steps + 1, '%s\n%s' % (there, server.log_text()[-2000:]))
        at = [t for t, _ in server.api('query', query='%s[%ds]' % (expr, time.time() - start + 1))['result'][0]['values']
              if t >= start]
        self.assertGreater(len(at), 3)
        # A loaded machine may run one late, never two.
        self.assertLess(max(b - a for a, b in zip(at, at[1:])), 2.5 * INTERVAL, at)

    def test_jobs_come_go_and_change_while_an_unchanged_one_goes_on(self):
        stays, goes = self.job('stays'), self.job('goes')
        server = self.start(self.jobs(stays, goes, self.job('changes')))
        self.is_up(server, 'stays', 'goes', 'changes')
        start = time.time()
        time.sleep(2 * INTERVAL)
        self.accepted(server, self.jobs(stays, self.job('changes', '  honor_labels: true'), self.job('comes')))
        self.assertEqual(self.targets(server), ['changes', 'comes', 'stays'])
        eventually(lambda: not server.query('a_total{job="goes"} or up{job="goes"}'), 2, .02)
        self.is_up(server, 'comes', 'changes')
        for name in 'stays', 'changes': # a changed job's series go on in its new pool
            self.no_gap(server, 'a_total{job="%s"}' % name, start)
            self.no_gap(server, 'up{job="%s"}' % name, start)

    def test_changed_relabel_rules_are_in_use(self):
        server = self.start(self.jobs(self.job('a')))
        eventually(lambda: server.query('b{job="a"}'), every=.02)
        self.accepted(server, self.jobs(self.job(
            'a', '  relabel_configs: [{target_label: zone, replacement: north}]',
            '  metric_relabel_configs: [{source_labels: [keep], regex: "no", action: drop}]')))
        eventually(lambda: server.query('a_total{job="a",zone="north"}'), every=.02)
        # The target has other labels now; its old series end when the hand-over is over.
        eventually(lambda: len(server.query('a_total{job="a"}')) == 1 and not server.query('b'), 5, .05)

    def test_a_refused_file_changes_nothing_and_every_mistake_is_told(self):
        good = self.jobs(self.job('a'), head='global: {external_labels: {site: x}}\n')
        server = self.start(good)
        self.is_up(server, 'a')
        before, start = server.api('status/runtimeinfo'), time.time()
        shown, loaded = server.api('status/config'), self.metric(server, 'earshot_config_last_reload_success_timestamp_seconds')
        self.assertTrue(before['reloadConfigSuccess'])
        for text, mistakes in (
                ('scrape_configs: [\n', ('p.yml:2:1: ',)),
                (self.jobs(self.job('new', '  relabel_configs: [{action: labeldrop, regex: "("}]',
                                    '  metric_relabel_configs: [{action: labeldrop, regex: "["}]')),
                 ('p.yml:6:48: ', 'p.yml:7:55: ')),
                ('scrape_config: []\nglobal: {scrape_intervall: 1s}\n',
                 ('p.yml:1:1: unknown key "scrape_config"', 'p.yml:2:10: unknown key "scrape_intervall"'))):
            self.write(server, text)
            status, body = self.reload(server, 'PUT')
            self.assertEqual(status, 500)
            self.assertTrue(body.startswith('failed to reload config: '), body)
            for mistake in mistakes:
                self.assertIn(mistake, body)
                self.assertIn(mistake, self.log(server))
            self.assertEqual(body.count('\n'), len(mistakes), body)
            self.assertEqual(self.metric(server, 'earshot_config_last_reload_successful'), 0)
            now = server.api('status/runtimeinfo')
            self.assertFalse(now['reloadConfigSuccess'])
            self.assertEqual(now['lastConfigTime'], before['lastConfigTime'])
        # Both files count as one.
        self.write(server, good)
        self.write(server, 'collect: {hots: {}}\n', 'e.yml')
        self.assertIn('e.yml:1:11: ', self.reload(server)[1])
        self.write(server, 'collect: {host: {proc: /nowhere}}\n', 'e.yml')
        self.assertIn('failed to reload config: collect.host: ', self.reload(server)[1])
        self.assertEqual(self.targets(server), ['a'])
        self.assertEqual(server.api('status/config'), shown)
        self.assertEqual(self.metric(server, 'earshot_config_last_reload_success_timestamp_seconds'), loaded)
        self.no_gap(server, 'a_total{job="a"}', start)
        self.accepted(server, 'collect: {}\n', name='e.yml')
        now = server.api('status/runtimeinfo')
        self.assertTrue(now['reloadConfigSuccess'])
        self.assertGreater(now['lastConfigTime'], before['lastConfigTime'])
        self.assertEqual(self.metric(server, 'earshot_config_last_reload_successful'), 1)
        self.assertGreater(self.metric(server, 'earshot_config_last_reload_success_timestamp_seconds'), loaded)

    def test_a_signal_does_the_same(self):
        server = self.start(self.jobs(self.job('a')))
        self.is_up(server, 'a')
        self.write(server, self.jobs(self.job('a'), self.job('b')))
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.targets(server) == ['a', 'b'])
        self.write(server, 'x: 1\n')
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: not server.api('status/runtimeinfo')['reloadConfigSuccess'])
        self.assertIn('p.yml:1:1: unknown key "x"', self.log(server))
        self.assertEqual(self.targets(server), ['a', 'b'])

    def test_it_is_asked_for_by_post_or_put_and_only_where_it_is_enabled(self):
        server = self.start(self.jobs())
        self.assertEqual(server.get('/-/reload')[0], 405)
        self.assertEqual(self.reload(server, 'PUT'), (200, ''))
        plain = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'})
        self.addCleanup(plain.close)
        plain.start()
        for method in 'POST', 'PUT':
            status, body = self.reload(plain, method)
            self.assertEqual(status, 403)
            self.assertIn('Lifecycle API is not enabled.', body)
        self.assertEqual(plain.get('/-/reload')[0], 405)
        plain.process.send_signal(signal.SIGHUP) # whoever may send it, may do more
        eventually(lambda: 'the configuration was loaded again' in plain.log_text())

    def test_what_is_not_of_jobs_changes_too(self):
        server = self.start(self.jobs(), earshot='collect: {}\nretention: {time: 10d}\n')
        self.assertEqual(server.api('status/runtimeinfo')['storageRetention'], '10d')
        self.write(server, 'collect: {host: {interval: 200ms, top: 3}}\nretention: {time: 5d}\nlisten: 127.0.0.1:9\n'
                   'external_url: http://x.example/\nallowed_hosts: [a.example]\n', 'e.yml')
        self.accepted(server, self.jobs(head='global: {external_labels: {site: south}}\nalerting: {}\n'))
        self.assertEqual(server.api('status/runtimeinfo')['storageRetention'], '5d')
        status, body, _ = server.get('/api/v1/status/config')
        self.assertIn(b'site: south', body)
        eventually(lambda: server.query('node_memory_MemTotal_bytes'), every=.05)
        self.assertIn(b'site="south"', server.get('/federate?match[]=node_memory_MemTotal_bytes')[1])
        for key in 'external_url', 'allowed_hosts':
            self.assertEqual(server.log_text().count(key + ' is another than at the start'), 1)
        self.assertNotIn('listen is another', server.log_text()) # the flag decides
        start = time.time()
        self.accepted(server, 'collect: {host: {interval: 200ms, top: 4}}\n', name='e.yml')
        self.no_gap(server, 'node_memory_MemTotal_bytes', start)
        self.accepted(server, 'collect: {}\n', name='e.yml')
        eventually(lambda: not server.query('node_memory_MemTotal_bytes'), 3, .05)
        self.assertEqual(self.targets(server), [])

    def test_reloads_one_after_the_other_lose_no_target_and_hold_no_memory(self):
        stays = self.job('stays')
        texts = [self.jobs(stays, *(self.job('job%d' % i, '  honor_labels: %s' % flag) for i in range(20)))
                 for flag in ('true', 'false')]
        server = self.start(texts[0])
        names = ['job%d' % i for i in range(20)] + ['stays']
        self.is_up(server, *names)
        start, sizes = time.time(), []
        for i in range(60):
            self.accepted(server, texts[i % 2])
            time.sleep(.05)
            if i % 10 == 9:
                sizes.append(self.metric(server, 'process_resident_memory_bytes'))
        self.assertEqual(self.targets(server), sorted(names))
        self.is_up(server, *names)
        self.no_gap(server, 'a_total{job="stays"}', start)
        self.assertLess(sizes[-1] - sizes[0], 32e6, sizes)

    def test_many_ask_at_once_and_the_server_ends_meanwhile(self):
        server = self.start(self.jobs(self.job('a')))
        answers = []

        def ask():
            for _ in range(10):
                answers.append(self.reload(server))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(answers, [(200, '')] * 80)
        self.write(server, self.jobs(*(self.job('job%d' % i) for i in range(500))))
        server.process.send_signal(signal.SIGHUP)
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.stop()[0], 0)


if __name__ == '__main__':
    unittest.main()
