#!/usr/bin/env python3
"""Fails on an include that the table in docs/architecture.md does not allow.

usage: includes.py            checks every .c .cc .h under src/
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def table():
    """{folder: set of folders it may include, or None for everything}"""
    allowed = {}
    for line in open(os.path.join(ROOT, 'docs/architecture.md'), encoding='utf-8'):
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        if len(cells) == 4 and cells[0].isdigit():
            may = cells[3]
            allowed[cells[1]] = None if may == 'everything' else set() if may == 'nothing' else set(may.split())
    return allowed


def main():
    allowed, faults = table(), []
    if len(allowed) < 5:
        sys.exit('docs/architecture.md: the table of ranks is gone')
    for folder, _, files in os.walk(os.path.join(ROOT, 'src')):
        for name in files:
            if not name.endswith(('.c', '.cc', '.h')):
                continue
            path = os.path.join(folder, name)
            here = os.path.relpath(path, os.path.join(ROOT, 'src')).split(os.sep)[0]
            shown = os.path.relpath(path, ROOT)
            if here not in allowed:
                faults.append('%s: folder "%s" is not in the table of docs/architecture.md' % (shown, here))
                continue
            for number, line in enumerate(open(path, encoding='utf-8'), 1):
                m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not m:
                    continue
                target = m[1].split('/')[0]
                if '/' not in m[1]:
                    faults.append('%s:%d: include "%s" by its path from src/' % (shown, number, m[1]))
                elif target == here or allowed[here] is None or m[1] == 'base/test.h':
                    continue
                elif m[1].endswith('_settings.h') and '*_settings.h' in allowed[here]:
                    continue
                elif target not in allowed and os.path.isdir(os.path.join(ROOT, 'src', target)):
                    faults.append('%s:%d: folder "%s" is not in the table' % (shown, number, target))
                elif target in allowed and target not in allowed[here]:
                    faults.append('%s:%d: %s may not include %s' % (shown, number, here, m[1]))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
