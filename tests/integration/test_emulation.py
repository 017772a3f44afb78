# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of another architecture, run by QEMU's user emulation through binfmt_misc.

A user namespace has a binfmt_misc of its own (Linux 6.7): emulators are registered there, and nowhere on
the machine.  Emulator and program are unpacked by tools/unpack.
"""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import BINARY, Isola

HOLD = ('import ctypes, sys\n'
        'assert ctypes.CDLL(None).unshare(0x10000000 | 0x20000) == 0\n'  # CLONE_NEWUSER | CLONE_NEWNS
        'print("made", flush=True)\nsys.stdin.readline()\n')
MAGIC = r'\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
MASK = r'\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'


def unpacked():
    directory = pathlib.Path(BINARY).resolve().parents[1] / 'emulator'
    if os.uname().machine != 'x86_64':
        pytest.skip('the emulator at hand is one for x86_64')
    if not (directory / 'complete').exists():
        pytest.skip('qemu-user-static is not unpacked (tools/unpack)')
    return directory


class Machine:
    """Root of a user namespace with all of this one's ids, whose binfmt_misc nobody else sees."""

    def __init__(self, directory):
        self.directory = directory
        self.holder = subprocess.Popen([sys.executable, '-c', HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == 'made\n'
        for name in ('uid_map', 'gid_map'):
            pathlib.Path(f'/proc/{self.holder.pid}/{name}').write_text(pathlib.Path(f'/proc/self/{name}').read_text())
        self.inside = [shutil.which('nsenter'), f'--target={self.holder.pid}', '--user', '--mount', '--']
        self.run('mount', '--make-rprivate', '/')
        self.run('mount', '-t', 'tmpfs', 'tmpfs', directory)
        self.isola = Isola(directory)
        self.isola.become = self.inside

    def run(self, *words):
        return subprocess.run([*self.inside, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def register(self, interpreter, flags):
        self.run('sh', '-c', f'mkdir -p {self.directory}/binfmt && mount -t binfmt_misc none {self.directory}/binfmt')
        self.run('sh', '-c', f"echo ':qemu-aarch64:M::{MAGIC}:{MASK}:{interpreter}:{flags}' > {self.directory}/binfmt/register")

    def context(self, text):
        """A build's directory inside, where there is an arm64 busybox."""
        busybox = unpacked() / 'emulated/bin/busybox'
        self.run('sh', '-c', f'mkdir -p {self.directory}/context && cp {busybox} {self.directory}/context/busybox')
        subprocess.run([*self.inside, 'tee', self.directory / 'context/Dockerfile'], input=text, text=True, check=True, stdout=subprocess.DEVNULL)
        return self.directory / 'context'

    def close(self):
        self.isola.remove_all()
        self.holder.stdin.close()
        self.holder.wait()


@pytest.fixture
def machine(tmp_path):
    unpacked()
    machine = Machine(tmp_path)
    try:
        yield machine
    finally:
        machine.close()


@pytest.fixture
def emulated(machine):
    try:
        machine.register(unpacked() / 'usr/libexec/qemu-binfmt/aarch64-binfmt-P', 'OPF')
    except subprocess.CalledProcessError:
        pytest.skip('this kernel has no binfmt_misc for user namespaces (Linux 6.7)')
    return machine


FILE = ('FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "/bin"]\n'
        'ARG TARGETARCH\nRUN echo $TARGETARCH $(uname -m) | tee /machine\nCMD ["cat", "/machine"]\n')


def test_build_and_run(emulated):
    isola = emulated.isola
    done = isola('build', '--network', 'none', '--platform', 'linux/arm64', '-t', 'arm', emulated.context(FILE))
    assert 'arm64 aarch64' in done.stdout
    assert isola.json('image', 'inspect', 'arm')[0]['Architecture'] == 'arm64'
    done = isola('run', '--rm', '--network', 'none', '--pull', 'never', '--platform', 'linux/arm64', 'arm', 'uname', '-m')
    assert done.stdout == 'aarch64\n' and done.stderr == ''
    done = isola('run', '--rm', '--network', 'none', 'arm')
    assert done.stdout == 'arm64 aarch64\n'
    assert "image 'arm' is for linux/arm64, this machine is linux/amd64" in done.stderr


def test_cross_building(emulated):
    """Native tools make what the other architecture runs."""
    isola = emulated.isola
    emulated.run('cp', shutil.which('busybox') or '/bin/busybox', emulated.context(
        'FROM --platform=$BUILDPLATFORM scratch AS tools\nCOPY --chmod=755 native /bin/busybox\nRUN ["/bin/busybox", "--install", "/bin"]\n'
        'ARG TARGETARCH\nRUN echo made on $(uname -m) for $TARGETARCH > /made\n'
        'FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nCOPY --from=tools /made /made\n'
        'RUN ["/bin/busybox", "cp", "/made", "/copied"]\nENTRYPOINT ["/bin/busybox"]\n') / 'native')
    isola('build', '--network', 'none', '--platform', 'linux/arm64', '-t', 'cross', emulated.directory / 'context')
    said = isola.out('run', '--rm', '--network', 'none', '--platform', 'linux/arm64', 'cross', 'cat', '/copied')
    assert said == 'made on x86_64 for arm64'


def test_without_an_emulator(machine):
    isola = machine.isola
    said = isola('build', '--network', 'none', '--platform', 'linux/arm64', machine.context(FILE), code=1).stderr
    assert "Dockerfile:3: cannot run '/bin/busybox': Exec format error" in said
    assert ("hint: it is a program for arm64 and this machine is amd64: install qemu-user-static and binfmt-support (Debian's names), "
            'then the kernel runs it') in said
    isola('build', '-t', 'plain', '--platform', 'linux/arm64', machine.context('FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\n'))
    said = isola('run', '--rm', '--network', 'none', '--platform', 'linux/arm64', 'plain', '/bin/busybox', code=126).stderr
    assert 'it is a program for arm64 and this machine is amd64' in said


def test_an_emulator_that_is_not_inside(machine):
    try:
        machine.register('/usr/nowhere/qemu-aarch64', '')
    except subprocess.CalledProcessError:
        pytest.skip('this kernel has no binfmt_misc for user namespaces (Linux 6.7)')
    said = machine.isola('build', '--network', 'none', '--platform', 'linux/arm64', machine.context(FILE), code=1).stderr
    assert 'the emulator that binfmt_misc has for it is not in the container: register it with the flag F' in said
