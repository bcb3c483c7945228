#!/usr/bin/env python3
"""Starts earshot on a port and a data directory of its own and runs run.mjs against it.

usage: run.py BINARY [--all] [--screenshot FILE] [--only WORDS]

The last line is `N passed, N failed, N skipped`. Without node or chromium everything is skipped;
with --all that is a failure.
"""
import filecmp
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../e2e'))
from network import Network  # noqa: E402
OUT = os.path.join(HERE, '../../build/browser')


def skip(why):
    failed = '--all' in sys.argv
    print('%s: %s' % ('failed' if failed else 'skipped', why))
    print('0 passed, %d failed, %d skipped' % (failed, not failed))
    return 1 if failed else 0


def packages():
    """installs what package-lock.json pins, once"""
    lock = os.path.join(HERE, 'package-lock.json')
    done = os.path.join(HERE, 'node_modules/.lock-installed')
    if not (os.path.exists(done) and filecmp.cmp(lock, done, shallow=False)):
        subprocess.run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], cwd=HERE, check=True)
        shutil.copyfile(lock, done)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_ready(url, process):
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit('earshot ended with %d before it was ready' % process.returncode)
        try:
            urllib.request.urlopen(url + '/-/ready', timeout=1).close()
            return
        except OSError:
            time.sleep(.1)
    raise SystemExit('earshot was not ready within 30 s')


def main():
    binary, rest = sys.argv[1], [a for a in sys.argv[2:] if a != '--all']
    chromium = shutil.which('chromium') or shutil.which('chromium-browser')
    if not shutil.which('node') or not shutil.which('npm'):
        return skip('no node')
    if not chromium:
        return skip('no chromium')
    packages()
    try:
        Network().enter()  # the page that looks at this host must not ask what other tests have running
    except PermissionError:
        pass
    url = 'http://127.0.0.1:%d' % free_port()
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen([binary, 'serve', '--listen', url[len('http://'):], '--data', data],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_ready(url, server)
            time.sleep(12)  # a few samples, so that rates have a value
            return subprocess.run(['node', os.path.join(HERE, 'run.mjs'), '--url', url, '--out', OUT,
                                   '--chromium', chromium, '--binary', os.path.abspath(binary), *rest]).returncode
        finally:
            server.terminate()
            server.wait(20)


if __name__ == '__main__':
    sys.exit(main())
