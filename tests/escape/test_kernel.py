# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways through the kernel: the machine's settings, control groups, devices, keys, terminals, sockets, inodes."""
import ctypes
import os
import pathlib
import pty
import select
import socket
import subprocess
import termios

import pytest
from conftest import KERNEL
from oci_bundle import Bundle
from walls import SECRET, canary, run  # fixtures

libc = ctypes.CDLL(None, use_errno=True)

# Each is read, and the same written again: an attack that gets through changes nothing.
WRITE = r'''
for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug /proc/sys/kernel/panic \
            /proc/sys/vm/overcommit_memory /proc/sys/fs/file-max /sys/kernel/uevent_helper \
            /sys/kernel/mm/ksm/sleep_millisecs /sys/kernel/profiling /proc/irq/default_smp_affinity; do
    value=$(cat $file 2>/dev/null) || continue
    (echo "$value" > $file) 2>/dev/null && echo "written $file"
done; true
'''


def test_settings_of_the_machine_are_not_to_be_written(run):
    for options in ([], ['--cap-add', 'ALL'], ['--security-opt', 'systempaths=unconfined', '--cap-add', 'ALL'],
                    ['--userns', 'host']):
        assert 'written' not in run(WRITE, *options), options


def test_settings_of_the_machine_would_be_written(run):
    said = run(WRITE, '--privileged')
    assert 'written /proc/sys/kernel/core_pattern' in said and 'written /sys/' in said


REMOUNT = 'mount -o remount,rw,bind /proc/sys; mount -o remount,rw /sys; umount /proc/sys; umount /proc/kcore;' + WRITE


TAKE_OFF = 'umount /proc/sys && echo taken off; true'


def test_masks_are_not_to_be_taken_off(run):
    """With rights over its own mounts they are, and what is below them belongs to the machine's root."""
    assert 'taken off' not in run(TAKE_OFF)
    assert 'written' not in run(REMOUNT, '--cap-add', 'SYS_ADMIN')


def test_masks_would_be_taken_off(run):
    assert 'taken off' in run(TAKE_OFF, '--cap-add', 'SYS_ADMIN')
    assert 'written' in run(REMOUNT, '--userns', 'host', '--cap-add', 'SYS_ADMIN')


# CVE-2022-0492: the agent is a program that the host runs.  The value written is the one that is there.
RELEASE = r'''
mkdir -p /tmp/cg
for kind in devices memory cpu pids freezer; do
    mount -t cgroup -o $kind none /tmp/cg 2>/dev/null || continue
    value=$(cat /tmp/cg/release_agent 2>/dev/null) && (echo "$value" > /tmp/cg/release_agent) 2>/dev/null && echo written
    umount /tmp/cg
done; true
'''


@pytest.mark.parametrize('options', [[], ['--cap-add', 'SYS_ADMIN'], ['--cap-add', 'ALL'],
                                     ['--userns', 'host', '--cap-add', 'DAC_OVERRIDE']])
def test_release_agent_is_not_to_be_written(run, options):
    assert 'written' not in run(RELEASE, *options)


def test_release_agent_would_be_written(run):
    if not pathlib.Path('/sys/fs/cgroup/devices/release_agent').exists():
        pytest.skip('no control groups of version 1 here')
    assert 'written' in run(RELEASE, '--privileged')


DISK = r'''
for name in $(ls /sys/class/block); do
    IFS=: read major minor < /sys/class/block/$name/dev
    for place in /dev /dev/shm /tmp; do
        rm -f $place/disk; mknod $place/disk b $major $minor 2>/dev/null && (: < $place/disk) 2>/dev/null && echo opened
        rm -f $place/disk
    done
done; true
'''


@pytest.mark.parametrize('options', [[], ['--cap-add', 'MKNOD'], ['--cap-add', 'ALL'], ['--userns', 'host'],
                                     ['--userns', 'host', '--cap-add', 'MKNOD']])
