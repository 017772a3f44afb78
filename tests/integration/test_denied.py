# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels without newer calls, and filters around isola that deny them: an older path or a clear refusal.

docs/kernels.md has the same table for people.  Each case runs the real binary below tests/deny.c.
"""
import os
import pathlib
import re
import subprocess
import urllib.request

import pytest
from conftest import BINARY, KERNEL, Isola, leftovers, wait_until
from oci_bundle import Bundle, bundle  # a fixture, too

DENY = pathlib.Path(BINARY).resolve().parents[1] / 'tests/deny'
BOTH = ('ENOSYS', 'EPERM')

# Everything goes on without them.
REPLACED = [(call, code) for call in ('clone3', 'openat2', 'close_range', 'faccessat2', 'copy_file_range',
                                      'keyctl', 'statx', '467') for code in BOTH]  # 467: open_tree_attr, Linux 6.15
REPLACED += [('fsconfig:1=5', 'EINVAL'),  # FSCONFIG_SET_FD: layers by descriptor, Linux 6.13
             ('close_range:2=4', 'EINVAL'),  # CLOSE_RANGE_CLOEXEC, Linux 5.11
             ('ioctl:1=0xc040ff0b', 'ENOSYS')]  # PIDFD_GET_INFO, Linux 6.15

# What a container engine of 2020 let its containers do, below which people still run builds.
OLD_FILTER = ('clone3,openat2,close_range,faccessat2,epoll_pwait2,pidfd_getfd,process_madvise,landlock_create_ruleset,'
              'quotactl_fd,memfd_secret,process_mrelease,futex_waitv,set_mempolicy_home_node,451,452')
# What Linux 5.10 has not, of what isola uses.
LINUX_5_10 = 'mount_setattr,epoll_pwait2,landlock_create_ruleset,process_mrelease,452,463,467'

# No container starts without them, and every kernel since 5.3 has them.
NEEDED = [(call, code) for call in ('fsopen', 'fsconfig', 'fsmount', 'move_mount', 'open_tree', 'pidfd_open',
                                    'pidfd_send_signal') for code in BOTH]


class Denied(Isola):
    """The same state directories, with calls denied to every command."""

    def __init__(self, isola, call, code):
        self.__dict__.update(isola.__dict__)
        self.prefix = [str(DENY), code, call, '--']

    def command(self, *arguments):
        return self.prefix + super().command(*arguments)


@pytest.fixture(scope='module')
def context(tmp_path_factory):
    directory = tmp_path_factory.mktemp('context')
    (directory / 'file').write_text('from the context\n')
    (directory / 'Dockerfile').write_text('FROM busybox\nCOPY file /a/file\nRUN cat /a/file > /b && ln -s /a/../b /c\n')
    return directory


def cgroup_v2_of(pid):
    return re.search(r'^0::(.*)$', pathlib.Path(f'/proc/{pid}/cgroup').read_text(), re.M).group(1)


def check_places(isola, name):
    """The monitor and the container are where they belong, however they were made."""
    document = isola.inspect(name)
    state = isola.state(name)
    if pathlib.Path('/sys/fs/cgroup/cgroup.controllers').exists() or pathlib.Path('/sys/fs/cgroup/unified').exists():
        assert cgroup_v2_of(document['State']['Pid']).endswith(f"/isola/{document['Id']}")
        assert cgroup_v2_of(state['MonitorPid']).endswith('/isola/monitors')
        assert isola.out('exec', name, 'sh', '-c', 'grep ^0: /proc/1/cgroup /proc/self/cgroup | sort -u | cut -d: -f2-') \
            == '0::/\n0::/'
    for kind in ('time', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'):
        assert os.readlink(f"/proc/{document['State']['Pid']}/ns/{kind}") != os.readlink(f'/proc/self/ns/{kind}'), kind


def live(isola, *options):
    """A container's life, with all that a user sees of it."""
    isola('run', '-d', '--name', 'web', '-p', '8321:80', '-v', 'data:/data', *options, 'busybox',
          'httpd', '-f', '-p', '80', '-h', '/var/www')
    check_places(isola, 'web')
    assert urllib.request.urlopen('http://127.0.0.1:8321/', timeout=10).read() == b'hello from inside\n'
    assert isola.out('exec', '-w', '/tmp', 'web', 'sh', '-c', 'pwd; echo x > /data/x; ls /proc/self/fd | wc -l') == '/tmp\n4'
    assert isola.out('exec', '-t', 'web', 'tty') == '/dev/pts/0'
    isola('stop', '-t', '0', 'web')
    assert isola.inspect('web')['State']['ExitCode'] == 137
    isola('rm', '-v', 'web')
    assert isola.out('run', '--rm', '-v', 'data:/data:ro', '--read-only', *options, 'busybox', 'sh', '-c',
                     'cat /data/x; for f in /data/y /y /proc/sys/kernel/hostname; do (: > $f) 2>/dev/null && echo $f; done; '
                     'cat /proc/timer_list | wc -c; exit 0') == 'x\n0'


