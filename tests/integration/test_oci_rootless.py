# SPDX-License-Identifier: GPL-2.0-or-later
"""The OCI runtime as an ordinary user: with its own id alone, and with a range of /etc/subuid."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import BINARY, SANITIZER, wait_until
from oci_bundle import APPLETS

UID = 12345  # nobody's on the machine


class User:
    """A user with a bundle and a copy of isola in a directory of its own."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='isola-user-', dir='/var/tmp'))
        self.home.chmod(0o755)
        self.bundle = self.home / 'bundle'
        rootfs = self.bundle / 'rootfs'
        for name in ('bin', 'proc', 'sys', 'dev', 'tmp', 'etc'):
            (rootfs / name).mkdir(parents=True)
        shutil.copy(shutil.which('busybox'), rootfs / 'bin/busybox')
        for applet in APPLETS:
            (rootfs / 'bin' / applet).symlink_to('busybox')
        shutil.copy(BINARY, self.home / 'isola')
        (rootfs / 'tmp').chmod(0o1777)
        for directory, _, files in os.walk(self.home):
            for path in [directory, *(os.path.join(directory, name) for name in files)]:
                os.chown(path, UID, UID, follow_symlinks=False)
        self('spec', '--rootless', '--bundle', self.bundle)
        self.config = json.loads((self.bundle / 'config.json').read_text())
        self.config['process']['terminal'] = False
        self.config['root']['readonly'] = False

    def __call__(self, *words, code=0, output=subprocess.PIPE):
        done = subprocess.run([self.home / 'isola', '--run-root', self.home / 'run', 'oci', *words], user=UID, group=UID,
                              extra_groups=[], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                              text=True, check=False, timeout=60, cwd=self.home,
                              env={'PATH': os.environ['PATH'], 'HOME': str(self.home), **SANITIZER})
        assert done.returncode == code, done.stdout
        return done.stdout

    def runs(self, *words):
        """Sets the program; a single string is a line for the shell."""
        self.config['process']['args'] = list(words) if len(words) > 1 else ['sh', '-c', words[0]]
        (self.bundle / 'config.json').write_text(json.dumps(self.config))

    def run(self, script, code=0):
        self.runs(script)
        return self('run', '--bundle', self.bundle, 'c1', code=code)

    def clean(self):
        for name in self('list', '-q').split():
            self('delete', '--force', name)
        assert not list((self.home / 'run/oci').glob('[!.]*'))
        shutil.rmtree(self.home)


@pytest.fixture
def user():
    made = User()
    yield made
    made.clean()


@pytest.fixture
def subordinate(tmp_path):
    """A range for the user, in files that only this test host has."""
    if not shutil.which('newuidmap') or not os.path.exists('/etc/subuid'):
        pytest.skip('newuidmap or /etc/subuid is not there (package uidmap)')
    (tmp_path / 'subid').write_text(f'{UID}:300000:65536\n')
    (tmp_path / 'passwd').write_text(pathlib.Path('/etc/passwd').read_text() + f'jim:x:{UID}:{UID}::/:/bin/sh\n')
    covered = {'/etc/subuid': 'subid', '/etc/subgid': 'subid', '/etc/passwd': 'passwd'}
    for target, source in covered.items():
        subprocess.run(['mount', '--bind', tmp_path / source, target], check=True)
    yield 300000
    for target in covered:
        subprocess.run(['umount', target], check=True)


def test_user_runs_a_container_with_its_own_id(user):
    out = user.run('id -u; id -g; cat /proc/self/uid_map; echo x > /tmp/file; echo y > /dev/null; echo $$; ls /dev/pts')
    assert out.split() == ['0', '0', '0', str(UID), '1', '1', 'ptmx']
    assert (user.bundle / 'rootfs/tmp/file').stat().st_uid == UID


