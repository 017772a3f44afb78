# SPDX-License-Identifier: GPL-2.0-or-later
"""NOTIFY_SOCKET: a service manager hears from whoever starts a container that it is ready."""
import ctypes
import os
import socket
import subprocess

import pytest
from conftest import wait_until
from oci_bundle import bundle  # fixture

CLONE_NEWNS = 0x20000
PLACE = '/run/notify/notify.sock'


@pytest.fixture
def manager(tmp_path):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(tmp_path / 'manager'))
    made.settimeout(20)
    yield made
    made.close()


def say(pid, text):
    """Says it as a program in the container would, who finds the socket in its own mounts."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            mounts = os.open(f'/proc/{pid}/ns/mnt', os.O_RDONLY)
            if ctypes.CDLL(None).setns(mounts, CLONE_NEWNS) == 0:
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text.encode(), PLACE)
                code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def in_background(isola, environment, *words):
    return subprocess.Popen(isola.command(*words), env={**isola.environment, **environment}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_start_waits_until_the_container_is_ready(bundle, isola, manager):
    environment = {'NOTIFY_SOCKET': manager.getsockname()}
    bundle.config['root']['readonly'] = True
    bundle.runs('echo $NOTIFY_SOCKET; exec sleep 1000')
    assert bundle.to_file('oci', 'create', '--bundle', bundle.path, 'c1', env=environment) == 0, bundle.output()
    pid = bundle.pid()
    start = in_background(isola, environment, 'oci', 'start', 'c1')
    wait_until(lambda: PLACE in bundle.output())
    say(pid, 'STATUS=warming up\nMAINPID=1\nFDSTORE=1')
    assert manager.recv(4096).decode() == 'STATUS=warming up\n'
    assert start.poll() is None and bundle.status() == 'running'
    say(pid, 'READY=1\nSTATUS=serving')
    assert manager.recv(4096).decode() == f'READY=1\nSTATUS=serving\nMAINPID={pid}\n'
    assert start.wait(20) == 0


def test_start_waits_no_longer_than_the_container_lives(bundle, isola, manager):
    environment = {'NOTIFY_SOCKET': manager.getsockname()}
    assert bundle.runs('true').to_file('oci', 'create', '--bundle', bundle.path, 'c1', env=environment) == 0
    assert in_background(isola, environment, 'oci', 'start', 'c1').wait(20) == 0
    manager.settimeout(0)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


def test_run_tells_and_goes_on(bundle, isola, manager):
    bundle.runs('sleep', '1000')
    run = in_background(isola, {'NOTIFY_SOCKET': manager.getsockname()}, 'oci', 'run', '--bundle', bundle.path, 'c1')
    wait_until(lambda: isola('oci', 'state', 'c1', code=None).returncode == 0 and bundle.status() == 'running')
    say(bundle.pid(), 'READY=1')
    assert manager.recv(4096).decode() == f'READY=1\nMAINPID={bundle.pid()}\n'
    isola('oci', 'kill', 'c1', 'KILL')
    assert run.wait(20) == 137


def test_container_with_a_socket_of_its_own_keeps_it(bundle, isola, manager):
    bundle.config['process']['env'].append('NOTIFY_SOCKET=/its/own')
    bundle.runs('echo $NOTIFY_SOCKET; ls /run 2>&1; true')
    said = isola('oci', 'run', '--bundle', bundle.path, 'c1', env={'NOTIFY_SOCKET': manager.getsockname()}).stdout
    assert said.splitlines()[0] == '/its/own' and 'notify' not in said


def test_nobody_listens_where_nobody_waits(bundle):
    assert bundle.runs('echo ${NOTIFY_SOCKET-none}').run().stdout == 'none\n'
