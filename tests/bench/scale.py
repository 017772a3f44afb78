#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a lab costs as it grows: rings of light nodes, N nodes and N links, brought up, pinged across and taken down.

usage: tests/testhost tests/bench/scale.py ISOLA [--sizes 125,…,4000] [--rounds 3] [--realtime] [--svg FILE]

Prints a table in Markdown and, with --svg, draws it.  --realtime runs isola at real-time priority: on a machine that others
use as well, the figures then are those of a quieter one.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def command(argv):
    begin = time.perf_counter()
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(map(str, argv))}: {done.stderr}')
    return (time.perf_counter() - begin) * 1000, done.stdout


def ring(n):
    lines = [f'name: ring{n}', 'topology:', '  nodes:', *(f'    h{i}:' for i in range(1, n + 1)), '  links:']
    lines += [f'    - endpoints: [h{i}:right, h{i % n + 1}:left]' for i in range(1, n + 1)]
    return '\n'.join(lines) + '\n'


def kernel_memory():
    """KiB that the kernel has for itself; settled, for what was given back comes late.

    A lab's nodes are little else: idle ones share the memory of one process.  What is available to others would be less exact:
    pages that another lab has left half empty are filled first.
    """
    time.sleep(1)
    fields = dict(line.split(':') for line in pathlib.Path('/proc/meminfo').read_text().splitlines())
    return sum(int(fields[name].split()[0]) for name in ('Slab', 'KernelStack', 'PageTables', 'Percpu'))


def networks_gone():
    """The kernel takes networks away in its own time; a round does not begin in the middle of that."""
    while True:
        begin = time.perf_counter()
        subprocess.run(['unshare', '-n', 'true'], check=True)
        if time.perf_counter() - begin < 0.1:
            return
        time.sleep(0.5)


def round_of(isola, directory, n):
    file = pathlib.Path(directory) / f'ring{n}.yml'
    if not file.exists():
        file.write_text(ring(n))
    networks_gone()
    before = kernel_memory()
    up, _ = command([*isola, 'up', '-q', file])
    memory = (kernel_memory() - before) / n
    inspected = json.loads(command([*isola, 'inspect', f'ring{n}'])[1])[0]['Nodes']
    address = next(node for node in inspected if node['Name'] == 'h2')['Interfaces']['left']['Addresses'][0].split('/')[0]
    ping, _ = command([*isola, 'exec', 'h1', 'busybox', 'ping', '-c', '1', '-W', '10', address])
    down, _ = command([*isola, 'down'])
    time.sleep(1 + n / 500)
    return up, ping, down, memory


WIDTH, HEIGHT, LEFT, TOP = 420, 260, 60, 30


def round_up(value):
    """To a number whose quarters are round as well."""
    step = 10 ** math.floor(math.log10(value))
    return next(step * m for m in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * m >= value * 1.02)


def panel(x, title, unit, rows, column):
    """A plot: @rows of (nodes, values...), the value of a column, from zero on."""
    most_n, most = max(row[0] for row in rows), round_up(max(row[column] for row in rows))
    place = lambda n, v: (x + LEFT + n / most_n * (WIDTH - LEFT - 20), TOP + HEIGHT - v / most * HEIGHT)
    out = [f'<text x="{x + LEFT}" y="18" class="title">{title}, {unit}</text>',
           f'<path class="axis" d="M{x + LEFT} {TOP}V{TOP + HEIGHT}H{x + WIDTH - 20}"/>']
    for i in range(5):
        v, (left, y) = most * i / 4, place(0, most * i / 4)
        out.append(f'<text x="{left - 6:.0f}" y="{y + 4:.0f}" class="y">{v:.0f}</text>'
                   f'<path class="grid" d="M{left:.0f} {y:.1f}H{x + WIDTH - 20}"/>')
    for n in sorted({0, most_n // 4, most_n // 2, most_n * 3 // 4, most_n}):
        out.append(f'<text x="{place(n, 0)[0]:.0f}" y="{TOP + HEIGHT + 18}" class="x">{n}</text>')
    points = [place(row[0], row[column]) for row in rows]
    out.append(f'<text x="{x + WIDTH - 20}" y="{TOP + HEIGHT + 36}" class="y">nodes and links</text>')
    out.append('<path class="line" d="M' + 'L'.join(f'{a:.1f} {b:.1f}' for a, b in points) + '"/>')
    out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points]
    return out


def draw(rows):
    style = ('text{font:12px sans-serif;fill:#555}.title{font-size:14px}.y{text-anchor:end}.x{text-anchor:middle}'
             '.axis,.line{fill:none;stroke:#888}.line{stroke:#0b6e99;stroke-width:2}.grid{stroke:#ddd}circle{fill:#0b6e99}')
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {3 * WIDTH} {TOP + HEIGHT + 50}" role="img">',
           '<title>What a lab costs as it grows</title>', f'<style>{style}</style>']
    out += panel(0, 'lab up', 'ms', rows, 1)
    out += panel(WIDTH, 'lab down', 'ms', rows, 3)
    out += panel(2 * WIDTH, 'memory of a node', 'KiB', rows, 4)
    return '\n'.join([*out, '</svg>']) + '\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('isola')
    parser.add_argument('--sizes', default='125,250,500,1000,2000,4000')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--realtime', action='store_true')
    parser.add_argument('--svg')
    o = parser.parse_args()
    rows = []
    print(f'load before: {os.getloadavg()[0]:.1f}\n\n| nodes | up, ms | µs a node | one ping, ms | down, ms | memory a node, KiB |\n'
          '|---:|---:|---:|---:|---:|---:|')
    with tempfile.TemporaryDirectory() as directory:
        prefix = ['chrt', '-f', '1'] if o.realtime else []
        isola = [*prefix, o.isola, '--root', f'{directory}/data', '--run-root', f'{directory}/run', 'lab']
        for n in map(int, o.sizes.split(',')):
            rounds = [round_of(isola, directory, n) for _ in range(o.rounds)]
            up, ping, down, memory = (statistics.median(row[i] for row in rounds) for i in range(4))
            rows.append((n, up, ping, down, memory))
            print(f'| {n} | {up:.0f} | {up / n * 1000:.0f} | {ping:.1f} | {down:.0f} | {memory:.0f} |', flush=True)
    print(f'\nload after: {os.getloadavg()[0]:.1f}')
    if o.svg:
        pathlib.Path(o.svg).write_text(draw(rows))


if __name__ == '__main__':
    main()
