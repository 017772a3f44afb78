# SPDX-License-Identifier: GPL-2.0-or-later
"""push, save, load, image copy, manifest inspect, search: byte for byte, and together with skopeo."""
import io
import json
import pathlib
import subprocess
import tarfile

import pytest
from registry_host import (INDEX, Image, Registry, descriptor, digest_of, make_index, make_tar, registry)  # noqa: F401


def skopeo(*arguments):
    return subprocess.run(['skopeo', '--insecure-policy', *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True, text=True).stdout


def files_of(archive):
    with tarfile.open(archive) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}


@pytest.fixture
def built(fresh, tmp_path):
    """An image of two layers that isola built itself."""
    (tmp_path / 'rootfs.tar').write_bytes(Image().tars[0])
    fresh('image', 'import', tmp_path / 'rootfs.tar', 'base')
    (tmp_path / 'Dockerfile').write_text('FROM base\nRUN echo built > /etc/built\nLABEL a=b\n')
    fresh('build', '-q', '-t', 'built:v1', tmp_path)
    return 'built:v1'


def test_pulled_is_pushed_byte_for_byte(fresh, registry):
    image = Image(docker=True).push(registry, 'team/from', 'v1')
    name, there = f'{registry.host}/team/from:v1', f'{registry.host}/copies/to:v2'
    fresh('pull', name)
    fresh('tag', name, there)
    out = fresh.out('push', there).splitlines()
    assert out[0] == f'The push refers to repository [{registry.host}/copies/to]'
    assert out[-1] == f'v2: digest: {image.digest} size: {len(image.manifest)}'
    assert registry.manifest('copies/to', 'v2') == image.manifest
    digests = fresh.json('image', 'inspect', there)[0]['RepoDigests']
    assert f'{registry.host}/copies/to@{image.digest}' in digests


def test_skopeo_pulls_what_was_pushed(fresh, registry, built, tmp_path):
    there = f'{registry.host}/built/app:v1'
    out = fresh.out('push', built, there)
    digest = out.splitlines()[-1].split()[2]
    assert digest_of(registry.manifest('built/app', 'v1')) == digest
    skopeo('copy', '--src-tls-verify=false', f'docker://{there}', f'oci:{tmp_path}/layout:x')
    assert json.loads((tmp_path / 'layout/index.json').read_text())['manifests'][0]['digest'] == digest
    fresh('rmi', '-f', built)
    fresh('pull', there)
    assert fresh.out('run', '--rm', there, 'cat', '/etc/built') == 'built'


def test_pushing_again_sends_nothing(fresh, registry, built):
    there = f'{registry.host}/built/again:v1'
    first = fresh.out('push', built, there).splitlines()
    second = fresh.out('push', built, there).splitlines()
    assert first[-1] == second[-1]
    assert all(line.endswith('Layer already exists') for line in second[1:-1])
    assert any(line.endswith(': Pushed') for line in first)


def test_blobs_are_mounted_from_where_they_came(fresh, registry):
    image = Image(make_tar({'a': b'x' * 3000})).push(registry, 'mount/from', 'v1')
    fresh('pull', f'{registry.host}/mount/from:v1')
    out = fresh.out('push', f'{registry.host}/mount/from:v1', f'{registry.host}/mount/to:v1')
    assert 'Layer already exists' in out and 'Pushed' not in out
    assert registry.has_blob('mount/to', digest_of(image.layers[0]))


def test_index_is_pushed_whole(fresh, registry):
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for image in images:
        image.push(registry, 'idx/from')
    index = make_index(images)
    registry.put_manifest('idx/from', 'v1', index, INDEX)
    fresh('pull', '--all-platforms', f'{registry.host}/idx/from:v1')
    fresh('push', '--all-platforms', f'{registry.host}/idx/from:v1', f'{registry.host}/idx/to:v1')
    assert registry.manifest('idx/to', 'v1') == index
    for image in images:
        assert registry.manifest('idx/to', image.digest) == image.manifest


def test_save_is_what_others_load(fresh, registry, built, tmp_path):
    fresh('save', '-o', tmp_path / 'image.tar', built)
    files = files_of(tmp_path / 'image.tar')
    assert json.loads(files['manifest.json'])[0]['RepoTags'] == [built]
    assert files['oci-layout'] == b'{"imageLayoutVersion":"1.0.0"}'
    for name, data in files.items():
        if name.startswith('blobs/sha256/'):
            assert digest_of(data) == 'sha256:' + name.split('/')[-1]
    for transport in ('docker-archive', 'oci-archive'):
        wanted = fresh.json('image', 'inspect', built)[0]['Id']
        document = json.loads(skopeo('inspect', '--raw', f'{transport}:{tmp_path}/image.tar'))
        assert document['config']['digest'] == wanted, transport


