# SPDX-License-Identifier: GPL-2.0-or-later
"""The image and distribution specifications, what isola does of them: a proxy before a real registry plays what that cannot."""
import base64
import http.server
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import urllib.parse

import pytest
from registry_host import (CONFIG, INDEX, MANIFEST, Image, Proxy, Registry, descriptor, digest_of, make_certificates,  # noqa: F401
                           make_index, make_tar, proxy, registry)

EMPTY = b'{}'
EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'


@pytest.fixture(scope='module')
def image(registry):
    return Image(Image().tars[0], make_tar({'etc/a': b'a'})).push(registry, 'dist/app', 'v1')


@pytest.fixture
def hosts(tmp_path):
    """A name for this machine that does not look like it: registry.test."""
    (tmp_path / 'hosts').write_text('127.0.0.1 localhost registry.test\n')
    subprocess.run(['mount', '--bind', tmp_path / 'hosts', '/etc/hosts'], check=True)
    yield
    subprocess.run(['umount', '/etc/hosts'], check=True)


def put(registry, repository, reference, document, media_type=MANIFEST):
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    registry.put_manifest(repository, reference, text, media_type)
    return text


def signature_for(image, registry, repository, contents=b'signed', artifact_type='application/x.signature', tag=None):
    """An artifact that refers to an image; pushed by hand, so that nobody notes it."""
    for blob in (contents, EMPTY):
        registry.put_blob(repository, blob)
    document = json.dumps({'schemaVersion': 2, 'mediaType': MANIFEST, 'artifactType': artifact_type,
                           'config': descriptor(EMPTY, EMPTY_TYPE), 'layers': [descriptor(contents, artifact_type)],
                           'subject': descriptor(image.manifest, image.types[0])}).encode()
    put(registry, repository, tag or digest_of(document), document)
    return document


# ---- what is pulled

def test_an_index_within_an_index(fresh, registry):
    """The platform is looked for in those that say none; an entry that says it comes first."""
    there, here = Image(platform=('linux', 'arm64', 'v8')), Image()
    for one in (there, here):
        one.push(registry, 'dist/nested')
    inner = [put(registry, 'dist/nested', digest_of(make_index([one])), make_index([one]), INDEX) for one in (there, here)]
    outer = json.dumps({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
        {'mediaType': 'application/x.unknown+json', 'digest': digest_of(EMPTY), 'size': 2},
        *[descriptor(index, INDEX) for index in inner]]}).encode()
    registry.put_blob('dist/nested', EMPTY)
    put_raw = outer
    registry.put_manifest('dist/nested', 'v1', put_raw, INDEX)
    name = f'{registry.host}/dist/nested:v1'
    assert f'Digest: {digest_of(outer)}' in fresh.out('pull', name)
    assert fresh.json('image', 'inspect', name)[0]['Id'] == here.id
    assert fresh.out('manifest', 'inspect', '--digest', '--platform', 'arm64', name) == there.digest
    said = fresh('pull', '--platform', 's390x', name, code=1).stderr
    assert 'for linux/s390x' in said
    assert 'isola image copy --all-platforms' in fresh('pull', '--all-platforms', name, code=1).stderr


def test_indexes_that_never_end(fresh, proxy):
    index = json.dumps({'schemaVersion': 2, 'mediaType': INDEX,
                        'manifests': [{'mediaType': INDEX, 'digest': 'sha256:' + 'a' * 64, 'size': 1}]}).encode()
    proxy.rules.append(lambda request: '/manifests/v1' in request.path and (request.answer(200, index, {'Content-Type': INDEX}) or True))
    assert 'not found' in fresh('pull', f'{proxy.host}/dist/endless:v1', code=1).stderr


def test_a_config_that_comes_with_its_manifest(fresh, registry, proxy):
    """A descriptor's data are held against its digest, and not asked for again."""
    image = Image().push(registry, 'dist/data')
    document = json.loads(image.manifest)
    document['config']['data'] = base64.b64encode(image.config).decode()
    put(registry, 'dist/data', 'v1', document)
    fresh('pull', f'{proxy.host}/dist/data:v1')
    assert not proxy.asked('GET', image.id) and fresh.json('image', 'inspect', f'{proxy.host}/dist/data:v1')[0]['Id'] == image.id
    document['config']['data'] = base64.b64encode(image.config[:-1] + b' ').decode()
    put(registry, 'dist/data', 'bad', document)
    assert 'the data of a descriptor have the digest' in fresh('pull', f'{proxy.host}/dist/data:bad', code=1).stderr


