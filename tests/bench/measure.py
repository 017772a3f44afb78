#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `isola lab measure` says beside iperf3 and busybox ping of the same lab, in alternating rounds.

usage: tests/testhost python3 tests/bench/measure.py ISOLA [ROUNDS]
Each line: the link, the tool, the median of the rounds and their range.
"""
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

isola_path, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
LINKS = {'cable': '', '20 Mbit/s (kernel)': ', rate: 20mbit, queue: 50ms', '10 ms (wire)': ', delay: 10ms'}


class Lab:
    def __init__(self, directory, quality):
        self.command = [isola_path, '--root', f'{directory}/data', '--run-root', f'{directory}/run', 'lab']
        file = pathlib.Path(directory) / 'lab.yml'
        file.write_text('name: bench\ntopology:\n  nodes: {h1: {}, h2: {}}\n  links:\n'
                        f'    - {{endpoints: [h1:eth1, h2:eth1]{quality}}}\n')
        self('up', file)

    def __call__(self, *arguments):
        return subprocess.run([*self.command, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                              check=True).stdout

    def figure(self, name, *arguments):
        report = json.loads(self('measure', *arguments, '--format', 'json', 'h1', 'h2'))
        return next(f['value'] for f in report['records'][0]['figures'] if f['name'] == name)


def iperf3(lab):
    server = subprocess.Popen([*lab.command, 'exec', 'h2', 'iperf3', '-s', '-1', '--forceflush'], stdout=subprocess.PIPE)
    while b'listening' not in server.stdout.readline():
        pass
    out = lab('exec', 'h1', 'iperf3', '-J', '-t', '3', '-c', '10.0.0.2')
    server.wait()
    return json.loads(out)['end']['sum_received']['bits_per_second'] / 1e6


def ping(lab):
    out = lab('exec', 'h1', 'busybox', 'ping', '-c', '50', '-i', '0.02', '10.0.0.2')
    return statistics.median(float(time) for time in re.findall(r'time=([\d.]+)', out))


TOOLS = {
    'TCP, Mbit/s': {'isola': lambda lab: lab.figure('goodput', 'tcp', '-t', '3s'), 'iperf3': iperf3},
    'round trip, ms': {'isola': lambda lab: lab.figure('rtt median', 'ping'), 'busybox ping': ping},
}


def main():
    for link, quality in LINKS.items():
        with tempfile.TemporaryDirectory(dir='/var/tmp') as directory:
            lab = Lab(directory, quality)
            try:
                for what, tools in TOOLS.items():
                    values = {tool: [] for tool in tools}
                    for _ in range(rounds):
                        for tool, measure in tools.items():
                            values[tool].append(measure(lab))
                    for tool, got in values.items():
                        print(f'| {link} | {what} | {tool} | {statistics.median(got):.4g} '
                              f'({min(got):.4g} to {max(got):.4g}) |', flush=True)
            finally:
                lab('down', '--all')


main()
