"""Every series that a rule of a pack waits for has somebody who writes it: a collector, the pack's own mapping, a recording rule or the
service's own exposition. What this version does not write yet is named with its reason."""
import glob
import os
import re
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
WORDS = set('abs absent and avg avg_over_time bool by changes clamp_max clamp_min count count_over_time delta deriv group_left group_right '
            'histogram_quantile idelta ignoring increase irate label_replace last_over_time max max_over_time min min_over_time offset on or quantile quantile_over_time rate resets '
            'round sum sum_over_time time timestamp topk unless vector without'.split())
LATER = {
    'ALERTS': 'rules are judged by a later version',
    'earshot_rules_failed_total': 'rules are judged by a later version',
    'earshot_rules_missed_total': 'rules are judged by a later version',
    'earshot_notify_failed_total': 'a later version notifies',
    'earshot_notify_last_success_timestamp_seconds': 'a later version notifies',
    'earshot_audio_clipped_total': 'a later version listens to files of sound',
    'earshot_speed_ratio': 'a later version knows jobs of services of any kind',
    'earshot_job_active': 'a later version knows jobs of services of any kind',
}
# Put together with what the kernel calls it: where, and with what.
KERNEL = {r'node_hwmon_temp_((max|crit)_)?celsius': ('host/hwmon.c', ('"node_hwmon_"', '"temp"', '"_celsius"')),
          r'node_memory_(MemAvailable|MemTotal)_bytes': ('host/meminfo.c', ('"node_memory_"', '"_bytes"'))}


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def packs():
    """what is a pack: a folder with pack.yml"""
    return sorted(os.path.basename(os.path.dirname(p)) for p in glob.glob(ROOT + '/packs/*/pack.yml') if os.path.exists(os.path.dirname(p) + '/rules.yml'))


def names_in(expr):
    for cut in (r'"[^"]*"', r'\{[^}]*\}', r'\[[^\]]*\]', r'\b(?:by|on|ignoring|without|group_left|group_right) ?\([^)]*\)', r'\b\d[\w.]*'):
        expr = re.sub(cut, ' ', expr)
    return set(re.findall(r'[a-zA-Z_:][\w:]*', expr)) - WORDS


def asked_for(text):
    """names in the expressions of a rule file, and in the queries of its texts"""
    names = set()
    for expr in re.findall(r'^    expr: (?:>-\n((?:      .*\n)+)|(.*)\n)', text, re.M):
        names |= names_in(' '.join(expr))
    for query in re.findall(r'printf `([^`]*)`', text):
        names |= names_in(query)
    return names


def sources():
    """[(texts in quotes, names in tables of macros)] of the folders of src/collect, tests left out"""
    found = {}
    for path in glob.glob(ROOT + '/src/collect/**/*', recursive=True):
        if os.path.isfile(path) and path.endswith(('.c', '.h', '.def')) and not os.path.basename(path).startswith(('test_', 'fuzz_')):
            found.setdefault(os.path.dirname(path), []).append(read(path))
    return [(set(re.findall(r'"([\w:]*)"', text)), set(sum(re.findall(r'\b[A-Z]\w*\((\w+),\s*(?:(\w+),)?', text), ()))) for text in map('\n'.join, found.values())]


def expositions():
    """packs/expositions.yml: {pack: names}"""
    text = re.sub(r'^#.*\n', '', read(ROOT + '/packs/expositions.yml'), flags=re.M)
    return {m.group(1): set(re.findall(r"[\w:]+", m.group(2))) for m in re.finditer(r"^([\w-]+): \[([^\]]*)\]", text, re.M)}


def spellings(name):
    """of its family, of which it may be one of the series"""
    return {name, re.sub(r'_(bucket|sum|count)$', '', name), re.sub(r'_total$', '', name)}


class Sources(unittest.TestCase):
    def setUp(self):
        self.code = sources()
        self.expositions = expositions()

    def is_written(self, name):
        """by a collector: the name as a whole, or a beginning and the rest of it as texts of one folder"""
        for pattern, (path, parts) in KERNEL.items():
            if re.fullmatch(pattern, name):
                return all(part in read(ROOT + '/src/collect/' + path) for part in parts)
        for quoted, in_tables in self.code:
            for n in spellings(name):
                splits = [m.end() for m in re.finditer('_', n)]
                if n in quoted or n in in_tables or any(n[:i] in quoted and (n[i:] in quoted or n[i:] in in_tables) for i in splits):
                    return True
        return False

    def source(self, pack, name, recorded):
        own = ''.join(read(p) for p in glob.glob(ROOT + '/packs/%s/p*.yml' % pack))
        if name in recorded or self.is_written(name):
            return 'earshot'
        if any(re.search(r'(?<![\w:])%s(?!\w)' % re.escape(n), own) for n in spellings(name)):
            return 'the mapping of the pack'
        for m in re.finditer(r'^ +(\w+): \{[^}]*leaves: true', own, re.M):
            if name.startswith(m.group(1) + '_'):
                return 'the mapping of the pack'
        if spellings(name) & self.expositions.get(pack, set()):
            return 'the service'
        return LATER.get(name)

    def test_what_every_rule_waits_for_has_a_source(self):
        recorded = set()
        for pack in packs():
            recorded |= set(re.findall(r'^  - record: (\S+)', read(ROOT + '/packs/%s/rules.yml' % pack), re.M))
        for pack in packs():
            names = asked_for(read(ROOT + '/packs/%s/rules.yml' % pack))
            self.assertTrue(names, pack)
            nobody = sorted(name for name in names if name not in ('up',) and not self.source(pack, name, recorded))
            with self.subTest(pack=pack):
                self.assertEqual(nobody, [], 'nobody writes these')

    def test_a_name_that_nobody_writes_is_found(self):
        self.assertEqual(asked_for('    expr: sum by (a) (rate(nobody_writes_this_total{b="up"}[5m])) > 3\n'), {'nobody_writes_this_total'})
        self.assertIsNone(self.source('redis', 'nobody_writes_this_total', set()))
        self.assertIsNone(self.source('redis', 'redis_memory_used_apples', set()))
        self.assertEqual(self.source('redis', 'redis_memory_used_bytes', set()), 'earshot')

    def test_what_comes_later_is_not_written_yet(self):
        self.assertEqual([name for name in LATER if self.is_written(name)], [])


if __name__ == '__main__':
    unittest.main()
