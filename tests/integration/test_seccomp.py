# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles of system calls that the user names: each action, the agent that decides, what is kept."""
import fcntl
import json
import os
import pathlib
import socket
import struct
import threading

import pytest
from oci_bundle import bundle  # fixture

NOTIF_RECV, NOTIF_SEND = 0xc0502100, 0xc0182101  # linux/seccomp.h
GETPPID = {'names': ['getppid']}


def profile(tmp_path, **members):
    path = tmp_path / 'profile.json'
    path.write_text(json.dumps({'defaultAction': 'SCMP_ACT_ALLOW', **members}))
    return f'seccomp={path}'


class Agent(threading.Thread):
    """Takes listeners at a socket and gives every call one answer."""

    def __init__(self, path, value=0, error=0):
        super().__init__(daemon=True)
        self.answer, self.states, self.calls, self.problem = (value, error), [], [], None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen(4)
        self.start()

    def run(self):
        try:
            while True:
                connection, _ = self.socket.accept()
                text, fds, _, _ = socket.recv_fds(connection, 65536, 4)
                if text:
                    self.states.append(json.loads(text))
                    threading.Thread(target=self.serve, args=(fds[0],), daemon=True).start()
        except OSError as problem:
            self.problem = problem

    def serve(self, listener):
        while True:
            request = bytearray(80)
            try:
                fcntl.ioctl(listener, NOTIF_RECV, request)
            except OSError:
                return  # nobody is bound by the filter any more
            number, pid, _, call = struct.unpack_from('QIIi', request)
            self.calls.append(call)
            value, error = self.answer
            try:
                fcntl.ioctl(listener, NOTIF_SEND, struct.pack('QqiI', number, value, -error, 0))
            except OSError:
                pass


def test_agent_answers_for_the_kernel(isola, image, tmp_path):
    agent = Agent(tmp_path / 'agent.sock', value=4711)
    option = profile(tmp_path, listenerPath=str(tmp_path / 'agent.sock'), listenerMetadata='hello',
                     syscalls=[{**GETPPID, 'action': 'SCMP_ACT_NOTIFY'}])
    assert isola.out('run', '--rm', '--name', 'asks', '--network', 'none', '--security-opt', option, image, 'sh', '-c',
                     'echo $PPID') == '4711'
    assert agent.problem is None and len(agent.states) == 1 and 110 in agent.calls
    state = agent.states[0]
    assert state['fds'] == ['seccompFd'] and state['metadata'] == 'hello'
    assert state['state']['pid'] == state['pid'] > 1
    assert len(state['state']['id']) == 64 and state['state']['status'] == 'creating'


def test_agent_is_told_of_programs_that_exec_starts(isola, image, tmp_path):
    agent = Agent(tmp_path / 'agent.sock', value=4712)
    option = profile(tmp_path, listenerPath=str(tmp_path / 'agent.sock'),
                     syscalls=[{**GETPPID, 'action': 'SCMP_ACT_NOTIFY'}])
    isola('run', '-d', '--name', 'asked', '--network', 'none', '--security-opt', option, image, 'sleep', '100')
    assert isola.out('exec', 'asked', 'sh', '-c', 'echo $PPID') == '4712'
    first, second = agent.states
    assert first['pid'] == second['state']['pid'] == isola.pid('asked') != second['pid']
    assert second['state']['status'] == 'running'


@pytest.mark.parametrize('there', [False, True])
def test_container_is_not_run_without_its_agent(isola, image, tmp_path, there):
    path = tmp_path / 'agent.sock'
    if there:  # a file that nobody listens at
        path.write_text('')
    option = profile(tmp_path, listenerPath=str(path), syscalls=[{**GETPPID, 'action': 'SCMP_ACT_NOTIFY'}])
    done = isola('run', '--rm', '--network', 'none', '--security-opt', option, image, 'echo', 'ran', code=125)
    assert f"cannot reach the seccomp agent at '{path}'" in done.stderr and 'ran' not in done.stdout