@pytest.mark.parametrize('how', ['file', 'pipe', 'gzip', 'zstd'])
def test_save_and_load(fresh, registry, tmp_path, how):
    image = Image(Image().tars[0], make_tar({'etc/a': b'a'})).push(registry, 'team/saved', 'v1')
    name = f'{registry.host}/team/saved:v1'
    fresh('pull', name)
    data = fresh('save', name, text=False).stdout
    fresh('rmi', name)
    if how in ('gzip', 'zstd'):
        data = subprocess.run([how, '-c'], input=data, stdout=subprocess.PIPE, check=True).stdout
    if how == 'file':
        (tmp_path / 'x.tar').write_bytes(data)
        out = fresh.out('load', '-i', tmp_path / 'x.tar')
    else:
        out = fresh('load', input=data, text=False).stdout.decode().strip()
    assert out == f'Loaded image: {name}'
    assert fresh.out('run', '--rm', name, 'cat', '/etc/a') == 'a'
    assert (pathlib.Path(fresh.root) / 'image-store/blobs/sha256' / image.digest[7:]).read_bytes() == image.manifest


@pytest.mark.parametrize('transport', ['docker-archive', 'oci-archive', 'oci'])
def test_load_what_skopeo_wrote(fresh, registry, tmp_path, transport):
    image = Image(Image().tars[0], make_tar({'etc/a': b'a'})).push(registry, 'team/skopeo', 'v1')
    place = f'{transport}:{tmp_path}/there:localhost/app:v1'
    skopeo('copy', '--src-tls-verify=false', f'docker://{registry.host}/team/skopeo:v1', place)
    assert fresh.out('load', '-i', tmp_path / 'there') == 'Loaded image: localhost/app:v1'
    assert fresh.json('image', 'inspect', 'localhost/app:v1')[0]['Id'] == image.id
    assert fresh.out('run', '--rm', 'localhost/app:v1', 'cat', '/etc/a') == 'a'


def test_load_of_old_dockers(fresh, tmp_path):
    """One directory for each layer, a layer that is a link to another one's."""
    image = Image(Image().tars[0], make_tar({}))
    config = image.id[7:] + '.json'
    entries = {config: image.config, 'aa/layer.tar': image.tars[0], 'bb/layer.tar': image.tars[1],
               'manifest.json': json.dumps([{'Config': config, 'RepoTags': ['old:1', 'old:2'],
                                             'Layers': ['aa/layer.tar', 'cc/layer.tar']}]).encode()}
    with tarfile.open(tmp_path / 'old.tar', 'w') as tar:
        for name, data in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo('cc/layer.tar')
        link.type, link.linkname = tarfile.SYMTYPE, '../bb/layer.tar'
        tar.addfile(link)
    assert fresh.out('load', '-i', tmp_path / 'old.tar').splitlines() == ['Loaded image: old:1', 'Loaded image: old:2']
    assert fresh.json('image', 'inspect', 'old:2')[0]['Id'] == image.id
    fresh('push', 'old:1', 'localhost:1/x', code=1)


def test_save_several_and_load_them(fresh, registry, built):
    Image().push(registry, 'team/several', 'v1')
    name = f'{registry.host}/team/several:v1'
    fresh('pull', name)
    data = fresh('save', built, name, text=False).stdout
    fresh('rmi', '-f', built, name)
    out = fresh('load', input=data, text=False).stdout.decode().splitlines()
    assert out == [f'Loaded image: {built}', f'Loaded image: {name}']


@pytest.mark.parametrize('place', ['oci:{}/layout:v1', 'oci-archive:{}/a.tar:localhost/x:v1', 'docker-archive:{}/d.tar:localhost/x:v1'])
def test_copy_there_and_back(fresh, registry, tmp_path, place):
    image = Image(docker=True).push(registry, 'copy/from', 'v1')
    place = place.format(tmp_path)
    assert fresh.out('image', 'copy', '-q', f'docker://{registry.host}/copy/from:v1', place) == image.digest
    assert fresh.out('image', 'copy', '-q', place, f'docker://{registry.host}/copy/back:v1') == image.digest
    assert registry.manifest('copy/back', 'v1') == image.manifest
    assert not list((pathlib.Path(fresh.root) / 'ingest').iterdir())


def test_copy_of_all_platforms(fresh, registry, tmp_path):
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for image in images:
        image.push(registry, 'copy/idx')
    index = make_index(images)
    registry.put_manifest('copy/idx', 'v1', index, INDEX)
    source = f'docker://{registry.host}/copy/idx:v1'
    assert fresh.out('image', 'copy', '-q', '--all-platforms', source, f'oci:{tmp_path}/layout:v1') == digest_of(index)
    assert json.loads(skopeo('inspect', '--raw', f'oci:{tmp_path}/layout:v1')) == json.loads(index)
    fresh('image', 'copy', '-q', '--all-platforms', f'oci:{tmp_path}/layout:v1', f'docker://{registry.host}/copy/idx2:v1')
    assert registry.manifest('copy/idx2', 'v1') == index
    assert fresh.out('image', 'copy', '-q', '--platform', 'arm64', source, f'oci:{tmp_path}/one:v1') == images[0].digest