def test_disks_are_not_to_be_made(run, options):
    assert 'opened' not in run(DISK, *options)


def test_disks_would_be_made(run):
    assert 'opened' in run(DISK, '--privileged')


# --- keys ---

ADD_KEY, KEYCTL, SEARCH, SESSION = 248, 250, 10, 2**64 - 3


@pytest.fixture
def key():
    """A key of the host's, in a session keyring of this process's own (add_key(2))."""
    libc.syscall(KEYCTL, 1, b'isola-test')  # KEYCTL_JOIN_SESSION_KEYRING
    number = libc.syscall(ADD_KEY, b'user', b'isola-canary', SECRET.encode(), len(SECRET), ctypes.c_long(-3))
    if number < 0:
        pytest.skip('no keys here')
    yield number
    libc.syscall(KEYCTL, 3, number)  # KEYCTL_REVOKE


FIND_KEY = f'/attack call {KEYCTL} {SEARCH} {SESSION} @user @isola-canary 0'


def test_keys_of_the_host_are_not_to_be_found(run, key):
    assert run(FIND_KEY).strip() == 'EPERM'
    for options in (['--security-opt', 'seccomp=unconfined'], ['--privileged']):  # another keyring still
        assert run(FIND_KEY, *options).split()[0] in ('ENOKEY', 'EACCES')


def test_keys_of_the_host_would_be_found(isola, tmp_path, attack, key):
    bundle = Bundle(isola, tmp_path / 'bundle')
    (bundle.path / 'rootfs/attack').write_bytes(pathlib.Path(attack).read_bytes())
    (bundle.path / 'rootfs/attack').chmod(0o755)
    bundle.config['linux'].pop('seccomp', None)
    bundle.runs(FIND_KEY)
    assert bundle.run('--no-new-keyring').stdout.startswith('ok')
    assert not bundle.run().stdout.startswith('ok')
    bundle.clean()


# --- terminals ---

TIOCSTI = 0x5412
TYPE = f'for fd in 0 1 2; do /attack call 16 $fd {TIOCSTI} @x; done; (/attack call 16 0 {TIOCSTI} @x) < /dev/tty; true'


def typed_after(command, environment):
    """Runs a command with a terminal of its own as its controlling one; what is then in its input, unread."""
    pid, master = pty.fork()
    if pid == 0:
        mode = termios.tcgetattr(0)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(0, termios.TCSANOW, mode)
        done = subprocess.run(command, env=environment, check=False)
        waiting = select.select([0], [], [], 0)[0]
        os.write(1, b'RESULT typed\n' if waiting else b'RESULT none\n')
        os._exit(done.returncode)
    said = b''
    while b'RESULT' not in said or not said.endswith(b'\n'):
        try:
            said += os.read(master, 4096)
        except OSError:
            break
    os.close(master)
    os.waitpid(pid, 0)
    return said.decode()


@pytest.mark.parametrize('options', [[], ['-i'], ['-i', '-t'], ['--privileged'], ['--privileged', '-i', '-t'],
                                     ['--security-opt', 'seccomp=unconfined', '--userns', 'host']])
def test_input_of_the_users_terminal_is_not_to_be_forged(isola, image, attack, options):
    """CVE-2017-5226: the container types into the terminal from which it was started."""
    script = f'exec 0</dev/null; {TYPE}' if '-i' in options and '-t' not in options else TYPE
    said = typed_after(isola.command('run', '--rm', '--network', 'none', '-v', f'{attack}:/attack:ro', *options, image,
                                     'sh', '-c', script), isola.environment)
    assert 'RESULT none' in said


def test_input_of_the_users_terminal_would_be_forged(attack):
    setting = pathlib.Path('/proc/sys/dev/tty/legacy_tiocsti')  # since Linux 6.2
    if setting.exists() and setting.read_text().strip() == '0':
        pytest.skip('the kernel has it switched off')
    assert 'RESULT typed' in typed_after([attack, 'call', '16', '0', str(TIOCSTI), '@x'], None)


