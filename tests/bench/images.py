#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pulls, pushes, saves and loads one image with isola, Podman and skopeo, alternating, and prints ratios.

Usage: tests/testhost tests/bench/images.py ISOLA [MEGABYTES [ROUNDS]]

The image has five layers of files of this machine, small and large; the registry is on loopback, without TLS.  CPU
seconds are those of the program and of all its children.  skopeo unpacks nothing: it copies between the registry and
an OCI layout or archive.  BENCH_DIR is where all is kept (/var/tmp): on a busy disk, isola's
syncing is what is measured.
"""
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

here = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(here))
os.environ['ISOLA'] = os.path.abspath(sys.argv[1])
from registry_host import Image, Registry  # noqa: E402


def collect(megabytes):
    """Five tars of about that size together, from /usr."""
    wanted, total, tars = megabytes << 20, 0, []
    files = []
    for root in ('/usr/lib/python3', '/usr/share', '/usr/lib', '/usr/bin'):
        for directory, _, names in os.walk(root):
            files += [os.path.join(directory, name) for name in names]
    part = wanted // 5
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp'))
    iterator = iter(dict.fromkeys(files))
    for n in range(5):
        path, size = directory / f'{n}.tar', 0
        with tarfile.open(path, 'w', format=tarfile.PAX_FORMAT) as tar:
            for name in iterator:
                try:
                    if os.path.islink(name) or not os.path.isfile(name) or os.path.getsize(name) > part // 2:
                        continue
                    tar.add(name, name.lstrip('/'), filter=lambda e: setattr(e, 'uid', 0) or setattr(e, 'gid', 0) or e)
                    size += os.path.getsize(name)
                except OSError:
                    continue
                if size > part:
                    break
        tars.append(path.read_bytes())
        total += size
    shutil.rmtree(directory)
    return tars


def measure(command, **options):
    """Wall and CPU seconds of one command."""
    began = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit(f'{command}: {error.decode()}')
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime


class Program:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def fresh(self, name):
        shutil.rmtree(self.directory / name, ignore_errors=True)
        (self.directory / name).mkdir(parents=True)
        return self.directory / name


class Isola(Program):
    def command(self, *arguments):
        return [os.environ['ISOLA'], '--root', self.directory / 'data', '--run-root', self.directory / 'run', *arguments]

    def clear(self):
        for name in ('data', 'run'):
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def pull(self, name):
        return self.command('pull', '-q', name)

    def push(self, name, to):
        return self.command('push', '-q', name, to)

    def save(self, name, file):
        return self.command('save', '-o', file, name)

    def load(self, file):
        return self.command('load', '-q', '-i', file)


class Podman(Program):
    def command(self, *arguments):
        return ['podman', '--root', self.directory / 'root', '--runroot', self.directory / 'run', '--storage-driver', 'overlay',
                '--cgroup-manager', 'cgroupfs', *arguments]

    def clear(self):
        subprocess.run(list(map(str, self.command('rmi', '-af'))), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def pull(self, name):
        return self.command('pull', '-q', '--tls-verify=false', name)

    def push(self, name, to):
        return self.command('push', '-q', '--tls-verify=false', name, to)

    def save(self, name, file):
        return self.command('save', '-o', file, name)

    def load(self, file):
        return self.command('load', '-q', '-i', file)


class Skopeo(Program):
    """No store: what it pulls and loads is a layout."""

    def clear(self):
        self.fresh('.')

    def copy(self, source, destination):
        return ['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', source, destination]

    def pull(self, name):
        return self.copy(f'docker://{name}', f'oci:{self.directory}/layout:x')

    def push(self, name, to):
        return self.copy(f'oci:{self.directory}/layout:x', f'docker://{to}')

    def save(self, name, file):
        return self.copy(f'oci:{self.directory}/layout:x', f'oci-archive:{file}:x')

    def load(self, file):
        return self.copy(f'oci-archive:{file}:x', f'oci:{self.fresh("loaded")}:x')


def one_round(programs, registry, work, number, results):
    for name, program in programs.items():
        program.clear()
        file = work / f'{name}.tar'
        file.unlink(missing_ok=True)
        image = f'{registry.host}/bench/app:v1'
        steps = {'pull': lambda: program.pull(image), 'push': lambda: program.push(image, f'{registry.host}/{name}{number}/app:v1'),
                 'save': lambda: program.save(image, file), 'load': lambda: program.clear() or program.load(file)}
        for step, command in steps.items():
            results.setdefault(step, {}).setdefault(name, []).append(measure(command()))
        program.clear()


def main():
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    work = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir=os.environ.get('BENCH_DIR', '/var/tmp')))
    registry = Registry(work / 'registry')
    results = {}
    programs = {'isola': Isola(work / 'isola')}
    if shutil.which('podman'):
        programs['podman'] = Podman(work / 'podman')
    if shutil.which('skopeo'):
        programs['skopeo'] = Skopeo(work / 'skopeo')
    try:
        image = Image(*collect(megabytes)).push(registry, 'bench/app', 'v1')
        packed, plain = sum(map(len, image.layers)), sum(map(len, image.tars))
        print(f'5 layers, {plain >> 20} MiB, {packed >> 20} MiB packed; load average {os.getloadavg()[0]:.1f}; medians of {rounds}')
        for number in range(rounds):
            one_round(programs, registry, work, number, results)
    finally:
        registry.stop()
        shutil.rmtree(work, ignore_errors=True)
    print(f'{"":6}{"":10}{"wall s":>9}{"CPU s":>9}{"wall":>9}{"CPU":>9}   of isola')
    for step, rows in results.items():
        own = [statistics.median(column) for column in zip(*rows['isola'])]
        for name, values in rows.items():
            wall, cpu = (statistics.median(column) for column in zip(*values))
            print(f'{step:6}{name:10}{wall:9.2f}{cpu:9.2f}{wall / own[0]:9.2f}{cpu / own[1]:9.2f}')
    print(f'peak memory of any one process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB')


if __name__ == '__main__':
    main()
