# SPDX-License-Identifier: GPL-2.0-or-later
"""The store after commands that were killed at one of their system calls, or of which one call failed.

strace(1) is told which.  As in test_injected.py a sample, or with ISOLA_INJECT=all every call.  Each attempt begins with
the same store, put back from a copy; a command is killed before each call that changes something outside of it: before any
other it would leave what it leaves before the next one that does.
"""
import collections
import contextlib
import pathlib
import random
import re
import subprocess
import tempfile

import pytest
from conftest import Isola
from registry_host import Image, busybox_files, make_tar, registry  # noqa: F401
from test_injected import STRACE, WHOLE, pytestmark  # noqa: F401

# Not SIGSYS: strace lets a call fail by making it the call -1, for which a sandboxed helper's own filter ends it.
CRASHES = re.compile(r'killed by SIG(SEGV|ABRT|BUS|ILL|FPE)')
# Calls that change something that outlives the process; of openat those with O_CREAT.
CHANGES = ('openat', 'mkdirat', 'mkdir', 'write', 'writev', 'pwrite64', 'sendfile', 'copy_file_range', 'unlinkat', 'unlink', 'rmdir',
           'renameat', 'renameat2', 'rename', 'linkat', 'symlinkat', 'mknodat', 'fchmod', 'fchmodat', 'fchown', 'fchownat', 'utimensat',
           'setxattr', 'fsetxattr', 'lsetxattr', 'ftruncate', 'fallocate', 'fsync', 'fdatasync', 'syncfs', 'flock', 'clone', 'clone3',
           'vfork', 'execve', 'execveat', 'mount', 'move_mount', 'umount2', 'pivot_root', 'unshare', 'setns', 'kill', 'pidfd_send_signal',
           'sendmsg', 'sendto', 'exit_group')
# What a machine says when it has no more of something, and of whom.
FULL = ('openat', 'mkdirat', 'write', 'pwrite64', 'sendfile', 'copy_file_range', 'renameat', 'renameat2', 'linkat', 'symlinkat', 'mknodat',
        'fchown', 'fchownat', 'fsetxattr', 'lsetxattr', 'ftruncate', 'fsync', 'fdatasync', 'syncfs')
ERRORS = {
    'ENOSPC': FULL,
    'EDQUOT': FULL,
    'EIO': ('openat', 'read', 'pread64', 'write', 'getdents64', 'unlinkat', 'renameat', 'fsync', 'syncfs'),
    'EMFILE': ('openat', 'openat2', 'pipe2', 'socket', 'socketpair', 'memfd_create', 'open_tree', 'fsopen', 'fsmount', 'dup', 'pidfd_open', 'fcntl'),
    'ENOMEM': ('clone', 'clone3', 'openat', 'socketpair', 'memfd_create', 'mkdirat', 'execve', 'execveat', 'open_tree', 'fsopen', 'fsconfig',
               'fsmount', 'mount_setattr', 'move_mount'),
}
FILE = 'FROM base\nRUN --network=none rm /etc/old; echo a > /a\nCOPY f /f\nWORKDIR /w\n'
VERBS = ['pull', 'load', 'build', 'cached build', 'commit', 'rmi', 'rmi of a pulled one', 'image prune', 'builder prune']


