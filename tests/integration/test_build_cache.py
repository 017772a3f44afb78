# SPDX-License-Identifier: GPL-2.0-or-later
"""Build caches in registries and in images: --cache-to and --cache-from."""
import json

import pytest
from dockerfiles import Builder, build, fresh_build  # noqa: F401
from registry_host import digest_of, registry  # noqa: F401

FILE = ('FROM busybox AS tools\nRUN --network=none cat /proc/sys/kernel/random/uuid > /tool\n'
        'FROM busybox AS base\nRUN --network=none cat /proc/sys/kernel/random/uuid > /when\nRUN --network=none true\n'
        'FROM base\nCOPY --from=tools /tool /tool\nCOPY f /f\n')


@pytest.fixture
def two(build, fresh, rootfs_tar):
    """A store with the image busybox, and another one on another machine with the same image."""
    build.isola('image', 'import', rootfs_tar, 'busybox', env={'SOURCE_DATE_EPOCH': '1000'})
    fresh('image', 'import', rootfs_tar, 'busybox', env={'SOURCE_DATE_EPOCH': '1000'})
    build.write('f', 'text')
    yield build, Builder(fresh, build.directory)


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


def cached(done):
    return done.stdout.count('Using cache')


@pytest.mark.parametrize('mode,found', [('max', 5), ('min', 4)])
def test_in_a_registry(two, registry, mode, found):
    here, there = two
    ref = f'{registry.host}/cache:{mode}'
    done = here(FILE, '--no-cache', '--cache-to', f'type=registry,ref={ref},mode={mode}')
    assert f'Exporting the cache to {ref}' in done.stdout
    manifest = json.loads(here.isola.out('manifest', 'inspect', ref))
    assert manifest['artifactType'] == 'application/vnd.isola.buildcache.v1'
    # The tool's stage is no part of what mode=min holds; its layer is found by nobody.
    done = there(FILE, '--cache-from', f'type=registry,ref={ref}')
    assert cached(done) == (found if mode == 'max' else 2), done.stdout + done.stderr
    assert see(there, 'cat /when') == see(here, 'cat /when')
    assert (see(there, 'cat /tool') == see(here, 'cat /tool')) == (mode == 'max')
    assert see(there, 'cat /f') == 'text'


def test_in_the_image(two, registry):
    here, there = two
    name = f'{registry.host}/inline:1'
    file = 'FROM busybox\nRUN --network=none cat /proc/sys/kernel/random/uuid > /when\nRUN --network=none true\nCOPY f /f\n'
    here(file, '--no-cache', '--cache-to', 'type=inline', name=name)
    here.isola('push', name)
    done = there(file, '--cache-from', name)
    assert cached(done) == 3, done.stdout + done.stderr
    assert see(there, 'cat /when') == see(here, 'cat /when')
    # A change of the file finds what comes before.
    there.write('f', 'other')
    there.isola('builder', 'prune', '-a', '-f')
    assert cached(there(file, '--cache-from', name)) == 2
    assert see(there, 'cat /f') == 'other'


def test_what_was_pulled_is_no_cache(two, registry):
    """CVE-2024-24557: only what --cache-from names is one."""
    here, there = two
    name = f'{registry.host}/pulled:1'
    file = 'FROM busybox\nRUN --network=none cat /proc/sys/kernel/random/uuid > /when\n'
    here(file, '--no-cache', '--cache-to', 'type=inline', name=name)
    here.isola('push', name)
    there.isola('pull', name)
    assert cached(there(file)) == 0


def test_of_several_platforms(two, registry):
    here, there = two
    name = f'{registry.host}/many:1'
    file = ('FROM --platform=$BUILDPLATFORM busybox AS tools\nARG TARGETARCH\nRUN --network=none echo $(cat /proc/sys/kernel/random/uuid)-$TARGETARCH > /made\n'
            'FROM scratch\nCOPY --from=tools /made /made\n')
    platforms = ('--platform', 'linux/amd64,linux/arm64')
    here(file, *platforms, '--no-cache', '--cache-to', f'type=registry,ref={name},mode=max')
    done = there(file, *platforms, '--cache-from', name)
    assert cached(done) == 4, done.stdout + done.stderr
    # Each image of an index carries its own.
    file = 'FROM --platform=$BUILDPLATFORM busybox\nARG TARGETARCH\nRUN --network=none echo $(cat /proc/sys/kernel/random/uuid)-$TARGETARCH > /made\n'
    here(file, *platforms, '--no-cache', '--cache-to', 'type=inline', name=f'{registry.host}/inlined:1')
    here.isola('push', here.name)
    assert cached(there(file, *platforms, '--cache-from', here.name)) == 2


