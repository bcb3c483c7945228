import os
import struct
import subprocess
import tempfile
import time
import unittest

import server as fixture
from remote import crc32c
from server import Server, eventually


def config_error(text, flag='--config', name='earshot.yml'):
    """(exit status, output with the folder cut) of a start with this configuration"""
    server = Server(flag, '{dir}/' + name, files={name: text})
    try:
        status, out = server.refused()
        return status, out.replace(server.dir + '/', '')
    finally:
        server.close()


def write_newer_format(path):
    """a block as a later earshot would begin it: another major version under a sound checksum"""
    with open(path, 'r+b') as f:
        fixed = f.read(16)
        length = struct.unpack_from('<I', fixed, 12)[0]
        f.seek(0)
        header = bytearray(f.read(length))
        struct.pack_into('<H', header, 8, 99)
        struct.pack_into('<I', header, length - 4, crc32c(header[:-4]))
        f.seek(0)
        f.write(header)


class Configuration(unittest.TestCase):
    """a mistake is one clear line with its place, and exit status 2"""

    def refuse(self, text, *words, flag='--config', name='earshot.yml'):
        status, out = config_error(text, flag, name)
        self.assertEqual(status, 2, out)
        for word in words:
            self.assertIn(word, out)

    def test_an_unknown_key_comes_with_a_suggestion(self):
        self.refuse('collect:\n  hots: {}\n', 'earshot.yml:2:3', 'hots', 'did you mean "host"')

    def test_a_wrong_type(self):
        self.refuse('collect: {host: {interval: [1]}}\n', 'earshot.yml:1:28', 'interval')

    def test_a_duplicate_key(self):
        self.refuse('listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n', 'earshot.yml:2:1', 'listen')

    def test_a_tab(self):
        self.refuse('collect:\n\thost: {}\n', 'earshot.yml:2:1', 'tab')

    def test_a_nul(self):
        self.refuse(b'listen: "127\x00"\n', 'earshot.yml:1', 'NUL')

    def test_an_alias_bomb(self):
        levels = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'] + [
            'a%d: &a%d [%s]' % (i, i, ', '.join(['*a%d' % (i - 1)] * 10)) for i in range(1, 9)]
        self.refuse('\n'.join(levels) + '\n', 'earshot.yml:', 'alias')

    def test_all_mistakes_are_reported_at_once(self):
        self.refuse('lisen: x\nretention: {time: yesterday}\n', 'earshot.yml:1:1', 'earshot.yml:2:')

    def test_a_mistake_in_prometheus_yml(self):
        self.refuse('scrape_configs:\n- job_name: a\n  scrape_intervall: 5s\n', 'p.yml:3:3', 'did you mean "scrape_interval"',
                    flag='--prometheus-config', name='p.yml')

    def test_what_is_not_served_is_a_warning_with_its_line_not_silence(self):
        server = Server('--prometheus-config', '{dir}/p.yml', files={
            'p.yml': 'scrape_configs: []\nrule_files: [a.yml]\n'}).start()
        try:
            self.assertRegex(server.log_text(), r'p\.yml:2:\d+.*rule_files')
            self.assertIn('rule_files', str(server.get('/api/v1/status/config')[1]))
        finally:
            server.close()

    def test_a_file_that_is_not_there(self):
        server = Server('--config', '/nowhere/e.yml')
        try:
            status, out = server.refused()
            self.assertEqual(status, 2)
            self.assertIn('/nowhere/e.yml', out)
            self.assertEqual(len(out.strip().split('\n')), 1, out)
        finally:
            server.close()

    def test_listening_beyond_loopback_needs_a_reason(self):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}, listen='0.0.0.0:0')
        try:
            status, out = server.refused()
            self.assertEqual(status, 2, out)
            self.assertIn('insecure: true', out)
        finally:
            server.close()


