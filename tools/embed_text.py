#!/usr/bin/env python3
"""Writes a text file as C: embed_text.py FILE OUT.c HEADER NAME makes `const struct str NAME` of it."""
import sys


def main():
    source, out, header, name = sys.argv[1:]
    escape = str.maketrans({'\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '?': '\\?'})
    lines = open(source, encoding='ascii').read().splitlines(keepends=True)
    with open(out, 'w', encoding='ascii') as f:
        f.write('/* Made by tools/embed_text.py. */\n#include "%s"\n\nconst struct str %s = STR(\n' % (header, name))
        f.write('\n'.join('    "%s"' % line.translate(escape) for line in lines) + ');\n')


if __name__ == '__main__':
    main()
