#!/usr/bin/env python3
"""Runs the suites behind `./dev test` and prints how many tests passed, failed and were skipped.

usage: run.py [unit|conformance|e2e|browser|fault]... [--all]

Each suite is a list of jobs. Two run at a time; scenarios, which mostly wait for others, come last and
run by threes. A job is one command whose output says how
many tests it held. --all adds the long loops and makes a part that cannot run a failure.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, 'build/release/earshot')
CONFORMANCE = os.path.abspath(os.environ.get('EARSHOT_CONFORMANCE', os.path.join(ROOT, '../shared/conformance')))
FEATURES = ('promql-experimental-functions,promql-duration-expr,promql-extended-range-selectors,'
            'promql-delayed-name-removal,promql-binop-fill-modifiers')
SERVE = BINARY + ' serve --listen 127.0.0.1:{port} --data {datadir} --retention unlimited --late-window unlimited'
# Scores may only rise: raise the floor in the commit that raises the score.
FLOORS = json.load(open(os.path.join(ROOT, 'tests/floors.json'), encoding='utf-8'))


# As root: no program of another job can take a port that a test has just found free.
OWN_NETWORK = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] if os.geteuid() == 0 else []


class Result:
    def __init__(self, passed=0, failed=0, skipped=0, text=''):
        self.passed, self.failed, self.skipped, self.text = passed, failed, skipped, text


def run(command, timeout, env=None):
    """(exit status, output); a command that does not end in time is ended"""
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT,
                             env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            status = p.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            p.wait()
            status = None
        out.seek(0)
        text = out.read().decode('utf-8', 'replace')
    return status, text + ('\nended after %d s without a result' % timeout if status is None else '')


def counted(command, timeout, env=None):
    """a command that ends with the line `N passed, N failed, N skipped`"""
    status, text = run(command, timeout, env)
    m = re.findall(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?', text)
    if not m:
        return Result(failed=1, text=text)
    r = Result(int(m[-1][0]), int(m[-1][1]), int(m[-1][2] or 0), text)
    if status != 0 and not r.failed:
        r.failed = 1
    return r


def unit():
    cases = {'EARSHOT_EXPOSITION': CONFORMANCE + '/exposition', 'EARSHOT_HOSTILE': CONFORMANCE + '/hostile'}
    status, text = run([*OWN_NETWORK, 'meson', 'test', '-C', 'build/asan', '--no-rebuild', '--suite', 'unit', '--print-errorlogs',
                        '--num-processes', '1'], 600, cases if os.path.isdir(CONFORMANCE) else None)
    found = dict(re.findall(r'^(Ok|Fail|Timeout|Unexpected Pass|Expected Fail|Skipped):\s+(\d+)', text, re.M))
    failed = int(found.get('Fail', 0)) + int(found.get('Timeout', 0)) + int(found.get('Unexpected Pass', 0))
    if status != 0 and not failed:
        failed = 1
    return Result(int(found.get('Ok', 0)), failed, int(found.get('Skipped', 0)), text)


def scored(name, command, pattern, timeout):
    """one test a score: the output must show a figure at or above its floor"""
    def job():
        _, text = run(command, timeout)
        m = re.search(pattern, text)
        score = float(eval_ratio(m)) if m else 0.0
        line = '%s: %.4f (floor %.4f)' % (name, score, FLOORS[name])
        if m and score >= FLOORS[name] and not re.search(r'server-died [1-9]', text):
            return Result(passed=1, text=line)
        return Result(failed=1, text=line + '\n' + text)
    return name, job


def eval_ratio(m):
    """'48 2' as passed and failed, or one percentage, or one ratio"""
    g = [float(x) for x in m.groups()]
    return g[0] / max(1, g[0] + g[1]) if len(g) == 2 else g[0] / 100 if g[0] > 1 else g[0]


def conformance(every):
    if not os.path.isdir(CONFORMANCE):
        why = 'no conformance cases at %s (set EARSHOT_CONFORMANCE)' % CONFORMANCE
        return [('conformance', lambda: Result(failed=1, text=why) if every else Result(skipped=1, text=why))]
    check = lambda script, *args: [sys.executable, os.path.join(CONFORMANCE, script), *args]
    host = os.path.join(ROOT, 'build/host-only.yml')
    with open(host, 'w', encoding='utf-8') as f:
        f.write('collect: {host: {interval: 1s}}\n')
    promql = os.path.join(CONFORMANCE, 'promql')
    return [
        scored('promql core', check('promqltest.py', '--server-cmd', SERVE + ' --enable-feature ' + FEATURES, '--skip-native',
                                    '--list-failures', '--jobs', '1', '--min-pass-ratio', '0', promql),
               r'tag core +(\d+) +(\d+)', 400),
        scored('exposition go', check('expocheck.py', '--cand-cmd', SERVE + ' --prometheus-config {config}', '--expect',
                                      'prometheus', '--list-failures', os.path.join(CONFORMANCE, 'exposition')),
               r'TOTAL \d+ cases, ratio ([\d.]+)', 120),
        scored('host families', check('exportercheck.py', '--exporters', 'node', '--cand-cmd',
                                      BINARY + ' serve --config {config} --listen 127.0.0.1:{port} --data {datadir}',
                                      '--config', host), r'FAMILIES \d+ / \d+ = ([\d.]+) %', 180),
        ('hostile', lambda: counted([sys.executable, 'tests/hostile/run.py', BINARY], 300,
                                    {'EARSHOT_CONFORMANCE': CONFORMANCE})),
    ]


def e2e():
    names = [n[:-3] for n in sorted(os.listdir(os.path.join(ROOT, 'tests/e2e'))) if re.fullmatch(r'test_\w+\.py', n)]
    return [(n.replace('test_', 'e2e ', 1), lambda n=n: counted([sys.executable, 'tests/e2e/run.py', BINARY, n], 400))
            for n in names]


def page():
    """the page's own unit tests, by node's test runner"""
    status, text = run(['npm', '--prefix', 'web', '--silent', 'test'], 300)
    passed, failed = (int((re.findall(r'^(?:#|\u2139) %s (\d+)' % what, text, re.M) or [0])[-1]) for what in ('pass', 'fail'))
    return Result(passed, failed or int(status != 0 or not passed), 0, text)


def browser(every):
    return [('page', page), ('browser', lambda: counted(
        [sys.executable, 'tests/browser/run.py', BINARY, '--screenshot', os.path.join(ROOT, 'build/overview.png')]
        + (['--all'] if every else []), 400))]


def fault(every):
    jobs = [('kill -9', lambda: counted([sys.executable, 'tests/fault/kill9.py', BINARY, '200' if every else '20'], 1800)),
            ('all at once', lambda: counted([sys.executable, 'tests/fault/at_once.py', 'build/asan/earshot',
                                             '60' if every else '10'], 300))]
    if not os.path.isdir(CONFORMANCE):
        return jobs
    loops = ['--loops', '40'] if every else ['--quick']

    def faultcheck():
        _, text = run([sys.executable, os.path.join(CONFORMANCE, 'faultcheck.py'), '--adapter', 'earshot', *loops],
                      3000, {'PATH': os.path.dirname(BINARY) + os.pathsep + os.environ['PATH']})
        m = re.search(r'(\d+) of (\d+) faults passed, (\d+) skipped', text)
        if not m:
            return Result(failed=1, text=text)
        passed, total, skipped = map(int, m.groups())
        return Result(passed, total - passed - skipped, skipped, text)
    return jobs + [('faults', faultcheck)]


def main():
    names = [a for a in sys.argv[1:] if not a.startswith('-')]
    every = '--all' in sys.argv
    suites = {'conformance': lambda: conformance(every), 'fault': lambda: fault(every),
              'unit': lambda: [('unit', unit)], 'browser': lambda: browser(every), 'e2e': e2e}
    for name in names:
        if name not in suites:
            sys.exit('run.py: no suite "%s"; there are: unit, conformance, e2e, browser, fault' % name)
    jobs = lambda *of: [job for name in suites if name in of and (not names or name in names) for job in suites[name]()]
    total, started = Result(), time.monotonic()

    def timed(job):
        t = time.monotonic()
        r = job[1]()
        return job[0], r, time.monotonic() - t

    def run_all(width, of):
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            for name, r, seconds in pool.map(timed, of):
                print('%-22s %4d passed, %d failed, %d skipped  (%.0f s)' % (name, r.passed, r.failed, r.skipped, seconds),
                      flush=True)
                if r.failed or r.skipped or name in FLOORS:
                    print('    ' + r.text.strip()[-6000:].replace('\n', '\n    '), flush=True)
                total.passed += r.passed
                total.failed += r.failed
                total.skipped += r.skipped
    run_all(2, jobs('conformance', 'fault', 'unit', 'browser'))
    run_all(3, jobs('e2e'))
    print('in %.0f s' % (time.monotonic() - started))
    print('%d passed, %d failed, %d skipped' % (total.passed, total.failed, total.skipped))
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