def test_profile_is_compiled_once(isola, image, tmp_path):
    cache = pathlib.Path(isola.run_root) / 'seccomp'
    before = set(cache.glob('*'))
    option = profile(tmp_path, syscalls=[{'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 30}])
    run = ['run', '--rm', '--network', 'none', '--security-opt', option, image, 'mkdir', '/x']
    assert 'Read-only file system' in isola(*run, code=1).stderr
    file, = set(cache.glob('*')) - before
    assert cache.stat().st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600
    stamp = file.stat().st_mtime_ns, file.stat().st_ino
    assert 'Read-only file system' in isola(*run, code=1).stderr
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == stamp
    # One that was tampered with is not used, and is replaced.
    file.write_bytes(bytes(file.stat().st_size))
    os.chmod(file, 0o600)
    assert 'Read-only file system' in isola(*run, code=1).stderr
    assert file.stat().st_ino != stamp[1] and file.read_bytes()[:8] == b'isolabpf'


def test_killing_profile_ends_the_program_by_signal(isola, image, tmp_path):
    option = profile(tmp_path, syscalls=[{'names': ['mkdir'], 'action': 'SCMP_ACT_KILL_PROCESS'}])
    assert isola('run', '--rm', '--network', 'none', '--security-opt', option, image, 'mkdir', '/x', code=159)


# --- linux.seccomp of a config.json ---

def seccomp(bundle, *calls, **members):
    bundle.config['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': list(calls), **members}
    return bundle


@pytest.mark.parametrize('how', ['run', 'create'])
def test_agent_of_a_bundle_is_asked(isola, bundle, tmp_path, how):
    agent = Agent(tmp_path / 'agent.sock', value=4713)
    seccomp(bundle, {**GETPPID, 'action': 'SCMP_ACT_NOTIFY'}, listenerPath=str(tmp_path / 'agent.sock'),
            listenerMetadata='for a bundle')
    bundle.config['annotations'] = {'some': 'thing'}
    bundle.runs('echo $PPID')
    if how == 'run':
        assert bundle.run().stdout == '4713\n'
    else:
        assert bundle.create() == 0
        assert agent.states == []  # nobody is asked before it starts
        isola('oci', 'start', 'c1')
        bundle.wait_for('stopped')
        assert bundle.output() == '4713\n'
    state, = agent.states
    assert state['metadata'] == 'for a bundle' and state['state']['id'] == 'c1'
    assert state['state']['bundle'] == str(bundle.path) and state['state']['annotations'] == {'some': 'thing'}


def test_filter_of_a_bundle_holds_for_exec_too(isola, bundle, tmp_path):
    seccomp(bundle, {'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28})
    bundle.runs('exec sleep 100')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')
    assert 'No space left' in isola('oci', 'exec', 'c1', 'mkdir', '/tmp/x', code=1).stderr


def test_agent_is_asked_for_exec_too(isola, bundle, tmp_path):
    agent = Agent(tmp_path / 'agent.sock', value=4714)
    seccomp(bundle, {**GETPPID, 'action': 'SCMP_ACT_NOTIFY'}, listenerPath=str(tmp_path / 'agent.sock'))
    bundle.runs('exec sleep 100')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')
    assert isola.out('oci', 'exec', 'c1', 'sh', '-c', 'echo $PPID') == '4714'
    first, second = agent.states
    assert second['state']['pid'] == bundle.pid() == first['pid'] != second['pid']
    assert second['state']['status'] == 'running'


def test_bundle_with_a_bad_filter_is_refused_by_name(bundle):
    seccomp(bundle, {**GETPPID, 'action': 'SCMP_ACT_PERHAPS'})
    bundle.runs('true')
    assert "'SCMP_ACT_PERHAPS' is not an action" in bundle.run(code=1).stderr
    seccomp(bundle, flags=['SECCOMP_FILTER_FLAG_PERHAPS'])
    bundle.runs('true')
    assert "'SECCOMP_FILTER_FLAG_PERHAPS' is not a flag" in bundle.run(code=1).stderr
