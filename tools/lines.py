#!/usr/bin/env python3
"""Checks that every line of the five set-ups is held by a scenario: lines.py.

A line (S0.2, D5) is what the people who run such a set-up asked for. The docstring of a test in tests/e2e names the
lines that the test holds, each by its number; tests/lines.md says what was switched off to see that it does. The two
must agree, and no line of LINES may be missing in either.
"""
import ast
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES = 'S0.1-8 S0.22-25 S0.28-30 S1.13-24 S1.27 S2.16 S2.24 S2.30-31 S3.1-10 S3.12 S3.15-18 S4.1-19 D5 D8 D10'
NUMBER = re.compile(r'\b(?:S[0-4]\.\d+|D\d+)\b')


def wanted():
    """every number of LINES, in its order"""
    for word in LINES.split():
        head, first, last = re.fullmatch(r'(S\d\.|D)(\d+)(?:-(\d+))?', word).groups()
        yield from (head + str(n) for n in range(int(first), int(last or first) + 1))


def named():
    """{file.Class.test: the numbers that its docstring names}"""
    found = {}
    for path in glob.glob(os.path.join(ROOT, 'tests/e2e/test_*.py')):
        with open(path, encoding='utf-8') as f:
            tree = ast.parse(f.read(), path)
        for group in (n for n in tree.body if isinstance(n, ast.ClassDef)):
            for test in (n for n in group.body if isinstance(n, ast.FunctionDef) and n.name.startswith('test_')):
                name = '.'.join((os.path.basename(path)[:-3], group.name, test.name))
                found[name] = set(NUMBER.findall(ast.get_docstring(test) or ''))
    return found


def rows():
    """(number, file.Class.test, what was switched off, result) of each row of the tables"""
    with open(os.path.join(ROOT, 'tests/lines.md'), encoding='utf-8') as f:
        for text in f:
            if NUMBER.match(text[2:]):
                yield [cell.strip().strip('`') for cell in text.strip().strip('|').split('|')]


def main():
    tests, said, wrong = named(), set(), []
    for row in rows():
        if len(row) != 4 or not all(row):
            wrong.append('tests/lines.md: a row has four cells: line, test, what was switched off, result: %s' % row[0])
        elif row[1] not in tests:
            wrong.append('tests/lines.md: %s: there is no test %s in tests/e2e' % (row[0], row[1]))
        elif row[0] not in tests[row[1]]:
            wrong.append('tests/lines.md: %s: the docstring of %s does not name it' % (row[0], row[1]))
        else:
            said.add(row[0])
    for line in wanted():
        if not any(line in numbers for numbers in tests.values()):
            wrong.append('%s: no docstring of a test in tests/e2e names it' % line)
        elif line not in said:
            wrong.append('%s: tests/lines.md has no row of it' % line)
    print('\n'.join(wrong) or 'lines: each has its test')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
