#!/usr/bin/env python3
"""Runs the scenarios: run.py BINARY [NAME...]. Each test_*.py starts the real program and real peers. As root they are in a
network of their own: no other program can have a port that they want, or be found by discovery."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import network  # noqa: E402
import server  # noqa: E402


def main():
    server.BINARY = os.path.abspath(sys.argv[1])
    if os.geteuid() == 0:
        network.Network().enter()
    suite = unittest.defaultTestLoader.discover(HERE, pattern='test_*.py')
    if sys.argv[2:]:
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[2:])
    r = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(r.failures) + len(r.errors)
    print('%d passed, %d failed, %d skipped' % (r.testsRun - failed - len(r.skipped), failed, len(r.skipped)))
    return 1 if failed or not r.testsRun else 0


if __name__ == '__main__':
    sys.exit(main())
