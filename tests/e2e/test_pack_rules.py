"""The rule files of the packs: what Prometheus' own promtool says to them, and whether earshot parses every expression."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from server import Server

PACKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../packs')
FILES = sorted(glob.glob(PACKS + '/*/rules.yml'))
# What a person gives to a pack, as it is when nothing is given (net_device has no value then).
DEFAULTS = {'capacity': '100', 'error_status': '5..', 'metrics_path': '/api/v1/metrics/prometheus', 'net_device': 'eth0', 'status_path': '/nginx_status', 'tasks_key': 'llm_tasks',
            'processing_key': 'llm_tasks:processing', 'reserves': 'vllm|triton|tgi', 'pack_jobs': 'soundbox|node'}


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def rules(text):
    """[text of a rule]"""
    return re.split(r'^  - ', text, flags=re.M)[1:]


def expression(rule):
    one = re.search(r'^    expr: (?!>-)(.*)$', rule, re.M)
    return one.group(1) if one else ' '.join(re.search(r'^    expr: >-\n((?:      .*\n)+)', rule, re.M).group(1).split())


def threshold(expr):
    """the number behind the first comparison, as packs/rules.md says; None: there is none"""
    bare = re.sub(r'"[^"]*"', '""', re.sub(r'\{[^}]*\}', '', expr))
    m = re.search(r'(?:[<>]=?|[=!]=) (?:on \([^)]*\) )?(-?\d[\d.e]*)', bare)
    return m and m.group(1)


def filled(text):
    """the file as it is evaluated: ${...} filled in, and of the annotations the summary alone, which tests compare"""
    out = [text[:text.index('  - ')]]
    for rule in rules(text):
        rule = rule.replace('${threshold}', threshold(expression(rule)) or '')
        out.append('  - ' + re.sub(r'^      (description|runbook): .*\n', '', rule, flags=re.M))
    return re.sub(r'\$\{(\w+)\}', lambda m: DEFAULTS.get(m.group(1), m.group(0)), ''.join(out))


class Promtool(unittest.TestCase):
    def run_promtool(self, *args):
        r = subprocess.run(['promtool', *args], capture_output=True, text=True, timeout=120, check=False)
        return r.returncode, r.stdout + r.stderr

    def test_every_file_is_right(self):
        self.assertEqual(len(FILES), 22)
        status, text = self.run_promtool('check', 'rules', *FILES)
        self.assertEqual(status, 0, text)
        self.assertNotIn('lint error', text)

    def test_rules_fire_and_stay_quiet_as_they_should(self):
        tests = sorted(glob.glob(PACKS + '/*/rules_test.yml'))
        for path in FILES:
            cases = read(path.replace('rules.yml', 'rules_test.yml'))
            with self.subTest(path):
                self.assertEqual(set(re.findall(r'^  - alert: (\S+)', read(path), re.M)) - set(re.findall(r'alertname: (\S+)\n    exp_alerts:\n', cases)), set())
        for path in tests:
            with self.subTest(path), tempfile.TemporaryDirectory(prefix='earshot-rules-') as folder:
                shutil.copy(path, folder)
                with open(folder + '/rules.yml', 'w', encoding='utf-8') as f:
                    f.write(filled(read(os.path.dirname(path) + '/rules.yml')))
                status, text = self.run_promtool('test', 'rules', folder + '/rules_test.yml')
                self.assertEqual(status, 0, text[-6000:])


class Rules(unittest.TestCase):
    def test_every_rule_says_of_which_pack_it_is_how_bad_and_what_to_do(self):
        for path in FILES:
            pack = os.path.basename(os.path.dirname(path))
            self.assertIn('- name: pack:%s\n' % pack, read(path))
            for rule in rules(read(path)):
                if rule.startswith('record: '):
                    continue
                with self.subTest(pack=pack, rule=rule.split('\n')[0]):
                    self.assertRegex(rule, r'labels: \{severity: (info|warning|error|critical), pack: %s[,}]' % pack)
                    for annotation in ('summary', 'description', 'runbook'):
                        self.assertRegex(rule, r"      %s: ['\"]." % annotation)

    def test_levels_of_one_alert_differ_in_the_threshold_that_can_be_tuned(self):
        for path in FILES:
            seen = {}
            for rule in rules(read(path)):
                name, level = rule.split('\n')[0], re.search(r'severity: (\w+)', rule)
                if not level or 'reason:' in rule or 'sensor:' in rule:
                    continue
                seen.setdefault(name, []).append((level.group(1), threshold(expression(rule))))
            for name, levels in seen.items():
                if len(levels) == 1 or name in ('alert: HostTooHot', 'alert: GpuXid', 'alert: TargetDown'): # limits of the sensor, codes, all or some
                    continue
                with self.subTest(name):
                    self.assertEqual(len(levels), 2)
                    self.assertNotEqual(levels[0][1], levels[1][1])
                    self.assertNotIn(None, [number for _, number in levels])


ALL = ['auralis', 'celery', 'comfyui', 'docker', 'document-hub', 'gpu', 'host', 'llama-cpp', 'music-separator', 'nginx', 'ollama', 'postgres', 'rabbitmq',
       'redis', 'soundbox', 'tgi', 'triton', 'vllm', 'whisper-pipeline', 'whisper-server']


class Loaded(unittest.TestCase):
    """the rules of the packs in use, as the server shows them"""

    def shown(self, *args, files=None):
        server = Server(*args, files=files or {}).start()
        self.addCleanup(server.close)
        status, body = server.get('/api/earshot/v1/packs/rules')[:2]
        self.assertEqual(status, 200)
        return body.decode() if isinstance(body, bytes) else body

    def groups(self, text):
        return re.findall(r"^- name: '(.*)'$", text, re.M)

    def test_they_are_a_rule_file_that_prometheus_takes(self):
        # vllm and others share port 8000 by default: each needs a place of its own
        entries = ''.join('- %s: {instance: i%d%s}\n' % (name, i, ", url: 'http://127.0.0.1:%d'" % (1000 + i) if name in (
            'auralis', 'music-separator', 'vllm', 'whisper-server', 'triton') else ", redis: 'redis://h:1'" if name == 'document-hub' else '')
            if name not in ('host', 'gpu', 'whisper-pipeline') else "- whisper-pipeline: {api: 'http://q:1', redis: 'redis://q:2', postgres: off}\n"
            if name == 'whisper-pipeline' else '- %s\n' % name for i, name in enumerate(ALL))
        text = self.shown('--config', '{dir}/e.yml', files={'e.yml': 'packs:\n' + entries + '- process: {name: a, match: b}\n'
                                                            "- redis: {url: 'redis://h:3', rules: {'*': {for: 1s, interval: 5s}, RedisSlow: {warning: 3}}}\n"})
        with tempfile.TemporaryDirectory(prefix='earshot-rules-') as folder:
            with open(folder + '/rules.yml', 'w', encoding='utf-8') as f:
                f.write(text)
            r = subprocess.run(['promtool', 'check', 'rules', folder + '/rules.yml'], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        # each pack remembers its own services under one name, told apart by their job
        self.assertLessEqual(set(re.findall('Metric: (.*)', r.stdout + r.stderr)), {'earshot:seen_up'})
        self.assertLessEqual({'pack:%s' % name for name in ALL} | {'pack:process', 'pack:earshot', 'pack:redis every 5s'}, set(self.groups(text)))
        self.assertNotIn('${', text.replace('${line}', ''))

    def test_earshot_is_watched_whatever_its_file_says(self):
        self.assertEqual(self.groups(self.shown()), ['pack:host', 'pack:gpu', 'pack:earshot'])
        self.assertEqual(self.groups(self.shown('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'})), ['pack:earshot'])
        text = self.shown('--config', '{dir}/e.yml', files={'e.yml': 'packs: [{earshot: {rules: {TargetDown: {for: 9m}}}}]\n'})
        self.assertEqual(self.groups(text), ['pack:earshot'])
        self.assertRegex(text, r'- alert: TargetDown\n.*\n    for: 9m\n')

    def test_a_prometheus_yml_alone_says_all_that_is_judged(self):
        self.assertEqual(self.shown('--prometheus-config', '{dir}/p.yml', files={'p.yml': 'scrape_configs: []\n'}), 'groups: []\n')


class Engine(unittest.TestCase):
    def test_earshot_parses_and_answers_every_expression(self):
        server = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {}\n'}).start()
        self.addCleanup(server.close)
        for path in FILES:
            for rule in rules(filled(read(path))):
                with self.subTest(path=path, rule=rule.split('\n')[0]):
                    self.assertEqual(server.query(expression(rule)), [])


if __name__ == '__main__':
    unittest.main()
