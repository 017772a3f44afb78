# SPDX-License-Identifier: GPL-2.0-or-later
"""isola exec: one more program in a running container."""
import os
import subprocess

import pytest

from conftest import wait_until


@pytest.fixture
def box(isola, image):
    isola('run', '-d', '--name', 'box', '-e', 'FROM=image', '--hostname', 'inside', image, 'sleep', '100')
    return 'box'


def test_output_error_and_exit_code(isola, box):
    done = isola('exec', box, 'sh', '-c', 'echo out; echo err >&2; exit 5', code=5)
    assert (done.stdout, done.stderr) == ('out\n', 'err\n')


def test_it_sees_what_the_container_sees(isola, box):
    assert isola.out('exec', box, 'hostname') == 'inside'
    assert 'sleep 100' in isola.out('exec', box, 'ps')
    assert isola.out('exec', box, 'sh', '-c', 'echo $FROM') == 'image'
    inside = isola.out('exec', box, 'sh', '-c', 'for n in /proc/self/ns/*; do readlink $n; done').split()
    pid = isola.pid(box)
    assert set(inside) <= {os.readlink(f'/proc/{pid}/ns/{name}') for name in os.listdir(f'/proc/{pid}/ns')}


def test_environment_user_and_directory(isola, box):
    done = isola.out('exec', '-e', 'X=1', '-u', 'user', '-w', '/tmp', box, 'sh', '-c', 'echo $X $(id -u) $(pwd)')
    assert done == '1 1000 /tmp'


def test_input_is_forwarded_only_if_asked_for(isola, box):
    assert isola('exec', '-i', box, 'cat', input='one\n').stdout == 'one\n'
    assert isola('exec', box, 'cat', input='one\n').stdout == ''


def test_binary_input_passes_unchanged(isola, box):
    data = os.urandom(1 << 20)
    assert isola('exec', '-i', box, 'cat', input=data, text=False).stdout == data


def test_standard_streams_that_are_sockets_are_copied(isola, box):
    import socket
    ours, theirs = socket.socketpair()
    run = subprocess.Popen(isola.command('exec', '-i', box, 'sh', '-c', 'cat; ls -l /proc/self/fd/1 >&2'),
                           stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=isola.environment)
    theirs.close()
    ours.sendall(b'hello')
    ours.shutdown(socket.SHUT_WR)
    assert ours.recv(100) == b'hello'
    assert b'pipe:' in run.communicate(timeout=20)[1]
    assert run.returncode == 0


def test_missing_program_is_127_and_a_directory_126(isola, box):
    isola('exec', box, 'nonesuch', code=127)
    isola('exec', box, '/etc', code=126)


def test_detached_program_outlives_the_command(isola, box):
    isola('exec', '-d', box, 'sh', '-c', 'sleep 0.3; touch /done')
    wait_until(lambda: isola('exec', box, 'test', '-e', '/done', code=None).returncode == 0)


def test_stopped_container_is_refused_with_a_hint(isola, image):
    isola('create', '--name', 'idle', image, 'true')
    done = isola('exec', 'idle', 'true', code=125)
    assert "container 'idle' is not running" in done.stderr
    assert 'isola start idle' in done.stderr


def test_signals_are_passed_on(isola, box):
    run = isola.start('exec', box, 'sh', '-c', 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done')
    assert run.stdout.readline() == b'ready\n'
    run.terminate()
    assert run.wait(20) == 4


def test_it_counts_against_the_containers_cgroup(isola, box):
    path = isola.out('exec', box, 'cat', '/proc/self/cgroup')
    assert all(line.endswith(':/') or '::/' in line or isola.inspect(box)['Id'] not in line
               for line in path.splitlines() if line.startswith('0:'))


def test_it_ends_with_the_container(isola, box):
    run = isola.start('exec', box, 'sleep', '100')
    wait_until(lambda: 'sleep 100' in isola.out('exec', box, 'sh', '-c', 'ps | grep -c "sleep 100"; ps'))
    isola('rm', '-f', box)
    assert run.wait(20) == 137
