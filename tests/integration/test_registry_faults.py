# SPDX-License-Identifier: GPL-2.0-or-later
"""Registries that misbehave, networks that break, and pulls that are killed.

A proxy before a real registry does what a rule says.  Whatever happens, the next pull succeeds, and nothing that was
not right is ever taken for it.
"""
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest
from conftest import wait_until
from registry_host import (INDEX, MANIFEST, Image, Proxy, descriptor, digest_of, make_index, make_tar, proxy,  # noqa: F401
                           registry)

BIG = random.Random(1).randbytes(3 << 20)


@pytest.fixture(scope='module')
def image(registry):
    return Image(Image().tars[0], make_tar({'etc/big': BIG}), how='plain').push(registry, 'faulty/app', 'v1')


@pytest.fixture
def impatient(fresh, tmp_path):
    """Does not wait long for what will not come."""
    (tmp_path / 'conf').write_text('[registries]\nretries = 2\ntimeout = 2s\n')
    fresh.environment['ISOLA_CONFIG'] = str(tmp_path / 'conf')
    return fresh


def big_blob(image):
    return digest_of(image.layers[1])


def is_whole(isola, name):
    out = isola('run', '--rm', '--pull', 'never', name, 'cat', '/etc/big', text=False).stdout
    assert hashlib.sha256(out).digest() == hashlib.sha256(BIG).digest()


def nothing_taken(isola):
    """No image, no unfinished layer, no blob that a wrong answer brought."""
    assert isola.out('images', '-q') == ''
    assert not list(pathlib.Path(isola.root).glob('layers/.draft-*'))
    for blob in pathlib.Path(isola.root).glob('image-store/blobs/sha256/*'):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name


def cut_after(count, digest):
    """The first answer with that blob ends after so many bytes."""
    state = {'done': False}

    def rule(request):
        if request.command != 'GET' or digest not in request.path or state['done']:
            return False
        state['done'] = True
        answer, data = request.fetch()
        request.answer(200, data[:count], answer.headers, length=len(data))
        request.reset()
        return True
    return rule


@pytest.mark.parametrize('count', [0, 1, 1000, 1 << 20, (3 << 20) - 1])
def test_reset_at_byte(fresh, image, proxy, count):
    proxy.rules.append(cut_after(count, big_blob(image)))
    name = f'{proxy.host}/faulty/app:v1'
    fresh('pull', name)
    is_whole(fresh, name)
    ranges = [headers.get('Range') for method, path, headers in proxy.seen if big_blob(image) in path and method == 'GET']
    assert len(ranges) == 2
    # What had arrived is not asked for again; a reset may take some of it away.
    assert count < 1 << 20 or int(ranges[1].split('=')[1].rstrip('-')) > 0


def test_resumed_by_the_next_command(impatient, image, proxy):
    """The beginning is kept when the command gives up."""
    def always(request):
        if request.command == 'GET' and big_blob(image) in request.path:
            answer, data = request.fetch()
            request.answer(200 if answer.status == 200 else 206, data[:1 << 20], answer.headers, length=len(data))
            request.reset()
            return True
        return False
    name = f'{proxy.host}/faulty/app:v1'
    proxy.rules.append(lambda request: 'Range' not in request.headers and always(request) or
                       ('Range' in request.headers and request.answer(503) is None))
    said = impatient('pull', name, code=1).stderr
    assert 'cannot ask the registry' in said
    part = pathlib.Path(impatient.root) / f'ingest/{big_blob(image)[7:]}.part'
    have = part.stat().st_size
    assert 0 < have <= 1 << 20
    proxy.rules.clear()
    proxy.seen.clear()
    impatient('pull', name)
    assert [headers['Range'] for _, path, headers in proxy.seen if big_blob(image) in path] == [f'bytes={have}-']
    is_whole(impatient, name)
    assert not part.exists()


def test_server_without_ranges(fresh, image, proxy):
    """It begins anew, and what is there already is passed over."""
    first = cut_after(1 << 20, big_blob(image))

    def ignores(request):
        if request.command == 'GET' and big_blob(image) in request.path and 'Range' in request.headers:
            del request.headers['Range']
        return False
    proxy.rules += [first, ignores]
    fresh('pull', f'{proxy.host}/faulty/app:v1')
    is_whole(fresh, f'{proxy.host}/faulty/app:v1')