def test_life_of_a_container_of_a_user(user):
    user.runs('sleep', '1000')
    with open(user.home / 'output', 'w') as output:
        user('create', '--bundle', user.bundle, '--pid-file', user.home / 'pid', 'c1', output=output)
    assert json.loads(user('state', 'c1'))['status'] == 'created'
    user('start', 'c1')
    assert json.loads(user('state', 'c1'))['status'] == 'running'
    assert user('exec', 'c1', 'sh', '-c', 'id -u; cat /proc/1/cmdline').replace('\0', ' ') == '0\nsleep 1000 '
    user('kill', 'c1', 'KILL')
    wait_until(lambda: json.loads(user('state', 'c1'))['status'] == 'stopped')
    user('delete', 'c1')


@pytest.mark.parametrize('owner', [UID, 0])
def test_program_file_that_the_container_could_write_is_a_copy(user, owner):
    """CVE-2019-5736: root of the container is the user, who may own the program file."""
    os.chown(user.home / 'isola', owner, owner)
    user.runs('true')
    with open(user.home / 'output', 'w') as output:
        user('create', '--bundle', user.bundle, 'c1', output=output)
    program = os.readlink(f"/proc/{json.loads(user('state', 'c1'))['pid']}/exe")
    assert program.startswith('/memfd:isola') if owner == UID else program == str(user.home / 'isola')


def test_volumes_and_file_systems_of_a_user(user):
    (user.home / 'data').mkdir()
    (user.home / 'data/file').write_text('data\n')
    user.config['mounts'] += [
        {'destination': '/data', 'type': 'bind', 'source': str(user.home / 'data'), 'options': ['rbind', 'ro']},
        {'destination': '/data2', 'type': 'bind', 'source': '../data', 'options': ['bind']},
        {'destination': '/run', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['size=64k', 'mode=700']}]
    os.chown(user.home / 'data', UID, UID)
    out = user.run('cat /data/file; (echo x > /data/x) 2>&1; echo y > /data2/y; stat -c %a:%u /run')
    assert out == "data\nsh: can't create /data/x: Read-only file system\n700:0\n"
    assert (user.home / 'data/y').stat().st_uid == UID


def test_hooks_of_a_user_run_as_the_user(user):
    user.config['hooks'] = {kind: [{'path': '/bin/sh', 'args': ['sh', '-c', f'id -u > {user.home}/{kind}']}]
                            for kind in ('createRuntime', 'createContainer', 'poststop')}
    user.run('true')
    assert [(user.home / kind).read_text() for kind in user.config['hooks']] == [f'{UID}\n', '0\n', f'{UID}\n']


def test_range_of_ids_comes_from_the_machine(user, subordinate):
    mapping = [{'containerID': 0, 'hostID': UID, 'size': 1}, {'containerID': 1, 'hostID': subordinate, 'size': 1000}]
    user.config['linux']['uidMappings'] = user.config['linux']['gidMappings'] = mapping
    user.config['process']['user'] = {'uid': 5, 'gid': 6, 'additionalGids': [7]}
    assert user.run('id -u; id -g; id -G; echo x > /tmp/file') == '5\n6\n6 7\n'
    assert (user.bundle / 'rootfs/tmp/file').stat().st_uid == subordinate + 4


def test_range_that_is_not_the_users_is_refused(user, subordinate):
    mapping = [{'containerID': 0, 'hostID': subordinate + 100000, 'size': 1000}]
    user.config['linux']['uidMappings'] = user.config['linux']['gidMappings'] = mapping
    out = user.run('true', code=1)
    assert "'newuidmap' does not map these ids" in out and '/etc/subuid' in out


def test_more_than_a_user_may_is_refused(user):
    user.config['process']['user'] = {'uid': 0, 'gid': 0, 'additionalGids': [5]}
    assert 'cannot set supplementary groups' in user.run('true', code=1)
    user.config['process']['user'] = {'uid': 0, 'gid': 0}
    user.config['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '/usr', 'options': ['bind', 'idmap']})
    assert "the owners of '/data' can be mapped by root only" in user.run('true', code=1)