def test_an_artifact_can_be_copied_but_not_run(fresh, registry, tmp_path, image):
    signature = signature_for(image, registry, 'dist/app', tag='artifact')
    name = f'{registry.host}/dist/app:artifact'
    said = fresh('run', '--rm', name, 'true', code=125).stderr
    assert "is no image but an artifact of the type 'application/x.signature'" in said
    assert fresh.out('image', 'copy', '-q', f'docker://{name}', f'oci:{tmp_path}/l:a') == digest_of(signature)
    fresh('image', 'copy', '-q', f'oci:{tmp_path}/l:a', f'docker://{registry.host}/dist/artifacts:a')
    assert registry.manifest('dist/artifacts', 'a') == signature


@pytest.mark.parametrize('document, media_type', [
    ({'schemaVersion': 1, 'name': 'x', 'tag': 'v1', 'fsLayers': []}, 'application/vnd.docker.distribution.manifest.v1+json'),
    ({'schemaVersion': 1, 'name': 'x', 'tag': 'v1', 'fsLayers': [], 'signatures': []},
     'application/vnd.docker.distribution.manifest.v1+prettyjws')])
def test_the_first_schema_is_refused(fresh, proxy, document, media_type):
    proxy.rules.append(lambda request: '/manifests/' in request.path and (
        request.answer(200, json.dumps(document).encode(), {'Content-Type': media_type}) or True))
    assert "in Docker's first image format" in fresh('pull', f'{proxy.host}/dist/old:v1', code=1).stderr


def test_a_digest_that_cannot_be_checked_is_refused(fresh, proxy, image):
    said = fresh('pull', f'{proxy.host}/dist/app@sha512:{"0" * 128}', code=1).stderr
    assert "isola checks sha256 digests, not 'sha512'" in said and not proxy.seen


def test_a_digest_that_the_registry_says_is_not_what_came(fresh, proxy, image):
    proxy.rules.append(lambda request: '/manifests/v1' in request.path and (request.answer(
        200, image.manifest, {'Content-Type': MANIFEST, 'Docker-Content-Digest': 'sha256:' + '0' * 64}) or True))
    assert f'its digest is {image.digest}' in fresh('pull', f'{proxy.host}/dist/app:v1', code=1).stderr


def test_media_types_with_parameters(fresh, proxy, image):
    proxy.rules.append(lambda request: '/manifests/v1' in request.path and (request.answer(
        200, image.manifest, {'Content-Type': MANIFEST + '; charset=utf-8'}) or True))
    fresh('pull', f'{proxy.host}/dist/app:v1')


def test_accepts_all_kinds_of_manifests(fresh, proxy, image):
    fresh('pull', f'{proxy.host}/dist/app:v1')
    accepted = [headers['Accept'] for method, path, headers in proxy.seen if '/manifests/' in path][0]
    for media_type in (MANIFEST, INDEX, 'application/vnd.docker.distribution.manifest.v2+json',
                       'application/vnd.docker.distribution.manifest.list.v2+json'):
        assert media_type in accepted
    assert not [1 for _, path, headers in proxy.seen if '/blobs/' in path and 'Accept-Encoding' in headers]