def test_range_that_begins_elsewhere(impatient, image, proxy):
    def wrong(request):
        if request.command == 'GET' and big_blob(image) in request.path and 'Range' in request.headers:
            answer, data = request.fetch()
            headers = dict(answer.headers)
            start = int(request.headers['Range'].split('=')[1].rstrip('-'))
            headers['Content-Range'] = f'bytes {start + 7}-{len(BIG)}/{len(BIG)}'
            request.answer(206, data[7:], headers)
            return True
        return False
    proxy.rules += [wrong, cut_after(1 << 20, big_blob(image))]
    impatient('pull', f'{proxy.host}/faulty/app:v1', code=1)
    nothing_taken(impatient)
    proxy.rules.clear()
    impatient('pull', f'{proxy.host}/faulty/app:v1')
    is_whole(impatient, f'{proxy.host}/faulty/app:v1')


def test_stall(impatient, image, proxy):
    """A connection on which nothing comes any more is given up and made anew."""
    state = {'done': False}

    def stall(request):
        if request.command == 'GET' and big_blob(image) in request.path and not state['done']:
            state['done'] = True
            answer, data = request.fetch()
            request.answer(200, data[:1 << 20], answer.headers, length=len(data))
            request.wfile.flush()
            time.sleep(20)
            return True
        return False
    proxy.rules.append(stall)
    impatient('pull', f'{proxy.host}/faulty/app:v1')
    is_whole(impatient, f'{proxy.host}/faulty/app:v1')


@pytest.mark.parametrize('status', [429, 500, 502, 503, 504, 408])
def test_statuses_that_pass(fresh, image, proxy, status):
    counts = {}

    def twice(request):
        counts[request.path] = counts.get(request.path, 0) + 1
        if counts[request.path] <= 1 and '/v2/faulty' in request.path:
            request.answer(status, b'', {'Retry-After': '1'})
            return True
        return False
    proxy.rules.append(twice)
    fresh('pull', f'{proxy.host}/faulty/app:v1')


def test_too_many_requests_for_good(impatient, image, proxy):
    body = json.dumps({'errors': [{'code': 'TOOMANYREQUESTS', 'message': 'You have reached your pull rate limit.'}]}).encode()
    proxy.rules.append(lambda request: 'manifests' in request.path and (request.answer(429, body, {'Retry-After': '1'}) or True))
    said = impatient('pull', f'{proxy.host}/faulty/app:v1', code=1).stderr
    assert 'has had too many requests: You have reached your pull rate limit.' in said and 'isola login' in said


@pytest.mark.parametrize('change', ['other bytes', 'longer', 'shorter'])
def test_wrong_bytes(impatient, image, proxy, change):
    changes = {'other bytes': lambda data: data[:1000] + b'X' + data[1001:], 'longer': lambda data: data + b'more',
               'shorter': lambda data: data[:-512]}

    def rule(request):
        if request.command == 'GET' and big_blob(image) in request.path:
            request.hand_on(changes[change])
            return True
        return False
    proxy.rules.append(rule)
    said = impatient('pull', f'{proxy.host}/faulty/app:v1', code=1).stderr
    assert {'other bytes': f'not {big_blob(image)}', 'longer': 'is longer than', 'shorter': 'the connection ended after'}[change] in said
    nothing_taken(impatient) if change != 'shorter' else None
    proxy.rules.clear()
    impatient('pull', f'{proxy.host}/faulty/app:v1')
    is_whole(impatient, f'{proxy.host}/faulty/app:v1')


@pytest.mark.parametrize('part', ['manifests', 'config'])
def test_wrong_document(impatient, image, proxy, part):
    where = {'manifests': f'/manifests/{image.digest}', 'config': image.id}[part]

    def rule(request):
        if request.command == 'GET' and where in request.path:
            request.hand_on(lambda data: data + b' ')
            return True
        return False
    proxy.rules.append(rule)
    said = impatient('pull', f'{proxy.host}/faulty/app@{image.digest}', code=1).stderr
    assert 'came is' in said or 'bytes, not' in said
    nothing_taken(impatient)


def test_redirect_loop(impatient, image, proxy):
    proxy.rules.append(lambda request: big_blob(image) in request.path and
                       (request.answer(307, b'', {'Location': request.path}) or True))
    said = impatient('pull', f'{proxy.host}/faulty/app:v1', code=1).stderr
    assert 'redirects' in said.lower()


