#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Building and removing images beside buildah and podman: the same Dockerfiles in alternating rounds.

usage: tests/testhost tests/bench/builds.py ISOLA [--rounds N]

Each line: what is done, wall and processor seconds of both (medians), and the ratios.  `rmi` is beside podman, which
shares buildah's store.  buildah builds with --layers, as it must to have a cache, and with chroot isolation, its
fastest, which does less than isola's container for each RUN.
"""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

STEPS = 20
FILES = 10_000


def run(argv, **options):
    """Wall and processor seconds of a command and all its children."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **options)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f'{" ".join(map(str, argv))}: {done.stderr}')
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Isola:
    def __init__(self, binary, directory, archive):
        self.argv = [binary, '--root', directory / 'isola', '--run-root', directory / 'isola-run']
        run([*self.argv, 'image', 'import', archive, 'base'])

    def build(self, context, name, *options):
        return run([*self.argv, 'build', '-q', '--network', 'none', '-t', name, *options, context])

    def remove(self, name):
        return run([*self.argv, 'rmi', name])


class Buildah:
    def __init__(self, directory, archive):
        where = ['--root', directory / 'buildah', '--runroot', directory / 'buildah-run', '--storage-driver', 'overlay']
        self.argv, self.podman = ['buildah', *where], ['podman', *where]
        run([*self.podman, 'import', archive, 'localhost/base'])

    def build(self, context, name, *options):
        return run([*self.argv, 'bud', '-q', '--layers', '--isolation', 'chroot', '--network', 'host', '--pull-never', '-t', name, *options, context])

    def remove(self, name):
        return run([*self.podman, 'rmi', name])


def contexts(directory):
    twenty, many = directory / 'twenty', directory / 'many'
    twenty.mkdir()
    (twenty / 'Dockerfile').write_text('FROM localhost/base\n' + ''.join(f'RUN echo {n} > /{n}\n' for n in range(STEPS)))
    for n in range(FILES):
        path = many / f'd{n % 100}' / f'f{n}'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'file {n}\n' * 20)
    (many / 'Dockerfile').write_text('FROM localhost/base\nRUN true\nCOPY . /all/\nRUN true\nCMD ["sh"]\n')
    return twenty, many


def archive_of_busybox(directory):
    root = directory / 'root'
    for name in ('bin', 'etc', 'tmp', 'proc', 'sys', 'dev', 'root'):
        (root / name).mkdir(parents=True)
    shutil.copy('/bin/busybox', root / 'bin')
    for name in ('sh', 'echo', 'true', 'cat'):
        (root / 'bin' / name).symlink_to('busybox')
    (root / 'etc/passwd').write_text('root:x:0:0:root:/root:/bin/sh\n')
    (root / 'etc/group').write_text('root:x:0:\n')
    run(['tar', 'cf', directory / 'base.tar', '-C', root, '.'])
    return directory / 'base.tar'


def line(what, ours, theirs):
    wall, cpu = (statistics.median(figure[i] for figure in ours) for i in (0, 1))
    if not theirs:
        return f'{what:36} isola {wall:7.3f} s, {cpu:7.3f} cpu-s'
    other_wall, other_cpu = (statistics.median(figure[i] for figure in theirs) for i in (0, 1))
    return (f'{what:36} isola {wall:7.3f} s, {cpu:7.3f} cpu-s; other {other_wall:7.3f} s, {other_cpu:7.3f} cpu-s; '
            f'wall 1/{other_wall / wall:.1f}, cpu 1/{other_cpu / max(cpu, 1e-3):.1f}')


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument('isola')
    arguments.add_argument('--rounds', type=int, default=3)
    options = arguments.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp'))
    try:
        archive = archive_of_busybox(directory)
        twenty, many = contexts(directory)
        tools = [Isola(os.path.abspath(options.isola), directory, archive)]
        run([*tools[0].argv, 'tag', 'base', 'localhost/base'])
        if shutil.which('buildah') and shutil.which('podman'):
            tools.append(Buildah(directory, archive))
        else:
            print('buildah or podman is not installed: isola alone')
        figures = {}
        for n in range(options.rounds):
            for tool in tools:
                def note(what, figure):
                    figures.setdefault(what, {}).setdefault(type(tool), []).append(figure)
                note(f'{STEPS} steps of RUN, nothing cached', tool.build(twenty, f'localhost/twenty{n}', '--no-cache'))
                note(f'{STEPS} steps of RUN, all cached', tool.build(twenty, f'localhost/twenty{n}'))
                note(f'context of {FILES} files', tool.build(many, f'localhost/many{n}', '--no-cache'))
                note(f'context of {FILES} files, all cached', tool.build(many, f'localhost/many{n}'))
                note(f'rmi of {FILES} files', tool.remove(f'localhost/many{n}'))
        print(f'load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {options.rounds} rounds')
        for what, by in figures.items():
            print(line(what, by[Isola], by.get(Buildah)))
    finally:
        subprocess.run(['rm', '-rf', directory], check=False)


main()