def test_a_layer_that_is_not_what_the_list_says(two, registry):
    """The list names another layer's diff id: what came is not taken, the step is done."""
    here, there = two
    ref = f'{registry.host}/false:1'
    file = 'FROM busybox\nRUN --network=none echo one > /one\nRUN --network=none echo two > /two\n'
    here(file, '--no-cache', '--cache-to', ref)
    manifest = json.loads(here.isola.out('manifest', 'inspect', ref))
    listed = json.loads(registry.request('GET', f"/v2/false/blobs/{manifest['config']['digest']}")[1])
    listed['steps'][0]['diffId'], listed['steps'][1]['diffId'] = listed['steps'][1]['diffId'], listed['steps'][0]['diffId']
    text = json.dumps(listed).encode()
    registry.put_blob('false', text)
    manifest['config'].update(digest=digest_of(text), size=len(text))
    registry.put_manifest('false', '1', json.dumps(manifest).encode(), manifest['mediaType'])
    done = there(file, '--cache-from', ref)
    assert cached(done) == 0 and 'is damaged; it is carried out' in done.stderr, done.stderr
    assert see(there, 'cat /one /two') == 'one\ntwo'
    listed['steps'][0]['layer'] = 99
    text = json.dumps(listed).encode()
    registry.put_blob('false', text)
    manifest['config'].update(digest=digest_of(text), size=len(text))
    registry.put_manifest('false', '1', json.dumps(manifest).encode(), manifest['mediaType'])
    assert 'step 0 of the build cache is damaged' in there(file, '--cache-from', ref).stderr


def test_what_is_not_there(two, registry):
    here, _ = two
    file = 'FROM busybox\nRUN --network=none true\n'
    done = here(file, '--cache-from', f'{registry.host}/nothing:1')
    assert f"cannot use the cache '{registry.host}/nothing:1'" in done.stderr and 'goes on without it' in done.stderr
    here(file, name=f'{registry.host}/plain:1')
    here.isola('push', here.name)
    assert 'carries no cache that isola made' in here(file, '--cache-from', f'{registry.host}/plain:1').stderr
    said = here.isola('build', '--cache-to', 'type=registry,ref=localhost:1/x', here.directory, code=1).stderr
    assert "cannot export the cache to 'localhost:1/x'" in said
    assert "cannot export the cache to" in here.isola('build', '--cache-to', 'type=registry,ref=localhost:1/x,ignore-error=true', here.directory).stderr


@pytest.mark.parametrize('options,words', [
    (['--cache-to', 'type=registri,ref=x'], "--cache-to has no type 'registri'; did you mean 'registry'?"),
    (['--cache-to', 'type=registry,reff=x'], "--cache-to has no key 'reff'; did you mean 'ref'?"),
    (['--cache-to', 'type=registry'], 'needs a name: ref=NAME'),
    (['--cache-to', 'type=registry,ref=x,mode=mox'], 'mode=mox is neither min nor max'),
    (['--cache-to', 'type=s3,bucket=x'], 'type=s3 is not supported'),
    (['--cache-from', 'type=inline'], 'name the image that carries the cache'),
    (['--cache-from', 'type=local'], '--cache-from type=local needs a directory: src=DIR'),
    (['--cache-from', 'type=registry,ref=UPPER'], '--cache-from'),
    (['--cache-to', 'type=registry,ref=x,oci-mediatypes=false'], 'oci-mediatypes=false is not supported'),
])
def test_words(build, options, words):
    build.write('Dockerfile', 'FROM scratch\nLABEL a=1\n')
    assert words in build.isola('build', *options, build.directory, code=1).stderr
