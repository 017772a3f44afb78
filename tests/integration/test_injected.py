# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls that fail, and processes that are killed, one by one: strace(1) is told which.

With ISOLA_INJECT=all every call of a command fails once and every one of its processes is killed at each
of its calls (`make check-faults`, some ten minutes); without, a sample that is the same each time.
"""
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest
from conftest import wait_until
from oci_bundle import Bundle
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

    def __init__(self, isola, arguments, directory, *options, whole=True):
        self.path = directory / 'trace'
        self.path.unlink(missing_ok=True)
        self.arguments, self.code, self.out, self.err = arguments, None, '', ''
        command = [STRACE, '-D', '-f', '-qq', '-o', self.path, *options, *isola.command(*arguments)]
        with open(directory / 'out', 'w+') as out, open(directory / 'err', 'w+') as err:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=isola.environment)
            try:
                self.code = process.wait(60)
                if whole:  # what it has begotten has ended, too
                    wait_until(lambda: not self.lives(), timeout=60)
            except (subprocess.TimeoutExpired, AssertionError):
                process.kill()
                raise AssertionError(f'{self}: does not end') from None
            finally:
                out.seek(0)
                err.seek(0)
                self.out, self.err = out.read(), err.read()

    def lives(self):
        """Whether strace holds its file still."""
        wanted = str(self.path)
        for fd in pathlib.Path('/proc').glob('[0-9]*/fd/3'):
            try:
                if os.readlink(fd) == wanted:
                    return True
            except OSError:
                pass
        return False

    def __str__(self):
        return f'isola {" ".join(map(str, self.arguments[:2]))} {self.injected()}: {self.code}: {self.out}{self.err}'

    def text(self):
        return self.path.read_text(errors='replace')

    def injected(self):
        return [line for line in self.text().splitlines() if 'INJECTED' in line]

    def counts(self):
        """How often each call was made by the process that made it most."""
        most = collections.Counter()
        calls = collections.Counter(re.findall(r'^(\d+) +(\w+)\(', self.text(), re.M))
        for (_, call), n in calls.items():
            most[call] = max(most[call], n)
        return most

    def places(self):
        """Every call of every process: strace counts each call by itself, and for each process."""
        return [(call, n) for call, last in sorted(self.counts().items()) for n in range(1, last + 1)]


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
        assert 'is there already' not in sentences[0], str(trace)  # which would be the command's own


@pytest.mark.parametrize('error', ERRORS)
def test_a_failing_call_leaves_nothing(isola, tmp_path, error):
    dice = random.Random(error)
    counts = Trace(isola, RUN, tmp_path).counts()
    cases = [(call, n) for call in ERRORS[error] for n in range(1, counts[call] + 1)]
    for call, n in chosen(cases, 8, dice):
        trace = Trace(isola, RUN, tmp_path, '--seccomp-bpf', '-e', f'trace={call}', '-e', f'inject={call}:error={error}:when={n}')
        check_words(trace)
        try:
            check_recovery(isola, 'busybox')
        except AssertionError as problem:
            raise AssertionError(f'{trace}\nand then {problem}') from None


def test_a_process_killed_at_any_call_leaves_nothing(isola, tmp_path):
    dice = random.Random(1)
    for call, n in chosen(Trace(isola, RUN, tmp_path).places(), 20, dice):
        trace = Trace(isola, RUN, tmp_path, '-e', f'trace={call}', '-e', f'inject={call}:signal=KILL:when={n}')
        assert not CRASHES.search(trace.text()), str(trace)
        note_ids(isola)
        try:
            check_recovery(isola, 'busybox')
        except AssertionError as problem:
            raise AssertionError(f'killed at {call} {n}: {trace}\nand then {problem}') from None


# The OCI runtime.  A container is absent or complete: the next command says which, and can end it.

OCI_PLACE = f'/isola-inject-{os.getpid()}'


@pytest.fixture
def bundle(isola, tmp_path):
    isola.environment['ISOLA_INJECTED'] = OCI_PLACE  # by which what is left is found
    made = Bundle(isola, tmp_path / 'bundle')
    made.config['linux']['cgroupsPath'] = OCI_PLACE
    made.config['linux']['resources'] = {'pids': {'limit': 50}}
    made.runs('exec sleep 1000')
    return made


def prepare(bundle, verb):
    """Brings the container to where the verb makes sense; returns its command line."""
    if verb != 'create':
        assert bundle.create() == 0, bundle.output()
    if verb in ('exec', 'kill', 'delete'):
        bundle.isola('oci', 'start', 'c1')
    if verb == 'delete':
        bundle.isola('oci', 'kill', 'c1', 'KILL')
        bundle.wait_for('stopped')
    return {'create': ('oci', 'create', '--bundle', bundle.path, 'c1'), 'start': ('oci', 'start', 'c1'),
            'exec': ('oci', 'exec', 'c1', 'true'), 'kill': ('oci', 'kill', 'c1', 'KILL'),
            'delete': ('oci', 'delete', 'c1')}[verb]


def oci_remains(isola):
    found = [str(path) for path in (pathlib.Path(isola.run_root) / 'oci').glob('[!.]*')]
    found += [str(path) for root in ('/sys/fs/cgroup', '/sys/fs/cgroup/*') for path in pathlib.Path('/').glob(f'{root[1:]}{OCI_PLACE}')]
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if OCI_PLACE.encode() in (path / 'environ').read_bytes() and (path / 'comm').read_text() != 'strace\n':
                found.append(f'process {path.name} {(path / "cmdline").read_bytes()}')
        except OSError:
            pass
    return found


def check_oci_recovery(bundle):
    isola = bundle.isola
    there = isola.out('oci', 'list', '-q').split()
    done = isola('oci', 'state', 'c1', code=None)
    assert done.returncode == 0 or there == [], done.stderr
    isola('oci', 'delete', '--force', 'c1')
    assert isola.out('oci', 'list', '-q') == ''
    wait_until(lambda: not oci_remains(isola), what=f'the end of {oci_remains(isola)}')
    assert bundle.create() == 0, bundle.output()
    isola('oci', 'start', 'c1')
    isola('oci', 'exec', 'c1', 'true')
    isola('oci', 'delete', '--force', 'c1')
    wait_until(lambda: not oci_remains(isola), what=f'the end of {oci_remains(isola)}')


def oci_try(bundle, verb, directory, *options):
    words = prepare(bundle, verb)
    trace = Trace(bundle.isola, words, directory, *options, whole=False)
    assert not CRASHES.search(trace.text()), str(trace)
    try:
        check_oci_recovery(bundle)
    except AssertionError as problem:
        raise AssertionError(f'{verb} {options}: {trace}\nand then {problem}') from None
    return trace


@pytest.mark.parametrize('verb', ['create', 'start', 'exec', 'kill', 'delete'])
def test_an_oci_command_killed_at_any_call_leaves_all_or_nothing(bundle, tmp_path, verb):
    for call, n in chosen(oci_try(bundle, verb, tmp_path).places(), 4, random.Random(verb)):
        oci_try(bundle, verb, tmp_path, '-e', f'trace={call}', '-e', f'inject={call}:signal=KILL:when={n}')


@pytest.mark.parametrize('error', ERRORS)
def test_a_failing_call_of_an_oci_command_leaves_all_or_nothing(bundle, tmp_path, error):
    counts = oci_try(bundle, 'create', tmp_path).counts()
    cases = [(call, n) for call in ERRORS[error] for n in range(1, counts[call] + 1)]
    for call, n in chosen(cases, 3, random.Random(error)):
        oci_try(bundle, 'create', tmp_path, '--seccomp-bpf', '-e', f'trace={call}', '-e', f'inject={call}:error={error}:when={n}')


@pytest.mark.parametrize('error,code', [('ENOMEM', 1), ('EINTR', 0)])
def test_a_start_that_is_not_heard_is_not_waited_for(bundle, tmp_path, error, code):
    trace = oci_try(bundle, 'start', tmp_path, '-e', f'inject=sendto:error={error}:when=1')
    assert trace.injected() and trace.code == code, str(trace)