def test_layers_that_may_not_be_distributed(fresh, registry, proxy, tmp_path):
    """Had from where their descriptors say, by https and without credentials; never pushed."""
    import http.server
    make_certificates(tmp_path)
    layer = Image(make_tar({'etc/foreign': b'f'})).layers[0]
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_response(200)
            self.send_header('Content-Length', str(len(layer)))
            self.end_headers()
            self.wfile.write(layer)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / 'server.crt', tmp_path / 'server.key')
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    image = Image(Image().tars[0], make_tar({'etc/foreign': b'f'}))
    document = json.loads(image.manifest)
    foreign = {**document['layers'][1], 'mediaType': 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
               'urls': [f'https://localhost:{server.server_port}/layer']}
    document['layers'][1] = foreign
    for blob in (image.config, image.layers[0]):
        registry.put_blob('dist/foreign', blob)
    manifest = json.dumps(document).encode()
    # A registry refuses what names strange hosts, unless told otherwise.
    proxy.rules.append(lambda request: '/manifests/v1' in request.path and request.command != 'PUT' and (request.answer(
        200, manifest, {'Content-Type': MANIFEST}) or True))
    proxy.rules.append(lambda request: 'Authorization' not in request.headers and (
        request.answer(401, b'', {'WWW-Authenticate': 'Basic realm="x"'}) or True))
    proxy.rules.reverse()
    name = f'{proxy.host}/dist/foreign:v1'
    said = fresh('pull', '--creds', 'anna:secret', name, code=1).stderr
    assert 'certificate' in said
    trust = tmp_path / 'trust'
    trust.write_text((tmp_path / 'ca.crt').read_text())
    subprocess.run(['mount', '--bind', trust, '/etc/ssl/certs/ca-certificates.crt'], check=True)
    try:
        fresh('pull', '--creds', 'anna:secret', name)
    finally:
        subprocess.run(['umount', '/etc/ssl/certs/ca-certificates.crt'], check=True)
        server.shutdown()
    assert seen and not [1 for headers in seen if 'Authorization' in headers]
    assert fresh.out('run', '--rm', name, 'cat', '/etc/foreign') == 'f'
    proxy.rules.clear()
    proxy.seen.clear()
    fresh('push', name, f'{proxy.host}/dist/pushed:v1', code=None)
    assert not [path for method, path, _ in proxy.seen if digest_of(layer) in path]
    foreign['urls'] = ['http://localhost:1/layer']
    manifest = json.dumps(document).encode()
    proxy.rules.append(lambda request: '/manifests/v2' in request.path and (request.answer(200, manifest, {'Content-Type': MANIFEST}) or True))
    fresh('rmi', name)
    assert 'is no https URL' in fresh('pull', f'{proxy.host}/dist/foreign:v2', code=1).stderr


def test_warnings_are_shown_once(fresh, proxy, image):
    def warns(request):
        if '/v2/dist' not in request.path:
            return False
        answer, data = request.fetch()
        request.answer(answer.status, data, {**dict(answer.headers), 'Warning': '299 - "this image is \\"old\\"\x1b[1m"'})
        return True
    proxy.rules.append(warns)
    said = fresh('pull', f'{proxy.host}/dist/app:v1').stderr
    assert said == f"isola: warning: the registry '{proxy.host}' says: this image is \"old\"?[1m\n"


@pytest.mark.parametrize('status, code, words', [
    (401, 'UNAUTHORIZED', ['denies access: no such right', 'isola login']),
    (403, 'DENIED', ['denies access: no such right']),
    (404, 'NAME_UNKNOWN', ['not found in the registry', 'no such right']),
    (405, 'UNSUPPORTED', ['does not do that: no such right']),
    (400, 'NAME_INVALID', ['answered with status 400: no such right'])])
def test_errors_in_words(fresh, proxy, status, code, words):
    body = json.dumps({'errors': [{'code': code, 'message': 'no such right', 'detail': {'x': 1}}]}).encode()
    proxy.rules.append(lambda request: '/manifests/' in request.path and (request.answer(status, body) or True))
    said = fresh('pull', f'{proxy.host}/dist/app:v1', code=1).stderr
    for word in words:
        assert word in said
    assert len(said.splitlines()) <= 2


# ---- who we are

def challenge_with(proxy, *challenges):
    return lambda request: request.path.startswith('/v2/') and 'Authorization' not in request.headers and (
        request.answer(401, b'', {'WWW-Authenticate': ', '.join(challenges)}) or True)