class Store:
    """A store for each verb in the state in which the verb makes sense, kept as a copy on a small file system in memory."""

    def __init__(self, isola, registry, directory):
        self.isola, self.copies, self.files = isola, directory / 'copies', directory / 'files'
        self.copies.mkdir()
        (self.files / 'context').mkdir(parents=True)
        (self.files / 'context/f').write_text('text')
        (self.files / 'context/Dockerfile').write_text(FILE)
        base = make_tar({**busybox_files(), 'bin/rm': ('link', 'busybox'), 'etc/old': b'old'})
        (self.files / 'base.tar').write_bytes(base)
        self.name = f'{registry.host}/injected/app:v1'
        Image(base, make_tar({'etc/file': b'far', 'etc/.wh.old': b''})).push(registry, 'injected/app', 'v1')
        build = ('build', '-q', '-t', 'app', self.files / 'context')
        self.words = {'pull': ('pull', '-q', self.name), 'load': ('load', '-q', '-i', self.files / 'saved.tar'),
                      'build': ('build', '-q', '--no-cache', '-t', 'app', self.files / 'context'), 'cached build': build,
                      'commit': ('commit', 'made', 'committed'), 'rmi': ('rmi', 'app'), 'rmi of a pulled one': ('rmi', self.name),
                      'image prune': ('image', 'prune', '-f'), 'builder prune': ('builder', 'prune', '-af')}
        isola('image', 'import', '-c', 'CMD ["sh"]', self.files / 'base.tar', 'base')
        isola('create', '--name', 'made', '--network', 'none', 'base', 'sh', '-c', 'echo x > /x')
        isola('start', '-a', 'made')
        self.keep('pull', 'load', 'build', 'commit')
        isola(*build)
        isola('save', '-o', self.files / 'saved.tar', 'app')
        self.keep('cached build', 'rmi', 'builder prune')
        isola('build', '-q', '--no-cache', '--label', 'a=1', '-t', 'app', self.files / 'context')
        self.keep('image prune')
        isola('pull', '-q', self.name)
        self.keep('rmi of a pulled one')

    def keep(self, *verbs):
        for verb in verbs:
            subprocess.run(['cp', '-a', self.isola.root, self.copies / verb], check=True)

    def put_back(self, verb):
        subprocess.run(['rm', '-rf', self.isola.root, self.isola.run_root], check=True)
        subprocess.run(['cp', '-a', self.copies / verb, self.isola.root], check=True)

    def result(self, verb):
        """Whether what the verb is to bring about is so."""
        def there(name):
            return self.isola('image', 'inspect', name, code=None).returncode == 0
        names = {'pull': self.name, 'load': 'app', 'build': 'app', 'cached build': 'app', 'commit': 'committed'}
        if verb in names:
            return there(names[verb])
        return not there({'rmi': 'app', 'rmi of a pulled one': self.name}.get(verb, 'none'))


class Attempt:
    """A command below strace, which ends with the last process that the command has begotten."""

    def __init__(self, store, verb, *options):
        store.put_back(verb)
        self.path = store.files / 'trace'
        self.arguments = store.words[verb]
        command = [STRACE, '-f', '-qq', '-o', self.path, *options, *store.isola.command(*self.arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                              env=store.isola.environment)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.text = self.path.read_text(errors='replace')

    def injected(self):
        return [line for line in self.text.splitlines() if 'INJECTED' in line or 'killed by SIGKILL' in line]

    def __str__(self):
        return f'isola {" ".join(map(str, self.arguments[:2]))} {self.injected()}: {self.code}: {self.out}{self.err}'

    def calls(self):
        """What each process called, in its order."""
        calls = {}
        for pid, call, rest in re.findall(r'^(\d+) +(\w+)\((.*)$', self.text, re.M):
            calls.setdefault(pid, []).append((call, rest))
        return calls.values()


def findings(store):
    done = store.isola('store', 'check', code=None)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if not line.endswith('checked')]


def check(store, verb, attempt):
    """What is there is right; the command goes through now, and then everything is as it should be."""
    isola = store.isola
    assert not CRASHES.search(attempt.text), str(attempt)
    try:
        findings(store)
        if attempt.code == 0:
            assert store.result(verb), 'success that is none'
        again = isola(*store.words[verb], code=None)
        assert again.returncode == 0 or 'there is no image' in again.stderr, again.stderr
        assert store.result(verb), 'no success the second time'
        isola('image', 'prune', '-f')  # removals clean up behind those that could not
        isola('ps', '-aq')             # and who looks for containers behind those of steps
        left = findings(store)
        assert not left, left
        assert not list(pathlib.Path(isola.root).glob('containers/*.gone'))
    except AssertionError as problem:
        raise AssertionError(f'{attempt}\nand then {problem}') from None


