# SPDX-License-Identifier: GPL-2.0-or-later
"""Engines that others wrote, driving isola-oci as their users would have them do.

Each runs in the test host with a /run and data directories of its own, from
packages of the distribution: Podman is installed, Docker's and containerd's
daemons are unpacked (tools/peers), because installing them would start them.
"""
import ctypes
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import select
import shutil
import subprocess
import tarfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location('integration', ROOT / 'tests/conftest.py')
integration = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(integration)

PEERS = pathlib.Path(os.environ.get('ISOLA_PEERS', ROOT / 'build-peers'))
MS_PRIVATE, MS_REC = 0x40000, 0x4000


def mount_tmpfs(path):
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b'tmpfs', path.encode(), b'tmpfs', 0, None) < 0:
        pytest.exit(f'cannot mount a tmpfs on {path}: {os.strerror(ctypes.get_errno())}', 1)


def pytest_configure(config):
    integration.enter_test_host()
    mount_tmpfs('/run')
    os.environ['PATH'] = f'{PEERS}/usr/sbin:{PEERS}/usr/bin:' + os.environ['PATH']


def need(program):
    if not shutil.which(program):
        pytest.skip(f'{program} is not there')


class Client:
    """Calls a client program; `out` is its standard output."""

    def __init__(self, *words, env=None):
        self.words = [str(word) for word in words]
        self.environment = {**os.environ, **(env or {})}

    def __call__(self, *arguments, code=0, timeout=60, **options):
        done = subprocess.run([*self.words, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout, env=self.environment, stdin=subprocess.DEVNULL, check=False,
                              **options)
        if code is not None:
            assert done.returncode == code, (f'{self.words[0]} {" ".join(map(str, arguments))}: {done.returncode}, not '
                                             f'{code}\n{done.stdout}\n{done.stderr}')
        return done

    def out(self, *arguments, **options):
        return self(*arguments, **options).stdout.rstrip('\n')

    def on_terminal(self, *arguments, timeout=30):
        """What the program prints on a terminal of its own."""
        pid, terminal = os.forkpty()
        if pid == 0:
            os.execvpe(self.words[0], [*self.words, *map(str, arguments)], self.environment)
        text, end = b'', time.monotonic() + timeout
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:
                    break
                if not piece:
                    break
                text += piece
        else:
            os.kill(pid, 9)
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return text.decode().replace('\r', ''), status


@pytest.fixture(scope='session')
def runtime(tmp_path_factory):
    """The path of isola-oci."""
    directory = tmp_path_factory.mktemp('bin')
    shutil.copy(integration.BINARY, directory / 'isola')
    (directory / 'isola-oci').symlink_to('isola')
    return directory / 'isola-oci'


@pytest.fixture(scope='session')
def rootfs_tar(tmp_path_factory):
    path = tmp_path_factory.mktemp('rootfs') / 'rootfs.tar'
    integration.make_busybox_tar(path)
    return path


@pytest.fixture(scope='session')
def image_archive(rootfs_tar, tmp_path_factory):
    """The same as an image, in Docker's archive format, called busybox."""
    layer = rootfs_tar.read_bytes()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({'architecture': {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine), 'os': 'linux',
                         'config': {'Cmd': ['sh'], 'Env': ['PATH=/bin:/usr/bin']},
                         'rootfs': {'type': 'layers', 'diff_ids': [f'sha256:{digest}']}}).encode()
    name = hashlib.sha256(config).hexdigest() + '.json'
    manifest = json.dumps([{'Config': name, 'RepoTags': ['docker.io/library/busybox:latest'],
                            'Layers': ['layer.tar']}]).encode()
    path = tmp_path_factory.mktemp('image') / 'busybox.tar'
    with tarfile.open(path, 'w') as tar:
        for member, content in ((name, config), ('layer.tar', layer), ('manifest.json', manifest)):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture(scope='session')
def daemon():
    """Starts a daemon and ends it when the session ends."""
    started = []

    def start(ready, *command, log):
        with open(log, 'wb') as output:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT)
        started.append(process)

        def is_ready():
            assert process.poll() is None, pathlib.Path(log).read_text(errors='replace')[-2000:]
            return ready()
        integration.wait_until(is_ready, timeout=30, what=f'the start of {command[0]}')
    yield start
    for process in reversed(started):
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
