# SPDX-License-Identifier: GPL-2.0-or-later
"""Images between isola and Podman: what one pushed, saved or built the other runs."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from conftest import ROOT, Client, integration, need

sys.path.insert(0, str(ROOT / 'tests'))
from registry_host import INDEX, Image, Registry, digest_of, make_index, make_tar  # noqa: E402


@pytest.fixture(scope='module')
def registry(tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp('registry'))
    yield registry
    registry.stop()


@pytest.fixture(scope='module')
def podman(runtime):
    need('podman')
    need('conmon')
    directory = tempfile.mkdtemp(prefix='isola-podman-', dir='/var/tmp')
    pathlib.Path(f'{directory}/containers.conf').write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
                                                            f'[engine.runtimes]\nisola-oci = ["{runtime}"]\n')
    client = Client('podman', '--root', f'{directory}/root', '--runroot', f'{directory}/run', '--tmpdir', f'{directory}/tmp',
                    '--runtime', 'isola-oci', '--storage-driver', 'overlay', env={'CONTAINERS_CONF': f'{directory}/containers.conf'})
    yield client
    client('rmi', '-f', '-a', code=None)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def isola(tmp_path):
    directory = tempfile.mkdtemp(prefix='isola-', dir='/var/tmp')
    client = Client(integration.BINARY, '--root', f'{directory}/data', '--run-root', f'{directory}/run', env={'HOME': str(tmp_path)})
    yield client
    client('rm', '-f', *client.out('ps', '-a', '-q').split(), code=None)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def built(isola, tmp_path):
    """An image that isola built, of two layers, with a user and an entry point."""
    (tmp_path / 'rootfs.tar').write_bytes(Image().tars[0])
    isola('image', 'import', tmp_path / 'rootfs.tar', 'base')
    (tmp_path / 'Dockerfile').write_text('FROM base\nRUN echo built > /etc/built\nENV A=b\nENTRYPOINT ["cat"]\nCMD ["/etc/built"]\n')
    isola('build', '-q', '-t', 'built:v1', tmp_path)
    return 'built:v1'


def test_podman_runs_what_isola_built_and_pushed(isola, podman, registry, built):
    there = f'{registry.host}/peer/built:v1'
    digest = isola.out('push', built, there).splitlines()[-1].split()[2]
    podman('pull', '-q', '--tls-verify=false', there)
    assert podman.out('image', 'inspect', '--format', '{{.Digest}}', there) == digest
    assert podman.out('run', '--rm', '--network', 'none', there) == 'built'
    assert podman.out('run', '--rm', '--network', 'none', '--entrypoint', 'sh', there, '-c', 'echo $A') == 'b'


@pytest.mark.parametrize('form', [{'docker': True}, {}, {'how': 'zstd'}], ids=['docker', 'oci', 'zstd'])
def test_podman_runs_what_isola_copied(isola, podman, registry, form):
    image = Image(Image().tars[0], make_tar({'etc/form': repr(form).encode()}), **form).push(registry, 'peer/from', 'v1')
    isola('pull', f'{registry.host}/peer/from:v1')
    there = f'{registry.host}/peer/to:v1'
    isola('push', f'{registry.host}/peer/from:v1', there)
    podman('pull', '-q', '--tls-verify=false', there)
    assert podman.out('run', '--rm', '--network', 'none', there, 'cat', '/etc/form') == repr(form)
    assert podman.out('image', 'inspect', '--format', '{{.Digest}}', there) == image.digest


def test_podman_chooses_from_an_index_that_isola_copied(isola, podman, registry):
    images = [Image(platform=('linux', 'arm64', 'v8')), Image(Image().tars[0], make_tar({'etc/form': b'here'}))]
    for image in images:
        image.push(registry, 'peer/idx')
    registry.put_manifest('peer/idx', 'v1', make_index(images), INDEX)
    isola('image', 'copy', '--all-platforms', f'docker://{registry.host}/peer/idx:v1', f'docker://{registry.host}/peer/idx2:v1')
    assert digest_of(registry.manifest('peer/idx2', 'v1')) == digest_of(make_index(images))
    podman('pull', '-q', '--tls-verify=false', f'{registry.host}/peer/idx2:v1')
    assert podman.out('run', '--rm', '--network', 'none', f'{registry.host}/peer/idx2:v1', 'cat', '/etc/form') == 'here'


@pytest.mark.parametrize('how', [[], ['--format', 'v2s2'], ['--format', 'oci', '--compression-format', 'zstd']], ids=['oci', 'v2s2', 'zstd'])
def test_isola_runs_what_podman_pushed(isola, podman, registry, tmp_path, how):
    (tmp_path / 'Dockerfile').write_text('FROM scratch\nADD rootfs.tar /\nCOPY by /etc/by\nCMD ["cat", "/etc/by"]\n')
    (tmp_path / 'rootfs.tar').write_bytes(Image().tars[0])
    (tmp_path / 'by').write_text('podman\n')
    podman('build', '-q', '-t', 'localhost/bypodman', tmp_path)
    there = f'{registry.host}/peer/podman:v1'
    (tmp_path / 'digest').write_text('')
    podman('push', '-q', '--tls-verify=false', '--digestfile', tmp_path / 'digest', *how, 'localhost/bypodman', there)
    assert f'Digest: {(tmp_path / "digest").read_text()}' in isola.out('pull', there)
    assert isola.out('run', '--rm', '--network', 'none', there) == 'podman'


@pytest.mark.parametrize('form', ['docker-archive', 'oci-archive'])
def test_archives_both_ways(isola, podman, built, tmp_path, form):
    isola('save', '-o', tmp_path / 'ours.tar', built)
    podman('load', '-q', '-i', tmp_path / 'ours.tar')
    names = [name for image in json.loads(podman.out('images', '--format', 'json')) for name in image.get('Names') or []]
    name = next(name for name in names if name.endswith('built:v1'))
    assert podman.out('run', '--rm', '--network', 'none', name) == 'built'
    podman('save', '-q', '--format', form, '-o', tmp_path / f'{form}.tar', name)
    isola('rmi', '-f', built)
    loaded = isola.out('load', '-q', '-i', tmp_path / f'{form}.tar').split(': ')[-1]
    assert isola.out('run', '--rm', '--network', 'none', loaded.strip()) == 'built'
    podman('rmi', '-f', name)
    subprocess.run(['rm', '-f', tmp_path / 'ours.tar'], check=True)