class Start(unittest.TestCase):
    def test_a_port_in_use_is_one_line_and_exit_2(self):
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}) as first:
            second = Server('--config', first.dir + '/e.yml', listen=first.listen)
            try:
                status, out = second.refused()
                self.assertEqual(status, 2, out)
                self.assertIn(first.listen, out)
            finally:
                second.close()

    def test_a_data_directory_in_use_is_one_line_and_exit_3(self):
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}) as first:
            second = Server('--config', first.dir + '/e.yml', data=first.data)
            try:
                status, out = second.refused()
                self.assertEqual(status, 3, out)
                self.assertIn(str(first.process.pid), out)
            finally:
                second.close()

    def test_a_data_directory_that_is_a_file(self):
        with tempfile.NamedTemporaryFile() as f:
            server = Server(data=f.name)
            try:
                status, out = server.refused()
                self.assertEqual(status, 3, out)
                self.assertIn(f.name, out)
            finally:
                server.close()

    def test_sigterm_ends_cleanly_and_a_restart_goes_on(self):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {host: {interval: 1s}}\n'}).start()
        try:
            eventually(lambda: server.query('count_over_time(up{job="node"}[1m]) >= 3'))
            before = server.query('count_over_time(node_load1[1m])')[0][1]
            status, seconds = server.stop()
            self.assertEqual(status, 0, server.log_text())
            self.assertLess(seconds, 10)
            server.start()
            self.assertGreaterEqual(server.query('count_over_time(node_load1[1m])')[0][1], before)
            self.assertFalse([n for _, _, names in os.walk(server.data) for n in names if n.endswith('.tmp')])
        finally:
            server.close()

    def test_compacted_data_read_the_same_and_verify(self):
        server = Server('--config', '{dir}/e.yml', '--enable-admin-api',
                        files={'e.yml': 'collect: {host: {interval: 1s}}\n'}).start()
        try:
            eventually(lambda: server.query('count_over_time(up{job="node"}[1m]) >= 3'))
            at = time.time() - 1
            want = server.query('count by (__name__) (last_over_time({job="node"}[5m]))', time=at)
            self.assertTrue(want)
            self.assertEqual(server.request('POST', '/api/v1/admin/tsdb/compact')[0], 204)
            self.assertEqual(sorted(map(repr, want)), sorted(map(
                repr, server.query('count by (__name__) (last_over_time({job="node"}[5m]))', time=at))))
            self.assertEqual(server.stop()[0], 0)
            r = subprocess.run([fixture.BINARY, 'tsdb', 'verify', server.data], capture_output=True, text=True, check=False)
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        finally:
            server.close()

    def test_a_block_of_a_newer_format_is_refused_and_untouched(self):
        server = Server('--config', '{dir}/e.yml', '--enable-admin-api',
                        files={'e.yml': 'collect: {host: {interval: 1s}}\n'}).start()
        try:
            eventually(lambda: server.query('count_over_time(up{job="node"}[1m]) >= 2'))
            server.request('POST', '/api/v1/admin/tsdb/compact')
            self.assertEqual(server.stop()[0], 0)
            blocks = [n for n in os.listdir(server.data) if n.endswith('.ear')]
            self.assertTrue(blocks)
            path = os.path.join(server.data, blocks[0])
            write_newer_format(path)
            before = open(path, 'rb').read()
            status, out = server.refused()
            self.assertEqual(status, 3, out)
            self.assertIn(blocks[0], out)
            self.assertEqual(open(path, 'rb').read(), before)
        finally:
            server.close()

    def test_a_typo_in_promql_names_place_and_suggestion(self):
        with Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}) as server:
            status, body, _ = server.get('/api/v1/query?query=sum(increse(up%5B5m%5D))')
            self.assertEqual(status, 400)
            self.assertIn(b'1:5', body)
            self.assertIn(b'did you mean', body)
            self.assertIn(b'increase', body)


class Requests(unittest.TestCase):
    """a request that smuggles, trickles or lies is refused, and the next good one works"""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def refuse(self, data, status=b'400'):
        answer = self.server.raw(data, 2)
        self.assertTrue(answer.startswith(b'HTTP/1.1 ' + status), answer[:200])
        self.assertEqual(answer.count(b'HTTP/1.1 '), 1, answer[:500])
        self.assertEqual(self.server.get('/-/healthy')[0], 200)

    def test_two_lengths(self):
        self.refuse(b'POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc')

    def test_length_and_chunked(self):
        self.refuse(b'POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'
                    b'0\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n')

    def test_a_folded_header(self):
        self.refuse(b'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n')

    def test_a_space_before_the_colon(self):
        self.refuse(b'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n')

    def test_no_host_and_two_hosts(self):
        self.refuse(b'GET / HTTP/1.1\r\n\r\n')
        self.refuse(b'GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n')

    def test_a_foreign_host_is_told_which_key_to_add(self):
        status, body, _ = self.server.get('/-/healthy', Host='evil.example')
        self.assertEqual(status, 421)
        self.assertIn(b'allowed_hosts', body)

    def test_a_foreign_origin_may_not_change_state(self):
        status, _, _ = self.server.request('POST', '/api/v1/admin/tsdb/compact', headers={'Origin': 'https://evil.example'})
        self.assertEqual(status, 403)

    def test_a_head_without_end(self):
        self.refuse(b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' + b'a' * 20000 + b'\r\n\r\n', b'431')


if __name__ == '__main__':
    unittest.main()