def build(isola, context):
    isola('build', '--no-cache', '-q', '-t', 'two', context)
    assert isola.out('run', '--rm', '--network', 'none', 'two', 'cat', '/c') == 'from the context'
    isola('rmi', 'two')


@pytest.mark.parametrize('call,code', REPLACED, ids=lambda value: str(value))
def test_older_path(isola, context, call, code):
    if call.startswith('fsconfig') and KERNEL < (6, 5):
        pytest.skip('before Linux 6.5 nobody says EINVAL here: overlay has no parser of its own')
    denied = Denied(isola, call, code)
    live(denied)
    build(denied, context)


def test_all_that_an_old_container_engine_denies(isola, context):
    denied = Denied(isola, OLD_FILTER, 'EPERM')
    live(denied)
    build(denied, context)


def test_more_layers_than_fsconfig_takes_in_one_list(isola, tmp_path):
    """Before Linux 6.7: mount(2) takes longer lists, where it disturbs nobody."""
    denied = Denied(isola, 'fsconfig:1=5', 'EOPNOTSUPP')
    (tmp_path / 'Dockerfile').write_text('FROM busybox\n' + ''.join(f'COPY Dockerfile /{i}\n' for i in range(90)))
    denied('build', '-q', '-t', 'deep', tmp_path)
    for options in ([], ['--userns', 'host'], ['--read-only']):
        assert denied.out('run', '--rm', '--network', 'none', *options, 'deep', 'head', '-n', '1', '/0', '/89') == \
            '==> /0 <==\nFROM busybox\n\n==> /89 <==\nFROM busybox'
    (tmp_path / 'Dockerfile').write_text('FROM deep\nRUN true\n')
    done = denied('build', '-q', tmp_path, code=1)
    assert done.stderr == ('isola: Dockerfile:2: 91 layers are too many for this kernel\n'
                           'hint: Linux 6.7 and newer take 500\n')
    isola('rmi', 'deep')


@pytest.mark.parametrize('code', BOTH)
def test_owners_that_cannot_be_mapped(isola, context, code):
    """Before Linux 5.12 only --userns=host works, and says so."""
    denied = Denied(isola, LINUX_5_10, code)
    done = denied('run', '--name', 'victim', '-p', '8321:80', '-v', 'data:/data', 'busybox', 'true', code=125)
    assert re.fullmatch(r"isola: .*cannot map the owners of files to a container's own ids\n"
                        r'hint: --userns=host runs the container without ids of its own\n', done.stderr)
    live(denied, '--userns', 'host')
    done = denied('build', '--no-cache', context, code=1)
    assert re.search(r'isola: Dockerfile:2: cannot map the owners of .*\nhint: .*mount_setattr\(2\).* 5\.12', done.stderr)


def test_mounts_below_are_read_only_without_mount_setattr(isola, tmp_path):
    """What `ro` says of a bind mount holds for what is mounted below it, too."""
    (tmp_path / 'below').mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', tmp_path / 'below'], check=True)
    try:
        for code in BOTH:
            done = Denied(isola, 'mount_setattr', code)(
                'run', '--rm', '--userns', 'host', '-v', f'{tmp_path}:/m:ro', 'busybox', 'sh', '-c',
                'touch /m/x; touch /m/below/x; grep -c " /m.* ro," /proc/self/mountinfo')
            assert done.stdout == '2\n' and done.stderr.count('Read-only file system') == 2
    finally:
        subprocess.run(['umount', tmp_path / 'below'], check=True)


@pytest.mark.parametrize('call,code', NEEDED, ids=lambda value: str(value))
def test_refusal(isola, call, code):
    done = Denied(isola, call, code)('run', '--name', 'victim', '-p', '8321:80', '-v', 'data:/data', 'busybox', 'true', code=125)
    assert re.fullmatch(rf'isola: [^\n]*: {"Function not implemented" if code == "ENOSYS" else "Operation not permitted"}\n'
                        rf'hint: isola needs {call}\(2\), which Linux has since 5\.\d; [^\n]*\n', done.stderr), done.stderr
    assert isola.out('ps', '-aq') == ''
    wait_until(lambda: not leftovers(isola), what='the end of all that was begun')
    assert isola.out('run', '--rm', '--name', 'victim', '-p', '8321:80', 'busybox', 'echo', 'again') == 'again'


