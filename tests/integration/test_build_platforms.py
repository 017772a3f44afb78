# SPDX-License-Identifier: GPL-2.0-or-later
"""Images for several platforms: one build, one name, an index."""
import hashlib
import json
import os
import pathlib
import tarfile
import time

import pytest
from dockerfiles import Builder, build, fresh_build  # noqa: F401
from registry_host import registry  # noqa: F401

SCRATCH = ('FROM scratch\nARG TARGETPLATFORM\nARG TARGETARCH\nARG TARGETVARIANT\nARG BUILDPLATFORM\n'
           'LABEL p=$TARGETPLATFORM a=$TARGETARCH v=$TARGETVARIANT b=$BUILDPLATFORM\nCOPY f-$TARGETARCH /f\n')
ARCHES = {'linux/amd64': 'amd64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'arm'}


def read_archive(path):
    """The blobs of an OCI archive by digest, and its index.json."""
    blobs = {}
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            if member.name.startswith('blobs/sha256/') and member.isfile():
                blobs['sha256:' + member.name.split('/')[-1]] = tar.extractfile(member).read()
        return blobs, json.loads(tar.extractfile('index.json').read())


def layout(isola):
    store = pathlib.Path(isola.root) / 'image-store'
    return json.loads((store / 'index.json').read_text())['manifests'], store / 'blobs/sha256'


def named(isola, name):
    return [e for e in layout(isola)[0] if e.get('annotations', {}).get('org.opencontainers.image.ref.name') == name]


@pytest.fixture
def several(build):
    for arch in ('amd64', 'arm64', 'arm'):
        build.write(f'f-{arch}', f'for {arch}\n')
    return build


def test_an_index_of_all(several, tmp_path_factory):
    to = tmp_path_factory.mktemp('out')
    done = several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', '--platform', 'linux/arm/v7', '-o', f'type=oci,dest={to / "all.tar"}',
                   '--metadata-file', to / 'meta.json', '--iidfile', to / 'id', name='all:1')
    assert '[linux/arm64 0] Step 2/' in done.stdout and 'an index of 3 platforms' in done.stdout
    blobs, top = read_archive(to / 'all.tar')
    assert [e['mediaType'] for e in top['manifests']] == ['application/vnd.oci.image.index.v1+json']
    digest = top['manifests'][0]['digest']
    index = json.loads(blobs[digest])
    assert [e['platform'] for e in index['manifests']] == [
        {'architecture': 'amd64', 'os': 'linux'}, {'architecture': 'arm64', 'os': 'linux'}, {'architecture': 'arm', 'os': 'linux', 'variant': 'v7'}]
    for entry, platform in zip(index['manifests'], ARCHES):
        assert entry['size'] == len(blobs[entry['digest']])
        manifest = json.loads(blobs[entry['digest']])
        config = json.loads(blobs[manifest['config']['digest']])
        labels = config['config']['Labels']
        assert (config['architecture'], labels['p'], labels['a'], labels['v']) == (
            ARCHES[platform], platform, ARCHES[platform], 'v7' if platform.endswith('v7') else '')
        assert labels['b'].startswith('linux/') and labels['b'] != 'linux/arm/v7'
        assert f'for {ARCHES[platform]}\n'.encode() in blobs[manifest['layers'][-1]['digest']]
    meta = json.loads((to / 'meta.json').read_text())
    assert meta['containerimage.digest'] == meta['containerimage.descriptor']['digest'] == digest == (to / 'id').read_text()
    assert meta['containerimage.descriptor']['mediaType'] == 'application/vnd.oci.image.index.v1+json'
    assert meta['containerimage.descriptor']['size'] == len(blobs[digest])
    assert meta['image.name'] == 'all:1' and 'containerimage.config.digest' not in meta


def test_one_name_for_all(fresh_build, tmp_path_factory):
    isola = fresh_build.isola
    for arch in ('amd64', 'arm64'):
        fresh_build.write(f'f-{arch}', f'for {arch}\n')
    fresh_build(SCRATCH + 'LABEL one=1\n', '--platform', 'linux/amd64,linux/arm64', name='one:1')
    rows = isola.out('images', 'one', '--format', '{{.ID}}').splitlines()
    assert len(rows) == 1
    here = isola.json('image', 'inspect', 'one:1')[0]
    assert here['Architecture'] == ('amd64' if os.uname().machine == 'x86_64' else 'arm64')
    assert isola.out('images', '-q', '--filter', 'dangling=true') == ''
    assert len(isola.out('images', '-aq').splitlines()) > len(isola.out('images', '-q').splitlines())
    isola('image', 'prune', '-f')
    to = tmp_path_factory.mktemp('out')
    isola('image', 'copy', '--all-platforms', 'isola:one:1', f'oci-archive:{to / "after.tar"}:x')
    blobs, top = read_archive(to / 'after.tar')
    assert len(json.loads(blobs[top['manifests'][0]['digest']])['manifests']) == 2
    # A second name holds all of it, too.
    isola('tag', 'one:1', 'two:1')
    isola('rmi', 'one:1')
    isola('image', 'copy', '--all-platforms', 'isola:two:1', f'oci-archive:{to / "second.tar"}:x')
    part = next(e for e in layout(isola)[0] if e['platform']['architecture'] != here['Architecture'] and not e['annotations'].get('org.opencontainers.image.ref.name')
                and e['annotations']['org.isola.image.index'] == named(isola, 'two:1')[0]['annotations']['org.isola.image.index'])
    said = isola('rmi', part['annotations']['org.isola.image.id'], code=1).stderr
    assert 'is one platform\'s part of an image' in said
    said = isola.out('rmi', 'two:1')
    assert said.count('Deleted: sha256:') == 4  # two images, a layer each
    assert part['digest'] not in [e['digest'] for e in layout(isola)[0]]
    isola('store', 'check')


