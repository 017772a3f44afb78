# SPDX-License-Identifier: GPL-2.0-or-later
"""podman --runtime isola-oci as an ordinary user, who has a range in /etc/subuid."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import Client, need

UID = 12346
FIRST = 300000


class UserClient(Client):
    def __call__(self, *arguments, **options):
        return super().__call__(*arguments, user=UID, group=UID, extra_groups=[], cwd=self.environment['HOME'], **options)


def cover(directory, target, text):
    """Replaces a file for this test host only."""
    source = directory / pathlib.Path(target).name
    source.write_text(text)
    subprocess.run(['mount', '--bind', source, target], check=True)


@pytest.fixture(scope='module')
def home():
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-rootless-', dir='/var/tmp'))
    directory.chmod(0o755)
    yield directory
    subprocess.run(['chown', '-R', '0:0', directory], check=True)
    shutil.rmtree(directory)


@pytest.fixture(scope='module')
def podman(home, runtime, rootfs_tar):
    for program in ('podman', 'conmon', 'newuidmap'):
        need(program)
    covered = {'/etc/subuid': f'joe:{FIRST}:65536\n', '/etc/subgid': f'joe:{FIRST}:65536\n',
               '/etc/passwd': pathlib.Path('/etc/passwd').read_text() + f'joe:x:{UID}:{UID}::{home}:/bin/sh\n',
               '/etc/group': pathlib.Path('/etc/group').read_text() + f'joe:x:{UID}:\n'}
    for target in covered:
        if not os.path.exists(target):
            pytest.skip(f'{target} is not there')
    user = home / 'user'
    (user / 'run').mkdir(parents=True, mode=0o700)
    shutil.copy(runtime, user / 'isola-oci')
    shutil.copy(rootfs_tar, user / 'rootfs.tar')
    (user / 'containers.conf').write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
                                          f'[engine.runtimes]\nisola-oci = ["{user}/isola-oci"]\n')
    subprocess.run(['chown', '-R', f'{UID}:{UID}', user], check=True)
    for target, text in covered.items():
        cover(home, target, text)
    client = UserClient('podman', '--storage-driver', 'vfs', '--runtime', 'isola-oci')
    client.environment = {'PATH': os.environ['PATH'], 'HOME': str(user), 'XDG_RUNTIME_DIR': str(user / 'run'),
                          'CONTAINERS_CONF': str(user / 'containers.conf')}
    client('import', 'rootfs.tar', 'busybox')
    yield client
    client('rm', '-f', '-a', '-t', '0', code=None)
    client('system', 'migrate', code=None)  # ends the process that holds its user namespace
    for target in covered:
        subprocess.run(['umount', target], check=True)


def test_run_of_a_user(podman):
    done = podman('run', '--rm', '--network', 'none', 'busybox', 'sh', '-c', 'id -u; cat /proc/self/uid_map; exit 3', code=3)
    assert done.stdout.split() == ['0', '0', str(UID), '1', '1', str(FIRST), '65536']


def test_network_of_the_host(podman):
    assert podman.out('run', '--rm', '--network', 'host', 'busybox', 'sh', '-c',
                      'tail -n +3 /proc/net/dev | cut -d: -f1').split() == ['lo']


def test_volumes_of_a_user_and_other_users_inside(podman):
    data = pathlib.Path(podman.environment['HOME']) / 'data'
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    podman('run', '--rm', '--network', 'none', '-v', f'{data}:/data', '-u', '5:6', 'busybox', 'sh', '-c', 'echo x > /data/file')
    assert (data / 'file').stat().st_uid == FIRST + 4
    podman('run', '--rm', '--network', 'none', '-v', f'{data}:/data:ro', 'busybox', 'sh', '-c', 'echo x > /data/no', code=1)


def test_life_in_the_background(podman):
    podman('run', '-d', '--name', 'box', '--network', 'none', 'busybox', 'sh', '-c', 'echo hello; exec sleep 1000')
    assert podman.out('exec', 'box', 'id', '-u') == '0'
    assert podman.out('exec', '-u', '7', 'box', 'id', '-u') == '7'
    assert podman.out('logs', 'box') == 'hello'
    assert podman.out('inspect', 'box', '--format', '{{.OCIRuntime}} {{.State.Status}}') == 'isola-oci running'
    podman('stop', '-t', '0', 'box')
    assert podman.out('inspect', 'box', '--format', '{{.State.Status}} {{.State.ExitCode}}') == 'exited 137'
    podman('start', 'box')
    podman('rm', '-f', '-t', '0', 'box')
    assert podman.out('ps', '-aq') == ''