def test_several_challenges_in_one_header(fresh, proxy, image):
    """Those that are not spoken are passed over."""
    asked = []

    def rule(request):
        if request.path.startswith('/token'):
            asked.append(request.path)
            request.answer(200, b'{"access_token": "ok"}')
            return True
        return False
    proxy.rules += [rule, challenge_with(proxy, 'Negotiate YWJj', 'DIGEST realm="x, y", qop="auth"',
                                         f'bearer REALM="http://{proxy.host}/token", service = "a, b"')]
    fresh('pull', f'{proxy.host}/dist/app:v1')
    assert 'service=a%2C%20b' in asked[0]


def test_a_scope_that_is_not_enough(fresh, proxy, image):
    """What a challenge asks for beyond what was asked is asked for."""
    asked = []

    def rule(request):
        if request.path.startswith('/token'):
            asked.append(urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)['scope'])
            request.answer(200, json.dumps({'token': 'all' if len(asked[-1]) > 1 else 'little'}).encode())
            return True
        if request.path.startswith('/v2/') and request.headers.get('Authorization') != 'Bearer all':
            scope = ',scope="repository:dist/app:pull repository:cache/dist/app:pull",error="insufficient_scope"' \
                if 'Authorization' in request.headers else ''
            request.answer(401, b'', {'WWW-Authenticate': f'Bearer realm="http://{proxy.host}/token",service="s"{scope}'})
            return True
        return False
    proxy.rules.append(rule)
    fresh('pull', f'{proxy.host}/dist/app:v1')
    assert asked[0] == ['repository:dist/app:pull'] and asked[1] == ['repository:dist/app:pull', 'repository:cache/dist/app:pull']


def test_a_token_server_without_oauth(fresh, proxy, image, tmp_path):
    """404 for POST: the name and password that came with the identity token are tried."""
    asked = []

    def rule(request):
        if request.path.startswith('/token'):
            asked.append((request.command, request.headers.get('Authorization')))
            request.answer(404 if request.command == 'POST' else 200, b'{"token": "ok"}')
            return True
        return False
    proxy.rules += [rule, challenge_with(proxy, f'Bearer realm="http://{proxy.host}/token"')]
    (tmp_path / 'auth.json').write_text(json.dumps({'auths': {proxy.host: {'auth': 'YW5uYTpzZWNyZXQ=', 'identitytoken': 'id'}}}))
    fresh('pull', '--authfile', tmp_path / 'auth.json', f'{proxy.host}/dist/app:v1')
    assert asked[:2] == [('POST', None), ('GET', 'Basic YW5uYTpzZWNyZXQ=')]


def test_a_password_is_not_sent_unencrypted(fresh, tmp_path):
    """A registry that is spoken to by https names a token server that is not."""
    make_certificates(tmp_path)
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get('Authorization')))
            self.send_response(401)
            self.send_header('WWW-Authenticate', 'Bearer realm="http://localhost:1/token"')
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / 'server.crt', tmp_path / 'server.key')
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = fresh('pull', '--cacert', tmp_path / 'ca.crt', '--creds', 'anna:secret', f'localhost:{server.server_port}/a/b:v1', code=1).stderr
    server.shutdown()
    assert "it wants the password sent unencrypted to 'http://localhost:1/token', which is not done" in said
    assert not [1 for _, authorization in seen if authorization]


# ---- certificates, and ways there

@pytest.fixture(scope='module')
def strict(tmp_path_factory):
    """A registry that wants to see a client's certificate, and the directory with one."""
    directory = tmp_path_factory.mktemp('strict')
    registry = Registry(directory, tls=True)
    registry.stop()
    settings = json.loads((directory / 'config.yml').read_text())
    settings['http']['tls']['clientcas'] = [registry.ca]
    (directory / 'config.yml').write_text(json.dumps(settings))
    certs = directory / 'certs'
    certs.mkdir()
    quiet = {'cwd': directory, 'check': True, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
    subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', certs / 'me.key',
                    '-out', 'me.csr', '-subj', '/CN=me'], **quiet)
    subprocess.run(['openssl', 'x509', '-req', '-in', 'me.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out',
                    certs / 'me.cert', '-days', '30'], **quiet)
    (certs / 'ca.crt').write_text((directory / 'ca.crt').read_text())
    registry.start()
    yield registry, certs
    registry.stop()