def test_built_again_for_one_platform(several):
    """The name means that one then, not what else it stood for."""
    isola = several.isola
    several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', name='again:1')
    several(SCRATCH, '--platform', 'linux/amd64', name='again:1')
    assert 'org.isola.image.index' not in named(isola, 'again:1')[0]['annotations']
    several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', name='again:1')
    first = named(isola, 'again:1')[0]['annotations']['org.isola.image.index']
    isola('tag', 'again:1', 'kept:1')
    several.write('f-amd64', 'changed\n')
    several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', name='again:1')
    assert named(isola, 'again:1')[0]['annotations']['org.isola.image.index'] != first
    # The image that both have in common is removed with neither alone.
    isola('rmi', 'again:1')
    isola('image', 'copy', '--all-platforms', 'isola:kept:1', f'oci:{several.directory / "kept"}:x')
    isola('rmi', 'kept:1')
    assert first not in json.dumps(layout(isola)[0])


def test_platforms_build_at_the_same_time(build):
    """Each waits for what the other one does."""
    build('FROM --platform=$BUILDPLATFORM busybox\nARG TARGETARCH\nARG N\n'
          'RUN --network=none --mount=type=cache,id=meetp,target=/c touch /c/$N-$TARGETARCH; i=0; '
          'until [ -e /c/$N-amd64 -a -e /c/$N-arm64 ]; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done; echo $TARGETARCH > /met\n',
          '--platform', 'linux/amd64,linux/arm64', '--build-arg', f'N={time.time()}')


def test_what_platforms_have_in_common_is_done_once(build):
    build.write('f', 'text')
    done = build('FROM --platform=$BUILDPLATFORM busybox AS tools\nARG N\nRUN --network=none sleep 1; echo $N > /tool\n'
                 'FROM scratch\nARG TARGETARCH\nCOPY --from=tools /tool /tool\nLABEL a=$TARGETARCH\n',
                 '--platform', 'linux/amd64,linux/arm64,linux/s390x', '--build-arg', f'N={time.time()}', name='common:1')
    # Two of three found what the first one had done.
    assert done.stdout.count('tools] Step 3/') + done.stdout.count('tools] Step 2/') >= 3
    runs = [line for line in done.stdout.splitlines() if 'tools]  ---> Using cache' in line]
    assert len(runs) == 2, done.stdout
    config = build.isola.json('image', 'inspect', 'common:1')[0]
    assert config['Config']['Labels']['a'] == config['Architecture']


def test_files_of_each_platform(several, tmp_path_factory):
    to = tmp_path_factory.mktemp('out')
    several.isola('build', '--platform', 'linux/amd64,linux/arm/v7', '-o', to, several.directory, code=1)
    several.write('Dockerfile', SCRATCH)
    several.isola('build', '--platform', 'linux/amd64,linux/arm/v7', '-o', to, several.directory)
    assert (to / 'linux_amd64/f').read_text() == 'for amd64\n' and (to / 'linux_arm_v7/f').read_text() == 'for arm\n'
    for output in ('type=docker,dest=x', 'type=tar,dest=x'):
        said = several.isola('build', '--platform', 'linux/amd64,linux/arm64', '-o', output, several.directory, code=1).stderr
        assert 'one platform' in said


def test_annotations_of_index_and_manifests(several, tmp_path_factory):
    to = tmp_path_factory.mktemp('out') / 'all.tar'
    several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', '-o', f'type=oci,dest={to}', '--annotation', 'index:i=1', '--annotation', 'm=all',
            '--annotation', 'manifest[linux/arm64]:only=arm', '--annotation', 'manifest-descriptor,index-descriptor:d=2', name='annotated:2')
    blobs, top = read_archive(to)
    assert top['manifests'][0]['annotations']['d'] == '2'
    index = json.loads(blobs[top['manifests'][0]['digest']])
    assert index['annotations'] == {'i': '1'}
    assert [e['annotations'] for e in index['manifests']] == [{'d': '2'}, {'d': '2'}]
    assert [json.loads(blobs[e['digest']])['annotations'] for e in index['manifests']] == [{'m': 'all'}, {'m': 'all', 'only': 'arm'}]
    said = several.fails(SCRATCH, '--annotation', 'index:i=1')
    assert 'has no index to annotate' in said
    assert "there is no place 'manifst'; did you mean 'manifest'?" in several.fails(SCRATCH, '--annotation', 'manifst:i=1')


