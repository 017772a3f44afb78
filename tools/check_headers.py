#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fails where a header does not compile alone, or says nothing about what it is for."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
compiler = os.environ.get('CC', 'cc').split()


def check(path):
    name = path.relative_to(root / 'src')
    text = path.read_text()
    faults = []
    if not text.startswith('/* SPDX-License-Identifier: GPL-2.0-or-later */'):
        faults.append(f'src/{name}: does not begin with its licence')
    if '#pragma once' not in text:
        faults.append(f'src/{name}: has no #pragma once')
    if not re.search(r'#pragma once\n(#include.*\n|\n)*/\*', text):
        faults.append(f'src/{name}: does not say what it is for')
    done = subprocess.run([*compiler, '-std=gnu17', '-D_GNU_SOURCE', '-DISOLA_VERSION=""', '-Isrc', '-fsyntax-only',
                           '-Wno-unused', '-include', str(name), '-x', 'c', '/dev/null'], cwd=root,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        faults.append(f'src/{name}: does not compile alone:\n{done.stderr}')
    return faults


with concurrent.futures.ThreadPoolExecutor(2) as pool:
    faults = sum(pool.map(check, sorted((root / 'src').rglob('*.h'))), [])
for fault in faults:
    print(fault)
sys.exit(bool(faults))
