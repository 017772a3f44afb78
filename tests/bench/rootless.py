#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An ordinary user's containers beside root's, in alternating rounds.

usage: /usr/bin/python3 tests/bench/rootless.py ISOLA [ROUNDS]
Each line: what was run, the median in milliseconds and its ratio to root's `run --rm --network none`, and the same of the minimum,
which says more on a busy machine.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

os.environ['ISOLA'] = str(pathlib.Path(sys.argv[1]).resolve())
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import conftest  # noqa: E402

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 20


def new_isola(user, rootfs):
    isola = conftest.Isola(pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp')), user=user)
    with open(rootfs, 'rb') as archive:
        isola('image', 'import', '-', 'busybox', stdin=archive)
    return isola


def main():
    conftest.enter_test_host()
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp'))
    directory.chmod(0o755)
    rootfs = directory / 'rootfs.tar'
    conftest.make_busybox_tar(rootfs)
    world, tun = conftest.make_world(), conftest.open_tun()
    next(world), next(tun)
    joe = conftest.User()
    root, alone, company = new_isola(None, rootfs), new_isola(joe, rootfs), new_isola(joe, rootfs)
    company('run', '-d', '--name', 'stays', 'busybox', 'sleep', '100000')
    root.become = [shutil.which('setpriv'), '--reuid=0', '--regid=0', '--clear-groups']  # what the others pay
    none = ('run', '--rm', '--network', 'none', 'busybox', 'true')
    rows = {
        "root, --network none": root.command(*none),
        "a user, --network none": alone.command(*none),
        "a user who has another container, --network none": company.command(*none),
        "root, with network": root.command('run', '--rm', 'busybox', 'true'),
        "a user, with network": alone.command('run', '--rm', 'busybox', 'true'),
        "a user who has another container, with network": company.command('run', '--rm', 'busybox', 'true'),
    }
    times = {name: [] for name in rows}
    for _ in range(ROUNDS + 1):
        for name, command in rows.items():
            start = time.perf_counter()
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode == 0 and times[name] is not None:
                times[name].append(time.perf_counter() - start)
            elif times[name] is not None:
                print(f'{name}: left out: {done.stdout.strip()[-200:]}')
                times[name] = None
    first = times['root, --network none'][1:]
    print(f'load {os.getloadavg()[0]:.1f}, {ROUNDS} rounds')
    for name, found in times.items():
        if found:
            median, least = statistics.median(found[1:]), min(found[1:])
            print(f'{name:52} {median * 1000:8.1f} ms {median / statistics.median(first):6.2f}   '
                  f'{least * 1000:8.1f} ms {least / min(first):6.2f}')
    company.remove_all()
    for isola in (root, alone, company):
        conftest.wait_until(lambda: isola.out('ps', '-aq') == '')
        shutil.rmtree(pathlib.Path(isola.root).parent, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
    joe.remove()
    for made in (tun, world):
        next(made, None)


main()
