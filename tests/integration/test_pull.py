# SPDX-License-Identifier: GPL-2.0-or-later
"""isola pull from a real registry: what arrives is what was there, byte for byte."""
import json
import os
import pathlib
import subprocess

import pytest
from registry_host import (INDEX, Image, Proxy, digest_of, make_index, make_tar, proxy, registry)  # noqa: F401


def blobs(isola):
    return pathlib.Path(isola.root) / 'image-store/blobs/sha256'


def nothing_unfinished(isola):
    layers = pathlib.Path(isola.root) / 'layers'
    assert not [path for path in layers.glob('.draft-*')] if layers.exists() else True
    ingest = pathlib.Path(isola.root) / 'ingest'
    assert not ingest.exists() or not list(ingest.iterdir())


def test_pull_and_run(fresh, registry):
    image = Image().push(registry, 'team/app', 'v1')
    name = f'{registry.host}/team/app:v1'
    out = fresh.out('pull', name).splitlines()
    assert out[0] == 'v1: Pulling from team/app'
    assert out[-3:] == [f'Digest: {image.digest}', f'Status: Downloaded newer image for {name}', name]
    assert fresh.out('run', '--rm', name, 'echo', 'hello') == 'hello'
    document = fresh.json('image', 'inspect', name)[0]
    assert document['Id'] == image.id
    assert document['RepoTags'] == [name]
    assert document['RepoDigests'] == [f'{registry.host}/team/app@{image.digest}']
    nothing_unfinished(fresh)


def test_bytes_are_kept_as_they_came(fresh, registry):
    image = Image().push(registry, 'team/bytes', 'v1')
    fresh('pull', '-q', f'{registry.host}/team/bytes:v1')
    for data in (image.manifest, image.config, *image.layers):
        assert (blobs(fresh) / digest_of(data)[7:]).read_bytes() == data


def test_again_transfers_nothing(fresh, registry, proxy):
    Image().push(registry, 'team/again', 'v1')
    name = f'{proxy.host}/team/again:v1'
    fresh('pull', name)
    proxy.seen.clear()
    out = fresh.out('pull', name)
    assert 'Already exists' in out and f'Status: Image is up to date for {name}' in out
    assert not [path for path in proxy.asked('GET', '/blobs/') if Image().layers and path.endswith(digest_of(Image().layers[0]))]


def test_quiet_prints_the_name_alone(fresh, registry):
    Image().push(registry, 'team/quiet', 'v1')
    assert fresh.out('pull', '-q', f'{registry.host}/team/quiet:v1') == f'{registry.host}/team/quiet:v1'


@pytest.mark.parametrize('how', ['gzip', 'zstd', 'plain'])
def test_compressions(fresh, registry, how):
    image = Image(Image().tars[0], make_tar({'etc/how': how.encode()}), how=how).push(registry, f'team/{how}', 'v1')
    fresh('pull', f'{registry.host}/team/{how}:v1')
    assert fresh.out('run', '--rm', f'{registry.host}/team/{how}:v1', 'cat', '/etc/how') == how
    assert fresh.json('image', 'inspect', f'{registry.host}/team/{how}:v1')[0]['Id'] == image.id


def test_dockers_own_media_types(fresh, registry):
    image = Image(docker=True).push(registry, 'team/docker', 'v1')
    fresh('pull', f'{registry.host}/team/docker:v1')
    assert fresh.json('image', 'inspect', f'{registry.host}/team/docker:v1')[0]['Id'] == image.id


def test_whiteouts_hide(fresh, registry):
    Image(Image().tars[0], make_tar({'etc/.wh.passwd': b'', 'etc/group': b'g\n'})).push(registry, 'team/white', 'v1')
    fresh('pull', f'{registry.host}/team/white:v1')
    assert fresh.out('run', '--rm', f'{registry.host}/team/white:v1', 'ls', '/etc').split() == \
        ['group', 'hostname', 'hosts', 'resolv.conf']


def test_the_same_layer_twice(fresh, registry):
    empty = make_tar({})
    Image(Image().tars[0], empty, make_tar({'etc/a': b'a'}), empty).push(registry, 'team/twice', 'v1')
    fresh('pull', f'{registry.host}/team/twice:v1')
    assert fresh.out('run', '--rm', f'{registry.host}/team/twice:v1', 'cat', '/etc/a') == 'a'
    nothing_unfinished(fresh)


def test_by_digest(fresh, registry):
    image = Image().push(registry, 'team/digest', 'v1')
    name = f'{registry.host}/team/digest@{image.digest}'
    assert fresh.out('pull', '-q', name) == name
    assert fresh.out('run', '--rm', name, 'echo', 'x') == 'x'
    assert fresh.json('image', 'inspect', name)[0]['RepoTags'] == []


def test_index_gives_this_machines(fresh, registry):
    here, there = Image(), Image(platform=('linux', 'arm64', 'v8'))
    here.push(registry, 'team/multi')
    there.push(registry, 'team/multi')
    index = make_index([there, here])
    registry.put_manifest('team/multi', 'v1', index, INDEX)
    name = f'{registry.host}/team/multi'
    assert f'Digest: {digest_of(index)}' in fresh.out('pull', f'{name}:v1')
    document = fresh.json('image', 'inspect', f'{name}:v1')[0]
    wanted = here if os.uname().machine == 'x86_64' else there
    assert document['Id'] == wanted.id
    assert document['RepoDigests'] == [f'{name}@{digest_of(index)}']
    assert fresh.out('run', '--rm', f'{name}@{digest_of(index)}', 'echo', 'x') == 'x'


