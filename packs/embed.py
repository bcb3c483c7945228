#!/usr/bin/env python3
"""Writes the packs as C: embed.py OUT.c FILE... with files named .../packs/NAME/pack.yml, patterns.yml and rules.yml."""
import os
import sys


def literal(path):
    """the file as a C string, a line of it on each line"""
    lines = open(path, encoding='utf-8').read().splitlines(keepends=True)
    escape = str.maketrans({'\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '?': '\\?'})
    return '\n'.join('        "%s"' % line.translate(escape) for line in lines)


def main():
    out, files = sys.argv[1], sys.argv[2:]
    packs = {}
    for path in files:
        folder, file = os.path.split(path)
        packs.setdefault(os.path.basename(folder), {})[file] = path
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made by packs/embed.py. */\n#include "pack/files.h"\n\nconst struct pack_file pack_files[] = {\n')
        for name in sorted(packs):
            f.write('    {"%s",\n     STR(\n%s),\n' % (name, literal(packs[name]['pack.yml'])))
            for file in ('patterns.yml', 'rules.yml'):
                path = packs[name].get(file)
                f.write('     STR(\n%s),\n' % literal(path) if path else '     {"", 0},\n')
            f.write('    },\n')
        f.write('};\nconst size_t pack_files_n = sizeof pack_files / sizeof *pack_files;\n')


if __name__ == '__main__':
    main()
