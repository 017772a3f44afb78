#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs side by side with Mininet: the same topologies brought up, pinged across and taken down, in alternating rounds.

usage: tests/testhost tests/bench/labs.py ISOLA [--rounds N] [--sizes 100,1000] [--kinds single,linear] [--no-mininet]
       [--realtime]

Mininet's time is that of net.build() and net.start(), and of net.stop(), measured inside its own process, without
Python's start.  isola's is that of its whole command.  --realtime runs both at real-time priority: on a machine that others
use as well, the figures then are those of a quieter one.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from scale import kernel_memory, networks_gone

MININET = '''
import sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import LinearTopo, SingleSwitchTopo
kind, n = sys.argv[1], int(sys.argv[2])
topo = LinearTopo(k=n) if kind == 'linear' else SingleSwitchTopo(k=n)
begin = time.perf_counter()
net = Mininet(topo=topo, switch=LinuxBridge, controller=None, autoSetMacs=True)
net.start()
up = time.perf_counter() - begin
begin = time.perf_counter()
net.stop()
print(up * 1000, (time.perf_counter() - begin) * 1000)
'''


def command(argv, **options):
    begin = time.perf_counter()
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f'{" ".join(map(str, argv))}: {done.stderr}')
    return (time.perf_counter() - begin) * 1000, done.stdout


class Isola:
    def __init__(self, binary, directory, prefix):
        self.argv = [*prefix, binary, '--root', f'{directory}/data', '--run-root', f'{directory}/run', 'lab']
        self.directory = directory

    def round(self, kind, n):
        file = pathlib.Path(self.directory) / f'{kind}{n}.yml'
        if not file.exists():
            file.write_text(command([*self.argv, 'gen', kind, str(n)])[1])
        networks_gone()
        before = kernel_memory()
        up, _ = command([*self.argv, 'up', '-q', file])
        memory = (kernel_memory() - before) / n
        ping, _ = command([*self.argv, 'exec', *self.ends(kind, n)])
        down, _ = command([*self.argv, 'down'])
        time.sleep(1 + n / 200)  # the kernel takes networks away in its own time
        return up, ping, down, memory

    @staticmethod
    def ends(kind, n):
        address = '10.0.%d.%d' % divmod(n, 256) if n < 65536 else None
        return ['h1', 'busybox', 'ping', '-c', '1', '-W', '10', address]


def mininet(kind, n, prefix):
    done = subprocess.run([*prefix, '/usr/bin/python3', '-c', MININET, kind, str(n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'mininet: {done.stderr}')
    return tuple(map(float, done.stdout.split()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('isola')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--sizes', default='100,1000')
    parser.add_argument('--kinds', default='single,linear')
    parser.add_argument('--no-mininet', action='store_true')
    parser.add_argument('--realtime', action='store_true')
    o = parser.parse_args()
    peers = not o.no_mininet and os.path.exists('/usr/bin/mn') and shutil.which('brctl')
    print(f'load before: {os.getloadavg()[0]:.1f}\n')
    print('| topology | up, ms | one ping, ms | down, ms | memory a host, KiB | Mininet up | Mininet down | × |')
    print('|---|---:|---:|---:|---:|---:|---:|---:|')
    with tempfile.TemporaryDirectory() as directory:
        prefix = ['chrt', '-f', '1'] if o.realtime else []
        isola = Isola(o.isola, directory, prefix)
        for kind in o.kinds.split(','):
            for n in map(int, o.sizes.split(',')):
                ours, theirs = [], []
                for _ in range(o.rounds):
                    ours.append(isola.round(kind, n))
                    if peers and n <= 100:
                        theirs.append(mininet(kind, n, prefix))
                up, ping, down, memory = (statistics.median(row[i] for row in ours) for i in range(4))
                line = f'| {kind},{n} | {up:.0f} | {ping:.1f} | {down:.0f} | {memory:.0f} |'
                if theirs:
                    their_up, their_down = (statistics.median(row[i] for row in theirs) for i in range(2))
                    line += f' {their_up:.0f} | {their_down:.0f} | {their_up / up:.0f}, {their_down / down:.0f} |'
                else:
                    line += ' | | |'
                print(line, flush=True)
    print(f'\nload after: {os.getloadavg()[0]:.1f}')


if __name__ == '__main__':
    main()
