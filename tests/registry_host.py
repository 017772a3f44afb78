# SPDX-License-Identifier: GPL-2.0-or-later
"""A registry on loopback for tests, images to put into it, and a proxy before it that misbehaves.

Registry is Debian's docker-registry, installed or unpacked by tools/unpack; with tls= or auth= it wants
those.  Image makes images byte by byte.  Proxy hands requests on, unless a test's rule does something
else with them.
"""
import base64
import crypt
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time

import pytest

MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
INDEX = 'application/vnd.oci.image.index.v1+json'
CONFIG = 'application/vnd.oci.image.config.v1+json'
LAYER = 'application/vnd.oci.image.layer.v1.tar'


def digest_of(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def descriptor(data, media_type, **more):
    return {'mediaType': media_type, 'digest': digest_of(data), 'size': len(data), **more}


def make_tar(files):
    """A tar of {name: contents}; None makes a directory, a tuple ('link', target) a symbolic link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as tar:
        for name, contents in files.items():
            entry = tarfile.TarInfo(name)
            entry.mtime = 1700000000
            if contents is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(contents, tuple):
                entry.type, entry.linkname = tarfile.SYMTYPE, contents[1]
            else:
                entry.size, entry.mode = len(contents), 0o755
            tar.addfile(entry, io.BytesIO(contents) if isinstance(contents, bytes) else None)
    return stream.getvalue()


def busybox_files():
    busybox = shutil.which('busybox') or '/bin/busybox'
    files = {'bin': None, 'bin/busybox': pathlib.Path(busybox).read_bytes(), 'etc': None,
             'etc/passwd': b'root:x:0:0:root:/root:/bin/sh\n'}
    files.update({f'bin/{applet}': ('link', 'busybox') for applet in ('sh', 'cat', 'echo', 'ls', 'true')})
    return files


def compress(data, how):
    if how == 'gzip':
        return gzip.compress(data, 6, mtime=0)
    if how == 'zstd':
        return subprocess.run(['zstd', '-q', '-c'], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Image:
    """Config, layers and manifest; what a test wants wrong it changes before .manifest is asked for."""

    def __init__(self, *tars, how='gzip', platform=('linux', 'amd64', None), config=None, docker=False):
        self.tars = tars or (make_tar(busybox_files()),)
        self.layers = [compress(tar, how) for tar in self.tars]
        os_name, architecture, variant = platform
        self.platform = {'os': os_name, 'architecture': architecture, **({'variant': variant} if variant else {})}
        document = {'created': '2023-01-01T00:00:00Z', **self.platform,
                    'config': {'Cmd': ['/bin/sh'], 'Env': ['PATH=/bin'], **(config or {})},
                    'rootfs': {'type': 'layers', 'diff_ids': [digest_of(tar) for tar in self.tars]}}
        self.config = json.dumps(document).encode()
        suffix = {'gzip': '+gzip', 'zstd': '+zstd'}.get(how, '')
        self.types = (MANIFEST, CONFIG, LAYER + suffix)
        if docker:
            self.types = ('application/vnd.docker.distribution.manifest.v2+json',
                          'application/vnd.docker.container.image.v1+json',
                          'application/vnd.docker.image.rootfs.diff.tar.gzip')
        self.annotations = {}

    @property
    def id(self):
        return digest_of(self.config)

    @property
    def manifest(self):
        document = {'schemaVersion': 2, 'mediaType': self.types[0], 'config': descriptor(self.config, self.types[1]),
                    'layers': [descriptor(layer, self.types[2]) for layer in self.layers]}
        if self.annotations:
            document['annotations'] = self.annotations
        return json.dumps(document, indent=3).encode()

    @property
    def digest(self):
        return digest_of(self.manifest)

    def push(self, registry, repository, *tags):
        for blob in (self.config, *self.layers):
            registry.put_blob(repository, blob)
        for tag in tags or (self.digest,):
            registry.put_manifest(repository, tag, self.manifest, self.types[0])
        return self


def make_index(images):
    return json.dumps({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
        descriptor(image.manifest, image.types[0], platform=image.platform) for image in images]}).encode()


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def make_certificates(directory, name='localhost'):
    """An authority and a server's certificate that it signed, valid for localhost and 127.0.0.1."""
    quiet = {'cwd': directory, 'check': True, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key',
                    '-out', 'ca.crt', '-days', '30', '-subj', '/CN=tests'], **quiet)
    subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'server.key', '-out',
                    'server.csr', '-subj', f'/CN={name}'], **quiet)
    (directory / 'names').write_text(f'subjectAltName=DNS:{name},DNS:registry.test,IP:127.0.0.1\n')
    subprocess.run(['openssl', 'x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out',
                    'server.crt', '-days', '30', '-extfile', 'names'], **quiet)


def registry_program():
    build = pathlib.Path(os.environ.get('ISOLA', '')).resolve().parents[1:2]
    places = [str(directory / 'registry/usr/bin') for directory in build]
    program = shutil.which('docker-registry', path=os.pathsep.join([*places, os.environ['PATH'], '/usr/bin']))
    if not program:
        pytest.skip('docker-registry is neither installed nor unpacked (tools/unpack)')
    return program