def test_pushed_as_an_index(several, registry):
    isola = several.isola
    name = f'{registry.host}/several:1'
    several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', name=name)
    said = isola.out('push', name)
    there = json.loads(isola.out('manifest', 'inspect', name))
    assert there['mediaType'] == 'application/vnd.oci.image.index.v1+json'
    assert [m['platform']['architecture'] for m in there['manifests']] == ['amd64', 'arm64']
    isola('push', '--platform', 'linux/arm64', name, f'{registry.host}/one:1')
    alone = json.loads(isola.out('manifest', 'inspect', f'{registry.host}/one:1'))
    assert alone['mediaType'] == 'application/vnd.oci.image.manifest.v1+json'
    assert 'not here for linux/s390x' in isola('push', '--platform', 'linux/s390x', name, code=1).stderr
    assert 'digest: sha256:' in said
    # Byte for byte what comes back.
    isola('rmi', name)
    isola('pull', '--all-platforms', name)
    assert isola.json('image', 'inspect', name)[0]['Config']['Labels']['a'] in ('amd64', 'arm64')


def test_another_platform_beside_this_machine(several, registry):
    """A second platform pulled does not take the name away, and is found by --platform."""
    isola = several.isola
    name = f'{registry.host}/beside:1'
    several(SCRATCH, '--platform', 'linux/amd64,linux/arm64', name=name)
    isola('push', name)
    isola('rmi', name)
    isola('pull', name)
    here = isola.json('image', 'inspect', name)[0]
    isola('pull', '--platform', 'linux/arm64' if here['Architecture'] == 'amd64' else 'linux/amd64', name)
    assert isola.json('image', 'inspect', name)[0]['Id'] == here['Id']
    created = isola.out('create', '--pull', 'never', '--platform', 'linux/arm64', name, '/x')
    image = isola.inspect(created)['Image']
    assert isola.json('image', 'inspect', image)[0]['Architecture'] == 'arm64'
    isola('rm', created)
    several(f'FROM {name}\nLABEL c=1\n', '--platform', 'linux/arm64,linux/amd64', '--pull-never', name='upon:1')
    part = isola.out('build', '-q', '--platform', 'linux/arm64', '--pull-never', several.directory)
    assert isola.json('image', 'inspect', part)[0]['Architecture'] == 'arm64'


def test_unusual_platforms(several):
    assert "'linux/a/b/c' is no platform" in several.fails(SCRATCH, '--platform', 'linux/amd64,linux/a/b/c')
    assert "system of platform 'windows/amd64' is not linux" in several.fails(SCRATCH, '--platform', 'linux/amd64,windows/amd64')
    several(SCRATCH, '--platform', 'linux/amd64,linux/x86_64', name='same:1')
    assert 'org.isola.image.index' not in named(several.isola, 'same:1')[0]['annotations']


@pytest.mark.parametrize('fault', ['image.blobs', 'image.unnamed', 'image.indexed', 'image.record'])
def test_killed_while_the_index_is_made(fresh_build, fault):
    isola, file = fresh_build.isola, 'FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\nCOPY f /f\n'
    fresh_build.write('f', 'text')
    platforms = ('--platform', 'linux/amd64,linux/arm64')
    fresh_build(file, *platforms, name='killed:1', code=-9, env={'ISOLA_FAULT': fault})
    fresh_build(file, *platforms, name='killed:1')
    isola('store', 'check')
    isola('image', 'copy', '--all-platforms', 'isola:killed:1', f'oci:{fresh_build.directory / "out"}:x')
    isola('rmi', 'killed:1')
    isola('image', 'prune', '-f')
    assert isola.out('images', '-aq') == '' and layout(isola)[0] == []


@pytest.mark.parametrize('fault', ['rmi.buried', 'rmi.indexed', 'rmi.parts'])
def test_killed_while_the_index_is_removed(fresh_build, fault):
    isola = fresh_build.isola
    fresh_build.write('f', 'text')
    fresh_build('FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\nCOPY f /f\n', '--platform', 'linux/amd64,linux/arm64', name='killed:2')
    isola('rmi', 'killed:2', code=-9, env={'ISOLA_FAULT': fault})
    isola('rmi', 'killed:2', code=None)
    isola('image', 'prune', '-f')
    assert isola.out('images', '-aq') == '' and layout(isola)[0] == []
    isola('store', 'check')