def test_redirect_gets_no_credentials(fresh, image, proxy, registry):
    """Blobs are often at a storage service, which is nobody's business to tell the password."""
    other = Proxy(registry)
    try:
        proxy.rules.append(lambda request: '/blobs/sha256' in request.path and
                           (request.answer(307, b'', {'Location': f'http://127.0.0.1:{other.port}{request.path}'}) or True))
        proxy.rules.append(lambda request: 'Authorization' not in request.headers and
                           (request.answer(401, b'', {'WWW-Authenticate': 'Basic realm="x"'}) or True))
        proxy.rules.reverse()
        fresh('pull', '--creds', 'anna:secret', f'{proxy.host}/faulty/app:v1')
        assert other.seen and not [1 for _, _, headers in other.seen if 'Authorization' in headers]
        assert any('Authorization' in headers for _, _, headers in proxy.seen)
    finally:
        other.stop()


def test_bearer_token(fresh, image, proxy):
    """The dance of Docker's token server: challenge, token, and a token that ends on the way."""
    asked = []

    def rule(request):
        if request.path.startswith('/token'):
            asked.append((request.path, request.headers.get('Authorization')))
            request.answer(200, json.dumps({'token': f't{len(asked)}', 'expires_in': 300}).encode())
            return True
        if request.path.startswith('/v2/') and request.headers.get('Authorization') not in accepted:
            request.answer(401, b'', {'WWW-Authenticate': f'Bearer realm="http://{proxy.host}/token",service="tests, inc",'
                                                          f'scope="repository:faulty/app:pull"'})
            return True
        return False
    accepted = {'Bearer t1'}
    proxy.rules.append(rule)
    fresh('pull', '--creds', 'anna:secret', f'{proxy.host}/faulty/app:v1')
    assert len(asked) == 1
    path, authorization = asked[0]
    assert 'service=tests%2C%20inc' in path and 'scope=repository%3Afaulty%2Fapp%3Apull' in path and 'account=anna' in path
    assert authorization.startswith('Basic ')
    fresh('rmi', f'{proxy.host}/faulty/app:v1')
    asked.clear()
    accepted.clear()
    # The first token is refused from the second request on.
    counter = {'n': 0}

    class Once:
        def __contains__(self, value):
            counter['n'] += value == 'Bearer t1'
            return value == 'Bearer t1' and counter['n'] <= 2 or value not in (None, 'Bearer t1')
    accepted = Once()
    fresh('pull', f'{proxy.host}/faulty/app:v1')
    assert len(asked) >= 2 and asked[0][1] is None


def test_challenge_at_the_greeting_alone(fresh, image, proxy):
    def rule(request):
        if request.path.startswith('/token'):
            request.answer(200, json.dumps({'token': 'ok'}).encode())
        elif request.path == '/v2/':
            request.answer(401, b'', {'WWW-Authenticate': f'Bearer realm="http://{proxy.host}/token",service="s"'})
        elif request.headers.get('Authorization') != 'Bearer ok':
            request.answer(401)
        else:
            return False
        return True
    proxy.rules.append(rule)
    fresh('pull', f'{proxy.host}/faulty/app:v1')


def test_identity_token(fresh, image, proxy, tmp_path):
    asked = []

    def rule(request):
        if request.path.startswith('/token'):
            asked.append((request.command, request.body))
            request.answer(200, json.dumps({'access_token': 'ok'}).encode())
            return True
        if request.path.startswith('/v2/') and request.headers.get('Authorization') != 'Bearer ok':
            request.answer(401, b'', {'WWW-Authenticate': f'bearer realm="http://{proxy.host}/token",service="s"'})
            return True
        return False
    proxy.rules.append(rule)
    (tmp_path / 'auth.json').write_text(json.dumps({'auths': {proxy.host: {'identitytoken': 'id&tok'}}}))
    fresh('pull', '--authfile', tmp_path / 'auth.json', f'{proxy.host}/faulty/app:v1')
    assert asked[0][0] == 'POST' and b'grant_type=refresh_token' in asked[0][1] and b'refresh_token=id%26tok' in asked[0][1]


def test_mirror_comes_first(fresh, image, registry, proxy, tmp_path):
    other = Proxy(registry)
    try:
        (tmp_path / 'conf').write_text(f'[registry {proxy.host}]\nmirror = http://{other.host}\n')
        fresh.environment['ISOLA_CONFIG'] = str(tmp_path / 'conf')
        fresh('pull', f'{proxy.host}/faulty/app:v1')
        assert other.asked('GET', '/blobs/') and not proxy.asked('GET', '/blobs/')
        fresh('rmi', f'{proxy.host}/faulty/app:v1')
        # What it does not have, or breaks, the registry is asked for.
        other.rules.append(lambda request: '/blobs/' in request.path and (request.answer(404) or True))
        fresh('pull', f'{proxy.host}/faulty/app:v1')
        assert proxy.asked('GET', '/blobs/')
        # Nothing is pushed to it.
        other.seen.clear()
        fresh('push', f'{proxy.host}/faulty/app:v1', f'{proxy.host}/faulty/pushed:v1')
        assert not [1 for method, _, _ in other.seen if method in ('PUT', 'POST', 'PATCH')]
    finally:
        other.stop()