def test_a_clients_certificate(fresh, strict, image, registry):
    """From --cert-dir, or where Docker and Podman look for it."""
    there, certs = strict
    fresh('pull', f'{registry.host}/dist/app:v1')
    name = f'{there.host}/dist/app:v1'
    said = fresh('push', '--cacert', there.ca, f'{registry.host}/dist/app:v1', name, code=1).stderr
    assert 'certificate of ours' in said and f'certs.d/{there.host}' in said or 'closed the connection' in said, said
    fresh('push', '--cert-dir', certs, f'{registry.host}/dist/app:v1', name)
    own = pathlib.Path(fresh.environment['HOME']) / f'.config/containers/certs.d/{there.host}'
    own.mkdir(parents=True)
    for file in certs.iterdir():
        (own / file.name).write_text(file.read_text())
    fresh('pull', name)
    (own / 'me.key').unlink()
    assert "has no key 'me.key' beside it" in fresh('pull', name, code=1).stderr


class ForwardProxy:
    """An ordinary proxy of http and, by CONNECT, anything else."""

    def __init__(self):
        self.seen = seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.path)
                target = urllib.parse.urlsplit(self.path)
                connection = http.client.HTTPConnection(target.hostname, target.port)
                headers = {k: v for k, v in self.headers.items() if not k.lower().startswith('proxy-')}
                connection.request(self.command, target.path + ('?' + target.query if target.query else ''), headers=headers)
                answer = connection.getresponse()
                data = answer.read()
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    if key.lower() not in ('transfer-encoding', 'content-length'):
                        self.send_header(key, value)
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_CONNECT(self):
                seen.append('CONNECT ' + self.path)
                host, port = self.path.rsplit(':', 1)
                with socket.create_connection((host, int(port))) as there:
                    self.send_response(200)
                    self.end_headers()
                    self.relay(there)
                self.close_connection = True

            def relay(self, there):
                def pump(source, to):
                    try:
                        while data := source.recv(1 << 16):
                            to.sendall(data)
                        to.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                back = threading.Thread(target=pump, args=(there, self.connection), daemon=True)
                back.start()
                pump(self.connection, there)
                back.join()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def forward():
    proxy = ForwardProxy()
    yield proxy
    proxy.server.shutdown()


@pytest.mark.parametrize('large', [True, False])
def test_proxies(fresh, registry, image, hosts, forward, large):
    """By either spelling of the variables; this machine itself and what NO_PROXY names are asked directly."""
    def variables(**names):
        return {name.upper() if large else name: value for name, value in names.items()}
    name = f'registry.test:{registry.port}/dist/app:v1'
    fresh('pull', '--tls-verify=false', name, env=variables(http_proxy=forward.url, https_proxy=forward.url))
    assert forward.seen[0] == f'CONNECT registry.test:{registry.port}'
    assert f'http://registry.test:{registry.port}/v2/dist/app/manifests/v1' in forward.seen
    for without in ('registry.test', '.test', 'a.b,registry.test:1,127.0.0.1,test', '*'):
        forward.seen.clear()
        fresh('pull', '--tls-verify=false', name, env=variables(http_proxy=forward.url, https_proxy=forward.url, no_proxy=without))
        assert not forward.seen, without
    fresh('pull', f'{registry.host}/dist/app:v1', env=variables(http_proxy=forward.url, https_proxy=forward.url))
    assert not forward.seen


def test_a_proxy_for_https(fresh, strict, hosts, forward):
    there, certs = strict
    said = fresh('pull', '--cert-dir', certs, f'registry.test:{there.port}/dist/nothing:v1', code=1, env={'HTTPS_PROXY': forward.url}).stderr
    assert 'not found in the registry' in said and set(forward.seen) == {f'CONNECT registry.test:{there.port}'}