@pytest.mark.parametrize('code', BOTH)
def test_devices_cannot_be_closed(isola, code):
    """With ids of its own a container does not need the filter of devices."""
    denied = Denied(isola, 'bpf', code)
    assert denied.out('run', '--rm', 'busybox', 'echo', 'own ids') == 'own ids'
    done = denied('run', '--rm', '--userns', 'host', 'busybox', 'true', code=125)
    assert re.search(r'^isola: cannot limit devices: .*\nhint: isola needs bpf\(2\)', done.stderr)


def test_no_time_namespace(isola):
    done = Denied(isola, 'clone3,unshare:0&0x80', 'EPERM')('run', '--rm', 'busybox', 'true', code=125)
    assert done.stderr.startswith("isola: cannot make the container's first process: Operation not permitted\n")


def test_check_tells_what_is_missing(isola):
    done = Denied(isola, 'clone3,openat2,mount_setattr', 'ENOSYS')('check', code=None)
    for line in ('openat2', 'mount attributes', 'idmapped mounts', 'birth in a v2 cgroup'):
        assert re.search(rf'^(Files|Control groups) +{line} +no ', done.stdout, re.M), done.stdout


# The OCI runtime, as an engine calls it: a bundle as runc's `spec` makes it, without a user namespace.

WANTED = []  # what a container sees without a filter
OCI = REPLACED + [(call, code) for call in ('mount_setattr', 'clone3,openat2,close_range,mount_setattr') for code in BOTH]


def oci_life(denied, bundle):
    """create, start, exec, kill and delete; what the container sees is what it sees without a filter."""
    bundle.isola = denied
    bundle.config['root']['readonly'] = True
    bundle.config['hostname'] = 'older'
    bundle.config['mounts'] += [
        {'destination': '/work', 'type': 'bind', 'source': str(bundle.path), 'options': ['rbind', 'ro']},
        {'destination': '/tmp', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['nosuid', 'noatime', 'size=1m']}]
    bundle.config['linux']['resources'] = {'pids': {'limit': 50}}
    bundle.runs('hostname; cut -d" " -f5,6 /proc/self/mountinfo; ls /proc/self/fd | wc -l; touch /tmp/x && exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    assert bundle.status() == 'created' and bundle.output() == ''
    denied('oci', 'start', 'c1')
    wait_until(lambda: bundle.output().count('\n') > 2 and denied.out('oci', 'exec', 'c1', 'ls', '/tmp') == 'x')
    assert denied.out('oci', 'exec', '--cwd', '/proc', 'c1', 'pwd') == '/proc'
    denied('oci', 'pause', 'c1')
    denied('oci', 'resume', 'c1')
    denied('oci', 'kill', 'c1', 'KILL')
    bundle.wait_for('stopped')
    denied('oci', 'delete', 'c1')
    seen = bundle.output().replace(str(bundle.path), 'BUNDLE')
    (bundle.path / 'output').unlink()
    bundle.runs('exit 7')
    bundle.run(code=7)
    assert denied.out('oci', 'list', '-q') == ''
    return seen


@pytest.mark.parametrize('call,code', OCI, ids=lambda value: str(value))
def test_older_path_of_the_oci_runtime(isola, bundle, tmp_path, call, code):
    if not WANTED:
        WANTED.append(oci_life(isola, Bundle(isola, tmp_path / 'whole')))
    assert oci_life(Denied(isola, call, code), bundle) == WANTED[0]


@pytest.mark.parametrize('call,code', NEEDED, ids=lambda value: str(value))
def test_refusal_of_the_oci_runtime(isola, bundle, call, code):
    bundle.runs('echo again')
    done = Denied(isola, call, code)('oci', 'run', '--bundle', bundle.path, 'c1', code=1)
    assert re.fullmatch(rf'isola: [^\n]*: {"function not implemented" if code == "ENOSYS" else "operation not permitted"}\n'
                        rf'hint: isola needs {call}\(2\), which Linux has since 5\.\d; [^\n]*\n', done.stderr), done.stderr
    assert isola.out('oci', 'list', '-q') == ''
    wait_until(lambda: not leftovers(isola), what='the end of all that was begun')
    assert bundle.run().stdout == 'again\n'


@pytest.mark.parametrize('call', ['close_range', 'clone3', 'close_range,clone3'])
def test_labs_go_on(isola, call, tmp_path):
    denied = Denied(isola, call, 'EPERM')
    file = tmp_path / 'lab.yml'
    file.write_text('name: denied\ntopology:\n  nodes: {h1: {}, h2: {cmd: [sleep, "1000"]}}\n'
                    '  links:\n    - endpoints: [h1:eth1, h2:eth1]\n')
    denied('lab', 'up', file)
    try:
        denied('lab', 'exec', 'h1', 'busybox', 'ping', '-c', '1', '-W', '5', 'h2')
    finally:
        denied('lab', 'down', 'denied')
