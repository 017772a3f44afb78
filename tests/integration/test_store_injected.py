# SPDX-License-Identifier: GPL-2.0-or-later
"""The store after commands that were killed at one of their system calls, or met a full disk at one of them.

As in test_injected.py a sample, or with ISOLA_INJECT=all every call.
"""
import random

import pytest
from conftest import wait_until
from dockerfiles import Builder
from test_injected import CRASHES, Trace, chosen, pytestmark  # noqa: F401

FULL = ('openat', 'mkdirat', 'write', 'symlinkat', 'renameat', 'fsync', 'copy_file_range', 'mknodat', 'linkat')
FILE = 'FROM busybox\nRUN --network=none rm /bin/vi; echo a > /a\nCOPY f /f\nWORKDIR /w\n'


@pytest.fixture
def store(fresh, rootfs_tar, tmp_path):
    directory = tmp_path / 'context'
    directory.mkdir()
    builder = Builder(fresh, directory)
    fresh('image', 'import', rootfs_tar, 'busybox')
    builder.write('f', 'text')
    builder.write('Dockerfile', FILE)
    fresh('create', '--name', 'made', '--network', 'none', 'busybox', 'sh', '-c', 'echo x > /x')
    fresh('start', 'made')
    fresh('wait', 'made')
    return builder


def words(store, verb):
    """Brings the store to where the verb makes sense; returns its command line."""
    isola = store.isola
    build = ('build', '-q', '--no-cache', '-t', 'app', store.directory)
    if verb in ('rmi', 'image prune', 'builder prune'):
        isola(*build)
    if verb == 'image prune':
        isola(*build)
    return {'build': build, 'cached build': ('build', '-q', '-t', 'app', store.directory), 'rmi': ('rmi', 'app'),
            'image prune': ('image', 'prune', '-f'), 'builder prune': ('builder', 'prune', '-af'),
            'commit': ('commit', 'made', 'committed')}[verb]


def check(store, command, trace):
    """What is there is right, the command goes through now, and so does everything else."""
    isola = store.isola
    assert not CRASHES.search(trace.text()), str(trace)
    try:
        isola('store', 'check')
        again = isola(*command, code=None)
        assert again.returncode == 0 or "there is no image 'app'" in again.stderr, again.stderr
        isola('build', '-q', '-t', 'app', store.directory)
        assert isola.out('run', '--rm', '--network', 'none', 'app', 'cat', '/f') == 'text'
        isola('store', 'check')
        assert isola.out('ps', '-q') == ''
    except AssertionError as problem:
        raise AssertionError(f'{trace}\nand then {problem}') from None


def attempt(store, verb, directory, *options):
    command = words(store, verb)
    trace = Trace(store.isola, command, directory, *options)
    check(store, command, trace)
    return trace


VERBS = ['build', 'cached build', 'rmi', 'image prune', 'builder prune', 'commit']


@pytest.mark.parametrize('verb', VERBS)
def test_killed_at_any_call(store, tmp_path, verb):
    last = attempt(store, verb, tmp_path).counts()['all']
    for n in chosen(range(1, last + 1), 8, random.Random(verb)):
        attempt(store, verb, tmp_path, '-e', f'inject=all:signal=KILL:when={n}')


@pytest.mark.parametrize('verb', VERBS)
def test_a_full_disk_at_any_write(store, tmp_path, verb):
    counts = attempt(store, verb, tmp_path).counts()
    cases = [(call, n) for call in FULL for n in range(1, counts[call] + 1)]
    for call, n in chosen(cases, 8, random.Random(verb)):
        attempt(store, verb, tmp_path, '--seccomp-bpf', '-e', f'trace={call}', '-e', f'inject={call}:error=ENOSPC:when={n}')


def test_after_all_that_nothing_is_left(store, tmp_path):
    for n in (40, 120, 300, 500):
        attempt(store, 'build', tmp_path, '-e', f'inject=all:signal=KILL:when={n}')
    store.isola('rm', '-f', 'made')
    store.isola('system', 'prune', '-af')
    wait_until(lambda: store.layers() == [], what='the end of all layers')
    assert 'left over' not in store.isola('store', 'check').stdout
