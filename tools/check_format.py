#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fails where clang-format would write a C file differently (`make format` does)."""
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
if not shutil.which('clang-format'):
    print('clang-format is not installed')
    sys.exit(77)

files = sorted(path for folder in ('share', 'src', 'tests', 'tools') for path in (root / folder).rglob('*.[ch]'))


def is_formatted(path):
    formatted = subprocess.run(['clang-format', str(path)], stdout=subprocess.PIPE, check=True).stdout
    return formatted == path.read_bytes()


with concurrent.futures.ThreadPoolExecutor(2) as pool:
    results = list(pool.map(is_formatted, files))
for path, good in zip(files, results):
    if not good:
        print(f'{path.relative_to(root)}: not as clang-format writes it; run `make format`')
sys.exit(not all(results))