def check_words(attempt):
    """Success, or one sentence."""
    if any(' write(2, ' in line for line in attempt.injected()) or attempt.code == 0:
        return
    assert attempt.code in (1, 125, 126, 127), str(attempt)
    sentences = [line for line in attempt.err.splitlines() if line.startswith('isola: ') and not line.startswith('isola: warning')]
    assert len(sentences) == 1, str(attempt)


class Problems:
    """All that go wrong are told, not the first alone."""

    def __init__(self):
        self.found, self.attempts = [], 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.found:
            pytest.fail(f'{len(self.found)} of {self.attempts}:\n' + '\n\n'.join(self.found[:20]), pytrace=False)

    @contextlib.contextmanager
    def of_one(self):
        self.attempts += 1
        try:
            yield
        except (AssertionError, subprocess.TimeoutExpired) as problem:
            self.found.append(str(problem))


@pytest.fixture(scope='module')
def store(registry):  # noqa: F811
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=512m,mode=700', 'none', directory], check=True)
    try:
        yield Store(Isola(directory), registry, directory)
    finally:
        subprocess.run(['umount', '-l', directory], check=True)
        directory.rmdir()


def chosen(cases, n, seed):
    cases = list(cases)
    return cases if WHOLE else sorted(random.Random(seed).sample(cases, min(n, len(cases))))


def killing_places(plain):
    """Pairs of a call and n: strace counts each call by itself, and for each process.  Here of any of them."""
    places = set()
    for calls in plain.calls():
        count = collections.Counter()
        for call, rest in calls:
            count[call] += 1
            if call != 'openat' or 'O_CREAT' in rest:
                places.add((call, count[call]))
    return sorted(places)


@pytest.mark.parametrize('verb', VERBS)
def test_killed_before_any_call_that_changes_something(store, verb):
    plain = Attempt(store, verb, '-e', f'trace={",".join(CHANGES)}')
    check(store, verb, plain)
    assert plain.code == 0, str(plain)
    killed, places = 0, killing_places(plain)
    with Problems() as problems:
        for call, n in chosen(places, 6, verb):
            with problems.of_one():
                # Not with --seccomp-bpf: such a stop takes no signal.
                attempt = Attempt(store, verb, '-e', f'trace={call}', '-e', f'inject={call}:signal=KILL:when={n}')
                killed += 'killed by SIGKILL' in attempt.text
                check(store, verb, attempt)
    assert killed > problems.attempts * 0.8


def failing_cases(plain):
    """All (error, call, n): n counts in the process that makes the call most often."""
    most = {}
    for calls in plain.calls():
        names = [call for call, _ in calls]
        for call in set(names):
            most[call] = max(most.get(call, 0), names.count(call))
    for error, calls in ERRORS.items():
        # A full disk and a full quota go the same ways: one after the other.
        first, step = (1 + (error == 'EDQUOT'), 2) if calls is FULL else (1, 1)
        yield from ((error, call, n) for call in calls for n in range(first, most.get(call, 0) + 1, step))


@pytest.mark.parametrize('verb', VERBS)
def test_a_call_that_fails(store, verb):
    """In each process that makes it, isola itself or a helper."""
    plain = Attempt(store, verb, '-e', f'trace={",".join({call for calls in ERRORS.values() for call in calls})}')
    with Problems() as problems:
        for error, call, n in chosen(failing_cases(plain), 6, verb):
            with problems.of_one():
                attempt = Attempt(store, verb, '--seccomp-bpf', '-e', f'trace={call}', '-e', f'inject={call}:error={error}:when={n}')
                check_words(attempt)
                check(store, verb, attempt)