class Registry:
    """Debian's registry; .host is what an image's name begins with."""

    def __init__(self, directory, tls=False, auth=None, read_only=False):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.host = f'localhost:{self.port}'
        self.tls, self.auth = tls, auth
        settings = {'version': '0.1', 'log': {'level': 'warn'},
                    'storage': {'filesystem': {'rootdirectory': str(self.directory / 'data')},
                                'delete': {'enabled': True}},
                    'http': {'addr': f'127.0.0.1:{self.port}', 'secret': 'tests'}}
        if tls:
            make_certificates(self.directory)
            self.ca = str(self.directory / 'ca.crt')
            settings['http']['tls'] = {'certificate': str(self.directory / 'server.crt'),
                                       'key': str(self.directory / 'server.key')}
        if auth:
            user, password = auth
            hashed = crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)).replace('$2b$', '$2y$')
            (self.directory / 'htpasswd').write_text(f'{user}:{hashed}\n')
            settings['auth'] = {'htpasswd': {'realm': 'tests', 'path': str(self.directory / 'htpasswd')}}
        (self.directory / 'config.yml').write_text(json.dumps(settings))
        self.start()

    def start(self):
        with open(self.directory / 'log', 'ab') as log:
            self.process = subprocess.Popen([registry_program(), 'serve', self.directory / 'config.yml'], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(600):
            try:
                socket.create_connection(('127.0.0.1', self.port)).close()
                break
            except OSError:
                time.sleep(0.05)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, path, body=None, headers=None):
        if self.tls:
            connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=ssl._create_unverified_context())
        else:
            connection = http.client.HTTPConnection('127.0.0.1', self.port)
        headers = dict(headers or {})
        if self.auth:
            headers['Authorization'] = 'Basic ' + base64.b64encode(':'.join(self.auth).encode()).decode()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def put_blob(self, repository, data):
        answer, _ = self.request('POST', f'/v2/{repository}/blobs/uploads/')
        location = answer.headers['Location']
        path = location.split(str(self.port), 1)[1] if '://' in location else location
        answer, data = self.request('PUT', f'{path}&digest={digest_of(data)}', data,
                                    {'Content-Type': 'application/octet-stream'})
        assert answer.status == 201, data

    def put_manifest(self, repository, reference, data, media_type):
        answer, said = self.request('PUT', f'/v2/{repository}/manifests/{reference}', data, {'Content-Type': media_type})
        assert answer.status == 201, said

    def manifest(self, repository, reference):
        answer, data = self.request('GET', f'/v2/{repository}/manifests/{reference}', headers={
            'Accept': f'{MANIFEST}, {INDEX}, application/vnd.docker.distribution.manifest.v2+json, '
                      'application/vnd.docker.distribution.manifest.list.v2+json'})
        assert answer.status == 200, data
        return data

    def has_blob(self, repository, digest):
        return self.request('HEAD', f'/v2/{repository}/blobs/{digest}')[0].status == 200


class Proxy:
    """Hands requests on to a registry.  .rules: functions of a Request that return True if they answered it themselves."""

    def __init__(self, registry):
        self.registry, self.rules, self.seen = registry, [], []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def handle_all(self):
                length = self.headers.get('Content-Length')
                if self.headers.get('Transfer-Encoding') == 'chunked':
                    self.body = self.read_chunks()
                else:
                    self.body = self.rfile.read(int(length)) if length else b''
                proxy.seen.append((self.command, self.path, dict(self.headers)))
                for rule in proxy.rules:
                    if rule(self):
                        return
                self.hand_on()

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_all

            def read_chunks(self):
                body = b''
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def fetch(self):
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ('host', 'transfer-encoding')}
                headers['Host'] = proxy.host
                return proxy.registry.request(self.command, self.path, self.body or None, headers)

            def hand_on(self, change=None):
                answer, data = self.fetch()
                if change:
                    data = change(data)
                self.answer(answer.status, data, answer.headers)

            def answer(self, status, data=b'', headers=None, length=None):
                self.send_response(status)
                for key, value in (headers or {}).items():
                    if key.lower() not in ('content-length', 'transfer-encoding', 'connection', 'date'):
                        self.send_header(key, value)
                if self.command == 'HEAD' and headers and 'Content-Length' in headers:
                    self.send_header('Content-Length', headers['Content-Length'])
                else:
                    self.send_header('Content-Length', str(len(data) if length is None else length))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(data)

            def reset(self):
                """The connection ends as a crashed host's does."""
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\x00\x00\x00\x00\x00\x00\x00')
                self.close_connection = True
                self.connection.close()
                self.wfile = io.BytesIO()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        self.host = f'localhost:{self.port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def asked(self, method, part=''):
        return [path for said, path, _ in self.seen if said == method and part in path]


@pytest.fixture(scope='session')
def registry(tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp('registry'))
    yield registry
    registry.stop()


@pytest.fixture
def proxy(registry):
    proxy = Proxy(registry)
    yield proxy
    proxy.stop()