def test_copy_between_registries(fresh, registry, tmp_path):
    other = Registry(tmp_path / 'other')
    try:
        image = Image().push(registry, 'copy/across', 'v1')
        fresh('image', 'copy', f'docker://{registry.host}/copy/across:v1', f'docker://{other.host}/x/y:v1')
        assert other.manifest('x/y', 'v1') == image.manifest
        skopeo('copy', '--src-tls-verify=false', f'docker://{other.host}/x/y:v1', f'dir:{tmp_path}/dir')
    finally:
        other.stop()


def test_copy_into_the_store(fresh, registry, tmp_path):
    image = Image().push(registry, 'copy/store', 'v1')
    fresh('image', 'copy', f'docker://{registry.host}/copy/store:v1', 'isola:mine:v1')
    assert fresh.json('image', 'inspect', 'mine:v1')[0]['Id'] == image.id
    assert fresh.out('image', 'copy', '-q', 'isola:mine:v1', f'oci:{tmp_path}/l:x') == image.digest
    said = fresh('image', 'copy', 'mine:v1', 'oci:x', code=1).stderr
    assert "'mine:v1' does not say what kind of place it is" in said


def test_artifacts_and_referrers(fresh, registry):
    """A registry without the referrers' API keeps them under a tag; whoever pushes sees to that."""
    image = Image().push(registry, 'ref/app', 'v1')
    signature = b'signed'
    config = b'{}'
    for blob in (signature, config):
        registry.put_blob('ref/app', blob)
    manifest = json.dumps({'schemaVersion': 2, 'mediaType': image.types[0], 'artifactType': 'application/x.signature',
                           'config': descriptor(config, 'application/vnd.oci.empty.v1+json'),
                           'layers': [descriptor(signature, 'application/x.signature')],
                           'subject': descriptor(image.manifest, image.types[0])}).encode()
    registry.put_manifest('ref/app', 'sig', manifest, image.types[0])
    name = f'{registry.host}/ref/app'
    assert 'nothing refers to' in fresh('manifest', 'inspect', '--referrers', f'{name}:v1', code=1).stderr
    fresh('image', 'copy', f'docker://{name}:sig', f'docker://{name}:sig2')
    index = fresh.json('manifest', 'inspect', '--referrers', f'{name}:v1')
    assert [(m['digest'], m['artifactType']) for m in index['manifests']] == [(digest_of(manifest), 'application/x.signature')]


def test_manifest_inspect(fresh, registry):
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for image in images:
        image.push(registry, 'insp/app')
    index = make_index(images)
    registry.put_manifest('insp/app', 'v1', index, INDEX)
    name = f'{registry.host}/insp/app:v1'
    assert fresh('manifest', 'inspect', '--raw', name, text=False).stdout == index
    assert fresh.json('manifest', 'inspect', name) == json.loads(index)
    assert fresh.out('manifest', 'inspect', '--digest', name) == digest_of(index)
    assert fresh.out('manifest', 'inspect', '--digest', '--platform', 'arm64', name) == images[0].digest
    assert fresh.json('manifest', 'inspect', '--config', '--platform', 'arm64', name) == json.loads(images[0].config)
    assert not (pathlib.Path(fresh.root) / 'image-store/index.json').exists()


def test_search_and_tags(fresh, registry):
    image = Image()
    tags = [f'v{n}' for n in range(12)]
    image.push(registry, 'find/this-one', *tags)
    image.push(registry, 'find/other', 'v1')
    out = fresh.out('search', '--format', '{{.Name}}', f'{registry.host}/this')
    assert out == f'{registry.host}/find/this-one'
    out = fresh.out('search', '--list-tags', '--format', '{{.Tag}}', f'{registry.host}/find/this-one').splitlines()
    assert sorted(out) == sorted(tags)
    assert len(fresh.out('search', '--list-tags', '--limit', 3, '--format', '{{.Tag}}', f'{registry.host}/find/this-one').split()) == 3


def test_what_cannot_be_loaded(fresh, tmp_path):
    (tmp_path / 'x.tar').write_bytes(make_tar({'etc/passwd': b'x'}))
    said = fresh('load', '-i', tmp_path / 'x.tar', code=1).stderr
    assert 'there are no images in it' in said and 'isola image import' in said
    (tmp_path / 'y').write_bytes(b'no archive at all' * 100)
    assert 'this is no tar archive' in fresh('load', '-i', tmp_path / 'y', code=1).stderr
