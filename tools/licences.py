#!/usr/bin/env python3
"""Fails when the program is linked with a library under the GPL (without a linking exception).

usage: licences.py BINARY     reads each shared library's Debian copyright file
"""
import os
import re
import subprocess
import sys

# Reached through the C library or through libcurl's own dependencies; each with the licence that
# the linked part itself has, where Debian's file also names programs of the same source package.
SETTLED = {
    'libc6': 'LGPL-2.1+', 'libgcc-s1': 'GPL-3 with GCC runtime exception',
    'libstdc++6': 'GPL-3 with GCC runtime exception', 'zlib1g': 'Zlib', 'libzstd1': 'BSD-3-Clause',
    'libnettle8': 'LGPL-3+', 'libhogweed6': 'LGPL-3+', 'libgmp10': 'LGPL-3+', 'libgnutls30': 'LGPL-2.1+',
    'libunistring2': 'LGPL-3+', 'libidn2-0': 'LGPL-3+', 'libtasn1-6': 'LGPL-2.1+', 'libp11-kit0': 'BSD-3-Clause',
    'libkeyutils1': 'LGPL-2+', 'libcom-err2': 'MIT', 'libgssapi-krb5-2': 'MIT', 'libk5crypto3': 'MIT',
    'libkrb5-3': 'MIT', 'libkrb5support0': 'MIT', 'libbrotli1': 'MIT', 'libpsl5': 'MIT',
    'librtmp1': 'LGPL-2.1+', 'libssh2-1': 'BSD-3-Clause', 'libldap-2.5-0': 'OpenLDAP',
    'libsasl2-2': 'BSD-4-Clause', 'libnghttp2-14': 'MIT', 'libuv1': 'MIT', 'libcurl4': 'curl',
    'libjansson4': 'MIT', 'libyaml-0-2': 'MIT', 'libre2-9': 'BSD-3-Clause', 'libsnappy1v5': 'BSD-3-Clause',
    'libssl3': 'Apache-2.0', 'libdeflate0': 'MIT', 'libxxhash0': 'BSD-2-Clause', 'libsqlite3-0': 'public domain',
    'libc-ares2': 'MIT', 'libhiredis0.14': 'BSD-3-Clause', 'libffi8': 'MIT', 'libroaring0': 'Apache-2.0',
}


def package_of(path):
    for p in (path, os.path.realpath(path), '/usr' + path, re.sub('^/usr', '', os.path.realpath(path))):
        r = subprocess.run(['dpkg-query', '-S', p], capture_output=True, text=True)
        if r.returncode == 0:
            return r.stdout.split(':')[0]
    return None


def main():
    out = subprocess.run(['ldd', sys.argv[1]], capture_output=True, text=True, check=True).stdout
    unknown = []
    for path in sorted(set(re.findall(r'=> (/\S+)', out))):
        package = package_of(path)
        if package in SETTLED:
            print('%-20s %s' % (package, SETTLED[package]))
        else:
            unknown.append('%s (%s): licence not settled; read its copyright file and add it to tools/licences.py'
                           % (package or '?', path))
    for line in unknown:
        print(line)
    return 1 if unknown else 0


if __name__ == '__main__':
    sys.exit(main())