def test_https_is_tried_before_http(fresh, registry, image, hosts):
    """With --tls-verify=false: a certificate that nobody vouches for is taken rather than no encryption."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(404)
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *_):
            pass
    directory = pathlib.Path(fresh.environment['HOME'])
    make_certificates(directory, 'other.test')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / 'server.crt', directory / 'server.key')
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = f'registry.test:{server.server_port}/a/b:v1'
    assert 'certificate' in fresh('pull', name, code=1).stderr and not seen
    assert 'not found' in fresh('pull', '--tls-verify=false', name, code=1).stderr and '/v2/a/b/manifests/v1' in seen
    server.shutdown()


# ---- what is pushed

def test_a_mount_that_is_not_allowed(fresh, registry, proxy):
    """Whoever may not read the other repository sends the blob."""
    image = Image(make_tar({'a': b'mount' * 999})).push(registry, 'mount2/from', 'v1')
    fresh('pull', f'{proxy.host}/mount2/from:v1')

    def denies(request):
        if 'mount=' not in request.path:
            return False
        request.answer(403, json.dumps({'errors': [{'code': 'DENIED', 'message': 'not yours'}]}).encode())
        return True
    proxy.rules.append(denies)
    fresh('push', f'{proxy.host}/mount2/from:v1', f'{proxy.host}/mount2/to:v1')
    assert proxy.asked('POST', 'mount=') and registry.manifest('mount2/to', 'v1') == image.manifest


def test_a_mount_that_becomes_an_upload(fresh, registry, proxy):
    """202: the registry does not have it there, and begins an upload."""
    image = Image(make_tar({'a': b'upload' * 999})).push(registry, 'mount3/from', 'v1')
    fresh('pull', f'{proxy.host}/mount3/from:v1')

    def elsewhere(request):
        if 'mount=' in request.path:
            request.path = request.path.split('?')[0]
        return False
    proxy.rules.append(elsewhere)
    fresh('push', f'{proxy.host}/mount3/from:v1', f'{proxy.host}/mount3/to:v1')
    assert registry.manifest('mount3/to', 'v1') == image.manifest
    begun = [path for method, path, _ in proxy.seen if method == 'POST']
    assert len(begun) == len(set(begun)) == 2


def test_chunks_as_long_as_the_registry_wants_them(fresh, registry, proxy):
    """OCI-Chunk-Min-Length above what isola sends at once."""
    import random
    big = random.Random(7).randbytes(66 << 20)
    image = Image(make_tar({'big': big}), how='plain')
    for blob in (image.config, *image.layers):
        registry.put_blob('chunk/from', blob)
    registry.put_manifest('chunk/from', 'v1', image.manifest, MANIFEST)
    least = {'bytes': None}

    def says(request):
        if request.command != 'POST' or not least['bytes']:
            return False
        request.path = request.path.split('?')[0]  # no mounts
        answer, data = request.fetch()
        request.answer(answer.status, data, {**dict(answer.headers), 'OCI-Chunk-Min-Length': str(least['bytes'])})
        return True
    proxy.rules.append(says)
    fresh('pull', f'{registry.host}/chunk/from:v1')
    for number, wanted in ((65 << 20, 2), (100 << 20, 1)):
        proxy.seen.clear()
        least['bytes'] = number
        fresh('push', f'{registry.host}/chunk/from:v1', f'{proxy.host}/chunk/to{wanted}:v1')
        ranges = [headers['Content-Range'] for method, _, headers in proxy.seen if method == 'PATCH' and int(headers['Content-Length']) > 10000]
        assert len(ranges) == wanted and all(re.fullmatch(r'\d+-\d+', each) for each in ranges)
        if number == 65 << 20:
            assert ranges[0] == f'0-{number - 1}'


def test_416_is_asked_after(fresh, registry, proxy):
    """A registry that has had part of it says so by GET, and gets the rest."""
    image = Image(make_tar({'a': b'x' * 5000})).push(registry, 'range/from', 'v1')
    fresh('pull', f'{registry.host}/range/from:v1')
    state = {'left': 1}

    def rule(request):
        if request.command == 'PATCH' and state['left'] and len(request.body) > 100:
            state['left'] = 0
            whole, request.body = request.body, request.body[:100]
            del request.headers['Content-Range'], request.headers['Content-Length']
            request.headers['Content-Range'] = '0-99'
            answer, data = request.fetch()
            request.body = whole
            request.answer(416, b'', {'Location': answer.headers['Location'], 'Range': '0-99'})
            return True
        return False
    proxy.rules.append(rule)
    fresh('push', f'{registry.host}/range/from:v1', f'{proxy.host}/range/to:v1')
    assert registry.manifest('range/to', 'v1') == image.manifest
    assert [headers['Content-Range'] for method, _, headers in proxy.seen if method == 'PATCH' and 'Content-Range' in headers
            and headers['Content-Range'].startswith('100-')]


def test_children_are_pushed_before_their_index(fresh, registry, proxy):
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for one in images:
        one.push(registry, 'order/from')
    registry.put_manifest('order/from', 'v1', make_index(images), INDEX)
    fresh('image', 'copy', '--all-platforms', f'docker://{registry.host}/order/from:v1', f'docker://{proxy.host}/order/to:v1')
    puts = [path.rsplit('/', 1)[1] for method, path, _ in proxy.seen if method == 'PUT' and '/manifests/' in path]
    assert puts[-1] == 'v1' and set(puts[:-1]) >= {image.digest for image in images}
    types = [headers['Content-Type'] for method, path, headers in proxy.seen if method == 'PUT' and '/manifests/' in path]
    assert types[-1] == INDEX and set(types[:-1]) == {MANIFEST, INDEX} or set(types[:-1]) == {MANIFEST}


# ---- lists

def test_pages_with_relative_links(fresh, registry, proxy):
    """`Link: </v2/…>; rel="next"` and one that is relative to the page; the registry decides how many there are."""
    Image().push(registry, 'pages/app', *[f'v{n:02}' for n in range(9)])

    def small(request):
        if '/tags/list' not in request.path:
            return False
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        tags = [f'v{n:02}' for n in range(9) if f'v{n:02}' > query.get('last', [''])[0]]
        link = {'Link': f'<list?last={tags[3]}&n=4>; rel="next"' if len(tags) > 8 else
                f'</v2/pages/app/tags/list?last={tags[3]}>; rel=next'} if len(tags) > 4 else {}
        request.answer(200, json.dumps({'name': 'pages/app', 'tags': tags[:4]}).encode(), link)
        return True
    proxy.rules.append(small)
    out = fresh.out('search', '--list-tags', '--format', '{{.Tag}}', f'{proxy.host}/pages/app').splitlines()
    assert out == [f'v{n:02}' for n in range(9)] and len(proxy.asked('GET', '/tags/list')) == 3
    proxy.rules[:] = [lambda request: '/tags/list' in request.path and (
        request.answer(200, b'{"tags": null}') or True)]
    assert fresh.out('search', '--list-tags', '--format', '{{.Tag}}', f'{proxy.host}/pages/app') == ''


# ---- referrers

def test_a_registry_that_lists_referrers(fresh, registry, proxy, image):
    """All pages of its list, filtered here where it did not; no tag is kept there."""
    entries = [{'mediaType': MANIFEST, 'digest': 'sha256:' + f'{n}' * 64, 'size': 1, 'artifactType': f'application/x.{n % 2}'}
               for n in range(4)]

    def rule(request):
        if '/referrers/' not in request.path:
            return False
        first = 'page=2' not in request.path
        body = {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': entries[:2] if first else entries[2:]}
        request.answer(200, json.dumps(body).encode(), {'Content-Type': INDEX, **(
            {'Link': f'<{urllib.parse.urlsplit(request.path).path}?page=2>; rel="next"'} if first else {})})
        return True
    proxy.rules.append(rule)
    name = f'{proxy.host}/dist/app:v1'
    index = fresh.json('manifest', 'inspect', '--referrers', name)
    assert [m['digest'] for m in index['manifests']] == [entry['digest'] for entry in entries]
    # What it keeps by itself is not kept under a tag as well.
    signature_for(image, registry, 'dist/app', b'sig2', tag='sig2')
    proxy.rules.append(lambda request: request.command == 'PUT' and '/manifests/' in request.path and (
        lambda answer, data: request.answer(answer.status, data, {**dict(answer.headers), 'OCI-Subject': image.digest}) or True)(
            *request.fetch()))
    proxy.seen.clear()
    fresh('image', 'copy', f'docker://{registry.host}/dist/app:sig2', f'docker://{proxy.host}/dist/app:sig3')
    assert not proxy.asked('PUT', 'sha256-')
