# SPDX-License-Identifier: GPL-2.0-or-later
"""push, save, load, image copy, manifest inspect, search: byte for byte, and together with skopeo."""
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest
from registry_host import (INDEX, Image, Registry, descriptor, digest_of, make_index, make_tar, proxy, registry)  # noqa: F401


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


def test_what_the_registry_has_is_not_packed_again(fresh, registry, built, tmp_path):
    """Proved by a layer that no longer packs to what it was: nobody notices until its bytes are wanted."""
    fresh('push', '-q', built, f'{registry.host}/kept/one:v1')
    files = [path for path in (pathlib.Path(fresh.root) / 'layers').glob('*/diff/etc/built')]
    assert len(files) == 1 and (files[0].parents[2] / 'packed.json').exists()
    was = files[0].stat()
    files[0].write_text('other\n')
    fresh('push', '-q', built, f'{registry.host}/kept/one:v2')
    assert registry.manifest('kept/one', 'v2') == registry.manifest('kept/one', 'v1')
    fresh('push', '-q', built, f'{registry.host}/kept/two:v1')
    assert registry.manifest('kept/two', 'v1') == registry.manifest('kept/one', 'v1')
    other = Registry(tmp_path / 'other')
    try:
        error = fresh('push', '-q', built, f'{other.host}/kept/one:v1', code=1).stderr
        assert 'when it was packed before' in error and 'store check' in error
        assert not (files[0].parents[2] / 'packed.json').exists()
        files[0].write_text('built\n')
        os.utime(files[0], ns=(was.st_atime_ns, was.st_mtime_ns))
        for _ in range(2):
            fresh('push', '-q', built, f'{other.host}/kept/one:v1')
        assert other.manifest('kept/one', 'v1') == registry.manifest('kept/one', 'v1')
    finally:
        other.stop()