def test_platform(fresh, registry):
    images = [Image(platform=('linux', 'arm', variant)) for variant in ('v5', 'v7')] + [Image()]
    for image in images:
        image.push(registry, 'team/plat')
    registry.put_manifest('team/plat', 'v1', make_index(images), INDEX)
    name = f'{registry.host}/team/plat:v1'
    for wanted, image in {'linux/arm/v7': images[1], 'linux/arm/v6': images[0], 'amd64': images[2]}.items():
        fresh('pull', '--platform', wanted, name)
        assert fresh.json('image', 'inspect', name)[0]['Id'] == image.id, wanted
    said = fresh('pull', '--platform', 'linux/s390x', name, code=1).stderr
    assert "there is no 'localhost" in said and 'for linux/s390x' in said
    assert 'hint: there is one for linux/arm/v5, linux/arm/v7, linux/amd64' in said
    assert "'windows//' is no platform" in fresh('pull', '--platform', 'windows//', name, code=1).stderr


def test_all_platforms(fresh, registry):
    images = [Image(platform=('linux', 'arm', 'v7')), Image()]
    for image in images:
        image.push(registry, 'team/all')
    index = make_index(images)
    registry.put_manifest('team/all', 'v1', index, INDEX)
    fresh('pull', '--all-platforms', f'{registry.host}/team/all:v1')
    for data in (index, *[part for image in images for part in (image.manifest, image.config, *image.layers)]):
        assert (blobs(fresh) / digest_of(data)[7:]).read_bytes() == data


@pytest.mark.parametrize('name, words', [
    ('team/app:nothing', ["manifest for 'team/app:nothing': not found in the registry", 'manifest unknown']),
    ('nobody/nothing:v1', ["manifest for 'nobody/nothing:v1': not found in the registry"]),
])
def test_what_is_not_there(fresh, registry, name, words):
    Image().push(registry, 'team/app', 'v1')
    said = fresh('pull', f'{registry.host}/{name}', code=1).stderr
    assert said.startswith(f"isola: cannot pull '{registry.host}/{name}': ")
    for word in words:
        assert word in said


def test_nobody_listens(fresh):
    said = fresh('pull', 'localhost:1/team/app', code=1).stderr
    assert "cannot ask the registry 'localhost:1'" in said and "connect" in said


def test_a_name_that_moves(fresh, registry):
    one, two = Image(), Image(Image().tars[0], make_tar({'etc/two': b'2'}))
    one.push(registry, 'team/moves', 'latest')
    name = f'{registry.host}/team/moves'
    assert 'Using default tag: latest' in fresh.out('pull', name)
    two.push(registry, 'team/moves', 'latest')
    assert 'Downloaded newer image' in fresh.out('pull', name)
    assert fresh.json('image', 'inspect', name)[0]['Id'] == two.id
    assert fresh.json('image', 'inspect', one.id)[0]['RepoTags'] == []
    fresh('rmi', one.id)
    assert fresh.out('run', '--rm', name, 'cat', '/etc/two') == '2'
    fresh('rmi', name)
    assert list(blobs(fresh).iterdir()) == []
    assert [path.name for path in (pathlib.Path(fresh.root) / 'layers').iterdir()] == []


def test_other_tools_read_the_store(fresh, registry):
    """The image layout holds all that was pulled: skopeo copies it whole."""
    image = Image().push(registry, 'team/layout', 'v1')
    name = f'{registry.host}/team/layout:v1'
    fresh('pull', name)
    said = subprocess.run(['skopeo', 'inspect', '--raw', f'oci:{fresh.root}/image-store:{name}'], stdout=subprocess.PIPE,
                          check=True).stdout
    assert said == image.manifest


def test_an_artifact_is_no_image(fresh, registry):
    config = b'{}'
    registry.put_blob('team/chart', config)
    manifest = {'schemaVersion': 2, 'mediaType': Image().types[0], 'layers': [],
                'config': {'mediaType': 'application/vnd.cncf.helm.config.v1+json', 'digest': digest_of(config), 'size': 2}}
    registry.put_manifest('team/chart', 'v1', json.dumps(manifest).encode(), Image().types[0])
    said = fresh('pull', f'{registry.host}/team/chart:v1', code=1).stderr
    assert "is no image but an artifact of the type 'application/vnd.cncf.helm.config.v1+json'" in said


def test_run_pulls_what_is_missing(fresh, registry):
    one, two = Image(), Image(Image().tars[0], make_tar({'etc/two': b'2'}))
    one.push(registry, 'team/run', 'v1')
    name = f'{registry.host}/team/run:v1'
    assert f"there is no image '{name}'" in fresh('run', '--pull', 'never', name, code=125).stderr
    done = fresh('run', '--rm', name, 'echo', 'hi')
    assert done.stdout == 'hi\n'
    assert done.stderr.startswith(f"Unable to find image '{name}' locally\nv1: Pulling from team/run\n")
    two.push(registry, 'team/run', 'v1')
    assert fresh('run', '--rm', name, 'ls', '/etc/two', code=None).stderr != ''
    fresh('run', '--rm', '--pull', 'always', name, 'cat', '/etc/two')
    fresh('rmi', name)
    container = fresh('create', '-q', name, 'true')
    assert container.stderr == ''
    fresh('rm', container.stdout.strip())


def test_build_pulls_its_base(fresh, registry, tmp_path):
    Image().push(registry, 'team/base', 'v1')
    (tmp_path / 'Dockerfile').write_text(f'FROM {registry.host}/team/base:v1\nRUN echo x > /etc/x\n')
    fresh('build', '-t', 'mine', tmp_path)
    assert fresh.out('run', '--rm', 'mine', 'cat', '/etc/x') == 'x'
