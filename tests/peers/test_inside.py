# SPDX-License-Identifier: GPL-2.0-or-later
"""isola in containers of Podman's and Docker's, under runc and under isola-oci."""
import pathlib
import shutil
import sys
import tempfile

import pytest
from conftest import PEERS, ROOT, Client, integration, mount_tmpfs, need

sys.path.append(str(ROOT / 'tests'))
from inner_life import LIFE, LIVED  # noqa: E402


def give_all(runtime, flags):
    """runc gives a privileged container what root must have then."""
    if runtime == 'runc' and '--privileged' in flags and not has_all_capabilities():
        pytest.skip('root has not all capabilities here')


def has_all_capabilities():
    text = pathlib.Path('/proc/self/status').read_text()
    effective = int(text.split('CapEff:')[1].split()[0], 16)
    return effective == (2 << int(pathlib.Path('/proc/sys/kernel/cap_last_cap').read_text())) - 1


@pytest.fixture(scope='module')
def shown(rootfs_tar):
    """What a container is shown: the program, an archive, a Dockerfile."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-inside-', dir='/var/tmp'))
    directory.chmod(0o755)
    for name in ('isola', 'isola-image', 'isola-registry'):
        shutil.copy(pathlib.Path(integration.BINARY).parent / name, directory / name)
    shutil.copy(rootfs_tar, directory / 'rootfs.tar')
    (directory / 'Dockerfile').write_text('FROM b\nRUN id -u > /who && chown 1000 /who\nCMD echo $(cat /who) $(stat -c %u /who)\n')
    yield ['-v', f'{directory}:/isola:ro', '-v', f'{directory}:/in:ro']
    shutil.rmtree(directory)


@pytest.fixture(scope='module')
def podman(runtime, rootfs_tar):
    need('podman')
    need('conmon')
    need('runc')
    directory = tempfile.mkdtemp(prefix='isola-podman-', dir='/var/tmp')
    with open(f'{directory}/containers.conf', 'w', encoding='ascii') as conf:
        conf.write('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
                   f'[engine.runtimes]\nisola-oci = ["{runtime}"]\n')
    mount_tmpfs('/run/netns')
    client = Client('podman', '--root', f'{directory}/root', '--runroot', f'{directory}/run', '--tmpdir', f'{directory}/tmp',
                    '--storage-driver', 'overlay', env={'CONTAINERS_CONF': f'{directory}/containers.conf'})
    client.runtimes = {'runc': ['--runtime', 'runc'], 'isola-oci': ['--runtime', 'isola-oci']}
    client('--runtime', 'runc', 'import', rootfs_tar, 'busybox')
    yield client
    client('--runtime', 'runc', 'rm', '-f', '-a', '-v', '-t', '0', code=None)
    client('--runtime', 'runc', 'volume', 'rm', '-a', '-f', code=None)
    client('--runtime', 'runc', 'rmi', '-f', '-a', code=None)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope='module')
def docker(daemon, runtime, rootfs_tar):
    need('dockerd')
    need('containerd')
    need('runc')
    directory = tempfile.mkdtemp(prefix='isola-docker-', dir='/var/tmp')
    socket = 'unix:///run/isola-docker-inside/docker.sock'
    client = Client(PEERS / 'usr/bin/docker' if (PEERS / 'usr/bin/docker').exists() else 'docker', '-H', socket)
    daemon(lambda: client('version', code=None).returncode == 0, 'dockerd', '--data-root', f'{directory}/data', '--exec-root',
           '/run/isola-docker-inside/exec', '-H', socket, '-p', '/run/isola-docker-inside/pid', '--add-runtime', f'isola-oci={runtime}',
           '--iptables=false', '--ip6tables=false', '--bridge=none', log=f'{directory}/log')
    client('import', rootfs_tar, 'busybox')
    yield client
    shutil.rmtree(directory, ignore_errors=True)


def podman_run(client, runtime, flags, shown, script, **more):
    return client(*client.runtimes[runtime], 'run', '--rm', '--network', 'none', *flags, *shown, '-v', '/var/lib/isola', 'busybox', 'sh', '-c',
                  script, timeout=120, **more)


def docker_run(client, runtime, flags, shown, script, **more):
    return client('run', '--rm', '--runtime', runtime, '--network', 'none', *flags, *shown, '-v', '/var/lib/isola', 'busybox', 'sh', '-c',
                  script, timeout=120, **more)


@pytest.mark.parametrize('runtime_name', ['runc', 'isola-oci'])
@pytest.mark.parametrize('flags', [['--privileged'], ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined', '--security-opt',
                                                      'unmask=ALL', '--device', '/dev/fuse']], ids=['privileged', 'sys_admin'])
def test_life_in_podman(podman, shown, runtime_name, flags):
    give_all(runtime_name, flags)
    assert podman_run(podman, runtime_name, flags, shown, LIFE).stdout.splitlines() == LIVED


@pytest.mark.parametrize('runtime_name', ['runc', 'isola-oci'])
@pytest.mark.parametrize('flags', [['--privileged'], ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined', '--security-opt',
                                                      'systempaths=unconfined', '--device', '/dev/fuse']], ids=['privileged', 'sys_admin'])
def test_life_in_docker(docker, shown, runtime_name, flags):
    give_all(runtime_name, flags)
    assert docker_run(docker, runtime_name, flags, shown, LIFE).stdout.splitlines() == LIVED


def test_what_podman_must_give_is_said(podman, shown):
    script = '/isola/isola image import /in/rootfs.tar b >/dev/null && /isola/isola run --rm --network none b true'
    done = podman_run(podman, 'runc', [], shown, script, code=None)  # its filter allows a user namespace, but nothing in it
    assert done.returncode != 0 and 'seccomp=unconfined' in done.stderr
    done = podman_run(podman, 'runc', ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined'], shown, script, code=None)
    assert done.returncode != 0 and 'unmask=ALL' in done.stderr
    done = podman('--runtime', 'runc', 'run', '--rm', '--network', 'none', '--privileged', *shown, 'busybox', 'sh', '-c', script, code=None)
    assert done.returncode != 0 and 'volume' in done.stderr