def test_memory_does_not_grow_with_the_layer(fresh, registry, tmp_path):
    """A layer of 768 MiB, and no process may have 256 MiB of addresses (isola-image and isola-registry set limits of their own)."""
    there = f'{registry.host}/large:v1'
    (tmp_path / 'Dockerfile').write_text('FROM scratch\nCOPY large /large\n')
    with open(tmp_path / 'large', 'wb') as file:
        file.write(os.urandom(1 << 20))
        file.truncate(768 << 20)

    def limited(*arguments):
        subprocess.run(['prlimit', f'--as={256 << 20}:', os.environ['ISOLA'], '--root', fresh.root, '--run-root', fresh.run_root,
                        *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

    limited('build', '-q', '-t', there, tmp_path)
    wanted = fresh.json('image', 'inspect', there)[0]['RootFS']
    (tmp_path / 'large').unlink()
    limited('push', '-q', there)
    limited('rmi', there)
    limited('pull', '-q', there)
    limited('save', '-o', tmp_path / 'archive', there)
    limited('rmi', there)
    limited('load', '-q', '-i', tmp_path / 'archive')
    assert fresh.json('image', 'inspect', there)[0]['RootFS'] == wanted


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


# ---- what skopeo's users look for

def test_a_directory_as_skopeo_has_it(fresh, registry, tmp_path):
    """dir: one way by us and the other by skopeo, digests equal; an index with all that it names."""
    image = Image(docker=True).push(registry, 'dir/one', 'v1')
    name = f'docker://{registry.host}/dir/one:v1'
    assert fresh.out('image', 'copy', '-q', name, f'dir:{tmp_path}/ours') == image.digest
    skopeo('copy', '--dest-tls-verify=false', f'dir:{tmp_path}/ours', f'docker://{registry.host}/dir/skopeo:v1')
    assert registry.manifest('dir/skopeo', 'v1') == image.manifest
    skopeo('copy', '--src-tls-verify=false', name, f'dir:{tmp_path}/theirs')
    assert fresh.out('image', 'copy', '-q', f'dir:{tmp_path}/theirs', f'docker://{registry.host}/dir/back:v1') == image.digest
    fresh('image', 'copy', '-q', f'dir:{tmp_path}/theirs', 'isola:from-dir')
    assert fresh.json('image', 'inspect', 'from-dir')[0]['Id'] == image.id
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for one in images:
        one.push(registry, 'dir/idx')
    index = make_index(images)
    registry.put_manifest('dir/idx', 'v1', index, INDEX)
    fresh('image', 'copy', '--all-platforms', f'docker://{registry.host}/dir/idx:v1', f'dir:{tmp_path}/idx')
    skopeo('copy', '--all', '--dest-tls-verify=false', f'dir:{tmp_path}/idx', f'docker://{registry.host}/dir/idx2:v1')
    assert registry.manifest('dir/idx2', 'v1') == index
    skopeo('copy', '--all', '--src-tls-verify=false', f'docker://{registry.host}/dir/idx:v1', f'dir:{tmp_path}/idx3')
    fresh('image', 'copy', '--all-platforms', f'dir:{tmp_path}/idx3', f'docker://{registry.host}/dir/idx4:v1')
    assert registry.manifest('dir/idx4', 'v1') == index
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full/x').write_text('x')
    assert 'is not empty and holds no image' in fresh('image', 'copy', name, f'dir:{tmp_path}/full', code=1).stderr
    # What is there is replaced.
    fresh('image', 'copy', '-q', name, f'dir:{tmp_path}/idx')
    assert (tmp_path / 'idx/manifest.json').read_bytes() == image.manifest


def test_nothing_is_fetched_in_vain(fresh, registry, proxy):
    """What the registry has that it goes to, or takes from another repository, does not come here first."""
    image = Image(make_tar({'a': b'vain' * 1000})).push(registry, 'vain/from', 'v1')
    source = f'docker://{proxy.host}/vain/from:v1'
    fresh('image', 'copy', source, f'docker://{proxy.host}/vain/mounted:v1')
    fresh('image', 'copy', source, f'docker://{registry.host}/vain/mounted:v2')
    assert registry.manifest('vain/mounted', 'v1') == registry.manifest('vain/mounted', 'v2') == image.manifest
    assert not proxy.asked('GET', digest_of(image.layers[0])) and not proxy.asked('PATCH')
    uploads = [path for method, path, _ in proxy.seen if method == 'POST']
    assert uploads and all('mount=' in path for path in uploads)


def test_tags(fresh, registry):
    tags = [f'v{n}' for n in range(5)]
    Image().push(registry, 'tags/app', *tags)
    name = f'{registry.host}/tags/app'
    assert sorted(fresh.out('image', 'tags', name).split()) == tags
    ours, theirs = fresh.json('image', 'tags', '--json', f'docker://{name}'), json.loads(
        skopeo('list-tags', '--tls-verify=false', f'docker://{name}'))
    assert ours['Repository'] == theirs['Repository'] and sorted(ours['Tags']) == sorted(theirs['Tags'])
    assert 'not found in the registry' in fresh('image', 'tags', f'{registry.host}/tags/none', code=1).stderr


def test_delete_at_a_registry(fresh, registry):
    image = Image(make_tar({'a': b'del'})).push(registry, 'del/app', 'v1', 'v2')
    name = f'{registry.host}/del/app'
    said = fresh('image', 'delete', f'{name}:v1', code=1).stderr
    assert f'write docker://{name}:v1' in said
    said = fresh('image', 'delete', '--tag-only', f'docker://{name}:v1', code=1).stderr
    assert 'does not remove tags' in said
    assert registry.manifest('del/app', 'v1') == image.manifest
    assert fresh.out('image', 'delete', f'docker://{name}:v1') == f'Deleted: {name}@{image.digest}'
    for reference in ('v1', 'v2', image.digest):
        assert registry.request('GET', f'/v2/del/app/manifests/{reference}')[0].status == 404
    assert 'not found' in fresh('image', 'delete', f'docker://{name}:v1', code=1).stderr


def test_a_deleted_referrer_is_not_listed(fresh, registry):
    image = Image().push(registry, 'delref/app', 'v1')
    name = f'{registry.host}/delref/app'
    digests = []
    for blob in (b'one', b'two'):
        for data in (blob, b'{}'):
            registry.put_blob('delref/app', data)
        manifest = json.dumps({'schemaVersion': 2, 'mediaType': image.types[0], 'artifactType': f'application/x.{blob.decode()}',
                               'config': descriptor(b'{}', 'application/vnd.oci.empty.v1+json'),
                               'layers': [descriptor(blob, 'application/x.sig')], 'subject': descriptor(image.manifest, image.types[0]),
                               'annotations': {'a': 'b'}}).encode()
        registry.put_manifest('delref/app', 'raw', manifest, image.types[0])
        fresh('image', 'copy', f'docker://{name}:raw', f'docker://{name}@{digest_of(manifest)}')
        digests.append(digest_of(manifest))
    listed = fresh.json('manifest', 'inspect', '--referrers', f'{name}:v1')['manifests']
    assert [m['digest'] for m in listed] == digests and listed[0]['annotations'] == {'a': 'b'}
    of_type = fresh.json('manifest', 'inspect', '--artifact-type', 'application/x.two', f'{name}:v1')['manifests']
    assert [m['digest'] for m in of_type] == digests[1:]
    fresh('image', 'delete', f'docker://{name}@{digests[0]}')
    assert [m['digest'] for m in fresh.json('manifest', 'inspect', '--referrers', f'{name}:v1')['manifests']] == digests[1:]
    fresh('image', 'delete', f'docker://{name}@{digests[1]}')
    assert 'nothing refers to' in fresh('manifest', 'inspect', '--referrers', f'{name}:v1', code=1).stderr


def test_inspect_at_a_registry(fresh, registry):
    """The document of an image that was pulled, without pulling it."""
    images = [Image(platform=('linux', 'arm64', 'v8')), Image(config={'Labels': {'a': 'b'}})]
    for one in images:
        one.push(registry, 'remote/app')
    index = make_index(images)
    registry.put_manifest('remote/app', 'v1', index, INDEX)
    name = f'{registry.host}/remote/app:v1'
    there = fresh.json('image', 'inspect', f'docker://{name}')[0]
    assert fresh.out('image', 'inspect', '--platform', 'arm64', '-f', '{{.Id}} {{.Architecture}}', f'docker://{name}') == f'{images[0].id} arm64'
    fresh('image', 'inspect', name, code=1)
    fresh('pull', name)
    here = fresh.json('image', 'inspect', name)[0]
    for document in (here, there):
        document.pop('GraphDriver'), document.pop('Size')
    assert here == there and here['Config']['Labels'] == {'a': 'b'}


def test_all_tags(fresh, registry):
    one, two = Image(make_tar({'a': b'1'})), Image(make_tar({'a': b'2'}))
    one.push(registry, 'many/app', 'a', 'b')
    two.push(registry, 'many/app', 'c')
    name = f'{registry.host}/many/app'
    fresh('pull', '-a', name)
    assert sorted(fresh.out('images', '--format', '{{.Tag}}').split()) == ['a', 'b', 'c']
    assert 'is to name a repository alone' in fresh('pull', '-a', f'{name}:a', code=1).stderr
    for tag in 'abc':
        fresh('tag', f'{name}:{tag}', f'{registry.host}/many/pushed:{tag}')
    fresh('push', '--all-tags', f'{registry.host}/many/pushed')
    assert registry.manifest('many/pushed', 'b') == one.manifest and registry.manifest('many/pushed', 'c') == two.manifest
    assert 'there is no image of the repository' in fresh('push', '-a', f'{registry.host}/many/none', code=1).stderr


# ---- together with skopeo, in every format

FORMATS = {'docker': {'docker': True}, 'oci': {}, 'zstd': {'how': 'zstd'}, 'plain': {'how': 'plain'}}


def push_format(registry, repository, form):
    """An image of two layers, an index, or an artifact, put there by hand; what its tag v1 stands for."""
    if form in FORMATS:
        image = Image(Image().tars[0], make_tar({'etc/form': form.encode()}), **FORMATS[form]).push(registry, repository, 'v1')
        return image.manifest
    if form == 'index':
        images = [Image(Image().tars[0], make_tar({'etc/form': form.encode()}), platform=platform) for platform in (
            ('linux', 'amd64', None), ('linux', 'arm', 'v7'), ('linux', 'arm64', 'v8'))]
        for image in images:
            image.push(registry, repository)
        registry.put_manifest(repository, 'v1', make_index(images), INDEX)
        return make_index(images)
    for blob in (b'{}', b'contents'):
        registry.put_blob(repository, blob)
    manifest = json.dumps({'schemaVersion': 2, 'mediaType': Image().types[0], 'artifactType': 'application/x.thing',
                           'config': descriptor(b'{}', 'application/vnd.oci.empty.v1+json'),
                           'layers': [descriptor(b'contents', 'application/x.thing')]}).encode()
    registry.put_manifest(repository, 'v1', manifest, Image().types[0])
    return manifest


@pytest.mark.parametrize('form', [*FORMATS, 'index', 'artifact'])
def test_skopeo_has_what_isola_copied_and_the_other_way_round(fresh, registry, tmp_path, form):
    """Digests stay: registry to layout to registry, by one of both each time."""
    manifest = push_format(registry, f'inter/{form}', 'index' if form == 'index' else form)
    source, whole = f'docker://{registry.host}/inter/{form}:v1', ['--all-platforms'] if form == 'index' else []
    fresh('image', 'copy', *whole, source, f'oci:{tmp_path}/ours:v1')
    theirs = ['--all'] if form == 'index' else []
    skopeo('copy', *theirs, '--dest-tls-verify=false', f'oci:{tmp_path}/ours:v1', f'docker://{registry.host}/inter/{form}:skopeo') \
        if form not in ('docker', 'artifact') else None
    skopeo('copy', *theirs, '--preserve-digests', '--src-tls-verify=false', source, f'dir:{tmp_path}/theirs') if form != 'artifact' else None
    if form != 'artifact':
        fresh('image', 'copy', *whole, f'dir:{tmp_path}/theirs', f'docker://{registry.host}/inter/{form}:isola')
        assert registry.manifest(f'inter/{form}', 'isola') == manifest
    if form not in ('docker', 'artifact'):
        assert registry.manifest(f'inter/{form}', 'skopeo') == manifest
    fresh('image', 'copy', *whole, f'oci:{tmp_path}/ours:v1', f'docker://{registry.host}/inter/{form}:back')
    assert registry.manifest(f'inter/{form}', 'back') == manifest
    assert skopeo('inspect', '--raw', '--tls-verify=false', f'docker://{registry.host}/inter/{form}:back').encode() == manifest


@pytest.mark.parametrize('form', [*FORMATS, 'index'])
def test_what_was_pulled_runs_and_is_pushed_as_it_was(fresh, registry, form):
    manifest = push_format(registry, f'run/{form}', form)
    name = f'{registry.host}/run/{form}:v1'
    fresh('pull', *(['--all-platforms'] if form == 'index' else []), name)
    assert fresh.out('run', '--rm', name, 'cat', '/etc/form') == form
    fresh('push', name, f'{registry.host}/run/{form}:pushed')
    assert registry.manifest(f'run/{form}', 'pushed') == manifest


# ---- indexes that are made by hand

@pytest.mark.parametrize('docker', [False, True], ids=['oci', 'docker'])
def test_an_index_is_made_annotated_and_pushed(fresh, registry, docker):
    """As docker manifest does it; images of other repositories come beside it, and skopeo chooses from it."""
    here, there = Image(make_tar({'a': b'h'}), docker=docker), Image(make_tar({'a': b't'}), platform=('linux', 'arm', None), docker=docker)
    here.push(registry, 'list/app', 'amd64')
    there.push(registry, 'list/elsewhere', 'arm')
    name = f'{registry.host}/list/app:v1'
    fresh('manifest', 'create', name, f'{registry.host}/list/app:amd64', f'{registry.host}/list/elsewhere:arm')
    assert 'was begun already' in fresh('manifest', 'create', name, f'{registry.host}/list/app:amd64', code=1).stderr
    fresh('manifest', 'create', '--amend', name, f'{registry.host}/list/app@{here.digest}')
    fresh('manifest', 'annotate', '--variant', 'v7', '--annotation', 'a=b', name, f'{registry.host}/list/elsewhere:arm')
    assert 'is not in the index' in fresh('manifest', 'annotate', '--os', 'linux', name, 'nothing', code=1).stderr
    index = fresh.json('manifest', 'inspect', name)
    assert [(m['digest'], m['platform']) for m in index['manifests']] == [
        (here.digest, {'architecture': 'amd64', 'os': 'linux'}), (there.digest, {'architecture': 'arm', 'os': 'linux', 'variant': 'v7'})]
    assert registry.request('GET', '/v2/list/app/manifests/v1')[0].status == 404
    digest = fresh.out('manifest', 'push', '-q', '--purge', name)
    data = registry.manifest('list/app', 'v1')
    assert digest_of(data) == digest and json.loads(data) == index and registry.manifest('list/app', there.digest) == there.manifest
    assert index['mediaType'] == ('application/vnd.docker.distribution.manifest.list.v2+json' if docker else INDEX)
    assert index['manifests'][1]['annotations'] == {'a': 'b'}
    chosen = skopeo('--override-arch', 'arm', '--override-variant', 'v7', 'inspect', '--tls-verify=false', '--format', '{{.Architecture}}', f'docker://{name}')
    assert chosen.strip() == 'arm'
    assert 'there is no index' in fresh('manifest', 'rm', name, code=1).stderr
    registry.request('DELETE', f'/v2/list/app/manifests/{digest}')


def test_an_index_takes_all_of_another_and_can_be_dropped(fresh, registry):
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for image in images:
        image.push(registry, 'list/idx')
    registry.put_manifest('list/idx', 'v1', make_index(images), INDEX)
    fresh('manifest', 'create', 'app', f'{registry.host}/list/idx:v1')
    assert [m['digest'] for m in fresh.json('manifest', 'inspect', 'app')['manifests']] == [image.digest for image in images]
    fresh('manifest', 'rm', 'app')
    said = fresh('manifest', 'push', 'app', code=1).stderr
    assert "there is no index 'app' in the making" in said and 'isola manifest create' in said
    assert not list((pathlib.Path(fresh.root) / 'manifest-lists').iterdir())
