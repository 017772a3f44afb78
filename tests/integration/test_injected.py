# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls that fail, and processes that are killed, one by one: strace(1) is told which.

With ISOLA_INJECT=all every call of a command fails once and every one of its processes is killed at each
of its calls (`make check-faults`, some ten minutes); without, a sample that is the same each time.
"""
import collections
import os
import random
import re
import shutil
import signal
import subprocess

import pytest
from test_faults import OPTIONS, check_recovery, note_ids

WHOLE = os.environ.get('ISOLA_INJECT') == 'all'
STRACE = shutil.which('strace')
CRASHES = re.compile(r'killed by SIG(SEGV|ABRT|BUS|ILL|SYS|FPE)')
RUN = ('run', '--rm', *OPTIONS, 'busybox', 'true')

# What a machine says when it has no more of something, and of whom.
ERRORS = {
    'ENOSPC': ('openat', 'mkdirat', 'write', 'pwrite64', 'symlinkat', 'renameat', 'clone3', 'unshare', 'fsync'),
    'EMFILE': ('openat', 'openat2', 'socket', 'socketpair', 'pipe2', 'open_tree', 'fsopen', 'fsmount', 'dup2'),
    'ENOMEM': ('clone3', 'fsopen', 'fsconfig', 'fsmount', 'move_mount', 'open_tree', 'mount_setattr', 'openat', 'socket',
               'sendto', 'prctl', 'bpf'),
    'EINTR': ('read', 'write', 'recvfrom', 'recvmsg', 'sendto', 'sendmsg', 'poll', 'flock', 'openat', 'waitid'),
    'EAGAIN': ('clone3', 'sendto', 'openat2', 'setresuid', 'unshare', 'fsconfig'),
}

pytestmark = pytest.mark.skipif(not STRACE, reason='strace is not installed')


@pytest.fixture
def isola(fresh, rootfs_tar):
    fresh('image', 'import', rootfs_tar, 'busybox')
    fresh('run', '--rm', 'busybox', 'true')
    return fresh


class Trace:
    """A command below strace, which stays out of its family (-D) and ends with the last that it has begotten."""

    def __init__(self, isola, arguments, directory, *options):
        self.path = directory / 'trace'
        self.path.unlink(missing_ok=True)
        self.arguments = arguments
        command = [STRACE, '-D', '-f', '-qq', '-o', self.path, *options, *isola.command(*arguments)]
        self.command = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env=isola.environment)
        try:
            self.out, self.err = self.command.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.command.kill()
            raise AssertionError(f'{self}: does not end') from None
        self.code = self.command.returncode

    def __str__(self):
        return f'isola {" ".join(self.arguments[:2])} {self.injected()}: {self.code}: {self.out}{self.err}'

    def text(self):
        return self.path.read_text(errors='replace')

    def injected(self):
        return [line for line in self.text().splitlines() if 'INJECTED' in line]

    def counts(self):
        """How often each call was made by the process that made it most; under 'all' the calls of any kind."""
        most = collections.Counter()
        calls = collections.Counter(re.findall(r'^(\d+) +(\w+)\(', self.text(), re.M))
        for (_, call), n in calls.items():
            most[call] = max(most[call], n)
        every = collections.Counter(pid for pid, call in calls.elements())
        most['all'] = max(every.values())
        return most


def chosen(numbers, n, dice):
    numbers = list(numbers)
    return numbers if WHOLE else sorted(dice.sample(numbers, min(n, len(numbers))))


def check_words(trace):
    """Success, or one sentence."""
    assert not CRASHES.search(trace.text()), f'{trace}\n{trace.text()[-2000:]}'
    assert trace.code in (0, 1, 125, 126, 127, 137), str(trace)
    if any(' write(2, ' in line for line in trace.injected()):
        return  # the sentence itself
    sentences = [line for line in trace.err.splitlines() if line.startswith('isola: ') and not line.startswith('isola: warning')]
    if trace.code:
        assert len(sentences) == 1, str(trace)


@pytest.mark.parametrize('error', ERRORS)
def test_a_failing_call_leaves_nothing(isola, tmp_path, error):
    dice = random.Random(error)
    counts = Trace(isola, RUN, tmp_path).counts()
    cases = [(call, n) for call in ERRORS[error] for n in range(1, counts[call] + 1)]
    for call, n in chosen(cases, 10, dice):
        trace = Trace(isola, RUN, tmp_path, '--seccomp-bpf', '-e', f'trace={call}', '-e', f'inject={call}:error={error}:when={n}')
        check_words(trace)
        try:
            check_recovery(isola, 'busybox')
        except AssertionError as problem:
            raise AssertionError(f'{trace}\nand then {problem}') from None


def test_a_process_killed_at_any_call_leaves_nothing(isola, tmp_path):
    dice = random.Random(1)
    last = Trace(isola, RUN, tmp_path).counts()['all']
    for n in chosen(range(1, last + 1), 24, dice):
        trace = Trace(isola, RUN, tmp_path, '-e', f'inject=all:signal=KILL:when={n}')
        assert not CRASHES.search(trace.text()), str(trace)
        note_ids(isola)
        try:
            check_recovery(isola, 'busybox')
        except AssertionError as problem:
            raise AssertionError(f'killed at call {n}: {trace}\nand then {problem}') from None
