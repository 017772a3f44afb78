# SPDX-License-Identifier: GPL-2.0-or-later
"""--security-opt strict and compat32, and the system calls of the default, tried inside."""
import ctypes
import socket

import pytest

# Numbers of x86_64 (asm/unistd_64.h); tests that use them run there.
SOCKET, IOCTL, PTRACE, KEYCTL, MOUNT, UNSHARE, MKNODAT, OPENAT = 41, 16, 101, 250, 165, 272, 259, 257
LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset(2): the version
AF_ALG, AF_VSOCK, TIOCSTI = 38, 40, 0x5412


@pytest.fixture
def trial(isola, image, attack):
    """Makes one system call in a fresh container and returns its result or errno's name."""
    def make(*call, options=(), how='call'):
        return isola.out('run', '--rm', '--network', 'none', '-v', f'{attack}:/attack:ro', *options, image, '/attack', how,
                         *map(str, call))
    return make


STRICT = ['--security-opt', 'strict']
COMPAT = ['--security-opt', 'compat32']


@pytest.mark.parametrize('family, kind, answer', [
    (socket.AF_INET, socket.SOCK_STREAM, 'ok'), (socket.AF_INET, socket.SOCK_RAW, 'EPERM'),
    (socket.AF_INET6, socket.SOCK_RAW, 'EPERM'), (socket.AF_PACKET, socket.SOCK_RAW, 'EAFNOSUPPORT'),
    (AF_ALG, socket.SOCK_SEQPACKET, 'EAFNOSUPPORT'), (AF_VSOCK, socket.SOCK_STREAM, 'EAFNOSUPPORT')])
def test_strict_has_no_raw_sockets_whatever_capabilities(trial, family, kind, answer):
    said = trial(SOCKET, int(family), int(kind), 1 if kind == socket.SOCK_RAW else 0,
                 options=[*STRICT, '--cap-add', 'ALL'])
    assert said.split()[0] == answer


def test_raw_sockets_are_there_without_strict(trial):
    assert trial(SOCKET, 2, 3, 1, options=['--cap-add', 'NET_RAW']).startswith('ok')


@pytest.mark.parametrize('call', [(PTRACE, 0), (KEYCTL, 0, 1), (MOUNT, 0, 0, 0), (UNSHARE, 0x10000000)])
def test_strict_refuses_powerful_calls_whatever_capabilities(trial, call):
    assert trial(*call, options=[*STRICT, '--cap-add', 'ALL']) == 'EPERM'


def test_ptrace_is_there_without_strict(trial):
    assert trial(PTRACE, 0) == 'ok 0'


def test_strict_forbids_new_privileges_and_devices(isola, image, trial):
    status = isola.out('run', '--rm', '--network', 'none', *STRICT, image, 'grep', '-E', 'NoNewPrivs|Seccomp:',
                       '/proc/self/status')
    assert status.split() == ['NoNewPrivs:', '1', 'Seccomp:', '2']
    # A whiteout is a device that anybody may make, but for Landlock.
    at_cwd, character = 2**64 - 100, 0o020600
    assert trial(MKNODAT, at_cwd, '@/dev/shm/w', character, 0) == 'ok 0'
    assert trial(MKNODAT, at_cwd, '@/dev/shm/w', character, 0, options=STRICT) == 'EACCES'


def test_strict_holds_for_exec_too(isola, image, attack):
    isola('run', '-d', '--name', 'strict', '--network', 'none', '-v', f'{attack}:/attack:ro', *STRICT, image, 'sleep', '100')
    assert isola.out('exec', 'strict', '/attack', 'call', PTRACE, 0) == 'EPERM'
    assert isola.out('exec', 'strict', '/attack', 'call', MKNODAT, 2**64 - 100, '@/dev/shm/w', 0o020600, 0) == 'EACCES'
    assert isola.out('exec', 'strict', 'grep', 'NoNewPrivs', '/proc/self/status').split()[1] == '1'


def test_strict_runs_ordinary_programs(isola, image, tmp_path):
    script = ('echo a > /tmp/a && mv /tmp/a /root/b && mkdir /root/d && ln -s x /root/d/l && rm -r /root/d && '
              'cat /root/b && echo v > /vol/v; wc -c < /dev/zero & kill $!; tty; stty size; id -u')
    assert isola.out('run', '--rm', '--network', 'none', *STRICT, '-v', f'{tmp_path}:/vol', image, 'sh', '-c', script,
                     code=None).startswith('a\n')
    assert (tmp_path / 'v').read_text() == 'v\n'


def test_strict_walls_off_what_the_host_has(isola, image, attack):
    """Abstract sockets of the host's network end at Landlock's wall (CVE-2020-15257)."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind('\0isola-test-strict')
        server.listen(4)
        command = ['run', '--rm', '--network', 'host', '-v', f'{attack}:/attack:ro']
        reach = [image, '/attack', 'abstract', 'isola-test-strict']
        assert isola.out(*command, *reach) == 'ok 0'
        done = isola(*command, *STRICT, *reach, code=None)
        if LANDLOCK >= 6:
            assert done.stdout == 'EPERM\n' and done.stderr == ''
        else:
            assert done.stderr == "isola: warning: 'strict' leaves abstract sockets of the host within reach: that takes Linux 6.12\n"


@pytest.mark.parametrize('arguments, words', [
    (['--privileged', *STRICT], "security option 'strict' contradicts '--privileged'"),
    ([*STRICT, '--security-opt', 'seccomp=unconfined'], "security option 'strict' contradicts 'seccomp=unconfined'"),
    ([*STRICT, '--security-opt', 'no-new-privileges=false'], "security option 'strict' means no-new-privileges"),
    ([*COMPAT, '--security-opt', 'seccomp=unconfined'], "security option 'compat32' is for the built-in filter"),
    (['--security-opt', 'srtict'], "security option 'srtict' is not known")])
def test_contradictions_are_refused(isola, image, arguments, words):
    assert words in isola('run', '--rm', *arguments, image, 'true', code=125).stderr


GETPID32, SOCKET32, MOUNT32, SOCKETCALL = 20, 359, 21, 102


def test_32_bit_calls_do_not_exist_unless_asked_for(trial):
    assert trial(GETPID32, how='call32') == 'ENOSYS'
    assert trial(SOCKETCALL, 99, how='call32') == 'ENOSYS'
    assert trial(GETPID32, how='call32', options=COMPAT) == 'ok 1'
    assert trial(MOUNT32, how='call32', options=COMPAT) == 'EPERM'
    assert trial(SOCKET32, AF_ALG, 5, how='call32', options=COMPAT) == 'EAFNOSUPPORT'
    assert trial(SOCKETCALL, 99, how='call32', options=COMPAT) == 'EINVAL'
    assert trial(SOCKETCALL, 99, how='call32', options=[*COMPAT, *STRICT]) == 'ENOSYS'
    assert trial(0x40000000 + 39, options=COMPAT) == 'ENOSYS'


def test_sockets_are_of_few_families_by_default(isola, image, attack):
    """The sweep of the reference: of 46 families, what a default container can make."""
    isola('run', '-d', '--name', 'families', '--network', 'none', '-v', f'{attack}:/attack:ro', image, 'sleep', '100')
    made = isola.out('exec', 'families', '/attack', 'families').split()
    assert set(made) <= {'1', '2', '10', '16'} and {'1', '2', '16'} <= set(made)