def test_terminals_are_not_to_be_typed_into_at_all(run):
    """Not even one's own; whatever stands at 0 to 2."""
    said = run(TYPE).splitlines()
    assert said[:3] == ['EPERM'] * 3 and 'ok' not in ' '.join(said)


# --- sockets ---

def test_abstract_sockets_of_the_host_are_not_to_be_reached(run):
    """CVE-2020-15257; with the host's network they are, but for strict."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind('\0isola-test-abstract')
        server.listen(8)
        reach = '/attack abstract isola-test-abstract'
        assert run(reach).strip() == 'ECONNREFUSED'
        assert run(reach, '--network', 'host').strip() == 'ok 0'
        said = run(reach, '--network', 'host', '--security-opt', 'strict').strip()
        if KERNEL >= (6, 12):
            assert said == 'EPERM'
        else:
            assert "warning: 'strict' leaves abstract sockets of the host within reach: that takes Linux 6.12" in said


def test_isola_itself_listens_at_no_abstract_socket(isola, image):
    isola('run', '-d', '--name', 'listens', image, 'sleep', '100')
    names = [line.split()[-1] for line in pathlib.Path('/proc/net/unix').read_text().splitlines()[1:]]
    assert [name for name in names if name.startswith('@') and 'isola' in name] == []


def test_page_cache_attacks_find_no_socket(run):
    """CVE-2026-31431 and its kind came by AF_ALG, RXRPC, XFRM, kernel TLS."""
    made = set(run('/attack families').split())
    assert made <= {'1', '2', '10', '16'}
    assert made < set(run('/attack families', '--security-opt', 'seccomp=unconfined', '--cap-add', 'ALL').split())


# --- inodes by handles ---

class Handle(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint), ('type', ctypes.c_int), ('handle', ctypes.c_ubyte * 128)]


def handle_of(path):
    handle, mount = Handle(bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(-100, str(path).encode(), ctypes.byref(handle), ctypes.byref(mount), 0) < 0:
        pytest.skip('the file system has no handles')
    return f'{handle.type}:' + bytes(handle.handle[:handle.bytes]).hex()


def test_files_are_not_to_be_read_by_their_handles(run, canary, tmp_path):
    """Shocker: a directory of the same file system is enough to reach all of it."""
    inside = tmp_path / 'given'
    inside.mkdir()
    script = f'/attack handle /given {handle_of(canary.path / "secret")}'
    mount = ['-v', f'{inside}:/given']
    for options in ([], ['--cap-add', 'DAC_READ_SEARCH'], ['--cap-add', 'ALL'], ['--userns', 'host']):
        assert SECRET not in run(script, *mount, *options), options
    assert SECRET in run(script, *mount, '--privileged')
    assert canary.unharmed()


# --- namespaces within ---

def test_namespaces_are_not_to_be_made(run):
    unshare = '/attack call 272 0x10000000'  # CLONE_NEWUSER: over half of the kernel's bugs begin with it
    assert run(unshare).strip() == 'EPERM'
    assert run(f'su user -c "{unshare}"').strip() == 'EPERM'
    assert run(unshare, '--security-opt', 'seccomp=unconfined').strip() == 'ok 0'


def test_a_container_is_in_no_namespace_of_the_hosts(isola, image):
    """CVE-2021-43784: asked for and silently not made."""
    isola('run', '-d', '--name', 'apart', '--network', 'none', image, 'sleep', '100')
    pid = isola.pid('apart')
    for kind in ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'):
        assert os.readlink(f'/proc/{pid}/ns/{kind}') != os.readlink(f'/proc/self/ns/{kind}'), kind


def test_capabilities_do_not_survive_execution(run):
    """CVE-2022-24769 and before it: inheritable and ambient sets are empty."""
    status = run('grep -E "CapInh|CapAmb" /proc/self/status')
    assert [line.split()[1] for line in status.splitlines()] == ['0' * 16] * 2