def test_push_survives_resets(fresh, image, registry, proxy):
    """A chunk that broke off is asked after and sent on."""
    fresh('pull', f'{registry.host}/faulty/app:v1')
    state = {'left': 1}

    def rule(request):
        if request.command == 'PATCH' and state['left']:
            state['left'] -= 1
            request.reset()
            return True
        return False
    proxy.rules.append(rule)
    fresh('push', f'{registry.host}/faulty/app:v1', f'{proxy.host}/pushed/app:v1')
    assert registry.manifest('pushed/app', 'v1') == image.manifest


# ---- hostile contents

def push_raw(registry, repository, manifest, media_type=MANIFEST, tag='v1'):
    registry.put_manifest(repository, tag, manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode(), media_type)


def served(proxy, repository, manifest, media_type=MANIFEST, blobs=()):
    """Serves what a real registry would not take."""
    data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    known = {digest_of(blob): blob for blob in blobs}

    def rule(request):
        if f'/v2/{repository}/manifests/' in request.path:
            request.answer(200, data, {'Content-Type': media_type})
            return True
        for digest, blob in known.items():
            if f'/v2/{repository}/blobs/{digest}' in request.path:
                request.answer(200, blob)
                return True
        return False
    proxy.rules.append(rule)


def hostile_manifests():
    image = Image()
    good = json.loads(image.manifest)

    def changed(**more):
        return {**good, **more}
    yield 'both', changed(manifests=[good['config']]), 'it is a manifest and an index at once'
    yield 'neither', {'schemaVersion': 2}, 'it is neither a manifest nor an index'
    yield 'schema1', {'schemaVersion': 1, 'name': 'x', 'fsLayers': []}, "Docker's first image format"
    yield 'traversal', changed(config={**good['config'], 'digest': 'sha256:../../../../etc/passwd'}), 'which isola cannot check'
    yield 'uppercase', changed(config={**good['config'], 'digest': 'sha256:' + 'A' * 64}), 'which isola cannot check'
    yield 'sha1', changed(layers=[{**good['layers'][0], 'digest': 'sha1:' + 'a' * 40}]), 'which isola cannot check'
    yield 'negative', changed(layers=[{**good['layers'][0], 'size': -1}]), 'negative size'
    yield 'type', changed(mediaType=INDEX), 'says it is'
    yield 'no json', b'<html>', 'manifest'
    yield 'duplicate', image.manifest.replace(b'"config"', b'"layers": [], "config"', 1), 'said twice'
    yield 'deep', b'[' * 100000, 'manifest'
    yield 'layers', changed(layers=good['layers'] * 501), 'layers are more than'
    yield 'unknown layer', changed(layers=[{**good['layers'][0], 'mediaType': 'application/x-evil'}]), 'unknown type'


@pytest.mark.parametrize('name, manifest, words', list(hostile_manifests()), ids=[row[0] for row in hostile_manifests()])
def test_hostile_manifest(impatient, proxy, name, manifest, words):
    image = Image()
    served(proxy, 'hostile/app', manifest, blobs=(image.config, *image.layers))
    said = impatient('pull', f'{proxy.host}/hostile/app:v1', code=1).stderr
    assert words in said, said
    nothing_taken(impatient)


def test_huge_manifest(impatient, proxy):
    served(proxy, 'hostile/huge', b' ' * (5 << 20))
    assert 'longer than' in impatient('pull', f'{proxy.host}/hostile/huge:v1', code=1).stderr


@pytest.mark.parametrize('what', ['diff id', 'count', 'type'])
def test_confused_config(impatient, proxy, what):
    image = Image(Image().tars[0], make_tar({'a': b'a'}))
    config = json.loads(image.config)
    if what == 'diff id':
        config['rootfs']['diff_ids'].reverse()
    elif what == 'count':
        config['rootfs']['diff_ids'].pop()
    else:
        config['rootfs']['type'] = 'files'
    image.config = json.dumps(config).encode()
    served(proxy, 'hostile/config', image.manifest, blobs=(image.config, *image.layers))
    said = impatient('pull', f'{proxy.host}/hostile/config:v1', code=1).stderr
    assert {'diff id': 'but the config says', 'count': 'its config speaks of 1 layers, its manifest of 2',
            'type': "unknown type 'files'"}[what] in said
    assert impatient.out('images', '-q') == ''


