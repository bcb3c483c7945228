#!/usr/bin/env python3
"""Runs every libFuzzer target of a build folder for so many seconds each.

usage: fuzz.py BUILD SECONDS [NAME...]
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    build, seconds, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    found, failed = [], []
    for folder, _, files in os.walk(build):
        found += [os.path.join(folder, f) for f in files
                  if f.startswith('fuzz_') and os.access(os.path.join(folder, f), os.X_OK)]
    for target in sorted(found):
        name = os.path.basename(target)[len('fuzz_'):]
        if names and name not in names:
            continue
        corpus = os.path.join(ROOT, 'fuzz/corpus', name)
        work = os.path.join(build, 'corpus', name)
        os.makedirs(work, exist_ok=True)
        r = subprocess.run([target, '-max_total_time=' + seconds, '-rss_limit_mb=2048', '-timeout=10',
                            '-print_final_stats=1', '-artifact_prefix=' + os.path.join(build, name + '-'), work]
                           + ([corpus] if os.path.isdir(corpus) else []), capture_output=True, text=True, errors='replace')
        stats = dict(line.split(': ') for line in r.stderr.split('\n') if line.startswith('stat::') and ': ' in line)
        print('%-20s %s, %s runs' % (name, 'ok' if r.returncode == 0 else 'FAILED',
                                     stats.get('stat::number_of_executed_units', '?').strip()), flush=True)
        if r.returncode:
            failed.append(name)
            print(r.stderr[-3000:])
    print('%d passed, %d failed, 0 skipped' % (len(found) - len(failed), len(failed)))
    return 1 if failed or not found else 0


if __name__ == '__main__':
    sys.exit(main())
