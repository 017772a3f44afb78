# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that a build sends to registries or writes out, and how their layers are compressed."""
import json
import tarfile

import pytest
from dockerfiles import build  # noqa: F401
from registry_host import digest_of, registry  # noqa: F401

FILE = 'FROM scratch\nCOPY f /f\n'
GZIP, ZSTD = 'application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.oci.image.layer.v1.tar+zstd'
MAGIC = {GZIP: b'\x1f\x8b', ZSTD: b'\x28\xb5\x2f\xfd'}


@pytest.fixture
def sent(build, registry):
    build.write('f', 'text\n' * 100000)
    build.name = f'{registry.host}/sent:1'
    return build


@pytest.mark.parametrize('options', [['--push'], ['-o', 'type=registry'], ['-o', 'type=image,push=true']])
def test_pushed(sent, registry, tmp_path_factory, options):
    meta = tmp_path_factory.mktemp('out') / 'meta.json'
    done = sent(FILE, *options, '--metadata-file', meta, name=sent.name)
    data, there = json.loads(meta.read_text()), registry.manifest('sent', '1')
    digest = digest_of(there)
    assert data['containerimage.digest'] == data['containerimage.descriptor']['digest'] == digest
    assert data['containerimage.config.digest'] == json.loads(there)['config']['digest']
    assert f'{sent.name}: digest: {digest}' in done.stdout
    assert [layer['mediaType'] for layer in json.loads(there)['layers']] == [GZIP]
    # It is in the store as well, by both names.
    assert sent.isola.json('image', 'inspect', sent.name)[0]['RepoDigests'][-1].endswith(digest)


def test_names_of_an_output(sent, registry):
    host = registry.host
    sent.write('Dockerfile', FILE)
    sent.isola('build', '-o', f'"type=registry","name={host}/first:1,{host}/second:2"', sent.directory)
    assert digest_of(registry.manifest('first', '1')) == digest_of(registry.manifest('second', '2'))
    assert 'has no name' in sent.isola('build', '--push', sent.directory, code=1).stderr
    assert "cannot push 'localhost:1/x:latest'" in sent.isola('build', '--push', '-t', 'localhost:1/x', sent.directory, code=1).stderr


@pytest.mark.parametrize('compression,media_type', [('gzip', GZIP), ('zstd', ZSTD)])
def test_compression(sent, registry, fresh, tmp_path_factory, compression, media_type):
    sent(FILE, '-o', f'type=registry,compression={compression},compression-level=9', name=sent.name)
    manifest = json.loads(registry.manifest('sent', '1'))
    layer = manifest['layers'][0]
    assert layer['mediaType'] == media_type
    data = registry.request('GET', f"/v2/sent/blobs/{layer['digest']}")[1]
    assert data.startswith(MAGIC[media_type]) and len(data) < 50000
    # Others read it, and what comes out is the same.
    fresh('pull', sent.name)
    assert fresh.json('image', 'inspect', sent.name)[0]['Id'] == sent.isola.json('image', 'inspect', sent.name)[0]['Id']
    to = tmp_path_factory.mktemp('out')
    sent(FILE, '-o', f'type=oci,dest={to / "a.tar"},compression={compression}', name=sent.name)
    sent(FILE, '-o', f'type=oci,dest={to / "b.tar"},compression={compression}', name=sent.name)
    assert (to / 'a.tar').read_bytes() == (to / 'b.tar').read_bytes()
    with tarfile.open(to / 'a.tar') as tar:
        assert any(tar.extractfile(member).read(4).startswith(MAGIC[media_type]) for member in tar.getmembers()
                   if member.isfile() and member.name.startswith('blobs/'))


def test_an_index_is_pushed(sent, registry):
    done = sent('FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\nCOPY f /f\n', '--platform', 'linux/amd64,linux/arm64', '--push', name=sent.name)
    there = registry.manifest('sent', '1')
    assert [entry['platform']['architecture'] for entry in json.loads(there)['manifests']] == ['amd64', 'arm64']
    assert f'digest: {digest_of(there)}' in done.stdout


@pytest.mark.parametrize('options,words', [
    (['-o', 'type=image,pushh=true'], "--output has no key 'pushh'; did you mean 'push'?"),
    (['-o', 'type=image,push=perhaps'], '--output push=perhaps is neither true nor false'),
    (['-o', 'type=registri'], "--output has no type 'registri'; did you mean 'registry'?"),
    (['-o', 'type=oci,dest=x,compression=gzp'], "compression=gzp; did you mean 'gzip'?"),
    (['-o', 'type=oci,dest=x,compression=estargz'], 'compression=estargz is not supported'),
    (['-o', 'type=oci,dest=x,compression=gzip,compression-level=20'], 'compression-level=20 is no level of it'),
    (['-o', 'type=image,compression=gzip'], 'is for what is pushed and for archives of images'),
    (['-o', 'type=registry,force-compression=true'], 'layers that were pulled stay as they came'),
    (['-o', 'type=registry,oci-mediatypes=false'], "isola writes OCI's media types alone"),
    (['--sbom', 'true'], '--sbom: isola makes no attestations'),
    (['--provenance', 'mode=max'], '--provenance: isola makes no attestations'),
    (['--attest', 'type=sbom'], '--attest: isola makes no attestations'),
])
def test_words(build, options, words):
    build.write('Dockerfile', 'FROM scratch\nLABEL a=1\n')
    assert words in build.isola('build', '-t', 'localhost:1/x', *options, build.directory, code=1).stderr


def test_words_that_change_nothing(build):
    build('FROM scratch\nLABEL a=1\n', '--load', '--provenance=false', '--sbom=false', '--attest', 'type=provenance,disabled=true',
          '-o', 'type=image,oci-mediatypes=true,rewrite-timestamp=true,unpack=true')
