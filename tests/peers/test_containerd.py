# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd's shim v2 with isola-oci in the place of runc, driven by ctr."""
import shutil
import tempfile

import pytest
from conftest import Client, need

IMAGE = 'docker.io/library/busybox:latest'


@pytest.fixture(scope='module')
def ctr(daemon, image_archive):
    need('containerd')
    need('ctr')
    directory = tempfile.mkdtemp(prefix='isola-containerd-', dir='/var/tmp')
    socket = '/run/isola-containerd/containerd.sock'
    with open(f'{directory}/config.toml', 'w', encoding='ascii') as conf:
        conf.write(f'version = 2\nroot = "{directory}/root"\nstate = "/run/isola-containerd/state"\n'
                   'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n'
                   f'address = "{socket}"\n')
    client = Client('ctr', '-a', socket)
    daemon(lambda: client('version', code=None).returncode == 0, 'containerd', '-c', f'{directory}/config.toml',
           log=f'{directory}/log')
    client('images', 'import', image_archive)
    yield client
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def run(ctr, runtime):
    def call(*words, **options):
        return ctr('run', '--runc-binary', runtime, *words, **options)
    return call


def test_run_returns_the_programs_code(run):
    assert run('--rm', IMAGE, 'one', 'sh', '-c', 'id -u; exit 4', code=4).stdout == '0\n'


def test_missing_program_is_told(run):
    assert 'no such file or directory' in run('--rm', IMAGE, 'two', 'nothing', code=1).stderr


def test_tasks_are_listed_entered_measured_paused_and_killed(ctr, run):
    run('-d', '--memory-limit', 64 << 20, IMAGE, 'three', 'sleep', '1000')
    assert 'RUNNING' in ctr.out('task', 'ls')
    assert 'sleep 1000' in ctr.out('task', 'exec', '--exec-id', 'e', 'three', 'ps')
    ctr('task', 'exec', '--exec-id', 'f', 'three', 'sh', '-c', 'exit 5', code=5)
    assert str(64 << 20) in ctr.out('task', 'metrics', 'three')
    ctr('task', 'pause', 'three')
    assert 'PAUSED' in ctr.out('task', 'ls')
    ctr('task', 'resume', 'three')
    assert len(ctr.out('task', 'ps', 'three').splitlines()) == 2
    ctr('task', 'kill', '-s', 'KILL', 'three')
    ctr('task', 'rm', 'three', code=None)
    ctr('container', 'rm', 'three', code=None)


def test_a_terminal_is_one_inside(ctr, runtime):
    text, code = ctr.on_terminal('run', '--rm', '-t', '--runc-binary', runtime, IMAGE, 'four', 'tty')
    assert '/dev/pts/0' in text
    assert code == 0
