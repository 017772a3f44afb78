#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pulls, pushes, saves, loads and removes one image with isola and its peers, alternating, and prints ratios.

usage: tests/testhost tests/bench/images.py ISOLA [--megabytes N] [--rounds N] [--directory DIR] [--only NAME,…] [--ordinary]

The image has five layers of files of this machine, small and large; the registry is on loopback, without TLS.  CPU
seconds are those of a program, of all its children and, for containerd, of its daemon.

  isola           what it makes is synced before a name is given to it
  isola unsynced  the same program, whose sync calls return at once without doing anything
  podman          syncs nothing
  podman+sync     and `sync -f` after each step, so that it is as durable
  skopeo          unpacks nothing: it copies between the registry and an OCI layout or archive
  skopeo+umoci    pull: skopeo's layout, unpacked by umoci
  containerd      ctr, with a containerd of its own

Before an image is removed, all is written to the disk, as it is some time after a pull.  --directory is where all is
kept (/var/tmp); on a tmpfs (/dev/shm) no disk is measured.  All of it, the registry as well, runs at real-time priority in
turns (SCHED_RR), so that another's load of the processors matters less; --ordinary leaves that out.
"""
import argparse
import collections
import ctypes
import os
import pathlib
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

here = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(here))
os.environ['ISOLA'] = os.path.abspath(sys.argv[1])
from registry_host import Image, Registry  # noqa: E402

SYNC_CALLS = {'x86_64': (162, 306, 74, 75, 277), 'aarch64': (81, 267, 82, 83, 84), 'riscv64': (81, 267, 82, 83, 84)}
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 22, 2, 0x7fff0000, 0x00050000
libc = ctypes.CDLL(None, use_errno=True)


def sync_nothing():
    """From here on sync(2) and its relatives do nothing and say that they did (seccomp(2): an error 0 is success)."""
    calls = SYNC_CALLS[os.uname().machine]
    code = [(0x20, 0, 0, 0)]  # load the call's number
    code += [(0x15, len(calls) - n, 0, call) for n, call in enumerate(calls)]
    code += [(0x06, 0, 0, SECCOMP_RET_ALLOW), (0x06, 0, 0, SECCOMP_RET_ERRNO)]
    text = b''.join(struct.pack('HBBI', *instruction) for instruction in code)
    filters = ctypes.create_string_buffer(text)
    program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(code), ctypes.addressof(filters)))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), 'cannot leave syncing out')


def collect(megabytes):
    """Five tars of about that size together, from /usr."""
    wanted, tars, files = megabytes << 20, [], []
    for root in ('/usr/lib/python3', '/usr/share', '/usr/lib', '/usr/bin'):
        for directory, _, names in os.walk(root):
            files += [os.path.join(directory, name) for name in names]
    part = wanted // 5
    iterator = iter(dict.fromkeys(files))
    for n in range(5):
        size = 0
        with tempfile.TemporaryFile(dir='/var/tmp') as file:
            with tarfile.open(fileobj=file, mode='w', format=tarfile.PAX_FORMAT) as tar:
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
            file.seek(0)
            tars.append(file.read())
    return tars


def remove(directory):
    """rmtree, but not one file after the other: some disks take milliseconds for each."""
    subprocess.run(f"find '{directory}' -xdev -type f -print0 2>/dev/null | xargs -0 -r -P 16 -n 100 rm -f", shell=True, check=False)
    shutil.rmtree(directory, ignore_errors=True)


Figure = collections.namedtuple('Figure', 'wall cpu')


def run(command, preparation=None):
    """Wall and CPU seconds of one command and its children."""
    began = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=preparation)
    error = process.stderr.read()
    _, process.returncode, usage = os.wait4(process.pid, 0)
    if process.returncode:
        sys.exit(f'{command}: {error.decode()}')
    return Figure(time.monotonic() - began, usage.ru_utime + usage.ru_stime)


class Program:
    """What a step is not defined for, it does not take part in."""
    prepare = None

    def __init__(self, directory, registry):
        self.directory, self.registry = pathlib.Path(directory), registry
        self.tar = self.directory.with_suffix('.tar')

    def measure(self, step, *names):
        figures = [run(command, self.prepare) for command in getattr(self, step)(*names)]
        return Figure(sum(f.wall for f in figures), sum(f.cpu for f in figures))

    def clear(self):
        remove(self.directory)
        self.directory.mkdir()

    def end(self):
        remove(self.directory)


class Isola(Program):
    def command(self, *arguments):
        return [os.environ['ISOLA'], '--root', self.directory / 'data', '--run-root', self.directory / 'run', *arguments]

    def pull(self, name):
        return [self.command('pull', '-q', name)]

    def push(self, name, to):
        return [self.command('push', '-q', name, to)]

    def save(self, name):
        return [self.command('save', '-o', self.tar, name)]

    def load(self):
        return [self.command('load', '-q', '-i', self.tar)]

    def rmi(self, name):
        return [self.command('rmi', name)]


class Unsynced(Isola):
    def prepare(self):
        sync_nothing()


class Podman(Program):
    def command(self, *arguments):
        return ['podman', '--root', self.directory / 'root', '--runroot', self.directory / 'run', '--storage-driver', 'overlay',
                '--cgroup-manager', 'cgroupfs', *arguments]

    def pull(self, name):
        return [self.command('pull', '-q', '--tls-verify=false', name)]

    def push(self, name, to):
        return [self.command('push', '-q', '--tls-verify=false', name, to)]

    def save(self, name):
        return [self.command('save', '-q', '-o', self.tar, name)]

    def load(self):
        return [self.command('load', '-q', '-i', self.tar)]

    def rmi(self, name):
        return [self.command('rmi', name)]

    def clear(self):
        # It mounts its own directory.
        subprocess.run(['umount', '-q', self.directory / 'root/overlay'], check=False, stderr=subprocess.DEVNULL)
        super().clear()

    def end(self):
        self.clear()
        super().end()


class PodmanSynced(Podman):
    def measure(self, step, *names):
        first, second = super().measure(step, *names), run(['sync', '-f', self.directory])
        return Figure(first.wall + second.wall, first.cpu + second.cpu)


class Skopeo(Program):
    """No store: what it pulls and loads is a layout."""

    def copy(self, source, destination):
        return ['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', source, destination]

    def pull(self, name):
        return [self.copy(f'docker://{name}', f'oci:{self.directory}/layout:x')]

    def push(self, _, to):
        return [self.copy(f'oci:{self.directory}/layout:x', f'docker://{to}')]

    def save(self, _):
        return [self.copy(f'oci:{self.directory}/layout:x', f'oci-archive:{self.tar}:x')]

    def load(self):
        return [self.copy(f'oci-archive:{self.tar}:x', f'oci:{self.directory}/loaded:x')]


class Umoci(Skopeo):
    def pull(self, name):
        return [*super().pull(name), ['umoci', 'unpack', '--image', f'{self.directory}/layout:x', self.directory / 'bundle']]

    push = save = load = None


class Containerd(Program):
    def __init__(self, directory, registry):
        super().__init__(directory, registry)
        self.daemon = None

    def clear(self):
        self.end()
        self.directory.mkdir()
        (self.directory / 'config.toml').write_text(
            'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
            f'root = "{self.directory}/root"\nstate = "{self.directory}/state"\n[grpc]\naddress = "{self.directory}/socket"\n')
        self.daemon = subprocess.Popen(['containerd', '--config', self.directory / 'config.toml', '--log-level', 'error'],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if subprocess.run(self.command('version'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return
            time.sleep(0.05)
        sys.exit('containerd does not answer')

    def end(self):
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait()
            self.daemon = None
        super().end()

    def daemon_cpu(self):
        fields = pathlib.Path(f'/proc/{self.daemon.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return sum(map(int, fields[11:15])) / os.sysconf('SC_CLK_TCK')

    def measure(self, step, *names):
        before = self.daemon_cpu()
        figure = super().measure(step, *names)
        return Figure(figure.wall, figure.cpu + self.daemon_cpu() - before)

    def command(self, *arguments):
        return ['ctr', '-a', self.directory / 'socket', *arguments]

    def pull(self, name):
        return [self.command('images', 'pull', '--plain-http', name)]

    def push(self, name, to):
        return [self.command('images', 'push', '--plain-http', to, name)]

    def save(self, name):
        return [self.command('images', 'export', self.tar, name)]

    def load(self):
        return [self.command('images', 'import', self.tar)]

    def rmi(self, name):
        return [self.command('images', 'rm', '--sync', name)]


PROGRAMS = {'isola': (Isola, ()), 'isola unsynced': (Unsynced, ()), 'podman': (Podman, ('podman',)),
            'podman+sync': (PodmanSynced, ('podman',)), 'skopeo': (Skopeo, ('skopeo',)),
            'skopeo+umoci': (Umoci, ('skopeo', 'umoci')), 'containerd': (Containerd, ('ctr', 'containerd'))}


def one_round(programs, registry, number, results):
    image = f'{registry.host}/bench/app:v1'
    for index, (name, program) in enumerate(programs.items()):
        program.clear()
        program.tar.unlink(missing_ok=True)
        steps = {'pull': (image,), 'push': (image, f'{registry.host}/copy{index}-{number}/app:v1'), 'save': (image,), 'load': (), 'rmi': (image,)}
        for step, arguments in steps.items():
            if not getattr(program, step, None):
                continue
            if step == 'load':
                program.clear()
            subprocess.run(['sync', '-f', program.directory], check=True)
            figure = program.measure(step, *arguments)
            results.setdefault(step, {}).setdefault(name, []).append(figure)
            print(f'{number} {step:5} {name:15} {figure.wall:8.2f} s {figure.cpu:8.2f} cpu-s', file=sys.stderr, flush=True)
        program.end()
        program.tar.unlink(missing_ok=True)


def show(results, reference):
    print(f'| | | wall s | CPU s | wall, of {reference}\'s | CPU |\n|---|---|---:|---:|---:|---:|')
    for step, rows in results.items():
        medians = {name: Figure(*(statistics.median(column) for column in zip(*values))) for name, values in rows.items()}
        own = medians.get(reference) or next(iter(medians.values()))
        for name, figure in medians.items():
            print(f'| {step} | {name} | {figure.wall:.2f} | {figure.cpu:.2f} | {figure.wall / own.wall:.2f} | '
                  f'{figure.cpu / max(own.cpu, 0.001):.2f} |')


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('isola')
    arguments.add_argument('--megabytes', type=int, default=500)
    arguments.add_argument('--rounds', type=int, default=3)
    arguments.add_argument('--directory', default='/var/tmp')
    arguments.add_argument('--only', type=lambda text: text.split(','), default=list(PROGRAMS))
    arguments.add_argument('--ordinary', action='store_true')
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended'))
    work = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir=options.directory))
    image = Image(*collect(options.megabytes))
    if not options.ordinary:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    registry = Registry(work / 'registry')
    programs = {name: kind(work / name.replace(' ', '-'), registry) for name, (kind, needs) in PROGRAMS.items()
                if name in options.only and all(map(shutil.which, needs))}
    results = {}
    try:
        packed, plain = sum(map(len, image.layers)), sum(map(len, image.tars))
        image.push(registry, 'bench/app', 'v1')
        del image
        print(f'5 layers, {plain >> 20} MiB, {packed >> 20} MiB packed; {options.directory}; medians of {options.rounds}; '
              f'load average {os.getloadavg()[0]:.1f}', flush=True)
        for number in range(options.rounds):
            one_round(programs, registry, number, results)
    finally:
        for program in programs.values():
            program.end()
        registry.stop()
        remove(work)
    show(results, next(iter(programs)))
    print(f'load average at the end {os.getloadavg()[0]:.1f}')


if __name__ == '__main__':
    main()