def test_layers_that_lead_out(impatient, proxy, tmp_path):
    victim = tmp_path / 'victim'
    victim.write_text('untouched')
    for n, files in enumerate(({'../../../victim': b'x'}, {'link': ('link', str(tmp_path)), 'link/victim': b'x'},
                               {'/etc/../../..' + str(victim): b'x'})):
        image = Image(make_tar(files))
        served(proxy, f'hostile/out{n}', image.manifest, blobs=(image.config, *image.layers))
        impatient('pull', f'{proxy.host}/hostile/out{n}:v1', code=None)
        assert victim.read_text() == 'untouched'


def test_bomb(impatient, proxy):
    """A gigabyte of nothing in a megabyte, said to be a petabyte: refused before it is written."""
    import tarfile
    entry = tarfile.TarInfo('bomb')
    entry.size = 1 << 50
    tar = entry.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)
    image = Image(tar)
    served(proxy, 'hostile/bomb', image.manifest, blobs=(image.config, *image.layers))
    said = impatient('pull', f'{proxy.host}/hostile/bomb:v1', code=1).stderr
    assert 'is more than there is room for' in said
    nothing_taken(impatient)


def test_data_behind_the_end(impatient, proxy):
    image = Image()
    image.layers = [gzip.compress(image.tars[0]) + b'something else']
    served(proxy, 'hostile/behind', image.manifest, blobs=(image.config, *image.layers))
    assert 'something else follows' in impatient('pull', f'{proxy.host}/hostile/behind:v1', code=1).stderr
    nothing_taken(impatient)


# ---- being killed, and being many

FAULTS = ['remote.started', 'blob.begun', 'ingest.whole', 'ingest.kept', 'layer.drafted', 'layer.hashed', 'layer.named',
          'layer.placed', 'pull.layers', 'pull.kept', 'image.adopted', 'image.unnamed', 'image.indexed', 'image.record']


@pytest.mark.parametrize('point', FAULTS)
def test_killed_at(fresh, image, registry, point):
    name = f'{registry.host}/faulty/app:v1'
    assert fresh('pull', name, code=None, env={'ISOLA_FAULT': point}).returncode == -signal.SIGKILL
    fresh('images')
    fresh('pull', name)
    is_whole(fresh, name)
    fresh('rmi', name)
    wait_until(lambda: not list(pathlib.Path(fresh.root).glob('layers/*')), what='removal of the layers')
    assert not list(pathlib.Path(fresh.root).glob('image-store/blobs/sha256/*'))


def test_killed_at_random_times(fresh, image, registry):
    name = f'{registry.host}/faulty/app:v1'
    for n in range(12):
        process = fresh.start('pull', name)
        time.sleep(random.Random(n).random() * 0.4)
        process.kill()
        process.communicate()
    fresh('pull', name)
    is_whole(fresh, name)
    assert not list(pathlib.Path(fresh.root).glob('layers/.draft-*'))
    assert not list(pathlib.Path(fresh.root).glob('ingest/*'))


def test_helpers_die_with_the_pull(fresh, image, proxy):
    """No process of a killed pull lives on."""
    proxy.rules.append(lambda request: big_blob(image) in request.path and (time.sleep(30) or True))
    process = fresh.start('pull', f'{proxy.host}/faulty/app:v1')

    def children():
        path = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children')
        return path.read_text().split() if path.exists() else []
    found = wait_until(lambda: len(children()) >= 2 and children(), what='start of the helpers')
    process.kill()
    process.communicate()
    wait_until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in found), what='death of the helpers')


def test_many_pulls_share_one_transfer(fresh, image, proxy):
    name = f'{proxy.host}/faulty/app:v1'
    processes = [fresh.start('pull', name) for _ in range(6)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    is_whole(fresh, name)
    assert len([1 for method, path, _ in proxy.seen if method == 'GET' and big_blob(image) in path]) == 1
    assert not list(pathlib.Path(fresh.root).glob('layers/.draft-*'))


def test_no_space(fresh, image, registry, tmp_path):
    """A full disk is an error in one sentence, and no damage."""
    small = tmp_path / 'small'
    small.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', small], check=True)
    try:
        fresh.root = str(small / 'data')
        said = fresh('pull', f'{registry.host}/faulty/app:v1', code=1).stderr
        assert 'No space left' in said or 'room for' in said
        subprocess.run(['mount', '-o', 'remount,size=64m', small], check=True)
        fresh('pull', f'{registry.host}/faulty/app:v1')
    finally:
        subprocess.run(['umount', '-l', small], check=True)
