#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Throughput between nodes of two machines: kind vxlan, the kernel's, beside kind udp, the emulator's.

usage: tests/testhost tests/bench/uplinks.py ISOLA [--rounds N] [--seconds S] [--priority]

Two network namespaces with a veth between them play the machines; both halves of the way are on this one, so that the
figures are for comparing, in alternating rounds, not for believing.  Prints medians, the ratio, and the load.
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

LAB = '''
name: half
topology: {{nodes: {{h: {{}}}}}}
uplinks: [{{kind: {kind}, node: h, interface: up, remote: 192.0.2.{other}, vni: 7, ipv4: 10.77.0.{n}/24}}]
'''
SINK = '''
import socket
s = socket.create_server(('10.77.0.2', 7777))
print('ready', flush=True)
c = s.accept()[0]
buffer = bytearray(1 << 20)
n = 0
while (got := c.recv_into(buffer)):
    n += got
print(n)
'''
SOURCE = '''
import socket, sys, time
s = socket.create_connection(('10.77.0.2', 7777), timeout=20)
data = bytes(1 << 20)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    s.sendall(data)
'''


class Machine:
    def __init__(self, isola, n):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir='/var/tmp'))
        self.isola = [isola, '--root', str(self.directory / 'data'), '--run-root', str(self.directory / 'run')]
        self.holder = subprocess.Popen(['unshare', '-n', 'sleep', 'infinity'])
        self.n = n
        while pathlib.Path(f'/proc/{self.holder.pid}/comm').read_text() != 'sleep\n':
            time.sleep(0.01)

    def __call__(self, *arguments, **options):
        argv = ['nsenter', '-t', str(self.holder.pid), '-n', *map(str, arguments)]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **options).stdout

    def up(self, kind, options):
        file = self.directory / 'lab.yml'
        file.write_text(LAB.format(kind=kind, n=self.n, other=3 - self.n))
        self(*self.isola, 'lab', 'up', '-q', *(['--realtime'] if options.priority else []), file)

    def down(self):
        self(*self.isola, 'lab', 'down')

    def end(self):
        self.holder.kill()
        self.holder.wait()
        shutil.rmtree(self.directory)


def transfer(one, two, seconds):
    """Gigabits per second."""
    argv = ['nsenter', '-t', str(two.holder.pid), '-n', *two.isola, 'lab', 'exec', 'h', '/usr/bin/python3', '-c', SINK]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout.readline() == 'ready\n'
        begin = time.monotonic()
        one(*one.isola, 'lab', 'exec', 'h', '/usr/bin/python3', '-c', SOURCE, seconds)
        n = int(sink.stdout.readline())
        return n * 8 / (time.monotonic() - begin) / 1e9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('isola')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=2)
    parser.add_argument('--priority', action='store_true', help='real-time priority for the emulator')
    options = parser.parse_args()
    one, two = Machine(options.isola, 1), Machine(options.isola, 2)
    figures = {'vxlan': [], 'udp': []}
    try:
        one('ip', 'link', 'add', 'nic', 'type', 'veth', 'peer', 'name', 'nic', 'netns', two.holder.pid)
        for machine in (one, two):
            machine('ip', 'link', 'set', 'lo', 'up')
            machine('ip', 'link', 'set', 'nic', 'up')
            machine('ip', 'address', 'add', f'192.0.2.{machine.n}/24', 'dev', 'nic')
        for _ in range(options.rounds):
            for kind, found in figures.items():
                for machine in (one, two):
                    machine.up(kind, options)
                found.append(transfer(one, two, options.seconds))
                for machine in (one, two):
                    machine.down()
    finally:
        one.end()
        two.end()
    for kind, found in figures.items():
        print(f'{kind:6} {statistics.median(found):6.2f} Gbit/s  (from {min(found):.2f} to {max(found):.2f})')
    print(f'udp is {statistics.median(figures["udp"]) / statistics.median(figures["vxlan"]):.2f} of vxlan; '
          f'load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors')


if __name__ == '__main__':
    sys.exit(main())
